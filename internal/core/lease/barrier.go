// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"maps"
	"slices"

	"github.com/genbu-hsm/genbu/key"
)

// Barrier is one change on its way to all members. It is over when each of them has taken it in, or when a majority has and
// the leases of the others have run out, by the words of that majority.
//
//	b := m.Begin(now, partition, counter)    // committed here
//	... tell all of m.Audience(now, b) ...
//	m.Acked(now, sent, from, b, ack)
//	p := m.Progress(now, b)
type Barrier struct {
	partition key.ID
	counter   uint64
	own       *acked // what this core had granted when it began
	acks      map[key.ID]*acked
}

// acked is what one member said. Its words on grants are those it spoke first in its epoch: from then on it has granted only
// to who knows the change.
type acked struct {
	epoch key.ID
	sent  int64 // when it was asked, the last time
	floor int64 // until when any lease may be in force, as far as it can tell
	ends  map[key.ID]int64
}

// Progress is how far a Barrier is.
type Progress struct {
	Done     bool
	Majority bool     // enough have acknowledged, just now
	At       int64    // with a Majority: when it is done at the latest
	Tell     []key.ID // who has not acknowledged, or not just now
}

// Begin starts the barrier of a change that is committed.
func (m *Machine) Begin(now int64, partition key.ID, counter uint64) *Barrier {
	m.learn(State{partition: counter})
	return &Barrier{partition: partition, counter: counter, own: &acked{floor: m.floor(), ends: maps.Clone(m.granted)}, acks: map[key.ID]*acked{}}
}

// Heard is called by a core that has taken in a change of another one, in the ledger of the partition or, if it does not have
// it open, here. Its answer says whom it has granted leases.
func (m *Machine) Heard(now int64, partition key.ID, counter uint64) Ack {
	m.learn(State{partition: counter})
	a := Ack{Epoch: m.epoch, Floor: max(0, m.floor()-now)}
	for id, until := range m.granted {
		if until > now {
			a.Left = append(a.Left, Left{id, until - now})
		} else {
			delete(m.granted, id)
		}
	}
	return a
}

// floor is until when leases may be in force that this core granted before it was started anew.
func (m *Machine) floor() int64 {
	if m.informed {
		return m.began + margin(m.roster.Longest)
	}
	return m.began + margin(MaxLength)
}

// Acked takes in an acknowledgement that was asked for at a time.
func (m *Machine) Acked(now, sent int64, from key.ID, b *Barrier, a Ack) {
	old := b.acks[from]
	if old != nil && old.epoch == a.Epoch {
		old.sent = max(old.sent, sent)
		old.floor = min(old.floor, now+a.Floor) // it may know better now how long leases were
		return
	}
	n := &acked{epoch: a.Epoch, sent: sent, floor: now + a.Floor, ends: map[key.ID]int64{}}
	for _, l := range a.Left {
		n.ends[l.Node] = now + l.Time
	}
	b.acks[from] = n
}

// Audience is everybody who may hold a lease, but for this core.
func (m *Machine) Audience(now int64) []key.ID {
	var list []key.ID
	for _, id := range m.roster.Members {
		if id != m.self {
			list = append(list, id)
		}
	}
	for id, until := range m.former {
		if until > now && id != m.self && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// Progress tells how far b is.
func (m *Machine) Progress(now int64, b *Barrier) (p Progress) {
	votes := 0
	if m.roster.has(m.self) {
		votes++
	}
	believed := []*acked{b.own}
	for id, a := range b.acks {
		if now-a.sent < Fresh {
			believed = append(believed, a)
			if m.roster.has(id) {
				votes++
			}
		}
	}
	p.Majority = votes >= m.roster.quorum()
	for _, id := range m.Audience(now) {
		if a := b.acks[id]; a != nil && now-a.sent < Fresh {
			continue
		}
		p.Tell = append(p.Tell, id)
		end := int64(0)
		for _, a := range believed {
			end = max(end, a.ends[id], a.floor)
		}
		p.At = max(p.At, end)
	}
	p.Done = p.Majority && now >= p.At
	return p
}

// Partition and Counter are what b is about.
func (b *Barrier) Partition() key.ID { return b.partition }
func (b *Barrier) Counter() uint64   { return b.counter }
