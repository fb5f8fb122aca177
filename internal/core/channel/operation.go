// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// uses is one more than the largest mech.Use that can be an operation of a session.
const uses = int(mech.Digest) + 1

// operation is a multi-part operation of a session: what C_SignInit and its like begin. It is guarded by the session's
// mutex. Between its parts it holds its key in parsed form, in strict mode too: the mechanism would have to run anew
// otherwise. What ssp.Do allocated for it is erased when it is over. Its use is noted in the audit log when it begins,
// since its parts give results away before its end.
type operation struct {
	row      *mech.Row
	param    mech.Params // a copy
	op       mech.Op
	verifier mech.Verifier // instead of op, to verify
	key      ref           // without an Object for digests
	login    *login        // it began under
	unproven bool          // ALWAYS_AUTHENTICATE: waits for a PIN
	keyed    bool          // a digest that took in a key
	approved bool
}

// useOf reads the use of a request; the numbers of channel.md are those of mech.Use.
func useOf(n uint64) (mech.Use, error) {
	if n < uint64(mech.Encrypt) || n > uint64(mech.Digest) {
		return mech.UseUnknown, fault.ArgumentsBad.At("read use")
	}
	return mech.Use(n), nil
}

// begin starts an operation (C_SignInit and its like).
func begin(c *channel) error {
	id, n, m, param, handle := c.r.U64(), c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	how, err := useOf(n)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ops[how] != nil {
		return fault.OperationActive.At("begin operation")
	}
	o := &operation{param: append(mech.Params(nil), param...), login: v.login}
	if o.row, err = rowFor(m, how); err != nil {
		return err
	}
	c.with = o.row
	if how == mech.Digest {
		c.approve = o.row.Approved(how, nil, o.param, 0)
		if err = c.fips(); err == nil {
			c.secretly(func() { o.op, err = o.row.Begin(how, nil, o.param) })
		}
	} else if o.key, err = c.keyFor(v, handle, o.row, how, fault.KeyUnknown, true); err == nil {
		o.unproven = o.key.AlwaysAuth()
		err = c.useKey(job{v: v, key: o.key, row: o.row, how: how, param: o.param, do: func(_ *channel, j *job, k mech.Key) (err error) {
			if how == mech.Verify {
				o.verifier, err = o.row.BeginVerify(k, o.param)
			} else {
				o.op, err = o.row.Begin(how, k, o.param)
			}
			return err
		}})
	}
	if err == nil {
		o.approved = c.approve
		v.ops[how] = o
	}
	return err
}

// running finds the operation that a part belongs to, and whether it may still go on. The caller holds v.mu.
func (c *channel) running(v view, how mech.Use) (*operation, error) {
	o := v.ops[how]
	if o == nil {
		return nil, fault.OperationNotActive.At("find operation")
	}
	if o.unproven {
		return nil, fault.AuthRequired.At("go on with operation")
	}
	if o.key.Object == nil {
		return o, nil
	}
	// The key may have been disabled or destroyed, or its user logged out, since the part before.
	err := fault.OperationNotActive.At("go on after logout")
	if o.login == v.login || !o.key.Private() {
		now, e := c.keyFor(v, o.key.Handle(), o.row, how, fault.KeyUnknown, true)
		if e == nil {
			o.key = now
			return o, nil
		}
		err = e
	}
	v.end(how)
	return nil, err
}

// end lets go of an operation that has no last part. The caller holds x.mu.
func (x *session) end(how mech.Use) {
	x.ops[how] = nil
	ssp.Dropped()
}

// endOf ends the operations with private keys that began under a login which is over. Their next part would be refused
// anyhow, but until then they would keep their keys parsed.
func (x *session) endOf(l *login) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for how, o := range x.ops {
		if o != nil && o.login == l && o.key.Object != nil && o.key.Private() {
			x.end(mech.Use(how))
		}
	}
}

func update(c *channel) error { return c.part(false) }

func final(c *channel) error { return c.part(true) }

// part runs one part of an operation. An error ends it.
func (c *channel) part(last bool) error {
	id, n, data := c.r.U64(), c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	how, err := useOf(n)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	o, err := c.running(v, how)
	if err != nil {
		return err
	}
	c.approve, c.with = o.approved, o.row
	v.ops[how] = nil // until the part has succeeded: a panic ends the operation as well
	at := c.startBytes(len(data) + partRoom)
	c.secretly(func() { err = o.part(c, data, last) })
	c.endBytes(at)
	if err == nil && !last {
		v.ops[how] = o
	}
	return err
}

// partRoom is what a part may answer beyond its input: a block kept back, a tag, a signature.
const partRoom = 1024

func (o *operation) part(c *channel, data []byte, last bool) error {
	switch {
	case o.verifier != nil && last:
		return o.verifier.Verify(data)
	case o.verifier != nil:
		return c.append(o.verifier.Update(c.w.B, data))
	case !last || len(data) > 0:
		if err := c.append(o.op.Update(c.w.B, data)); err != nil || !last {
			return err
		}
	}
	return c.append(o.op.Final(c.w.B))
}

// append takes what was appended to the answer, unless it failed.
func (c *channel) append(out []byte, err error) error {
	if err == nil {
		c.w.B = out
	}
	return err
}

// secretly runs f inside ssp.Do in strict mode.
func (c *channel) secretly(f func()) {
	if c.module.Fast() {
		f()
	} else {
		ssp.Do(f)
	}
}

// cancel gives an operation up (C_SessionCancel, C_SignInit without mechanism).
func cancel(c *channel) error {
	id, n := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	how, err := useOf(n)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.end(how)
	return nil
}

// rowFor finds a mechanism that can be used so.
func rowFor(m key.Mechanism, how mech.Use) (*mech.Row, error) {
	row := all.Row(m)
	if row == nil || row.Flags&flagOf[how] == 0 {
		return nil, fault.MechanismInvalid.At("find mechanism")
	}
	return row, nil
}

var flagOf = [...]key.MechFlags{
	mech.Encrypt: key.CanEncrypt, mech.Decrypt: key.CanDecrypt, mech.Sign: key.CanSign, mech.Verify: key.CanVerify,
	mech.Digest: key.CanDigest, mech.Derive: key.CanDerive, mech.Wrap: key.CanWrap, mech.Unwrap: key.CanUnwrap,
	mech.Encapsulate: key.CanEncapsulate, mech.Decapsulate: key.CanDecapsulate, mech.Generate: key.CanGenerate,
	mech.MessageEncrypt: key.CanMessageEncrypt, mech.MessageDecrypt: key.CanMessageDecrypt,
}
