// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A: from a published seed and ciphertext to a published secret. The
// public key is compared by its digest. Encapsulation is random here, so it is tested through decapsulation.
var selfTests = []mech.SelfTest{
	{Name: "ML-KEM-512", Run: func(broken bool) error { return cast(kat512, false, broken) }},
	{Name: "ML-KEM-768", Run: func(broken bool) error { return cast(kat768, false, broken) }},
	{Name: "ML-KEM-1024", Run: func(broken bool) error { return cast(kat1024, false, broken) }},
	{Name: "ML-KEM-768 expanded", Run: func(broken bool) error { return cast(kat768, true, broken) }},
	{Name: "ML-KEM-1024 expanded", Run: func(broken bool) error { return cast(kat1024, true, broken) }},
}

// kat is a case of C2SP/Wycheproof testvectors_v1 (Apache-2.0), in hex; publicDigest is SHA-256 of its public key.
type kat struct {
	set                                key.ParamSet
	seed, publicDigest, cipher, shared string
}

func (v kat) material() mech.Material {
	return mech.Material{Type: key.TypeMLKEM, Params: binary.LittleEndian.AppendUint64(nil, uint64(v.set)), Secret: mech.Hex(v.seed)}
}

func cast(v kat, expanded, broken bool) error {
	m := v.material()
	if expanded {
		dk, err := Expand(m)
		if err != nil {
			return err
		}
		m.Secret = dk
	}
	parsed, err := parse(m, false)
	if err != nil {
		return err
	}
	k := parsed.(*kemKey)
	secret, err := decapsulate(k, nil, mech.Hex(v.cipher))
	if err != nil {
		return err
	}
	if broken {
		secret[0] ^= 1
	}
	digest := sha256.Sum256(k.private.publicKey())
	if !bytes.Equal(secret, mech.Hex(v.shared)) || !bytes.Equal(digest[:], mech.Hex(v.publicDigest)) {
		return fault.SelfTestFailed.At("ml-kem known answer")
	}
	if tryPair(k.set, k.private, k.private.publicKey()) != nil {
		return fault.SelfTestFailed.At("ml-kem encapsulate")
	}
	return nil
}
