// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Follower reads all records of a store once, in the order of their paths, and learns from them what each must be: partitions'
// keys come first, then, partition by partition, change log and head before what they speak of (docs/design/records.md). So it
// tells whether the records are those of one moment, without holding more than one change log.
type Follower struct {
	// Deep makes it open every record; else it compares the versions that records claim.
	Deep bool

	// Rebirth, when set, is put into every head in place of its own: what a restore writes.
	Rebirth *key.ID

	root   ssp.Bytes
	domain key.ID
	words  Words

	last  string
	count uint64
	birth key.ID // the incarnation that the domain's head names
	parts map[key.ID]*part
	order []key.ID // partitions, the domain first
	drops []key.ID // what the domain's ledger calls the records that were dropped
}

// Words is what the Follower does not know of the records by itself.
type Words struct {
	Wrapped func(partition []byte) (key []byte, err error) // the wrapped key within a partition's plaintext
	Ledger  func(path string) (id key.ID, ok bool)         // what the ledger calls a record; false: its version is not compared
	Drop    func(path string) bool                         // what a rebirth leaves behind for good; nil: nothing
}

// part is a partition on its way.
type part struct {
	key     ssp.Bytes // zero when it does not unwrap: then its records pass unread
	opens   bool
	ledger  *seal.Ledger
	changes [][]byte
	headed  bool
	early   map[key.ID]uint64 // versions of records that come before the head
}

// NewFollower begins with the root key, which stays the caller's.
func NewFollower(root ssp.Bytes, domain key.ID, words Words) *Follower {
	return &Follower{root: root, domain: domain, words: words, parts: map[key.ID]*part{}}
}

// Close forgets the keys.
func (f *Follower) Close() {
	for _, p := range f.parts {
		if p.opens {
			p.key.Free()
		}
		p.opens = false
	}
}

// Count is the number of records so far.
func (f *Follower) Count() uint64 { return f.count }

// Add takes the next record and answers it, or the head that takes its place. BackupUnsound: the records are not of one moment;
// other codes name what is wrong with a record.
func (f *Follower) Add(rec wire.Record) (wire.Record, error) {
	if rec.Path <= f.last {
		return rec, fault.BackupUnsound.At("follow records: out of order at " + rec.Path)
	}
	f.last = rec.Path
	f.count++
	words := strings.Split(rec.Path, "/")
	switch {
	case len(words) == 2 && words[0] == "p":
		if id, ok := key.ParseID(words[1]); ok {
			return rec, f.partition(id, rec)
		}
	case len(words) >= 3 && words[0] == "r":
		if id, ok := key.ParseID(words[1]); ok {
			return f.within(id, words[2:], rec)
		}
	}
	return rec, fault.BackupUnsound.At("follow records: what is " + rec.Path)
}

// partition unwraps a partition's key.
func (f *Follower) partition(id key.ID, rec wire.Record) (err error) {
	p := &part{early: map[key.ID]uint64{}}
	if id.IsZero() {
		ssp.Do(func() { p.key, err = seal.UnwrapPartition(f.root, f.domain, id, rec.Value) })
		if err != nil {
			return fault.DomainOther.At("open the domain's key")
		}
	} else {
		home := f.parts[key.ID{}]
		if home == nil {
			return fault.BackupUnsound.At("follow records: the domain's own is missing")
		}
		ssp.Do(func() {
			var plain, k []byte
			if plain, home.early[id], err = seal.Open(home.key, f.domain, rec.Path, rec.Value); err == nil {
				if k, err = f.words.Wrapped(plain); err == nil {
					p.key, err = seal.UnwrapPartition(f.root, f.domain, id, k)
				}
			}
		})
	}
	p.opens = err == nil
	if p.opens {
		p.ledger = seal.NewLedger(f.domain, id, p.key)
	}
	f.parts[id] = p
	f.order = append(f.order, id)
	if f.Deep {
		return err
	}
	return nil // a partition that the core refuses already is carried along as it is
}

// within looks at a record of a partition.
func (f *Follower) within(id key.ID, words []string, rec wire.Record) (wire.Record, error) {
	p := f.parts[id]
	switch {
	case p == nil:
		return rec, fault.BackupUnsound.At("follow records: no partition for " + rec.Path)
	case !p.opens:
		return rec, nil
	case len(words) == 2 && words[0] == "c":
		if p.headed || rec.Path != seal.ChangePath(id, uint64(len(p.changes))) {
			return rec, fault.BackupUnsound.At("follow records: a change is missing before " + rec.Path)
		}
		p.changes = append(p.changes, rec.Value)
		return rec, nil
	case len(words) == 1 && words[0] == "h":
		return f.head(id, p, rec)
	}
	if of, ok := f.words.Ledger(rec.Path); ok {
		return rec, f.current(p, of, rec)
	}
	if f.Deep {
		return rec, opens(p, f.domain, rec)
	}
	return rec, nil
}

