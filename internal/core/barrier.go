// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/lease"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// place is one partition as one other node has it.
type place struct{ node, partition key.ID }

// outgoing is what a node is still to be told of a partition, in order.
type outgoing struct {
	queue []*vault.Moved
}

// maxTold bounds what is told at once. Who is further behind reads the store.
const (
	maxTold      = 64
	maxToldBytes = 4 << 20
)

// Moved tells the others of a change that was committed here (vault.Peers).
func (c *Core) Moved(p *vault.Partition, m *vault.Moved) vault.Wait {
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.machine == nil {
		return nil
	}
	now := c.system.Boot()
	b := l.machine.Begin(now, p.ID, m.Counter)
	audience := l.machine.Audience(now)
	if len(audience) == 0 {
		return nil
	}
	l.pending[b] = struct{}{}
	for _, id := range audience {
		c.post(place{id, p.ID}, m)
	}
	return func(enough vault.Enough) error {
		err := c.inForce(b, enough)
		if err == nil && enough == vault.Everybody {
			p.InForce(m.Counter) // what others changed before it as well, should their own word have been lost
			for _, id := range audience {
				go c.sayInForce(id, lease.Count{Partition: p.ID, Counter: m.Counter})
			}
		}
		return err
	}
}

// settle returns when all that this core knows of a partition is in force everywhere, whoever changed it.
func (c *Core) settle(t *tenant) error {
	if wait := c.Moved(t.vault, &vault.Moved{Counter: t.vault.Counter()}); wait != nil {
		return wait(vault.Everybody)
	}
	return nil
}

// post puts a move into the queue of a place, and sees that it is sent. The caller holds mu.
func (c *Core) post(at place, m *vault.Moved) {
	l := &c.coherence
	if o := l.sending[at]; o != nil {
		o.queue = append(o.queue, m)
		return
	}
	l.sending[at] = &outgoing{queue: []*vault.Moved{m}}
	go c.send(at)
}

// send tells one node of one partition's moves until none is left, or nobody waits for them any more: it learns of them
// when it asks for its next lease.
func (c *Core) send(at place) {
	defer process.LastWords()
	l := &c.coherence
	for {
		l.mu.Lock()
		o := l.sending[at]
		if l.machine == nil || len(o.queue) == 0 || !l.awaited(at) {
			delete(l.sending, at)
			l.mu.Unlock()
			return
		}
		batch := o.queue
		o.queue = nil
		l.mu.Unlock()
		t := telling(at.partition, batch)
		var w wire.Writer
		t.Encode(&w)
		sent := c.system.Boot()
		body, err := l.network.Call(at.node, lease.OpTell, w.B, tellTime)
		var a lease.Ack
		if err == nil {
			r := wire.NewReader(body)
			a.Decode(&r)
			err = r.End()
		}
		l.mu.Lock()
		if err == nil && l.machine != nil {
			for b := range l.pending {
				if b.Partition() == at.partition && b.Counter() <= t.Counter {
					l.machine.Acked(c.system.Boot(), sent, at.node, b, a)
				}
			}
			l.moved()
			l.mu.Unlock()
			continue
		}
		o.queue = append(batch, o.queue...)
		l.mu.Unlock()
		c.wait(nil, retryPause)
	}
}

// awaited tells whether somebody waits for a node to hear of a partition. The caller holds mu.
func (l *coherence) awaited(at place) bool {
	for b := range l.pending {
		if b.Partition() == at.partition {
			return true
		}
	}
	return false
}

// telling makes one message of moves that follow on each other. What is too much is only counted.
func telling(partition key.ID, batch []*vault.Moved) *lease.Tell {
	t := &lease.Tell{Partition: partition}
	size := 0
	for _, m := range batch {
		if m.Counter < t.Counter {
			continue
		}
		whole := m.Change != nil && (len(t.Changes) > 0 && m.Counter == t.Counter+1 || t.Counter == 0)
		if !whole && m.Counter == t.Counter {
			continue
		}
		t.Counter, t.Revision, t.Head = m.Counter, m.Revision, m.Head
		if whole {
			t.Changes = append(t.Changes, m.Change)
			size += len(m.Change)
		} else {
			t.Changes, t.Records, size = nil, nil, 0
		}
		for _, rec := range m.Records {
			said := lease.Record{Path: rec.Path}
			if !strings.Contains(rec.Path, "/o/") { // objects are read when they are wanted
				said.Value = rec.Value
			}
			t.Records = append(t.Records, said)
			size += len(said.Path) + len(said.Value)
		}
	}
	if len(t.Changes) == 0 || len(t.Changes) > maxTold || size > maxToldBytes {
		t.Changes, t.Head, t.Records = nil, nil, nil
	}
	return t
}

// inForce returns when a change is in force everywhere, or known to a majority where that is enough, or with InForceLater, which
// says what is known of when.
func (c *Core) inForce(b *lease.Barrier, enough vault.Enough) error {
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	if enough == vault.Everybody { // who waits for a majority is never the only one who waits
		defer delete(l.pending, b)
	}
	deadline := c.system.Boot() + min(maxWait, 2*l.roster.length())
	for {
		now := c.system.Boot()
		if l.machine == nil {
			return fault.InForceLater.At("tell the other nodes: this one was locked")
		}
		p := l.machine.Progress(now, b)
		switch {
		case p.Done, p.Majority && enough == vault.Majority:
			return nil
		case now >= deadline && p.Majority:
			seconds := (p.At-now)/1_000_000_000 + 1
			return fault.InForceLater.At("tell the other nodes: in force everywhere within " + strconv.FormatInt(seconds, 10) + " s")
		case now >= deadline:
			return fault.InForceLater.At("tell the other nodes: a majority of them has not answered yet")
		}
		for _, id := range p.Tell {
			if at := (place{id, b.Partition()}); l.sending[at] == nil {
				c.post(at, &vault.Moved{Counter: b.Counter()})
			}
		}
		most := deadline - now
		if p.Majority {
			most = min(most, max(1, p.At-now))
		}
		news := l.news
		l.mu.Unlock()
		c.wait(news, min(most, lease.Fresh/2))
		l.mu.Lock()
	}
}
