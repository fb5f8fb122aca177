// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"sync"
	"time"
)

// Patient makes of f, which may hang, a function that answers within patience: false when f has not, or has failed. While a
// question is under way f is not asked again, so that no scrape adds to what hangs.
func Patient[T any](patience time.Duration, f func() (T, error)) func() (T, bool) {
	var asking sync.Mutex // held while a question is under way, which may outlast its scrape
	type answer struct {
		v   T
		err error
	}
	return func() (none T, ok bool) {
		if !asking.TryLock() {
			return none, false
		}
		answers := make(chan answer, 1)
		go func() {
			defer asking.Unlock()
			var a answer
			a.v, a.err = f()
			answers <- a
		}()
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case a := <-answers:
			return a.v, a.err == nil
		case <-late.C:
			return none, false
		}
	}
}
