// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// maxBatch bounds the changes of one Txn: with their records they stay below the store's limits of operations and bytes.
const maxBatch = 24

// step is one change of a record that can be taken back: it moves the partition's head.
type step struct {
	id   key.ID
	path string
	rev  int64     // the revision it must have
	put  *wire.Put // the next version; nil when the record is removed
	next uint64    // its version
	with *wire.Put // a new record that comes with the change; nil for none
	done chan moved
}

type moved struct {
	revision int64
	err      error
}

// mover lets one Txn after the other move the head; what comes meanwhile waits and goes together in the next.
type mover struct {
	mu    sync.Mutex
	queue []*step // guarded by mu
	busy  bool    // guarded by mu: a goroutine is at work and owns headRevision

	headRevision int64
}

// move commits s and answers the revision of its record.
func (p *Partition) move(s *step) (int64, error) {
	s.done = make(chan moved, 1)
	m := &p.mover
	m.mu.Lock()
	m.queue = append(m.queue, s)
	if !m.busy {
		m.busy = true
		p.moving.Go(p.drive)
	}
	m.mu.Unlock()
	r := <-s.done
	return r.revision, r.err
}

// drive commits batches until nothing waits.
func (p *Partition) drive() {
	for {
		batch := p.mover.take()
		if batch == nil {
			return
		}
		p.commit(batch)
	}
}

// take answers the next batch, in which no record comes twice.
func (m *mover) take() []*step {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		m.busy = false
		return nil
	}
	var batch, later []*step
	seen := map[string]bool{}
	for _, s := range m.queue {
		if len(batch) == maxBatch || seen[s.path] {
			later = append(later, s)
			continue
		}
		seen[s.path] = true
		batch = append(batch, s)
	}
	m.queue = later
	return batch
}

// commit ends every step of the batch, together or, when they cannot go together, one by one.
func (p *Partition) commit(batch []*step) {
	revision, sent, err := p.try(batch)
	switch code := fault.Of(err); {
	case code == fault.Conflict && len(batch) > 1:
		for _, s := range batch { // one of them is stale; the others shall not suffer
			p.commit([]*step{s})
		}
		return
	case code == fault.Conflict, code == fault.OutcomeUnknown && !sent:
		// Another node moved the head, or an earlier move is not settled. This one did not happen, so after reading what is
		// there it may be tried again.
		if p.LoadLedger() == nil {
			revision, sent, err = p.try(batch)
		}
	}
	if sent && fault.Of(err) == fault.OutcomeUnknown && p.LoadLedger() == nil {
		p.settle(batch)
		return
	}
	for _, s := range batch {
		s.done <- moved{revision, err}
	}
}

// settle answers steps whose Txn had an unknown outcome, after the ledger was read anew: what is in it has happened. What
// is not may still come, so its outcome stays unknown to the caller; its record goes by what is stored.
func (p *Partition) settle(batch []*step) {
	for _, s := range batch {
		version, gone := p.ledger.Expect(s.id)
		if gone && s.put == nil || !gone && s.put != nil && version == s.next {
			s.done <- moved{}
		} else {
			s.done <- moved{err: fault.OutcomeUnknown.At("commit change")}
		}
	}
}

// try commits the batch in one Txn. sent says that the host was asked, so that an unknown outcome is this batch's own.
func (p *Partition) try(batch []*step) (revision int64, sent bool, err error) {
	changes := make([]seal.Change, len(batch))
	txn := &wire.Txn{Compares: []wire.Compare{{Path: seal.HeadPath(p.ID), Revision: p.mover.headRevision}}}
	for i, s := range batch {
		changes[i] = seal.Change{ID: s.id, Version: s.next, Destroyed: s.put == nil}
		txn.Compares = append(txn.Compares, wire.Compare{Path: s.path, Revision: s.rev})
		if s.put != nil {
			txn.Puts = append(txn.Puts, *s.put)
		} else {
			txn.Deletes = append(txn.Deletes, s.path)
		}
		if s.with != nil {
			txn.Compares = append(txn.Compares, wire.Compare{Path: s.with.Path})
			txn.Puts = append(txn.Puts, *s.with)
		}
	}
	move, err := p.ledger.Advance(changes)
	if err != nil {
		return 0, false, err
	}
	for _, put := range move.Puts {
		txn.Puts = append(txn.Puts, wire.Put{Path: put.Path, Value: put.Value})
	}
	revision, err = p.host.Commit(txn)
	switch fault.Of(err) {
	case fault.OK:
		move.Commit()
		p.mover.headRevision = revision
	case fault.OutcomeUnknown:
		move.Unknown()
	default:
		move.Undo()
	}
	return revision, true, err
}
