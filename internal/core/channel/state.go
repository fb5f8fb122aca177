// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// digestKey adds a key's value to the running digest (C_DigestKey). Only an extractable secret key is taken: chosen data
// around a short value that may not leave would let it be guessed.
func digestKey(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	o, err := c.running(v, mech.Digest)
	if err != nil {
		return err
	}
	r, err := v.find(handle)
	switch {
	case fault.Of(err) == fault.ObjectUnknown || err == nil && !r.IsKey():
		return fault.KeyUnknown.At("find key to digest")
	case err != nil:
		return err
	case r.Class() != key.ClassSecret || !r.Extractable() || policy.ReadSecret(v.who(), r.Object) != nil:
		return fault.KeyNeedsDigest.At("digest key")
	}
	v.ops[mech.Digest] = nil
	ssp.Do(func() {
		err = c.material(v, r, func(m mech.Material) error {
			_, err := o.op.Update(nil, m.Secret)
			return err
		})
	})
	if err == nil {
		o.keyed = true
		v.ops[mech.Digest] = o
	}
	return err
}

// A saved state is
//
//	y version (1) | u mechanism | b parameter | b state of the hash | 32-byte MAC of all that
//
// The MAC is of this run of the core: a hash is not made to be set to a state of the client's choice, and a state that
// outlived the core would have to be read for ever.
const savedVersion = 1

// save is C_GetOperationState, for digests: anything else has a state as secret as its key. So has a digest that took a
// key in.
func save(c *channel) error {
	id := c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	o := v.ops[mech.Digest]
	for how, other := range v.ops {
		if other != nil && how != int(mech.Digest) {
			return fault.StateUnsaveable.At("save operation")
		}
	}
	if o == nil {
		return fault.OperationNotActive.At("save operation")
	}
	s, ok := o.op.(mech.Saver)
	if !ok || o.keyed {
		return fault.StateUnsaveable.At("save operation")
	}
	state, err := s.SaveState()
	if err != nil {
		return err
	}
	at := c.startBytes(len(state) + len(o.param) + 64)
	c.w.U8(savedVersion)
	c.w.U64(uint64(o.row.ID))
	c.w.Bytes(o.param)
	c.w.Bytes(state)
	mac := c.module.Mark(c.w.B[at:])
	c.w.Raw(mac[:])
	c.endBytes(at)
	return nil
}

// restore is C_SetOperationState. It takes the place of a digest that is under way.
func restore(c *channel) error {
	id, saved := c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	bad := fault.SavedStateInvalid.At("restore operation")
	n := len(saved) - 32
	if n < 0 || !c.module.Marked(saved[:n], saved[n:]) {
		return bad
	}
	r := wire.NewReader(saved[:n])
	version, m, param, state := r.U8(), key.Mechanism(r.U64()), r.Bytes(), r.Bytes()
	if r.End() != nil || version != savedVersion {
		return bad
	}
	row, err := rowFor(m, mech.Digest)
	if err != nil {
		return bad
	}
	op, err := row.Begin(mech.Digest, nil, param)
	if err != nil {
		return bad
	}
	s, ok := op.(mech.Saver)
	if !ok || s.LoadState(state) != nil {
		return bad
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ops[mech.Digest] = &operation{row: row, param: append(mech.Params(nil), param...), op: op, login: v.login}
	return nil
}
