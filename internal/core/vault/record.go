// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Entry is where a record stands: its version is checked against the ledger, its revision is the store's.
type Entry struct {
	ID       key.ID
	Path     string
	Version  uint64
	Revision int64
}

// Read opens a record that is no object and gives its plaintext to f, inside ssp.Do. A record that is not what it must be
// is reported to Alarm by name.
func (p *Partition) Read(path string, id key.ID, f func(plain []byte) error) (Entry, error) {
	rec, err := p.host.Load(path)
	if err != nil {
		return Entry{}, err
	}
	return p.Take(rec, id, f)
}

// Record loads a record as the host has it.
func (p *Partition) Record(path string) (wire.Record, error) { return p.host.Load(path) }

// Take is Read for a record that has been loaded already.
func (p *Partition) Take(rec wire.Record, id key.ID, f func(plain []byte) error) (Entry, error) {
	version, err := p.unseal(rec, f)
	if err == nil {
		err = p.current(id, version)
	}
	switch code := fault.Of(err); {
	case code == fault.OK:
		return Entry{id, rec.Path, version, rec.Revision}, nil
	case code == fault.Conflict || code == fault.OutcomeUnknown: // it is on its way to another version: no attack
	case passing(err):
	default:
		p.alarm(rec.Path, err)
	}
	return Entry{}, err
}

// Peek is Take by what the ledger knows now, for who is told of a change by Peers.Learned. A record that is newer is HeadOld and
// one that is older RecordOld, without a look into the store and without an alarm: changes overtake each other.
func (p *Partition) Peek(rec wire.Record, id key.ID, f func(plain []byte) error) (Entry, error) {
	version, err := p.unseal(rec, f)
	if err == nil {
		err = p.ledger.Check(id, version)
	}
	if err != nil {
		return Entry{}, err
	}
	return Entry{id, rec.Path, version, rec.Revision}, nil
}

// unseal opens a record and gives its plaintext to f, inside ssp.Do.
func (p *Partition) unseal(rec wire.Record, f func(plain []byte) error) (version uint64, err error) {
	ssp.Do(func() {
		var plain []byte
		if plain, version, err = seal.Open(p.key, p.domain, rec.Path, rec.Value); err == nil {
			err = f(plain)
		}
	})
	return version, err
}

// Expect is the version that a record must have; gone when it was destroyed.
func (p *Partition) Expect(id key.ID) (version uint64, gone bool) { return p.ledger.Expect(id) }

// current checks a version against the ledger. A record newer than the head may come from another node's change that this
// ledger has not seen: it is read anew once.
func (p *Partition) current(id key.ID, version uint64) error {
	err := p.ledger.Check(id, version)
	if code := fault.Of(err); code == fault.HeadOld || code == fault.OutcomeUnknown {
		switch failed := p.CatchUp(); {
		case failed == nil:
			err = p.ledger.Check(id, version)
		case passing(failed):
			err = failed
		}
	}
	return err
}

// passing tells whether an error is of the host's at this moment, and says nothing of a record.
func passing(err error) bool {
	switch fault.Of(err) {
	case fault.Unavailable, fault.Timeout, fault.Busy:
		return true
	}
	return false
}

// First seals the first version of a record, for a Txn of the caller's.
func (p *Partition) First(path string, plain func() []byte) (wire.Put, error) {
	return p.seal(path, 1, plain)
}

// seal calls plain inside ssp.Do and seals what it answers.
func (p *Partition) seal(path string, version uint64, plain func() []byte) (put wire.Put, err error) {
	put.Path = path
	ssp.Do(func() {
		b := plain()
		defer clear(b)
		put.Value, err = seal.Record(p.key, p.domain, path, version, b)
	})
	return put, err
}

// Add commits the first version of a record.
func (p *Partition) Add(path string, id key.ID, plain func() []byte) (Entry, error) {
	put, err := p.First(path, plain)
	if err != nil {
		return Entry{}, err
	}
	revision, err := p.host.Commit(&wire.Txn{Compares: []wire.Compare{{Path: path}}, Puts: []wire.Put{put}})
	return Entry{id, path, 1, revision}, err
}

