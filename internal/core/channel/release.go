// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// oaepOf is the hash of CKM_RSA_AES_KEY_WRAP by which a key may be released.
var oaepOf = map[key.Hash]key.MGF{key.MechSHA1: key.MGF1SHA1, key.MechSHA256: key.MGF1SHA256, key.MechSHA384: key.MGF1SHA384}

// release gives a key out, wrapped to the key of an environment whose attestation token meets the key's release policy, and
// says so in the domain's name.
func release(c *channel) error {
	id, handle, name, text, hash := c.r.U64(), c.r.U64(), c.r.Bytes(), c.r.Bytes(), key.Hash(c.r.U64())
	nonce, version := c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, r, err := c.keyNamed(id, handle, name)
	if err != nil {
		return err
	}
	row := all.Row(key.MechRSAAESKeyWrap)
	c.about.Object, c.about.Mechanism = r.ID, row.ID
	mgf, ok := oaepOf[hash]
	if !ok {
		return fault.MechanismParamInvalid.At("read hash of release")
	}
	if r.Group() != key.GroupKeys { // the statement calls the key by its name
		return fault.KeyUnknown.At("release a key by name")
	}
	if err := policy.Release(v.who(), r.Object, c.module.Now()); err != nil {
		return err
	}
	to, kid, err := v.tokens.Attest(r.ReleasePolicy(), string(text))
	if err != nil {
		return err
	}
	var param wire.Writer
	for _, n := range []uint64{256, uint64(hash), uint64(mgf), 0} {
		param.U64(n)
	}
	param.Bytes(nil)
	var wrapped []byte
	j := job{v: v, key: r, row: row, how: mech.Wrap, param: param.B, to: to}
	j.do = c.inside(func(k mech.Key) error {
		return c.material(v, r, func(m mech.Material) error {
			plain, err := wrap.Serialize(m)
			if err != nil {
				return err
			}
			out, err := row.WrapBytes(k, j.param, plain)
			if &plain[0] != &m.Secret[0] {
				clear(plain)
			}
			wrapped = out
			return err
		})
	})
	if err := c.useKey(j); err != nil {
		return err
	}
	c.w.Bytes(wrapped)
	claims, err := v.released(r.Object, hash, kid, wrapped, nonce, version)
	if err != nil {
		return err
	}
	statement, err := c.module.Vouch(kindRelease, claims)
	if err != nil {
		return err
	}
	c.w.String(statement)
	return c.record(r.ID)
}
