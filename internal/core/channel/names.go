// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of this file are those of docs/design/names.md that read.

// query reads group and view, which every question about names begins with, after the session.
func (c *channel) query(v view) (q wire.FindNamesRequest, err error) {
	group, deleted := c.r.U64(), c.r.U64()
	if group == 0 || group > uint64(key.GroupCertificates) || deleted > 1 {
		return q, fault.ArgumentsBad.At("read group and view")
	}
	q = wire.FindNamesRequest{Group: key.Group(group), Deleted: deleted == 1}
	if v.session != nil { // the caller answers that it is unknown once all is read
		q.Partition = v.partition
	}
	return q, nil
}

// types reads letter T.
func (c *channel) types() []byte {
	n := c.r.Count(8)
	if n > object.MaxAttributes {
		c.r.Fail()
	}
	return c.r.Raw(8 * n)
}

// nameList answers the current version of each name, or the versions of one.
func nameList(c *channel) error {
	v, err := c.session(c.r.U64())
	if c.r.Err() != nil {
		return c.r.Err()
	}
	q, bad := c.query(v)
	name, after, most, types := c.r.Bytes(), c.r.Bytes(), c.r.U64(), c.types()
	if end := c.r.End(); end != nil {
		return end
	}
	if err != nil || bad != nil {
		return first(err, bad)
	}
	if err := policy.List(v.who(), q.Group, q.Deleted); err != nil {
		return err
	}
	if len(name) > 0 {
		q.Name = name
	}
	if len(after) > 0 {
		r := wire.NewReader(after)
		if q.After, q.AfterCreated, q.AfterObject = r.Bytes(), r.U64(), r.ID(); r.End() != nil {
			return fault.ArgumentsBad.At("read where to go on")
		}
	}
	var found []*object.Object
	most, more := min(most, maxNamePage), true
	for looks := 0; uint64(len(found)) < most && more && looks < maxNameLooks; looks++ {
		var page []*object.Object
		q.Limit = uint32(min(findPage, most-uint64(len(found))))
		if page, q, more, err = v.tokens.Names(q); err != nil {
			return err
		}
		for _, o := range page {
			if o.Group() == q.Group && (q.Name == nil || string(o.Label()) == string(name)) && policy.Readable(v.who(), o, q.Deleted) {
				found = append(found, o)
			}
		}
	}
	var next wire.Writer
	if more {
		next.Bytes(q.After)
		next.U64(q.AfterCreated)
		next.PutID(q.AfterObject)
	}
	c.w.Bytes(next.B)
	c.w.U32(uint32(len(found)))
	for _, o := range found {
		if err := c.named(v, o, types); err != nil {
			return err
		}
	}
	return nil
}

// nameGet answers one version.
func nameGet(c *channel) error {
	v, err := c.session(c.r.U64())
	if c.r.Err() != nil {
		return c.r.Err()
	}
	q, bad := c.query(v)
	name, version, types := c.r.Bytes(), c.r.Bytes(), c.types()
	if end := c.r.End(); end != nil {
		return end
	}
	if err != nil || bad != nil {
		return first(err, bad)
	}
	if v.login == nil {
		return fault.NotLoggedIn.At("find name")
	}
	o, err := c.byName(v, q, name, version)
	if err != nil {
		return err
	}
	c.about.Object = o.ID
	if len(types) > 0 || q.Deleted {
		if q.Deleted && !policy.Readable(v.who(), o, true) {
			return fault.Denied.At("read what was deleted")
		}
		if err := policy.Read(v.who(), o); err != nil {
			return err
		}
	}
	return c.named(v, o, types)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// byName finds one version of a name, or its current one. What the login may do nothing with is unknown to it.
func (c *channel) byName(v view, q wire.FindNamesRequest, name, version []byte) (*object.Object, error) {
	unknown := fault.ObjectUnknown.At("find name")
	if !key.ValidName(name) {
		return nil, unknown
	}
	fits := func(o *object.Object) bool {
		return o.Group() == q.Group && o.Deleted() == q.Deleted && string(o.Label()) == string(name) && policy.Seen(v.who(), o)
	}
	id, exact := key.ParseID(string(version))
	if len(version) > 0 {
		if !exact {
			return nil, unknown
		}
		if o, err := v.tokens.Load(id.Handle()); err == nil && o.ID == id && fits(o) && o.VersionID() == id {
			return o, nil
		}
	}
	for q.Name, q.Limit = name, 1; ; q.Limit = findPage { // restored versions have another id than their object
		page, next, more, err := v.tokens.Names(q)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			if fits(o) && (!exact || o.VersionID() == id) {
				return o, nil
			}
		}
		if q = next; !more {
			return nil, unknown
		}
	}
}

// named writes one named object: its name, version, handle and attributes.
func (c *channel) named(v view, o *object.Object, types []byte) error {
	c.reserve(128)
	c.w.Bytes(o.Label())
	c.w.String(o.VersionID().String())
	c.w.U64(o.Handle())
	return c.values(v, ref{o, nil}, types)
}

// values writes letter V.
func (c *channel) values(v view, r ref, types []byte) (err error) {
	n := len(types) / 8
	secret := false
	for i := range n {
		_, st := r.Get(attr(types[8*i:]))
		secret = secret || st == object.NeedsMaterial
	}
	c.w.U32(uint32(n))
	if !secret || policy.ReadSecret(v.who(), r.Object) != nil {
		for i := range n {
			c.value(attr(types[8*i:]), r.Object, nil)
		}
		return nil
	}
	ssp.Do(func() {
		err = c.material(v, r, func(m mech.Material) error {
			for i := range n {
				c.value(attr(types[8*i:]), r.Object, &m)
			}
			return nil
		})
	})
	return err
}
