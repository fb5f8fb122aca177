// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

func rows() []mech.Row {
	const signVerify = key.CanSign | key.CanVerify
	all := []mech.Row{
		{ID: key.MechSLHDSAKeyPairGen, Name: "SLH_DSA_KEY_PAIR_GEN", Flags: key.CanGeneratePair, Generate: generate},
		{ID: key.MechSLHDSA, Name: "SLH_DSA", Flags: signVerify, Shape: mech.ShapeSignCtx,
			Begin: begin, BeginVerify: beginVerify, SignLen: signLen},
	}
	for _, p := range prehashes {
		all = append(all, mech.Row{ID: p.mechanism, Name: p.name, Flags: signVerify, Shape: mech.ShapeSignCtx,
			Begin: p.begin, BeginVerify: p.beginVerify, SignLen: signLen})
	}
	for i := range all {
		all[i].Family = "SLH-DSA"
		all[i].KeyTypes = []key.Type{key.TypeSLHDSA}
		all[i].Min, all[i].Max = sets[0].publicSize(), sets[len(sets)-1].publicSize()
		all[i].Approved = never
	}
	return all
}

// never: Go's FIPS module has no SLH-DSA.
func never(mech.Use, mech.Key, mech.Params, int) bool { return false }
