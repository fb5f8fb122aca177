// SPDX-License-Identifier: Apache-2.0

package edwards

import (
	"bytes"
	"crypto/sha512"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A: each signs, compares, and verifies.
var selfTests = []mech.SelfTest{
	{Name: "Ed25519", Run: func(broken bool) error { return cast(katVectors[0], broken) }},
	{Name: "Ed25519ctx", Run: func(broken bool) error { return cast(katVectors[1], broken) }},
	{Name: "Ed25519ph", Run: func(broken bool) error { return cast(katVectors[2], broken) }},
	{Name: "Ed448", Run: func(broken bool) error { return cast(katVectors[3], broken) }},
	{Name: "Ed448ph", Run: func(broken bool) error { return cast(katVectors[4], broken) }},
}

func cast(v vector, broken bool) error {
	k, err := parse(v.material(), true)
	if err != nil {
		return err
	}
	e := k.(*edwardsKey)
	p := eddsaParams{prehash: v.prehash, context: string(mech.Hex(v.context))}
	msg := mech.Hex(v.msg)
	sign, verify := e.sign, e.verify
	if p.prehash && e.c == edwards25519 {
		digest := sha512.Sum512(msg)
		msg, sign, verify = digest[:], e.signDigest, e.verifyDigest
	}
	sig, err := sign(p, msg)
	if err != nil {
		return err
	}
	if broken {
		sig[0] ^= 1
	}
	if !bytes.Equal(sig, mech.Hex(v.sig)) || verify(p, msg, sig) != nil {
		return fault.SelfTestFailed.At("eddsa known answer")
	}
	return nil
}

func (v vector) material() mech.Material {
	c := edwards25519
	if len(v.seed) == 2*edwards448.size {
		c = edwards448
	}
	return mech.Material{Type: key.TypeEdwards, Params: c.oid, Public: mech.Hex(v.public), Secret: mech.Hex(v.seed)}
}
