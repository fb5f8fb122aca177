// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// maxBatch bounds the changes of one Txn: with their records they stay below the store's limits of operations and bytes.
const maxBatch = 24

// maxTries bounds how often a batch is tried whose head others move first: with as many nodes at work on one partition
// each wins in its turn.
const maxTries = 32

// step is one change of a record that moves the partition's head.
type step struct {
	id   key.ID
	path string
	rev  int64      // the revision it must have
	put  *wire.Put  // the next version; nil when the record is removed
	next uint64     // its version
	with []wire.Put // records that begin with it, in the same Txn
	need Enough     // who must know it before it is answered
	then func(revision int64)
	may  func() error // asked once more with what the ledger says when the Txn is made; nil: it may
	done chan moved

	// first: the record begins with this step, and whether it may, its caller has looked up. When others have moved the head
	// since, it answers Conflict so that he looks again.
	first bool

	// again seals, in place of put, a record that is not there although the ledger names it: it was destroyed, or is lost.
	again func(version uint64) (wire.Put, error)
}

// prepare seals what can be sealed only once it is known which move it is of. The caller holds turn.
func (s *step) prepare(p *Partition) (revived bool, err error) {
	if s.again == nil {
		return false, nil
	}
	version, gone := p.ledger.Expect(s.id)
	if s.next = p.ledger.Next(version); gone {
		s.next = p.ledger.Revival()
	}
	put, err := s.again(s.next)
	s.put = &put
	return gone, err
}

// moved is the outcome of a step. A revision of 0 has to be read; InForceLater is an outcome of something that was done.
type moved struct {
	revision int64
	err      error
}

// Done tells whether an error of a change says that it was committed all the same.
func Done(err error) bool { return err == nil || fault.Of(err) == fault.InForceLater }

// mover lets one Txn after the other move the head; what comes meanwhile waits and goes together in the next.
type mover struct {
	mu    sync.Mutex
	queue []*step // guarded by mu
	busy  bool    // guarded by mu: a goroutine is at work
}

// move commits s and answers the revision of its record, once all who must know the change do.
func (p *Partition) move(s *step) (int64, error) {
	defer p.settling.begin(s.id)()
	s.done = make(chan moved, 1)
	if s.need == EnoughUnknown {
		s.need = Everybody
	}
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
	seen, full := map[string]bool{}, false
	for _, s := range m.queue {
		alone := len(s.with) > 0 // it may be as large as a Txn can be
		if full || seen[s.path] || alone && len(batch) > 0 {
			later = append(later, s)
			continue
		}
		seen[s.path] = true
		batch = append(batch, s)
		full = alone || len(batch) == maxBatch
	}
	m.queue = later
	return batch
}

// commit ends every step of the batch, together or, when they cannot go together, one by one.
func (p *Partition) commit(batch []*step) {
	for tries := 1; ; tries++ {
		revision, wait, sent, err := p.try(batch)
		code := fault.Of(err)
		switch {
		case code == fault.OK:
			p.finish(batch, revision, wait)
			return
		case sent != nil && code == fault.OutcomeUnknown:
			p.settle(batch, sent)
			return
		case code != fault.Conflict && code != fault.OutcomeUnknown:
			end(batch, moved{err: err})
			return
		case sent == nil && code == fault.Conflict:
			p.apart(batch, err)
			return
		}
		// Another node moved the head, or an earlier move is not settled, or a step is stale. This batch did not happen, so after
		// reading what is there it may be tried again.
		before := p.ledger.Counter()
		late := p.ledger.Unsettled()
		if failed := p.CatchUp(); failed != nil {
			end(batch, moved{err: err})
			return
		}
		if p.ledger.Counter() == before && !late || tries == maxTries {
			p.apart(batch, err)
			return
		}
		rest := batch[:0]
		for _, s := range batch {
			if s.first {
				s.done <- moved{err: fault.Conflict.At("begin record: others changed the partition meanwhile")}
			} else {
				rest = append(rest, s)
			}
		}
		if batch = rest; len(batch) == 0 {
			return
		}
	}
}

// apart commits the steps of a batch one by one: one of them is stale, and the others shall not suffer.
func (p *Partition) apart(batch []*step, err error) {
	if len(batch) == 1 {
		end(batch, moved{err: err})
		return
	}
	for _, s := range batch {
		p.commit([]*step{s})
	}
}

func end(batch []*step, m moved) {
	for _, s := range batch {
		s.done <- m
	}
}

