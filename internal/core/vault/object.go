// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// New is an object to be created, with its material; both are the caller's and valid during the call.
type New struct {
	Object   *object.Object
	Material mech.Material
}

// Load answers the object of a handle; ObjectUnknown when there is none.
func (p *Partition) Load(handle uint64) (*object.Object, error) {
	if h := p.cache.handle(handle); h != nil {
		if p.settling.of(h.object.ID) == nil && !h.stopped.Load() {
			return h.object, nil
		}
		return p.LoadID(h.object.ID)
	}
	if handle == 0 || handle&key.SessionHandle != 0 {
		return nil, fault.ObjectUnknown
	}
	ids, _, err := p.host.Find(wire.Query{Partition: p.ID, Handle: handle}, key.ID{}, 1)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 || ids[0].Handle() != handle {
		return nil, p.absent(func() <-chan struct{} { return p.settling.ofHandle(handle) })
	}
	return p.LoadID(ids[0])
}

// absent is the answer for an object that the store does not have: not before its destruction, if that was just now and on
// another node, is in force on all.
func (p *Partition) absent(settling func() <-chan struct{}) error {
	if p.peers.Load() != nil {
		if err := p.CatchUp(); err != nil && !passing(err) {
			return err
		}
		p.await(settling())
	}
	return fault.ObjectUnknown
}

// maxSettling bounds how often a reader waits for a record that others change again and again.
const maxSettling = 4

// LoadID answers the object of an id. A record that the ledger refuses as old may only have been overtaken, between its
// reading and the comparison, by a change of ours: it is read again, and refused when it is still the same one.
func (p *Partition) LoadID(id key.ID) (*object.Object, error) {
	waits := 0
	settled := func() bool { return waits >= maxSettling || !p.await(p.settling.of(id)) }
	for before := int64(0); ; waits++ {
		for !settled() {
			waits++
		}
		if h := p.cache.id(id); h != nil {
			if !h.stopped.Load() {
				return h.object, nil
			}
			if _, gone := p.ledger.Expect(id); gone || waits >= maxSettling {
				return nil, p.stopped(id, fault.ObjectUnknown)
			}
			continue // a destruction has begun just now
		}
		rec, err := p.host.Load(ObjectPath(p.ID, id))
		if fault.Of(err) == fault.RecordUnknown {
			return nil, p.absent(func() <-chan struct{} { return p.settling.of(id) })
		}
		if err != nil {
			return nil, err
		}
		o, err := p.open(rec, id)
		if err == nil {
			var h *held
			if h, err = p.remember(o, rec.Revision); err == nil {
				if waits < maxSettling && (p.settling.of(id) != nil || h.stopped.Load()) {
					continue
				}
				if h.stopped.Load() {
					return nil, p.stopped(id, fault.ObjectUnknown)
				}
				return h.object, nil
			}
		}
		switch fault.Of(err) {
		case fault.Conflict: // it is being destroyed
			if waits < maxSettling {
				continue
			}
			return nil, p.stopped(id, fault.ObjectUnknown)
		case fault.OutcomeUnknown, fault.Unavailable, fault.Timeout, fault.Busy:
			return nil, err
		case fault.RecordOld, fault.RecordRevived:
			if rec.Revision > before {
				before = rec.Revision
				continue
			}
		}
		p.alarm(rec.Path, err)
		return nil, err
	}
}

// remember puts an object into the cache and answers what is kept of it. It compares once more: a change or destruction that
// came after the first comparison may have dropped the object before it was put.
func (p *Partition) remember(o *object.Object, revision int64) (*held, error) {
	h := p.cache.put(&held{object: o, revision: revision})
	err := p.current(o.ID, h.object.Version)
	if err != nil || p.ledger.Moving(o.ID) {
		p.cache.drop(o.ID)
	}
	return h, err
}

// stopped is the fault of what cannot be used because of its destruction: that it is unknown is said only once it is gone, since
// the destruction may fail.
func (p *Partition) stopped(id key.ID, unknown fault.Code) error {
	if _, gone := p.ledger.Expect(id); gone {
		return unknown.At("use object")
	}
	return fault.Conflict.At("use object: it is being destroyed")
}

// open opens a record, checks that it is the present version, and puts its material to rest.
func (p *Partition) open(rec wire.Record, id key.ID) (o *object.Object, err error) {
	var version uint64
	ssp.Do(func() {
		var plain []byte
		if plain, version, err = seal.Open(p.key, p.domain, rec.Path, rec.Value); err != nil {
			return
		}
		defer clear(plain)
		var m mech.Material
		if o, m, err = object.Decode(plain); err != nil {
			return
		}
		o.ID, o.Version = id, version
		o.Resting, err = p.rest.Seal(m.Secret, id[:])
	})
	if err == nil {
		err = p.current(id, version)
	}
	return o, err
}

// Describe opens a record for the host's index; nil when the object is no more. Like LoadID it looks again at a record that
// may have been overtaken. One that is just being changed or destroyed, or that cannot be compared at this moment, is described
// as it is: the index is a hint, and each use is checked.
func (p *Partition) Describe(rec wire.Record, id key.ID) (*wire.Meta, error) {
	for {
		m, err := p.meta(rec, id)
		switch fault.Of(err) {
		case fault.OK, fault.Conflict, fault.OutcomeUnknown, fault.Unavailable, fault.Timeout, fault.Busy:
			p.count.Add(1)
			return m, nil
		case fault.RecordOld, fault.RecordRevived:
			now, lost := p.host.Load(rec.Path)
			if fault.Of(lost) == fault.RecordUnknown {
				return nil, nil
			}
			if lost == nil && now.Revision > rec.Revision {
				rec = now
				continue
			}
			if passing(lost) { // the host does not reach the newer one now: the index would say that there is none
				p.count.Add(1)
				return m, nil
			}
		}
		p.alarm(rec.Path, err)
		return nil, err
	}
}

