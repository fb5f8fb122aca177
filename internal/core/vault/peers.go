// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Peers are the other cores, as the vault needs them. Neither method may wait for this partition.
type Peers interface {
	// Moved is called right after a change was committed, in the order of the head's counters. It answers nil when nobody else
	// has to know; else what to wait with.
	Moved(p *Partition, m *Moved) Wait

	// Learned is called after the ledger took in what others changed. Objects have left the cache; records of other kinds
	// are read anew by whoever keeps them, or taken from those that came along. It is called without any lock, perhaps twice
	// at once.
	Learned(p *Partition, changes []seal.Change, records []wire.Record)

	// Settle waits until over is closed, or as long as a reader may be kept waiting.
	Settle(over <-chan struct{})

	// Later calls f when a change of another node, which has not been heard of since, is in force at the latest.
	Later(f func())
}

// Wait returns once enough nodes know a change, or with InForceLater.
type Wait func(Enough) error

// Enough is how many have to know a change before it is answered.
type Enough uint8

const (
	EnoughUnknown Enough = iota
	Everybody            // it is in force everywhere: what takes something away, and all else
	Majority             // it is not lost with this node; who does not know it can commit nothing over it
)

// Moved is one step of a head, in the form that others take in.
type Moved struct {
	Counter  uint64
	Revision int64
	Change   []byte // the sealed change record; nil where the outcome was unknown at first: others read it for themselves
	Head     []byte
	Records  []wire.Record // that the change named; those that are gone without a value
}

// Changes are moves of another core, the newest last.
type Changes struct {
	Counter  uint64 // after them
	Revision int64  // of the head, as a host said
	Changes  [][]byte
	Head     []byte
	Records  []wire.Record // that they name, as far as they came along
}

// TakeIn takes in the moves that another core tells of: from its own words where they follow on what is known, else from the
// store. On nil the ledger is at c.Counter or beyond, and what changed is cached no longer.
func (p *Partition) TakeIn(c Changes) error {
	p.turn.Lock()
	learned, err := p.takeIn(c)
	p.turn.Unlock()
	p.learned(learned, c.Records)
	return err
}

func (p *Partition) takeIn(c Changes) ([]seal.Change, error) {
	have := p.ledger.Counter()
	if have >= c.Counter {
		return nil, nil
	}
	p.ledger.Saw(c.Counter)
	if n := uint64(len(c.Changes)); n > 0 && c.Counter >= n && c.Counter-n <= have {
		if learned, err := p.ledger.Extend(c.Changes[have-(c.Counter-n):], c.Head); err == nil {
			p.foreign(learned)
			p.headRevision = c.Revision
			return learned, nil
		}
	}
	return p.catchUp()
}

// CatchUp reads what others changed since.
func (p *Partition) CatchUp() error {
	p.turn.Lock()
	learned, err := p.catchUp()
	p.turn.Unlock()
	p.learned(learned, nil)
	return err
}

// catchUp reads the change records that the head counts and this ledger does not know. It settles a move of unknown outcome.
// The caller holds turn, and calls learned without it.
func (p *Partition) catchUp() ([]seal.Change, error) {
	changes, head, err := p.readLog(p.ledger.Counter())
	if err != nil {
		return nil, err
	}
	learned, err := p.ledger.Extend(changes, head.Value)
	if err == nil {
		p.foreign(learned)
		p.headRevision = head.Revision
	}
	return learned, err
}

// maxReads bounds how often the log is read on while other nodes append to it.
const maxReads = 16

// readLog reads the change records from `have` on, and a head that counts exactly these. A head is read after the records, so
// it can count more, of which others made some meanwhile, but never fewer: that one was set back.
func (p *Partition) readLog(have uint64) (changes [][]byte, head wire.Record, err error) {
	var before wire.Record // the head that was read last, and what it counts
	counted := uint64(0)
	for range maxReads {
		after := ""
		if n := have + uint64(len(changes)); n > 0 {
			after = seal.ChangePath(p.ID, n-1)
		}
		records, err := p.host.ListAfter(seal.ChangePrefix(p.ID), after)
		if err != nil {
			return nil, head, err
		}
		for _, rec := range records {
			changes = append(changes, rec.Value)
		}
		head, err := p.host.Load(seal.HeadPath(p.ID))
		if fault.Of(err) == fault.RecordUnknown { // a partition has one from its creation on
			return nil, head, fault.HeadInvalid.At("load head: it is gone")
		}
		if err != nil {
			return nil, head, err
		}
		counter, err := p.ledger.HeadCounter(head.Value)
		if err != nil {
			return nil, head, err
		}
		switch n := have + uint64(len(changes)); {
		case counter < have:
			return nil, head, fault.HeadOld.At("load ledger")
		case counter < n:
			return nil, head, fault.ChangeLogBroken.At("load ledger: more changes than the head counts")
		case counter == n:
			return changes, head, nil
		case counted > have && counted <= n: // others are quick: what the head before counts is complete
			return changes[:counted-have], before, nil
		}
		before, counted = head, counter
	}
	return nil, head, fault.ChangeLogBroken.At("load ledger: the head counts more changes than there are")
}

// foreign marks what others changed as settling. It follows the ledger's step at once, before a reader has come from the store.
func (p *Partition) foreign(changes []seal.Change) {
	peers := p.peers.Load()
	if peers == nil || len(changes) == 0 {
		return
	}
	ids := make([]key.ID, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	if release := p.settling.learned(ids, p.ledger.Counter()); release != nil {
		(*peers).Later(release)
	}
}

// learned drops what has changed from the cache and tells the others in this core.
func (p *Partition) learned(changes []seal.Change, records []wire.Record) {
	if len(changes) == 0 {
		return
	}
	for _, c := range changes {
		p.Forget(c.ID)
	}
	if peers := p.peers.Load(); peers != nil {
		(*peers).Learned(p, changes, records)
	}
}

// Counter is the counter of the partition's head, as far as this core knows.
func (p *Partition) Counter() uint64 { return p.ledger.Counter() }

// Saw says that the head has been at a counter: an earlier one is refused from now on.
func (p *Partition) Saw(counter uint64) { p.ledger.Saw(counter) }

// Join makes the partition's changes known to the others, and theirs to this core.
func (p *Partition) Join(peers Peers) { p.peers.Store(&peers) }
