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

// Moment reads the records of one partition once, in the order of their paths, and holds each against the change log and the head
// that come among them: so it tells whether they are of one moment, as the Follower does for a whole store.
type Moment struct {
	domain, partition key.ID
	key               ssp.Bytes
	name              func(path string) (id key.ID, ok bool) // Words.Ledger
	since             uint64                                 // the head's counter must have come this far

	ledger  *seal.Ledger
	last    string
	changes [][]byte
	headed  bool
	early   map[key.ID]uint64 // versions of records that come before the head
}

// NewMoment begins. The key stays the caller's; incarnation is the domain's; a head before the counter since is an older moment.
func NewMoment(domain, partition, incarnation key.ID, k ssp.Bytes, since uint64, ledger func(path string) (key.ID, bool)) *Moment {
	m := &Moment{domain: domain, partition: partition, key: k, name: ledger, since: since, ledger: seal.NewLedger(domain, partition, k), early: map[key.ID]uint64{}}
	m.ledger.Bind(incarnation)
	return m
}

// Add takes the next record.
func (m *Moment) Add(rec wire.Record) error {
	rest, ok := strings.CutPrefix(rec.Path, "r/"+m.partition.String()+"/")
	if !ok || rec.Path <= m.last {
		return fault.BackupUnsound.At("follow records: out of order at " + rec.Path)
	}
	m.last = rec.Path
	switch {
	case rest == "h":
		return m.head(rec)
	case strings.HasPrefix(rest, "c/"):
		if m.headed || rec.Path != seal.ChangePath(m.partition, uint64(len(m.changes))) {
			return fault.BackupUnsound.At("follow records: a change is missing before " + rec.Path)
		}
		m.changes = append(m.changes, rec.Value)
		return nil
	}
	id, ok := m.name(rec.Path)
	if !ok {
		return nil
	}
	version, err := seal.Version(rec.Value)
	switch {
	case err != nil:
		return err
	case !m.headed:
		m.early[id] = version
	case m.ledger.Check(id, version) != nil:
		return fault.BackupUnsound.At("follow records: not of this moment: " + rec.Path)
	}
	return nil
}

func (m *Moment) head(rec wire.Record) error {
	if err := m.ledger.Load(m.changes, rec.Value); err != nil || m.headed || m.ledger.Counter() < m.since {
		return fault.BackupUnsound.At("follow records: change log and head of partition " + m.partition.String() + " do not fit")
	}
	m.changes, m.headed = nil, true
	for of, version := range m.early {
		if m.ledger.Check(of, version) != nil {
			return fault.BackupUnsound.At("follow records: not of this moment: " + of.String())
		}
	}
	return nil
}

// Open gives a record's plaintext to use, inside ssp.Do.
func (m *Moment) Open(rec wire.Record, use func(plain []byte) error) (err error) {
	ssp.Do(func() {
		var plain []byte
		if plain, _, err = seal.Open(m.key, m.domain, rec.Path, rec.Value); err == nil {
			defer clear(plain)
			err = use(plain)
		}
	})
	return err
}

// End is called after the last record.
func (m *Moment) End() (wire.HeadCounter, error) {
	if !m.headed {
		return wire.HeadCounter{}, fault.BackupUnsound.At("follow records: the partition has no head")
	}
	return wire.HeadCounter{Partition: m.partition, Counter: m.ledger.Counter()}, nil
}