// meta opens a record and compares it with the ledger. The answer of the ledger does not take the Meta away.
func (p *Partition) meta(rec wire.Record, id key.ID) (m *wire.Meta, err error) {
	var version uint64
	ssp.Do(func() {
		var plain []byte
		if plain, version, err = seal.Open(p.key, p.domain, rec.Path, rec.Value); err != nil {
			return
		}
		defer clear(plain)
		var o *object.Object
		if o, _, err = object.Decode(plain); err == nil {
			o.ID = id
			m = o.Meta(p.ID)
		}
	})
	if err == nil {
		err = p.current(id, version)
	}
	return m, err
}

// Find answers up to limit objects after the id given that the index proposes for q, and whether there may be more.
// Records that are refused are left out: they are reported by name, and the others go on.
func (p *Partition) Find(q wire.Query, after key.ID, limit int) ([]*object.Object, key.ID, bool, error) {
	q.Partition = p.ID
	ids, more, err := p.host.Find(q, after, limit)
	if err != nil {
		return nil, after, false, err
	}
	found := make([]*object.Object, 0, len(ids))
	for _, id := range ids {
		after = id
		o, err := p.LoadID(id)
		switch fault.Of(err) {
		case fault.OK:
			found = append(found, o)
		case fault.ObjectUnknown, fault.RecordInvalid, fault.RecordOld, fault.RecordRevived, fault.HeadOld, fault.Conflict, fault.OutcomeUnknown:
		default:
			return nil, after, false, err
		}
	}
	return found, after, more, nil
}

// Create seals and commits all objects or none, drawing ids for those that have none.
func (p *Partition) Create(news []New) ([]*object.Object, error) {
	txn := &wire.Txn{}
	made := make([]*object.Object, len(news))
	for i, n := range news {
		o := *n.Object
		if o.ID.IsZero() {
			rand.Read(o.ID[:])
		}
		o.Version = 1
		path := ObjectPath(p.ID, o.ID)
		var err error
		put := wire.Put{Path: path, Meta: o.Meta(p.ID)}
		ssp.Do(func() {
			var w wire.Writer
			o.Encode(&w, n.Material)
			defer clear(w.B)
			if put.Value, err = seal.Record(p.key, p.domain, path, 1, w.B); err == nil {
				o.Resting, err = p.rest.Seal(n.Material.Secret, o.ID[:])
			}
		})
		if err != nil {
			return nil, err
		}
		txn.Compares = append(txn.Compares, wire.Compare{Path: path})
		txn.Puts = append(txn.Puts, put)
		made[i] = &o
	}
	revision, err := p.host.Commit(txn)
	if err != nil {
		return nil, err
	}
	for _, o := range made {
		p.cache.put(&held{object: o, revision: revision})
	}
	p.count.Add(int64(len(made)))
	return made, nil
}

// Update commits the next version of an object: next has the attributes, its material stays as it is. Conflict when
// somebody else was first.
func (p *Partition) Update(old, next *object.Object) (*object.Object, error) {
	h := p.cache.id(old.ID)
	if h == nil || h.object.Version != old.Version || h.stopped.Load() {
		return nil, fault.Conflict.At("update object")
	}
	o := *next
	o.ID, o.Version, o.Resting = old.ID, p.ledger.Next(old.Version), old.Resting
	put, err := p.sealRested(&o)
	if err != nil {
		return nil, err
	}
	keep := func(revision int64) { p.cache.put(&held{object: &o, revision: revision}) }
	revision, err := p.move(&step{id: o.ID, path: put.Path, rev: h.revision, put: &put, next: o.Version, then: keep})
	if !Done(err) || revision == 0 { // read anew what is there before it is used again
		p.cache.drop(o.ID)
	}
	return &o, err
}

// Destroy stops all use, commits, then forgets. After an unknown outcome the object stays stopped until it has been read
// from the store again.
func (p *Partition) Destroy(o *object.Object) error {
	release := p.settling.begin(o.ID) // who reads it meanwhile waits, and does not hear that it is gone before it is
	defer release()
	h := p.cache.id(o.ID)
	if h == nil || h.object.Version != o.Version {
		return fault.Conflict.At("destroy object")
	}
	if !h.stopped.CompareAndSwap(false, true) { // somebody else is destroying it
		release()
		p.await(p.settling.of(o.ID))
		return p.stopped(o.ID, fault.ObjectUnknown)
	}
	_, err := p.move(&step{id: o.ID, path: ObjectPath(p.ID, o.ID), rev: h.revision})
	p.cache.drop(o.ID) // the ledger answers for it from here on
	if Done(err) {
		p.count.Add(-1)
	}
	return err
}

// Forget drops an object that is not cached in the version that the ledger says; it is loaded anew when asked for. A notice
// that comes late costs nothing.
func (p *Partition) Forget(id key.ID) {
	h := p.cache.id(id)
	if h == nil {
		return
	}
	if version, gone := p.ledger.Expect(id); gone || h.object.Version != version {
		h.stopped.Store(gone)
		p.cache.drop(id)
	}
}
