// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

func rows() []mech.Row {
	const signVerify = key.CanSign | key.CanVerify
	all := []mech.Row{
		{ID: key.MechMLDSAKeyPairGen, Name: "ML_DSA_KEY_PAIR_GEN", Flags: key.CanGeneratePair, Generate: generate},
		{ID: key.MechMLDSA, Name: "ML_DSA", Flags: signVerify, Shape: mech.ShapeSignCtx,
			Begin: begin, BeginVerify: beginVerify, SignLen: signLen},
		{ID: key.MechHashMLDSA, Name: "HASH_ML_DSA", Flags: signVerify, Shape: mech.ShapeHashCtx,
			Begin: beginDigest, BeginVerify: beginVerifyDigest, SignLen: signLen},
	}
	for _, p := range prehashes {
		all = append(all, mech.Row{ID: p.mechanism, Name: p.name, Flags: signVerify, Shape: mech.ShapeSignCtx,
			Begin: p.begin, BeginVerify: p.beginVerify, SignLen: signLen})
	}
	for i := range all {
		all[i].Family = "ML-DSA"
		all[i].KeyTypes = []key.Type{key.TypeMLDSA}
		all[i].Min, all[i].Max = sets[0].params.PublicKeySize(), sets[len(sets)-1].params.PublicKeySize()
		all[i].Approved = never
	}
	return all
}

// never: Go's FIPS module v1.0.0 has no ML-DSA.
func never(mech.Use, mech.Key, mech.Params, int) bool { return false }
