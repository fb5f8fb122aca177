// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// generate is C_GenerateKey.
func generate(c *channel) error {
	id, m, param := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	v, row, err := c.generator(id, m, key.CanGenerate)
	if err != nil {
		return err
	}
	if err := v.mayTry(t, true); err != nil {
		return err
	}
	spec, finish, err := object.Generate(t, row, v.rules())
	if err != nil {
		return err
	}
	spec.Param = param
	if err := c.approveGen(row, spec); err != nil {
		return err
	}
	ssp.Do(func() {
		made, e := row.Generate(spec)
		if err = e; err != nil {
			return
		}
		o, e := finish(made)
		if err = e; err == nil {
			err = c.keepAndAnswer(v, NewObject{o, made})
		}
		clear(made.Secret)
	})
	return err
}

// generatePair is C_GenerateKeyPair. The pair must pass its pairwise test before it exists for anybody (FIPS 140-3 IG
// 10.3.A); one that fails means that the module is broken.
func generatePair(c *channel) error {
	id, m, param := c.r.U64(), key.Mechanism(c.r.U64()), c.r.Bytes()
	pub, err := template(&c.r)
	if err != nil {
		return err
	}
	priv, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	if m == key.MechEDDSA {
		m = key.MechEdwardsKeyPairGen // GnuTLS 3.7 asks so for Ed25519 pairs
	}
	v, row, err := c.generator(id, m, key.CanGeneratePair)
	if err != nil {
		return err
	}
	if err := v.mayTry(pub, false); err != nil {
		return err
	}
	if err := v.mayTry(priv, true); err != nil {
		return err
	}
	spec, finish, err := object.GeneratePair(pub, priv, row, v.rules())
	if err != nil {
		return err
	}
	spec.Param = param
	if err := c.approveGen(row, spec); err != nil {
		return err
	}
	ssp.Do(func() {
		made, e := row.Generate(spec)
		if err = e; err != nil {
			return
		}
		defer clear(made.Secret)
		if err = all.Family(made.Type).Pairwise(made); err != nil {
			err = fault.PairwiseFailed.At("test new pair")
			c.module.Fail("pairwise " + row.Family)
			return
		}
		public, private, e := finish(made)
		if err = e; err == nil {
			half := made
			half.Secret = nil
			err = c.keepAndAnswer(v, NewObject{public, half}, NewObject{private, made})
		}
	})
	return err
}

// generator finds session and mechanism of a generation.
func (c *channel) generator(session uint64, m key.Mechanism, flag key.MechFlags) (view, *mech.Row, error) {
	v, err := c.session(session)
	if err != nil {
		return view{}, nil, err
	}
	c.about.Mechanism = m
	row := all.Row(m)
	if row == nil || row.Flags&flag == 0 || row.Generate == nil {
		return view{}, nil, fault.MechanismInvalid.At("find mechanism")
	}
	c.with = row
	return v, row, nil
}

func (c *channel) approveGen(row *mech.Row, spec mech.GenSpec) error {
	if row.ApprovedGen != nil {
		c.approve = row.ApprovedGen(spec)
	} else {
		c.approve = row.Approved(mech.Generate, nil, spec.Param, spec.Bits)
	}
	return c.fips()
}

// keepAndAnswer makes objects exist and writes letter O. The caller is inside ssp.Do.
func (c *channel) keepAndAnswer(v view, list ...NewObject) error {
	kept, err := c.keep(v, list...)
	if err == nil {
		c.answerObjects(kept...)
	}
	return err
}
