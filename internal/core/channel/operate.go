// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// operate is one use of a key as the web doors have it (docs/design/names.md): under KEY_OPS, and by the handle of the
// private key where its public half does the work.
func operate(c *channel) error {
	id, op, m, param, handle := c.r.U64(), key.Ops(c.r.U64()), key.Mechanism(c.r.U64()), c.r.Bytes(), c.r.U64()
	name, data, aad, tag := c.r.Bytes(), c.r.Bytes(), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, r, err := c.keyNamed(id, handle, name)
	if err != nil {
		return err
	}
	row := all.Row(m)
	if row == nil {
		return fault.MechanismInvalid.At("find mechanism")
	}
	c.about.Object, c.about.Mechanism = r.ID, row.ID
	how, err := policy.Operate(v.who(), r.Object, row, op, c.module.Now())
	if err != nil {
		return err
	}
	j := job{v: v, key: r, row: row, how: how, param: param, data: data, aad: aad, signature: tag, do: runOperate}
	j.public = r.Class() == key.ClassPrivate && (how == mech.Encrypt || how == mech.Verify)
	if row.ID == key.MechAESGCM || row.ID == key.MechAESCCM {
		switch j.how {
		case mech.Encrypt:
			j.how, j.do = mech.MessageEncrypt, runSeal
		case mech.Decrypt:
			j.how, j.do = mech.MessageDecrypt, runOpenNamed
		}
	} else if _, err := rowFor(m, how); err != nil {
		return err
	}
	return c.useKey(j)
}

// runOperate does what is no AEAD and answers IV, output and an empty tag.
func runOperate(c *channel, j *job, k mech.Key) error {
	if j.how == mech.Verify {
		if err := runVerify(c, j, k); err != nil {
			return err
		}
		for range 3 {
			c.w.Bytes(nil)
		}
		return nil
	}
	iv := []byte(nil)
	if j.row.ID == key.MechAESCBC || j.row.ID == key.MechAESCBCPad {
		r := wire.NewReader(j.param)
		if iv = r.Bytes(); r.End() != nil {
			return fault.MechanismParamInvalid.At("read iv")
		}
		if len(iv) == 0 && j.how == mech.Encrypt {
			iv = make([]byte, 16)
			rand.Read(iv)
			var w wire.Writer
			w.Bytes(iv)
			j.param = w.B
		}
	}
	op, err := j.row.Begin(j.how, k, j.param)
	if err != nil {
		return err
	}
	c.w.Bytes(iv)
	at := c.startBytes(len(j.data) + partRoom)
	err = c.append(mech.OneShot(op, c.w.B, j.data))
	c.endBytes(at)
	c.w.Bytes(nil)
	return err
}

// runOpenNamed is runOpen in the form of operate's answer.
func runOpenNamed(c *channel, j *job, k mech.Key) error {
	c.reserve(len(j.data) + 16)
	c.w.Bytes(nil)
	if err := runOpen(c, j, k); err != nil {
		return err
	}
	c.w.Bytes(nil)
	return nil
}
