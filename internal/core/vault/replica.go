// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Clones of a domain share partition keys and paths, so an object moves from one to the other as the record that it is.

// Sealed answers an object's record as it rests, once it has shown to be the present one.
func (p *Partition) Sealed(o *object.Object) ([]byte, error) {
	rec, err := p.host.Load(ObjectPath(p.ID, o.ID))
	if err != nil {
		return nil, err
	}
	now, err := p.open(rec, o.ID)
	if err == nil && now.Version != o.Version {
		err = fault.Conflict.At("replicate object")
	}
	return rec.Value, err
}

// Outcomes of Take.
const (
	TakenNew     = 1
	TakenChanged = 2
	TakenSame    = 3
)

// TakeSealed commits an object from a clone's record. may decides, on the object as it would be, whether it may come. An object that was
// destroyed here does not come back.
func (p *Partition) TakeSealed(id key.ID, record []byte, may func(*object.Object) error) (o *object.Object, outcome uint64, err error) {
	version, gone := p.ledger.Expect(id)
	if gone {
		return nil, 0, fault.RecordRevived.At("take object: it was destroyed here")
	}
	path := ObjectPath(p.ID, id)
	put := wire.Put{Path: path}
	ssp.Do(func() {
		var plain []byte
		if plain, _, err = seal.Open(p.key, p.domain, path, record); err != nil {
			return
		}
		defer clear(plain)
		var m mech.Material
		if o, m, err = object.Decode(plain); err != nil || o.ID != id {
			err = fault.RecordInvalid.At("take object")
			return
		}
		if err = may(o); err != nil {
			return
		}
		if o.Resting, err = p.rest.Seal(m.Secret, id[:]); err == nil {
			put.Value, err = seal.Record(p.key, p.domain, path, 1, plain)
		}
	})
	if err != nil {
		return nil, 0, err
	}
	old, err := p.LoadID(id)
	switch fault.Of(err) {
	case fault.ObjectUnknown:
		if version != 1 {
			return nil, 0, fault.Conflict.At("take object")
		}
		o.Version, put.Meta = 1, o.Meta(p.ID)
		revision, err := p.host.Commit(&wire.Txn{Compares: []wire.Compare{{Path: path}}, Puts: []wire.Put{put}})
		if err != nil {
			return nil, 0, err
		}
		p.cache.put(&held{object: o, revision: revision})
		p.count.Add(1)
		return o, TakenNew, nil
	case fault.OK:
	default:
		return nil, 0, err
	}
	if err := may(old); err != nil {
		return nil, 0, err
	}
	if p.alike(old, o) {
		return old, TakenSame, nil
	}
	o, err = p.Update(old, o)
	return o, TakenChanged, err
}

// alike compares everything that two forms of an object say, their material left out: it never changes.
func (p *Partition) alike(a, b *object.Object) bool {
	encode := func(o *object.Object) (attrs []byte) {
		var w wire.Writer
		o.Encode(&w, mech.Material{})
		return w.B
	}
	return bytes.Equal(encode(a), encode(b))
}

// DigestLen is the length of a record's digest.
const DigestLen = 32

// Digest answers the digest of a record (seal.Digest).
func (p *Partition) Digest(root ssp.Bytes, rec wire.Record) (digest [DigestLen]byte, err error) {
	ssp.Do(func() {
		var plain []byte
		if plain, _, err = seal.Open(p.key, p.domain, rec.Path, rec.Value); err == nil {
			defer clear(plain)
			digest, err = seal.Digest(root, rec.Path, plain)
		}
	})
	return digest, err
}
