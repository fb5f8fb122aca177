// SPDX-License-Identifier: Apache-2.0

package process

import (
	"runtime"
	"time"

	"github.com/genbu-hsm/genbu/internal/ssp"
)

// collectEvery makes room for two collections in the promised second, and leaves a tenth of it for themselves.
const collectEvery = 450 * int64(time.Millisecond)

// Collect starts the collector: it collects garbage twice within 1 s of the last use of a secret, and steadily under
// steady use, since ssp.Do erases heap memory only when it is collected. It also says how often the runtime collects by itself.
//
// Twice, because what a sync.Pool held in the first collection falls in the second, and because crypto/ecdsa and
// crypto/ed25519 keep a copy of a private key in a global map until a cleanup has run, which the first collection asks
// for. That cleanup has a goroutine of its own, so the second collection must not follow at once.
func Collect() (stop func()) {
	c := &collector{}
	percent := leaveHeadroom(0, false)
	return Every(collectEvery, func() {
		percent = leaveHeadroom(percent, c.tick())
	})
}

// collector belongs to the goroutine of its ticks.
type collector struct {
	due   int // collections still to come for uses so far
	after int // ticks for which the last use still counts as lately
}

// lastingUse is for how many ticks, about two seconds, the heap is kept small after a use: work comes in bursts.
const lastingUse = 4

// tick tells whether secrets were used lately.
func (c *collector) tick() bool {
	c.after = max(0, c.after-1)
	if ssp.Dirty() {
		ssp.Collected()
		c.due, c.after = 2, lastingUse
	}
	if c.due > 0 {
		c.due--
		runtime.GC()
	}
	return c.after > 0
}
