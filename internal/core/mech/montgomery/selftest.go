// SPDX-License-Identifier: Apache-2.0

package montgomery

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A.
var selfTests = []mech.SelfTest{
	{Name: "X25519", Run: func(broken bool) error {
		return cast(curve25519, kat25519Scalar, kat25519Peer, kat25519Shared, broken)
	}},
	{Name: "X448", Run: func(broken bool) error {
		return cast(curve448, kat448Scalar, kat448Peer, kat448Shared, broken)
	}},
}

// Known answers from C2SP/Wycheproof testvectors_v1 (Apache-2.0), which has them from RFC 7748.

// x25519_test.json, tcId 102
const (
	kat25519Scalar = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
	kat25519Peer   = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
	kat25519Shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
)

// x448_test.json, tcId 88
const (
	kat448Scalar = "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b"
	kat448Peer   = "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609"
	kat448Shared = "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"
)

func cast(c *curve, scalar, peer, shared string, broken bool) error {
	k := &montgomeryKey{c: c, scalar: mech.Hex(scalar)}
	z, err := k.DH(mech.Hex(peer))
	if err != nil {
		return err
	}
	return mech.KnownAnswer(broken, z, mech.Hex(shared))
}
