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

// Take is Read for a record that has been loaded already.
func (p *Partition) Take(rec wire.Record, id key.ID, f func(plain []byte) error) (e Entry, err error) {
	var version uint64
	ssp.Do(func() {
		var plain []byte
		if plain, version, err = seal.Open(p.key, p.domain, rec.Path, rec.Value); err == nil {
			err = f(plain)
		}
	})
	if err == nil {
		err = p.current(id, version)
	}
	switch fault.Of(err) {
	case fault.OK:
		return Entry{id, rec.Path, version, rec.Revision}, nil
	case fault.Conflict, fault.OutcomeUnknown: // it is on its way to another version: no attack
	default:
		p.alarm(rec.Path, err)
	}
	return Entry{}, err
}

// current checks a version against the ledger. A record newer than the head may come from another node's change that this
// ledger has not seen: it is read anew once.
func (p *Partition) current(id key.ID, version uint64) error {
	err := p.ledger.Check(id, version)
	if code := fault.Of(err); code == fault.HeadOld || code == fault.OutcomeUnknown {
		if p.LoadLedger() == nil {
			err = p.ledger.Check(id, version)
		}
	}
	return err
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

// Change commits the next version of the record at e; Conflict when it is not as e says any more.
func (p *Partition) Change(e Entry, plain func() []byte) (Entry, error) {
	next := p.ledger.Next(e.Version)
	put, err := p.seal(e.Path, next, plain)
	if err != nil {
		return Entry{}, err
	}
	revision, err := p.move(&step{id: e.ID, path: e.Path, rev: e.Revision, put: &put, next: next})
	if err == nil && revision == 0 { // settled after an unknown outcome: the revision has to be read
		rec, err := p.host.Load(e.Path)
		return Entry{e.ID, e.Path, next, rec.Revision}, err
	}
	return Entry{e.ID, e.Path, next, revision}, err
}

// Remove destroys the record at e, so that it cannot come back.
func (p *Partition) Remove(e Entry) error {
	_, err := p.move(&step{id: e.ID, path: e.Path, rev: e.Revision})
	return err
}

// Exchange destroys the record at e and adds another in the same Txn: never both, never neither.
func (p *Partition) Exchange(e Entry, path string, id key.ID, plain func() []byte) (Entry, error) {
	put, err := p.First(path, plain)
	if err != nil {
		return Entry{}, err
	}
	revision, err := p.move(&step{id: e.ID, path: e.Path, rev: e.Revision, with: &put})
	if err == nil && revision == 0 { // settled after an unknown outcome
		rec, err := p.host.Load(path)
		return Entry{id, path, 1, rec.Revision}, err
	}
	return Entry{id, path, 1, revision}, err
}

// Changed tells whether the ledger names a record: it was changed or destroyed since it was made, so it was there.
func (p *Partition) Changed(id key.ID) bool {
	version, gone := p.ledger.Expect(id)
	return gone || version > 1
}
