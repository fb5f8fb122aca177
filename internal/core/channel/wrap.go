// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// inside makes a job's work run inside ssp.Do in fast mode too: it opens or makes material of another key, which is
// never kept parsed.
func (c *channel) inside(f func(k mech.Key) error) func(*channel, *job, mech.Key) error {
	return func(_ *channel, _ *job, k mech.Key) (err error) {
		ssp.Do(func() { err = f(k) })
		return err
	}
}

// keyJob finds session, mechanism and key of a call that makes or takes out another key.
func (c *channel) keyJob(session uint64, m key.Mechanism, param []byte, handle uint64, how mech.Use, unknown fault.Code) (job, error) {
	v, err := c.session(session)
	if err != nil {
		return job{}, err
	}
	row, err := rowFor(m, how)
	if err != nil {
		return job{}, err
	}
	k, err := c.keyFor(v, handle, row, how, unknown, false)
	return job{v: v, key: k, row: row, how: how, param: param}, err
}

// wrapKey is C_WrapKey.
func wrapKey(c *channel) error {
	id, m, param, wrapping, handle := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	j, err := c.keyJob(id, m, param, wrapping, mech.Wrap, fault.WrappingKeyUnknown)
	if err != nil {
		return err
	}
	target, err := j.v.find(handle)
	if fault.Of(err) == fault.ObjectUnknown {
		return fault.KeyUnknown.At("find key to wrap")
	} else if err != nil {
		return err
	}
	if err := policy.Wrap(j.v.who(), j.key.Object, target.Object); err != nil {
		c.about.Object = target.ID
		return err
	}
	j.do = c.inside(func(k mech.Key) error {
		return c.material(j.v, target, func(m mech.Material) error {
			plain, err := wrap.Serialize(m)
			if err != nil {
				return err
			}
			out, err := j.row.WrapBytes(k, j.param, plain)
			if &plain[0] != &m.Secret[0] { // a secret key's value is the material itself
				clear(plain)
			}
			if err == nil {
				c.w.Bytes(out)
			}
			return err
		})
	})
	if err := c.useKey(j); err != nil {
		return err
	}
	if target.held == nil {
		return c.record(target.ID)
	}
	return nil
}

// unwrapKey is C_UnwrapKey.
func unwrapKey(c *channel) error {
	id, m, param, handle, wrapped := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64(), c.r.Bytes()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	j, err := c.keyJob(id, m, param, handle, mech.Unwrap, fault.UnwrappingKeyUnknown)
	if err != nil {
		return err
	}
	if err := object.CheckUnwrap(t, j.key.Object, j.v.rules()); err != nil {
		return err
	}
	j.do = c.inside(func(k mech.Key) error {
		plain, err := j.row.UnwrapBytes(k, j.param, wrapped)
		if err != nil {
			return err
		}
		defer clear(plain)
		o, m, err := object.Unwrapped(t, j.key.Object, j.row, plain, j.v.rules())
		if err == nil {
			err = policy.Import(j.key.Object, o)
		}
		if err != nil {
			return err
		}
		return c.keepAndAnswer(j.v, NewObject{o, m})
	})
	return c.useKey(j)
}

// derive is C_DeriveKey. SP800-108 may make further keys beside the one of the call.
func derive(c *channel) error {
	id, m, param, handle := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	j, err := c.keyJob(id, m, param, handle, mech.Derive, fault.KeyUnknown)
	if err != nil {
		return err
	}
	templates := []object.Template{t}
	if j.row.Further != nil {
		further, err := j.row.Further(j.param)
		if err != nil {
			return err
		}
		for _, b := range further {
			t, err := furtherTemplate(b)
			if err != nil {
				return err
			}
			templates = append(templates, t)
		}
	}
	lens := make([]int, len(templates))
	for i, t := range templates {
		if lens[i], err = object.DeriveLen(t, j.key.Object, j.row, j.v.rules()); err != nil {
			return err
		}
	}
	j.do = c.inside(func(k mech.Key) error {
		values, err := deriveValues(j.row, k, j.param, lens)
		if err != nil {
			return err
		}
		list := make([]NewObject, len(values))
		for i, value := range values {
			defer clear(value)
			if list[i].Object, list[i].Material, err = object.Derived(templates[i], j.key.Object, j.row, value, j.v.rules()); err != nil {
				return err
			}
		}
		kept, err := c.keep(j.v, list...)
		if err != nil {
			return err
		}
		c.answerObjects(kept[0])
		c.w.U32(uint32(len(kept) - 1))
		for _, o := range kept[1:] {
			c.w.U64(o.Handle())
		}
		return nil
	})
	return c.useKey(j)
}

func furtherTemplate(b []byte) (object.Template, error) {
	r := wire.NewReader(b)
	t, err := object.DecodeTemplate(&r)
	if err != nil || r.End() != nil {
		return nil, fault.MechanismParamInvalid.At("read template of a further key")
	}
	return t, nil
}

func deriveValues(row *mech.Row, k mech.Key, p mech.Params, lens []int) ([][]byte, error) {
	if row.DeriveAll != nil && len(lens) > 1 {
		return row.DeriveAll(k, p, lens)
	}
	value, err := row.Derive(k, p, lens[0])
	return [][]byte{value}, err
}

// encapsulate is C_EncapsulateKey.
func encapsulate(c *channel) error {
	id, m, param, handle := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	j, err := c.keyJob(id, m, param, handle, mech.Encapsulate, fault.KeyUnknown)
	if err != nil {
		return err
	}
	if err := object.CheckEncapsulate(t, j.key.Object, j.v.rules()); err != nil {
		return err
	}
	j.do = c.inside(func(k mech.Key) error {
		ct, secret, err := j.row.Encapsulate(k, j.param)
		if err != nil {
			return err
		}
		defer clear(secret)
		c.w.Bytes(ct)
		o, m, err := object.Encapsulated(t, j.key.Object, secret, j.v.rules())
		if err != nil {
			return err
		}
		return c.keepAndAnswer(j.v, NewObject{o, m})
	})
	return c.useKey(j)
}

// decapsulate is C_DecapsulateKey.
func decapsulate(c *channel) error {
	id, m, param, handle, ct := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64(), c.r.Bytes()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	j, err := c.keyJob(id, m, param, handle, mech.Decapsulate, fault.KeyUnknown)
	if err != nil {
		return err
	}
	if err := object.CheckEncapsulate(t, j.key.Object, j.v.rules()); err != nil {
		return err
	}
	j.do = c.inside(func(k mech.Key) error {
		secret, err := j.row.Decapsulate(k, j.param, ct)
		if err != nil {
			return err
		}
		defer clear(secret)
		o, m, err := object.Encapsulated(t, j.key.Object, secret, j.v.rules())
		if err != nil {
			return err
		}
		return c.keepAndAnswer(j.v, NewObject{o, m})
	})
	return c.useKey(j)
}
