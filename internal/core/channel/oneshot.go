// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of this file are C_EncryptInit and C_Encrypt and their like in one round trip. They leave no state and hold
// no lock while they work.

func encrypt(c *channel) error { return c.oneShot(mech.Encrypt) }
func decrypt(c *channel) error { return c.oneShot(mech.Decrypt) }
func sign(c *channel) error    { return c.oneShot(mech.Sign) }

func (c *channel) oneShot(how mech.Use) error {
	id, m, param, handle, data := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	j, err := c.jobFor(id, m, handle, how)
	if err != nil {
		return err
	}
	j.param, j.data, j.do = param, data, runOneShot
	at := c.startBytes(len(data) + partRoom)
	err = c.useKey(j)
	c.endBytes(at)
	return err
}

// jobFor finds session, mechanism and key of a one-shot call.
func (c *channel) jobFor(session uint64, m key.Mechanism, handle uint64, how mech.Use) (j job, err error) {
	v, err := c.session(session)
	if err != nil {
		return j, err
	}
	if err := v.idle(how); err != nil {
		return j, err
	}
	row, err := rowFor(m, how)
	if err != nil {
		return j, err
	}
	k, err := c.keyFor(v, handle, row, how, fault.KeyUnknown, false)
	return job{v: v, key: k, row: row, how: how}, err
}

// idle makes sure that no multi-part operation of this use is under way in the session.
func (v view) idle(how mech.Use) error {
	if int(how) >= uses {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ops[how] != nil {
		return fault.OperationActive.At("begin operation")
	}
	return nil
}

func runOneShot(c *channel, j *job, k mech.Key) error {
	op, err := j.row.Begin(j.how, k, j.param)
	if err != nil {
		return err
	}
	return c.append(mech.OneShot(op, c.w.B, j.data))
}

func verify(c *channel) error {
	id, m, param, handle := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	data, signature := c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	j, err := c.jobFor(id, m, handle, mech.Verify)
	if err != nil {
		return err
	}
	j.param, j.data, j.signature, j.do = param, data, signature, runVerify
	return c.useKey(j)
}

func runVerify(c *channel, j *job, k mech.Key) error {
	op, err := j.row.BeginVerify(k, j.param)
	if err != nil {
		return err
	}
	if _, err := op.Update(nil, j.data); err != nil {
		return err
	}
	return op.Verify(j.signature)
}

func digest(c *channel) error {
	id, m, param, data := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if err := v.idle(mech.Digest); err != nil {
		return err
	}
	row, err := rowFor(m, mech.Digest)
	if err != nil {
		return err
	}
	c.with = row
	c.approve = row.Approved(mech.Digest, nil, param, 0)
	if err := c.fips(); err != nil {
		return err
	}
	at := c.startBytes(partRoom)
	c.secretly(func() {
		var op mech.Op
		if op, err = row.Begin(mech.Digest, nil, param); err != nil {
			return
		}
		err = c.append(mech.OneShot(op, c.w.B, data))
	})
	c.endBytes(at)
	return err
}

// sealMessage is C_EncryptMessage: one message under an AEAD, whose IV the core may make.
func sealMessage(c *channel) error {
	id, m, param, handle := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	aad, data := c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	j, err := c.jobFor(id, m, handle, mech.MessageEncrypt)
	if err != nil {
		return err
	}
	j.param, j.aad, j.data, j.do = param, aad, data, runSeal
	return c.useKey(j)
}

func runSeal(c *channel, j *job, k mech.Key) error {
	a, ok := k.(mech.AEAD)
	if !ok {
		return fault.MechanismInvalid.At("seal message")
	}
	iv, ct, tag, err := a.SealMessage(j.row, j.param, j.aad, j.data)
	if err != nil {
		return err
	}
	c.w.Bytes(iv)
	c.w.Bytes(ct)
	c.w.Bytes(tag)
	return nil
}

// openMessage is C_DecryptMessage.
func openMessage(c *channel) error {
	id, m, param, handle := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	aad, ct, tag := c.r.Bytes(), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	j, err := c.jobFor(id, m, handle, mech.MessageDecrypt)
	if err != nil {
		return err
	}
	j.param, j.aad, j.data, j.signature, j.do = param, aad, ct, tag, runOpen
	c.reserve(len(ct) + 4)
	return c.useKey(j)
}

func runOpen(c *channel, j *job, k mech.Key) error {
	a, ok := k.(mech.AEAD)
	if !ok {
		return fault.MechanismInvalid.At("open message")
	}
	plain, err := a.OpenMessage(j.row, j.param, j.aad, j.data, j.signature)
	if err != nil {
		return err
	}
	c.w.Bytes(plain)
	clear(plain)
	return nil
}