// Introduce commits the first version of a record, and tells the others of it; with are records that begin together with it.
// Conflict when anything in the partition has changed since its ledger was asked last: who decided that the record may begin
// decides anew. then, here and below, may be nil: it is called once the record is committed, before others are told.
func (p *Partition) Introduce(path string, id key.ID, plain func() []byte, with []wire.Put, then func(Entry)) (Entry, error) {
	put, err := p.First(path, plain)
	if err != nil {
		return Entry{}, err
	}
	return p.step(&step{id: id, path: path, put: &put, next: 1, with: with, first: true}, then)
}

// Change commits the next version of the record at e; Conflict when it is not as e says any more.
func (p *Partition) Change(e Entry, plain func() []byte) (Entry, error) {
	return p.ChangeThen(e, plain, nil)
}

// ChangeThen is Change with a function that takes the new version in.
func (p *Partition) ChangeThen(e Entry, plain func() []byte, then func(Entry)) (Entry, error) {
	return p.change(e, plain, nil, then, Everybody)
}

// ChangeIf is ChangeThen where may, asked when the Txn is made, does not answer Conflict: by what the ledger says then, which may
// be more than what the caller knew. It must ask nothing but Expect.
func (p *Partition) ChangeIf(e Entry, plain func() []byte, may func() error, then func(Entry)) (Entry, error) {
	return p.change(e, plain, may, then, Everybody)
}

// Tally is ChangeThen for a record that only counts: it returns once a majority of the nodes knows the change. A node that does
// not yet may go on for its lease by the version before; nothing that it commits over it takes place.
func (p *Partition) Tally(e Entry, plain func() []byte, then func(Entry)) (Entry, error) {
	return p.change(e, plain, nil, then, Majority)
}

func (p *Partition) change(e Entry, plain func() []byte, may func() error, then func(Entry), need Enough) (Entry, error) {
	next := p.ledger.Next(e.Version)
	put, err := p.seal(e.Path, next, plain)
	if err != nil {
		return Entry{}, err
	}
	return p.step(&step{id: e.ID, path: e.Path, rev: e.Revision, put: &put, next: next, need: need, may: may}, then)
}

// step commits one change of a record.
func (p *Partition) step(s *step, then func(Entry)) (Entry, error) {
	e := Entry{ID: s.id, Path: s.path, Version: s.next}
	if then != nil {
		s.then = func(revision int64) {
			e := e
			e.Revision = revision
			then(e)
		}
	}
	revision, err := p.move(s)
	if Done(err) && revision == 0 { // settled after an unknown outcome: the revision has to be read
		rec, failed := p.host.Load(s.path)
		if failed != nil {
			return e, failed
		}
		revision = rec.Revision
		if s.then != nil {
			s.then(revision)
		}
	}
	e.Revision = revision
	return e, err
}

// Remove destroys the record at e, so that it cannot come back.
func (p *Partition) Remove(e Entry) error { return p.RemoveThen(e, nil) }

// RemoveThen is Remove with a function that is called once the record is gone, before others are told.
func (p *Partition) RemoveThen(e Entry, then func()) error {
	s := &step{id: e.ID, path: e.Path, rev: e.Revision}
	if then != nil {
		s.then = func(int64) { then() }
	}
	revision, err := p.move(s)
	if Done(err) && revision == 0 && then != nil {
		then()
	}
	return err
}

// Exchange destroys the record at e and adds another in the same Txn: never both, never neither.
func (p *Partition) Exchange(e Entry, path string, id key.ID, plain func() []byte) (Entry, error) {
	put, err := p.First(path, plain)
	if err != nil {
		return Entry{}, err
	}
	revision, err := p.move(&step{id: e.ID, path: e.Path, rev: e.Revision, with: []wire.Put{put}})
	if Done(err) && revision == 0 { // settled after an unknown outcome
		rec, failed := p.host.Load(path)
		if failed != nil {
			return Entry{}, failed
		}
		revision = rec.Revision
	}
	return Entry{id, path, 1, revision}, err
}

// Changed tells whether the ledger names a record: it was introduced, changed or destroyed, so it was there.
func (p *Partition) Changed(id key.ID) bool { return p.ledger.Has(id) }
