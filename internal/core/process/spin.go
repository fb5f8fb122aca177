// SPDX-License-Identifier: Apache-2.0

package process

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A lone caller's time goes into wake-ups: on an idle machine, parking a goroutine on the poller and waking it again costs
// more than a P-256 signature. So after an answer the channel's goroutine looks for the next request itself for a moment.
// That helps one caller and takes the processor from many: a channel spins only while it is alone, which is to say that
// no other had a request lately and none is at work; and one whose client thinks for longer than the moment learns to
// leave it.

const (
	spinFor   = int64(50 * time.Microsecond) // a client's turnaround when it too is spinning or hot
	lately    = int64(2 * time.Millisecond)  // two channels within this are a crowd
	fewMisses = 3                            // this many in a row are chance
	maxPause  = 1 << 10                      // reads without a try, after many misses: one in a thousand still looks for a change
)

var (
	working    atomic.Int32 // channels between the first byte of a request and its answer
	latest     atomic.Int64 // number of the channel that had the latest request
	crowdUntil atomic.Int64 // nanotime until which there is a crowd
)

// lonely is where spinning never pays: the client needs the only processor.
var lonely = runtime.GOMAXPROCS(0) < 2

var began = time.Now()

func nanotime() int64 { return int64(time.Since(began)) }

// spin is one channel's experience. It belongs to the channel's goroutine.
type spin struct {
	channel int64 // its number
	misses  int
	pause   int
}

// request notes that the channel has one, and whose the one before was.
func (s *spin) request() {
	working.Add(1)
	if latest.Load() != s.channel && latest.Swap(s.channel) != s.channel {
		crowdUntil.Store(nanotime() + lately)
	}
}

// alone says that the others are silent. It is asked all the time while spinning.
func (s *spin) alone() bool { return working.Load() == 0 && latest.Load() == s.channel }

// begin asks whether to spin now, and until when.
func (s *spin) begin() (end int64, ok bool) {
	if s.pause > 0 {
		s.pause--
		return 0, false
	}
	if lonely || !s.alone() {
		return 0, false
	}
	now := nanotime()
	return now + spinFor, now > crowdUntil.Load()
}

// end learns from how it went.
func (s *spin) end(hit bool) {
	if hit {
		s.misses = 0
		return
	}
	if s.misses++; s.misses > fewMisses {
		s.pause = min(1<<s.misses, maxPause)
		s.misses = min(s.misses, 10)
	}
}
