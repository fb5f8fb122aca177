// SPDX-License-Identifier: Apache-2.0

package process

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A lone caller's time goes into wake-ups: parking a goroutine on the poller and waking it again costs more than a P-256
// signature. So after an answer the channel's goroutine looks for the next request itself for a moment. That helps one
// caller and takes the processor from many: hence at most one channel spins, only while no channel works, and a channel
// whose client thinks for longer than the moment learns to leave it.

const (
	spinFor   = 50 * time.Microsecond // a client's turnaround when it too is spinning or hot
	fewMisses = 3                     // this many in a row are chance
	maxPause  = 1 << 10               // reads without a try, after many misses: 1 in 1000 keeps watching for a change
	crowdRest = 16                    // reads without a try after another channel began to work
)

var (
	working  atomic.Int32 // channels between the first byte of a request and its answer
	spinning atomic.Bool  // a channel is spinning now
)

// lonely is where spinning never pays: the client needs the only processor.
var lonely = runtime.GOMAXPROCS(0) < 2

var began = time.Now()

func nanotime() int64 { return int64(time.Since(began)) }

// spin is one channel's experience. It belongs to the channel's goroutine.
type spin struct {
	misses int
	pause  int
}

// begin asks whether to spin now; if so, end or crowd must follow.
func (s *spin) begin() bool {
	if s.pause > 0 {
		s.pause--
		return false
	}
	return !lonely && working.Load() == 0 && spinning.CompareAndSwap(false, true)
}

func (s *spin) end(hit bool) {
	spinning.Store(false)
	if hit {
		s.misses = 0
		return
	}
	if s.misses++; s.misses > fewMisses {
		s.pause = min(1<<s.misses, maxPause)
		s.misses = min(s.misses, 10)
	}
}

func (s *spin) crowd() {
	spinning.Store(false)
	s.pause = crowdRest
}
