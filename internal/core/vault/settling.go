// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/key"
)

// settling knows the records whose newest change is under way, here or on another node, and not yet in force everywhere. Who
// answered from the new version now could be followed by another node that still answers from the old one, and who answered
// from the old one here could have been preceded by one that answered from the new: so a reader waits, and what is told of
// a record is as on a single machine (docs/design/coherence.md).
type settling struct {
	count atomic.Int32 // of marks, so that a reader of a partition at rest pays one load

	mu      sync.Mutex
	marks   map[key.ID]*mark // guarded by mu
	foreign []foreignMark    // guarded by mu: of other nodes' changes, until they are said to be in force
	settled uint64           // guarded by mu: the counter up to which they are
}

// mark is one record that settles, for as many changes.
type mark struct {
	changes int
	over    chan struct{}
}

type foreignMark struct {
	counter uint64
	release func()
}

// begin marks a record until the answer is called.
func (s *settling) begin(id key.ID) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mark(id)
}

// mark is begin; the caller holds mu.
func (s *settling) mark(id key.ID) (release func()) {
	if s.marks == nil {
		s.marks = map[key.ID]*mark{}
	}
	m := s.marks[id]
	if m == nil {
		m = &mark{over: make(chan struct{})}
		s.marks[id] = m
	}
	m.changes++
	s.count.Add(1)
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.count.Add(-1)
		if m.changes--; m.changes == 0 {
			delete(s.marks, id)
			close(m.over)
		}
	})
}

// learned marks what another node has changed, and answers what ends that should nobody say that it is in force.
func (s *settling) learned(ids []key.ID, counter uint64) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if counter <= s.settled {
		return nil
	}
	var all []func()
	for _, id := range ids {
		all = append(all, s.mark(id))
	}
	release = func() {
		for _, f := range all {
			f()
		}
	}
	s.foreign = append(s.foreign, foreignMark{counter, release})
	return release
}

// inForce ends the marks of other nodes' changes up to a counter.
func (s *settling) inForce(counter uint64) {
	s.mu.Lock()
	s.settled = max(s.settled, counter)
	var over []func()
	rest := s.foreign[:0]
	for _, f := range s.foreign {
		if f.counter <= counter {
			over = append(over, f.release)
		} else {
			rest = append(rest, f)
		}
	}
	s.foreign = rest
	s.mu.Unlock()
	for _, release := range over {
		release()
	}
}

// of is closed when the record has settled; nil when it has.
func (s *settling) of(id key.ID) <-chan struct{} {
	if s.count.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.marks[id]; m != nil {
		return m.over
	}
	return nil
}

// ofHandle is of for a record that is known by its handle only.
func (s *settling) ofHandle(handle uint64) <-chan struct{} {
	if s.count.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.marks {
		if id.Handle() == handle {
			return m.over
		}
	}
	return nil
}

// await waits until a record has settled, for as long as others let a reader wait; false when there was nothing to wait for, or it
// took longer than that.
func (p *Partition) await(over <-chan struct{}) bool {
	if over == nil {
		return false
	}
	peers := p.peers.Load()
	if peers == nil {
		<-over // a commit of this node alone, which ends by itself
		return true
	}
	(*peers).Settle(over)
	select {
	case <-over:
		return true
	default:
		return false
	}
}

// InForce takes in that all changes up to a counter are in force on every node.
func (p *Partition) InForce(counter uint64) { p.settling.inForce(counter) }