// finish answers steps that are committed, once all who must know do. The next batch does not wait for that.
func (p *Partition) finish(batch []*step, revision int64, wait Wait) {
	if wait == nil {
		end(batch, moved{revision: revision})
		return
	}
	for _, need := range []Enough{Majority, Everybody} {
		var steps []*step
		for _, s := range batch {
			if s.need == need {
				steps = append(steps, s)
			}
		}
		if len(steps) > 0 || need == Everybody { // somebody always waits for everybody: readers elsewhere wait to hear that it is so
			p.moving.Go(func() { end(steps, moved{revision, wait(need)}) })
		}
	}
}

// settle answers steps whose Txn had an unknown outcome, after the ledger was read anew. They happened if their change record is
// the one that stands in its place in the log. That a record has the version they meant says nothing: another node may have made
// it. If another change has the place they never will happen, since the head has moved, and they may be tried again. While the
// place is empty they may still come: the outcome stays unknown to the caller, and the record goes by what is stored.
func (p *Partition) settle(batch []*step, m *seal.Move) {
	unknown := moved{err: fault.OutcomeUnknown.At("commit change")}
	if p.CatchUp() != nil || p.ledger.Counter() < m.Counter() {
		end(batch, unknown)
		return
	}
	rec, err := p.host.Load(seal.ChangePath(p.ID, m.Counter()-1))
	switch {
	case err != nil:
		end(batch, unknown)
	case bytes.Equal(rec.Value, m.Change()):
		for _, s := range batch {
			if s.then != nil {
				s.then(rec.Revision)
			}
		}
		p.finish(batch, rec.Revision, p.tell(&Moved{Counter: p.ledger.Counter()}))
	default:
		for _, s := range batch {
			if s.first {
				s.done <- moved{err: fault.Conflict.At("begin record: others changed the partition meanwhile")}
			} else {
				p.commit([]*step{s})
			}
		}
	}
}

// tell lets the others know of a move.
func (p *Partition) tell(m *Moved) Wait {
	if peers := p.peers.Load(); peers != nil {
		return (*peers).Moved(p, m)
	}
	return nil
}

// try commits the batch in one Txn. sent is what the host was asked to commit, so that an unknown outcome is this batch's own; nil
// when it was not asked.
func (p *Partition) try(batch []*step) (revision int64, wait Wait, sent *seal.Move, err error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	changes := make([]seal.Change, len(batch))
	txn := &wire.Txn{Compares: []wire.Compare{{Path: seal.HeadPath(p.ID), Revision: p.headRevision}}}
	said := &Moved{}
	for i, s := range batch {
		if s.may != nil {
			if err := s.may(); err != nil {
				return 0, nil, nil, err
			}
		}
		revived, err := s.prepare(p)
		if err != nil {
			return 0, nil, nil, err
		}
		changes[i] = seal.Change{ID: s.id, Version: s.next, Destroyed: s.put == nil, First: s.first, Revived: revived}
		txn.Compares = append(txn.Compares, wire.Compare{Path: s.path, Revision: s.rev})
		rec := wire.Record{Path: s.path}
		if s.put != nil {
			txn.Puts = append(txn.Puts, *s.put)
			rec.Value = s.put.Value
		} else {
			txn.Deletes = append(txn.Deletes, s.path)
		}
		said.Records = append(said.Records, rec)
		for _, put := range s.with {
			txn.Compares = append(txn.Compares, wire.Compare{Path: put.Path})
			txn.Puts = append(txn.Puts, put)
			if strings.HasPrefix(put.Path, "r/"+p.ID.String()+"/") {
				said.Records = append(said.Records, wire.Record{Path: put.Path, Value: put.Value})
			}
		}
	}
	move, err := p.ledger.Advance(changes)
	if err != nil {
		return 0, nil, nil, err
	}
	for _, c := range changes {
		if !c.Destroyed { // until the store has answered, nobody knows which version counts: who asks meanwhile reads it
			p.cache.drop(c.ID)
		}
	}
	for _, put := range move.Puts {
		txn.Puts = append(txn.Puts, wire.Put{Path: put.Path, Value: put.Value})
	}
	revision, err = p.host.Commit(txn)
	switch fault.Of(err) {
	case fault.OK:
		move.Commit()
		p.headRevision = revision
		for _, s := range batch {
			if s.then != nil {
				s.then(revision)
			}
		}
		said.Counter, said.Revision, said.Change, said.Head = move.Counter(), revision, move.Change(), move.Head()
		return revision, p.tell(said), move, nil
	case fault.OutcomeUnknown:
		move.Unknown()
	default:
		move.Undo()
	}
	return revision, nil, move, err
}
