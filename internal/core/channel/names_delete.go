// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of this file delete, recover and purge names (docs/design/names.md, soft delete).

func nameDelete(c *channel) error {
	return c.onName(false, policy.DeleteAction, func(v view, o *object.Object) error { return c.remove(v, o) })
}

func nameRecover(c *channel) error {
	return c.onName(true, policy.RecoverAction, func(v view, o *object.Object) error {
		live, err := o.WithDeleted(0, 0)
		if err != nil {
			return err
		}
		return v.tokens.Update(v.whoever(), o, live)
	})
}

func namePurge(c *channel) error {
	return c.onName(true, policy.PurgeAction, func(v view, o *object.Object) error {
		if _, protected := v.tokens.Retention(); protected && c.module.Now() < o.PurgeDate() {
			return fault.ActionProhibited.At("purge before the purge date")
		}
		return v.tokens.Destroy(v.whoever(), o)
	})
}

// onName does one thing to every version of a name and the public halves that belong to them: the oldest first, so that
// while it is under way the current version stays the same one. What is half done is finished by asking again.
func (c *channel) onName(deleted bool, action func(key.Group) policy.Action, do func(view, *object.Object) error) error {
	id, group, name := c.r.U64(), key.Group(c.r.U64()), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if err := policy.Write(v.rw, true); err != nil {
		return err
	}
	if err := policy.Name(v.who(), group, name, action(group)); err != nil {
		return err
	}
	list, err := c.versions(v, group, name, deleted)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault.ObjectUnknown.At("find name")
	}
	if err := policy.Each(v.who(), list, action(group)); err != nil {
		return err
	}
	var late error
	for _, o := range slices.Backward(list) {
		halves, err := c.halves(v, o)
		if err != nil {
			return err
		}
		for _, h := range append(halves, o) {
			c.about.Object = h.ID
			err := c.untilDone(v, h, do)
			if fault.Of(err) == fault.ObjectUnknown {
				err = nil
			}
			if err = c.committed(h.ID, err); fault.Of(err) == fault.InForceLater {
				late = err // all of it is done, and this is its outcome
			} else if err != nil {
				return err
			}
		}
	}
	return late
}

// untilDone tries again where somebody else changed the object first.
func (c *channel) untilDone(v view, o *object.Object, do func(view, *object.Object) error) (err error) {
	for range setTries {
		if err = do(v, o); fault.Of(err) != fault.Conflict {
			return err
		}
		now, failed := v.tokens.Load(o.Handle())
		if failed != nil {
			return failed
		}
		if now.ID != o.ID || now.Deleted() != o.Deleted() || !bytes.Equal(now.Label(), o.Label()) {
			return nil // somebody did it, or it is another's now
		}
		o = now
	}
	return err
}

// versions lists every version of a name that the login may do something with, the newest first.
func (c *channel) versions(v view, group key.Group, name []byte, deleted bool) (list []*object.Object, err error) {
	if !key.ValidName(name) {
		return nil, nil
	}
	q := wire.FindNamesRequest{Partition: v.partition, Group: group, Deleted: deleted, Name: name, Limit: findPage}
	for more := true; more; {
		var page []*object.Object
		if page, q, more, err = v.tokens.Names(q); err != nil {
			return nil, err
		}
		for _, o := range page {
			if o.Group() == group && o.Deleted() == deleted && bytes.Equal(o.Label(), name) && policy.Seen(v.who(), o) {
				list = append(list, o)
			}
		}
	}
	return list, nil
}

// halves are the public keys that belong to a private one: the same CKA_ID and label, in the same state of deletion.
func (c *channel) halves(v view, o *object.Object) (list []*object.Object, err error) {
	if o.Class() != key.ClassPrivate || len(o.KeyID()) == 0 {
		return nil, nil
	}
	class := key.ClassPublic
	found, _, err := v.tokens.Find(wire.Query{Partition: v.partition, Class: &class, ID: o.KeyID()}, key.ID{}, findPage)
	for _, h := range found {
		if h.Class() == class && h.Deleted() == o.Deleted() && bytes.Equal(h.Label(), o.Label()) && bytes.Equal(h.KeyID(), o.KeyID()) {
			list = append(list, h)
		}
	}
	return list, err
}

// remove destroys a token object, or deletes it where the partition keeps what is deleted.
func (c *channel) remove(v view, o *object.Object) error {
	days, protected := v.tokens.Retention()
	switch {
	case days > 0 && (o.Group() != key.GroupUnknown || o.Class() == key.ClassPublic && c.row.call == wire.CallNameDelete):
		now := c.module.Now()
		gone, err := o.WithDeleted(now, now+days*86400)
		if err != nil {
			return err
		}
		return v.tokens.Update(v.whoever(), o, gone)
	case protected && o.Kind() != key.GroupUnknown:
		return fault.ActionProhibited.At("destroy what has no name, in a partition with purge protection")
	}
	return v.tokens.Destroy(v.whoever(), o)
}

// place fits a new object among the versions of its name, where the partition keeps names: its time comes after that of
// the version before, and the name must not be one that was deleted. live says that there is such a version.
func (c *channel) place(v view, o *object.Object) (placed *object.Object, live bool, err error) {
	days, _ := v.tokens.Retention()
	if days == 0 && o.Part() == key.PartNone || o.Group() == key.GroupUnknown {
		return o, false, nil
	}
	q := wire.FindNamesRequest{Partition: v.partition, Group: o.Group(), Name: o.Label(), Limit: 1}
	page, _, _, err := v.tokens.Names(q)
	if err != nil {
		return nil, false, err
	}
	for _, before := range page {
		if before.Deleted() || before.Group() != o.Group() || !bytes.Equal(before.Label(), o.Label()) {
			continue
		}
		if err := policy.Beside(v.who(), o, before); err != nil {
			return o, false, err
		}
		if before.Created() >= o.Created() {
			o, err = o.WithCreated(before.Created() + 1)
		}
		return o, true, err
	}
	q.Deleted = true
	if page, _, _, err = v.tokens.Names(q); err == nil && len(page) > 0 {
		err = fault.NameDeleted.At("make object")
	}
	return o, false, err
}
