// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A: from a published seed to a published signature, which is compared by
// its digest and then verified. HashML-DSA is verified by our own code.
var selfTests = []mech.SelfTest{
	{Name: "ML-DSA-44", Run: func(broken bool) error { return cast(kat44, false, broken) }},
	{Name: "ML-DSA-65", Run: func(broken bool) error { return cast(kat65, false, broken) }},
	{Name: "ML-DSA-87", Run: func(broken bool) error { return cast(kat87, false, broken) }},
	{Name: "ML-DSA-44 expanded", Run: func(broken bool) error { return cast(kat44, true, broken) }},
	{Name: "ML-DSA-65 expanded", Run: func(broken bool) error { return cast(kat65, true, broken) }},
	{Name: "ML-DSA-87 expanded", Run: func(broken bool) error { return cast(kat87, true, broken) }},
	{Name: "HashML-DSA-44", Run: func(broken bool) error { return castHashed(hashed44, broken) }},
	{Name: "HashML-DSA-65", Run: func(broken bool) error { return castHashed(hashed65, broken) }},
	{Name: "HashML-DSA-87", Run: func(broken bool) error { return castHashed(hashed87, broken) }},
}

// kat is a deterministic signature, in hex; sigDigest is its SHA-256.
type kat struct {
	set                           key.ParamSet
	seed, msg, context, sigDigest string
	hash                          key.Hash
}

func (v kat) material() mech.Material {
	return mech.Material{Type: key.TypeMLDSA, Params: binary.LittleEndian.AppendUint64(nil, uint64(v.set)), Secret: mech.Hex(v.seed)}
}

func (v kat) signContext() mech.SignContext {
	return mech.SignContext{Deterministic: true, Context: mech.Hex(v.context), Hash: v.hash}
}

func cast(v kat, expanded, broken bool) error {
	m := v.material()
	if expanded {
		sk, err := Expand(m)
		if err != nil {
			return err
		}
		m.Secret = sk
	}
	parsed, err := parse(m, false)
	if err != nil {
		return err
	}
	k := parsed.(*dsaKey)
	sig, err := k.sign(v.signContext(), mech.Hex(v.msg))
	if err != nil {
		return err
	}
	return v.compare(sig, k.verify(v.signContext(), mech.Hex(v.msg), sig), broken)
}

func castHashed(v kat, broken bool) error {
	parsed, err := parse(v.material(), false)
	if err != nil {
		return err
	}
	k := parsed.(*dsaKey)
	p, err := findPrehash(v.hash)
	if err != nil {
		return err
	}
	h := p.new()
	h.Write(mech.Hex(v.msg))
	digest := h.Sum(nil)
	sig, err := k.signDigest(p, v.signContext(), digest)
	if err != nil {
		return err
	}
	return v.compare(sig, k.verifyDigest(p, v.signContext(), digest, sig), broken)
}

func (v kat) compare(sig []byte, verified error, broken bool) error {
	if broken {
		sig[0] ^= 1
	}
	digest := sha256.Sum256(sig)
	if verified != nil || !bytes.Equal(digest[:], mech.Hex(v.sigDigest)) {
		return fault.SelfTestFailed.At("ml-dsa known answer")
	}
	return nil
}
