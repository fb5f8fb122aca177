// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// disk is a host in memory: records with revisions, all-or-nothing commits, and accidents on demand.
type disk struct {
	mu       sync.Mutex
	records  map[string]wire.Record
	revision int64
	commits  int
	away     error                                    // of Load: the store cannot be asked
	accident func(txn *wire.Txn) (do bool, err error) // nil: none
}

func (d *disk) Load(path string) (wire.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away != nil {
		return wire.Record{}, d.away
	}
	rec, ok := d.records[path]
	if !ok {
		return rec, fault.RecordUnknown
	}
	rec.Value = bytes.Clone(rec.Value)
	return rec, nil
}

func (d *disk) List(prefix string) (list []wire.Record, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, rec := range d.records {
		if strings.HasPrefix(path, prefix) {
			list = append(list, rec)
		}
	}
	slices.SortFunc(list, func(a, b wire.Record) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

func (d *disk) ListAfter(prefix, after string) (list []wire.Record, err error) {
	all, _ := d.List(prefix)
	for _, rec := range all {
		if rec.Path > after {
			list = append(list, rec)
		}
	}
	return list, nil
}

func (d *disk) Find(q wire.Query, after key.ID, limit int) (ids []key.ID, more bool, err error) {
	prefix := "r/" + q.Partition.String() + "/o/"
	list, _ := d.List(prefix)
	for _, rec := range list {
		id, _ := key.ParseID(rec.Path[len(prefix):])
		if bytes.Compare(id[:], after[:]) > 0 && (q.Handle == 0 || q.Handle == id.Handle()) {
			if len(ids) == limit {
				return ids, true, nil
			}
			ids = append(ids, id)
		}
	}
	return ids, false, nil
}

// FindNames is not asked here: the index has tests of its own.
func (d *disk) FindNames(wire.FindNamesRequest) ([]wire.NameHit, bool, error) { return nil, false, nil }

func (d *disk) Commit(txn *wire.Txn) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do, failure := true, error(nil)
	if d.accident != nil {
		do, failure = d.accident(txn)
	}
	if do {
		for _, c := range txn.Compares {
			if d.records[c.Path].Revision != c.Revision {
				return 0, fault.Conflict
			}
		}
		d.revision++
		d.commits++
		for _, p := range txn.Puts {
			d.records[p.Path] = wire.Record{Path: p.Path, Value: bytes.Clone(p.Value), Revision: d.revision}
		}
		for _, path := range txn.Deletes {
			delete(d.records, path)
		}
	}
	return d.revision, failure
}

// put writes behind the vault's back.
func (d *disk) put(path string, value []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revision++
	d.records[path] = wire.Record{Path: path, Value: bytes.Clone(value), Revision: d.revision}
}

// rig is a partition over a disk; reopen is another core over the same disk.
type rig struct {
	t      *testing.T
	disk   *disk
	key    ssp.Bytes
	domain key.ID
	part   key.ID
	*Partition

	mu     sync.Mutex
	alarms map[string]fault.Code
}

func newRig(t *testing.T, fast bool) *rig {
	t.Helper()
	k, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, disk: &disk{records: map[string]wire.Record{}}, key: k, domain: key.ID{1}, part: key.ID{2}}
	r.Partition = r.another(fast)
	head, err := r.Begin()
	if err != nil {
		t.Fatal(err)
	}
	revision, err := r.disk.Commit(&wire.Txn{Puts: []wire.Put{head}})
	if err != nil {
		t.Fatal(err)
	}
	r.Began(revision)
	return r
}

func (r *rig) another(fast bool) *Partition {
	r.t.Helper()
	rest, err := NewRest()
	if err != nil {
		r.t.Fatal(err)
	}
	r.alarms = map[string]fault.Code{}
	return Open(Settings{Domain: r.domain, Host: r.disk, Rest: rest, Fast: fast, Alarm: func(path string, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.alarms[path] = fault.Of(err)
	}}, r.part, r.key)
}

// reopen is what a restarted core sees.
func (r *rig) reopen() *Partition {
	r.t.Helper()
	p := r.another(false)
	if err := p.LoadLedger(); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) create(label string) *object.Object {
	r.t.Helper()
	var made []*object.Object
	var err error
	ssp.Do(func() {
		value := bytes.Repeat([]byte(label[:1]), 32)
		var n New
		n.Object, n.Material, err = object.Create(object.Template{
			{Type: key.AttrClass, Value: []byte{4, 0, 0, 0, 0, 0, 0, 0}}, {Type: key.AttrKeyType, Value: []byte{0x1F, 0, 0, 0, 0, 0, 0, 0}},
			{Type: key.AttrToken, Value: []byte{1}}, {Type: key.AttrLabel, Value: []byte(label)}, {Type: key.AttrValue, Value: value},
		}, object.Rules{Who: object.ActorUser, NewID: func() (id key.ID) { rand.Read(id[:]); return id }, Family: all.Family})
		if err == nil {
			made, err = r.Create([]New{n})
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return made[0]
}

func (r *rig) relabel(p *Partition, o *object.Object, label string) (*object.Object, error) {
	next, err := o.With(object.Template{{Type: key.AttrLabel, Value: []byte(label)}}, object.ActorUser, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Update(o, next)
}

func (r *rig) path(o *object.Object) string { return ObjectPath(r.part, o.ID) }

func label(o *object.Object) string {
	v, _ := o.Get(key.AttrLabel)
	return string(v)
}
