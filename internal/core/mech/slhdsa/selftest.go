// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/cloudflare/circl/sign/slhdsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A: one fast set for each of the hash constructions (SHA-256 alone,
// SHA-256 with SHA-512, SHAKE256), which the small sets share with it. Each signs deterministically, compares the
// signature by its digest, and verifies it.
var selfTests = []mech.SelfTest{
	{Name: "SLH-DSA-SHA2-128f", Run: func(broken bool) error { return cast(katSHA2128f, broken) }},
	{Name: "SLH-DSA-SHA2-192f", Run: func(broken bool) error { return cast(katSHA2192f, broken) }},
	{Name: "SLH-DSA-SHAKE-128f", Run: func(broken bool) error { return cast(katSHAKE128f, broken) }},
}

// kat is a deterministic signature, in hex; sigDigest is its SHA-256.
type kat struct {
	set                             key.ParamSet
	secret, msg, context, sigDigest string
}

func cast(v kat, broken bool) error {
	params := binary.LittleEndian.AppendUint64(nil, uint64(v.set))
	parsed, err := parse(mech.Material{Type: key.TypeSLHDSA, Params: params, Secret: mech.Hex(v.secret)}, false)
	if err != nil {
		return err
	}
	k := parsed.(*slhKey)
	c := mech.SignContext{Deterministic: true, Context: mech.Hex(v.context)}
	msg := slhdsa.NewMessage(mech.Hex(v.msg))
	sig, err := k.sign(c, msg)
	if err != nil {
		return err
	}
	if broken {
		sig[0] ^= 1
	}
	digest := sha256.Sum256(sig)
	if !bytes.Equal(digest[:], mech.Hex(v.sigDigest)) || k.verify(c, msg, sig) != nil {
		return fault.SelfTestFailed.At("slh-dsa known answer")
	}
	return nil
}