// Drops tells whether a rebirth leaves the record behind, which has passed Add.
func (f *Follower) Drops(rec wire.Record) bool {
	if f.Rebirth == nil || f.words.Drop == nil || !f.words.Drop(rec.Path) {
		return false
	}
	if id, ok := f.words.Ledger(rec.Path); ok {
		f.drops = append(f.drops, id)
	}
	return true
}

// Bury answers what makes sure that the records that were dropped do not come back: changes of the domain's log, and its head anew.
func (f *Follower) Bury() (list []wire.Record, err error) {
	ledger := f.Ledger(key.ID{})
	for len(f.drops) > 0 {
		n := min(len(f.drops), seal.MaxChanges)
		changes := make([]seal.Change, n)
		for i, id := range f.drops[:n] {
			changes[i] = seal.Change{ID: id, Destroyed: true}
		}
		f.drops = f.drops[n:]
		move, err := ledger.Advance(changes)
		if err != nil {
			return nil, err
		}
		move.Commit()
		for _, put := range move.Puts {
			list = append(list, wire.Record{Path: put.Path, Value: put.Value})
		}
	}
	return list, nil
}

// head compares the change log with the head that vouches for it.
func (f *Follower) head(id key.ID, p *part, rec wire.Record) (wire.Record, error) {
	if p.headed {
		return rec, fault.BackupUnsound.At("follow records: two heads")
	}
	if !id.IsZero() {
		p.ledger.Bind(f.birth)
	}
	err := p.ledger.Load(p.changes, rec.Value)
	p.changes, p.headed = nil, true
	if err != nil {
		return rec, fault.BackupUnsound.At("follow records: change log and head of partition " + id.String() + " do not fit")
	}
	if id.IsZero() {
		f.birth = p.ledger.Incarnation()
	}
	for of, version := range p.early {
		if p.ledger.Check(of, version) != nil {
			return rec, fault.BackupUnsound.At("follow records: not of this moment: " + of.String())
		}
	}
	if f.Rebirth != nil {
		put, err := p.ledger.Reborn(*f.Rebirth)
		rec.Value = put.Value
		return rec, err
	}
	return rec, nil
}

// current compares a record with the ledger.
func (f *Follower) current(p *part, id key.ID, rec wire.Record) error {
	version, err := seal.Version(rec.Value)
	if err == nil && f.Deep {
		err = opens(p, f.domain, rec)
	}
	if err == nil && !p.headed {
		p.early[id] = version
	} else if err == nil && p.ledger.Check(id, version) != nil {
		err = fault.BackupUnsound.At("follow records: not of this moment: " + rec.Path)
	}
	return err
}

func opens(p *part, domain key.ID, rec wire.Record) (err error) {
	ssp.Do(func() { _, _, err = seal.Open(p.key, domain, rec.Path, rec.Value) })
	if err != nil {
		err = fault.RecordInvalid.At("follow records: " + rec.Path)
	}
	return err
}

// End is called after the last record: every partition must have had its head.
func (f *Follower) End() error {
	if f.parts[key.ID{}] == nil {
		return fault.BackupUnsound.At("follow records: the domain's own is missing")
	}
	for id, p := range f.parts {
		if p.opens && !p.headed {
			return fault.BackupUnsound.At("follow records: partition " + id.String() + " has no head")
		}
	}
	return nil
}

// Incarnation is the one that the records are of, known once the domain's head has passed.
func (f *Follower) Incarnation() key.ID { return f.birth }

// Heads is how far each partition's change log reaches; one that does not open is left out.
func (f *Follower) Heads() (list []wire.HeadCounter) {
	for _, id := range f.order {
		if p := f.parts[id]; p.opens {
			list = append(list, wire.HeadCounter{Partition: id, Counter: p.ledger.Counter()})
		}
	}
	return list
}

// Ledger is that of a partition that opened; nil for another.
func (f *Follower) Ledger(partition key.ID) *seal.Ledger {
	if p := f.parts[partition]; p != nil && p.opens && p.headed {
		return p.ledger
	}
	return nil
}

// Partitions are all there were, in the order of their ids.
func (f *Follower) Partitions() []key.ID { return f.order }

// Open opens one of the records that passed, inside ssp.Do.
func (f *Follower) Open(partition key.ID, rec wire.Record, use func(plain []byte)) {
	p := f.parts[partition]
	if p == nil || !p.opens {
		return
	}
	ssp.Do(func() {
		if plain, _, err := seal.Open(p.key, f.domain, rec.Path, rec.Value); err == nil {
			use(plain)
			clear(plain)
		}
	})
}
