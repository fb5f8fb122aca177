// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Use is what counted uses have in common: equal ones are added up.
type Use struct {
	Partition, Operator, Object key.ID
	Mechanism                   key.Mechanism
	Call                        uint16
	Result                      fault.Code
	Role, Door                  uint8
	UID                         uint32
}

// maxUses is how many different uses are counted apart between two flushes, at about 150 bytes each on disk.
const maxUses = 4096

type counts struct {
	maxLag int64 // never changed

	mu      sync.Mutex
	byUse   map[Use]uint64 // guarded by mu
	oldest  int64          // guarded by mu: when byUse got its first count, on the clock that nobody sets
	flushes []flushed      // guarded by mu: handed to the writer, but not on disk yet; oldest first
}

type flushed struct {
	entries int
	oldest  int64
}

func (c *counts) init(maxLag int64) {
	c.maxLag, c.byUse = maxLag, map[Use]uint64{}
}

// Count adds one use. AuditLag refuses it when the oldest count that is not on disk is older than MaxLag, since a use
// that may never be logged must not happen; so it is called before the answer leaves. now is nanoseconds since 1970, boot on a
// clock that nobody sets: a time of day that is set ahead would stop all uses, and one that is set back would let them wait for ever.
func (l *Log) Count(u Use, now, boot int64) error {
	c := &l.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lag(boot) > c.maxLag {
		return fault.AuditLag.At("count use")
	}
	n, known := c.byUse[u]
	if !known && len(c.byUse) >= maxUses {
		if l.flushLocked(now); len(c.byUse) > 0 {
			return fault.AuditLag.At("count use")
		}
	}
	if len(c.byUse) == 0 {
		c.oldest = boot
	}
	c.byUse[u] = n + 1
	return nil
}

// Lag is how long the oldest count that is not on disk has been waiting, in nanoseconds.
func (l *Log) Lag(boot int64) int64 {
	l.counts.mu.Lock()
	defer l.counts.mu.Unlock()
	return l.counts.lag(boot)
}

func (c *counts) lag(boot int64) int64 {
	switch {
	case len(c.flushes) > 0:
		return boot - c.flushes[0].oldest
	case len(c.byUse) > 0:
		return boot - c.oldest
	}
	return 0
}

func (l *Log) flush(now int64) {
	l.counts.mu.Lock()
	defer l.counts.mu.Unlock()
	l.flushLocked(now)
}

// flushLocked hands the counts to the writer as entries to be made durable. When the queue has no room they stay, and
// their lag grows.
func (l *Log) flushLocked(now int64) {
	c := &l.counts
	if len(c.byUse) == 0 {
		return
	}
	items := make([]item, 0, len(c.byUse))
	for u, n := range c.byUse {
		items = append(items, item{durable: true, counted: true, entry: &wire.AuditEntry{Kind: wire.AuditCounted, Time: now,
			Partition: u.Partition, Operator: u.Operator, Object: u.Object, Mechanism: u.Mechanism, Call: u.Call,
			Result: u.Result, Role: u.Role, Door: u.Door, UID: u.UID, Count: n}})
	}
	if l.put(items...) != nil {
		return
	}
	c.flushes = append(c.flushes, flushed{len(items), c.oldest})
	clear(c.byUse)
}

// written is told by the writer how many counts have reached the disk; they do so in order.
func (c *counts) written(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n > 0 && len(c.flushes) > 0 {
		step := min(n, c.flushes[0].entries)
		n -= step
		if c.flushes[0].entries -= step; c.flushes[0].entries == 0 {
			c.flushes = c.flushes[1:]
		}
	}
}
