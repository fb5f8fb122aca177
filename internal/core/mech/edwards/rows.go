// SPDX-License-Identifier: Apache-2.0

package edwards

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

const curveFlags = key.ECFp | key.ECOID

func rows() []mech.Row {
	types := []key.Type{key.TypeEdwards}
	return []mech.Row{
		{ID: key.MechEdwardsKeyPairGen, Name: "EC_EDWARDS_KEY_PAIR_GEN", Flags: key.CanGeneratePair | curveFlags,
			KeyTypes: types, Min: edwards25519.bits, Max: edwards448.bits, Family: "Edwards",
			Approved: approved, ApprovedGen: approvedGen, Generate: generate},
		// GnuTLS generates Ed25519 pairs with CKM_EDDSA, so it generates here too.
		{ID: key.MechEDDSA, Name: "EDDSA", Flags: key.CanSign | key.CanVerify | key.CanGeneratePair | curveFlags,
			KeyTypes: types, Min: edwards25519.bits, Max: edwards448.bits, Shape: mech.ShapeEDDSA, Family: "Edwards",
			Approved: approved, ApprovedGen: approvedGen, Generate: generate,
			Begin: begin, BeginVerify: beginVerify, SignLen: signLen},
	}
}

// approved: FIPS 186-5 section 7 has Ed25519, pure and pre-hashed, and Ed448; but Ed448 here is not Go's module, and the
// variant with context is not in the standard.
func approved(_ mech.Use, k mech.Key, raw mech.Params, _ int) bool {
	e, p, err := open(k, raw)
	return err == nil && e.c == edwards25519 && (p.prehash || p.context == "")
}

func approvedGen(spec mech.GenSpec) bool {
	c, err := findCurve(spec.Params)
	return err == nil && c == edwards25519
}
