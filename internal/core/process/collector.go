// SPDX-License-Identifier: Apache-2.0

package process

import (
	"runtime"
	"time"

	"github.com/genbu-hsm/genbu/internal/ssp"
)

// collectEvery leaves a tenth of the promised second for the collection itself.
const collectEvery = 900 * int64(time.Millisecond)

// Collect starts the collector: it collects garbage within 1 s of the last use of a secret, and about once a second under
// steady use, since ssp.Do erases heap memory only when it is collected. It also keeps the runtime's own collections rare.
func Collect() (stop func()) {
	percent := leaveHeadroom(0)
	return Every(collectEvery, func() {
		collect()
		percent = leaveHeadroom(percent)
	})
}

func collect() {
	if !ssp.Dirty() {
		return
	}
	ssp.Collected()
	runtime.GC()
	if !ssp.Dirty() {
		runtime.GC() // what a sync.Pool held in the first collection falls in the second; only when use has paused
	}
}
