// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Status bytes of letter V.
const (
	statusGiven     uint8 = 0
	statusUnknown   uint8 = 1
	statusSensitive uint8 = 2
)

// get is C_GetAttributeValue: each attribute has a status of its own, so that one which is not there keeps nobody from
// the others.
func get(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	n := c.r.Count(8)
	types := c.r.Raw(8 * n)
	if err := c.r.End(); err != nil {
		return err
	}
	if n > object.MaxAttributes {
		return fault.TooLarge.At("count attributes")
	}
	v, r, err := c.find(id, handle)
	if err != nil {
		return err
	}
	if err := policy.Read(v.who(), r.Object); err != nil {
		return err
	}
	return c.values(v, r, types)
}

func attr(b []byte) key.Attr {
	_ = b[7]
	var v uint64
	for i := 7; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return key.Attr(v)
}

// value writes one attribute. m is the opened material, where one of those asked for needs it and may be read.
func (c *channel) value(t key.Attr, o *object.Object, m *mech.Material) {
	b, st := o.Get(t)
	status := statusUnknown
	switch st {
	case object.Given:
		status = statusGiven
	case object.Sensitive:
		status, b = statusSensitive, nil
	case object.NeedsMaterial:
		if m == nil {
			status, b = statusSensitive, nil
			break
		}
		var ok bool
		if b, ok = object.SecretAttr(*m, t); ok {
			status = statusGiven
		} else {
			b = nil
		}
	default:
		b = nil
	}
	c.reserve(8 + 1 + 4 + len(b))
	c.w.U64(uint64(t))
	c.w.U8(status)
	c.w.Bytes(b)
}

// setTries is how often a change is tried anew after somebody else changed the object first.
const setTries = 4

// set is C_SetAttributeValue: all of the template or nothing.
func set(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	for range setTries {
		if err = c.change(id, handle, t); fault.Of(err) != fault.Conflict {
			return err
		}
	}
	return err
}

func (c *channel) change(session, handle uint64, t object.Template) error {
	v, r, err := c.find(session, handle)
	if err != nil {
		return err
	}
	if err := policy.Write(v.rw, r.Token()); err != nil {
		return err
	}
	if err := policy.Change(v.who(), r.Object); err != nil {
		return err
	}
	if err := policy.ChangeTo(v.who(), r.Object, t); err != nil {
		return err
	}
	o, err := r.With(t, policy.Actor(v.who()), c.module.Clock())
	if err != nil {
		return err
	}
	if p := o.ReleasePolicy(); p != nil && !bytes.Equal(p, r.ReleasePolicy()) {
		if err := policy.CheckRelease(p); err != nil {
			return err
		}
	}
	if err := policy.Rename(v.who(), r.Object, o); err != nil {
		return err
	}
	if r.held == nil {
		return c.committed(r.ID, v.tokens.Update(v.whoever(), r.Object, o))
	}
	v.app.mu.Lock()
	defer v.app.mu.Unlock()
	switch {
	case v.app.objects[handle] != r.held:
		return fault.ObjectUnknown.At("change object")
	case r.held.object != r.Object:
		return fault.Conflict.At("change object")
	}
	r.held.object = o
	return nil
}
