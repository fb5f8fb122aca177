// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"maps"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Move is one step of the head, sealed but not yet known to be stored. It ends with one of Commit, Undo and Unknown.
type Move struct {
	Puts []LedgerPut // the change record and the head, for one Txn with the changed records

	ledger  *Ledger
	next    map[key.ID]uint64 // never changed
	tree    wire.Tree         // after the move
	unknown bool              // guarded by ledger.mu
}

// Advance seals the changes as one change record, and the head after it. Only one move may be under way: the caller
// collects what comes meanwhile into the next one (group commit). From now until the move ends, records being destroyed
// are refused and records being changed pass in both versions.
//
//	Busy            another move is under way
//	OutcomeUnknown  the last move's outcome is unknown: Load first
//	Conflict        a change is not the next step of its record: somebody else changed or destroyed it
func (l *Ledger) Advance(changes []Change) (*Move, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.loaded:
		return nil, fault.Unavailable.At("advance head")
	case l.move != nil && l.move.unknown:
		return nil, fault.OutcomeUnknown.At("advance head")
	case l.move != nil:
		return nil, fault.Busy.At("advance head")
	case len(changes) == 0 || len(changes) > MaxChanges:
		return nil, fault.ArgumentsBad.At("advance head")
	}
	m := &Move{ledger: l, next: make(map[key.ID]uint64, len(changes)), tree: l.tree.Clone()}
	for _, c := range changes {
		if err := m.add(c); err != nil {
			return nil, err
		}
	}
	log := writeChanges(changes)
	change, err := l.sealPut(ChangePath(l.partition, l.tree.Size()), 1, log)
	if err != nil {
		return nil, err
	}
	m.tree.Append(wire.LeafHash(log))
	head, err := l.sealHead(&m.tree)
	if err != nil {
		return nil, err
	}
	m.Puts = []LedgerPut{change, head}
	l.move = m
	return m, nil
}

// Change is the sealed change record, Head the sealed head: what other cores need to take the move in.
func (m *Move) Change() []byte { return m.Puts[0].Value }
func (m *Move) Head() []byte   { return m.Puts[1].Value }

// Counter is the head's after the move.
func (m *Move) Counter() uint64 { return m.tree.Size() }

// add checks that c is the next step of its record, after what the move already holds of it.
func (m *Move) add(c Change) error {
	version, gone := m.ledger.expect(c.ID)
	if v, ok := m.next[c.ID]; ok {
		version, gone = v, v == destroyed
	}
	_, known := m.ledger.entries[c.ID]
	_, moving := m.next[c.ID]
	first := c.First && c.Version == 1 && !known && !moving && !c.Destroyed
	if c.Revived && gone && !moving && !c.Destroyed && c.Version == m.ledger.revival() {
		m.next[c.ID] = c.Version
		return nil
	}
	if gone || c.Revived || !first && !c.Destroyed && c.Version != nextVersion(version, m.ledger.era) {
		return fault.Conflict.At("advance head: not the next version")
	}
	m.next[c.ID] = c.Version
	if c.Destroyed {
		m.next[c.ID] = destroyed
	}
	return nil
}

// Commit is called when the store has said that the Txn is done.
func (m *Move) Commit() {
	l := m.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.move != m || m.unknown {
		return
	}
	maps.Copy(l.entries, m.next)
	l.tree, l.move = m.tree, nil
	l.seen = max(l.seen, l.tree.Size())
}

// Undo is called when the store has said that the Txn did not happen.
func (m *Move) Undo() {
	l := m.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.move == m && !m.unknown {
		l.move = nil
	}
}

// Unknown is called when the store could not say. The records of this move stay stopped, and the head stays where it
// is, until Load or Extend has read what is there; all others go on.
func (m *Move) Unknown() {
	l := m.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.move == m {
		m.unknown = true
	}
}
