// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// kind is what calls are expected to take about the same time: an SLH-DSA signature takes a thousand times as long as an
// Ed25519 one.
type kind struct {
	call      wire.Call
	mechanism uint64
}

// expectation is what calls of one kind have taken of late, over all nodes: an exponentially weighted mean, and mean
// deviation, as TCP estimates round trips (RFC 6298).
type expectation struct {
	mu        sync.Mutex
	seen      uint64
	mean, dev float64 // guarded by mu; nanoseconds
}

func (e *expectation) observe(took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v := float64(took)
	if e.seen++; e.seen == 1 {
		e.mean, e.dev = v, v/2
		return
	}
	e.dev += (math.Abs(v-e.mean) - e.dev) / 8
	e.mean += (v - e.mean) / 16
}

// late is after how long an answer is late enough to ask a second node. It is open-ended for what is slow by nature.
func (e *expectation) late() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == 0 {
		return hedgeMost
	}
	d := time.Duration(e.mean + 4*e.dev)
	switch {
	case d < hedgeLeast:
		return hedgeLeast
	case time.Duration(2*e.mean) > hedgeMost:
		return time.Duration(2*e.mean + 4*e.dev)
	}
	return min(d, hedgeMost)
}

func (e *expectation) typical() float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mean
}

// maxKinds bounds the table of expectations: a client may name any mechanism. Beyond it all others share one.
const maxKinds = 1024

type expectations struct {
	table sync.Map // kind -> *expectation
	count atomic.Int64
}

func (t *expectations) of(k kind) *expectation {
	if e, ok := t.table.Load(k); ok {
		return e.(*expectation)
	}
	if t.count.Load() >= maxKinds {
		k = kind{}
	}
	e, loaded := t.table.LoadOrStore(k, &expectation{})
	if !loaded {
		t.count.Add(1)
	}
	return e.(*expectation)
}

// cost is how slow a node is against the others: the weighted mean of what its answers took, as a part of what they were
// expected to take. 1 is like all.
type cost struct{ bits atomic.Uint64 }

func (c *cost) value() float64 {
	if v := math.Float64frombits(c.bits.Load()); v > 0 {
		return v
	}
	return 1
}

func (c *cost) observe(took time.Duration, typical float64) {
	if typical <= 0 {
		return
	}
	ratio := min(max(float64(took)/typical, 0.1), 20)
	v := c.value()
	c.bits.Store(math.Float64bits(v + (ratio-v)/16)) // two at once may lose one observation
}

// budget lets a share of the calls through, and saves some for a moment of need.
type budget struct {
	mu     sync.Mutex
	tokens float64 // guarded by mu
}

func (b *budget) earn() {
	b.mu.Lock()
	b.tokens = min(b.tokens+hedgeShare, hedgeBurst)
	b.mu.Unlock()
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
