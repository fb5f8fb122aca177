// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

func rows() []mech.Row {
	all := []mech.Row{
		{ID: key.MechMLKEMKeyPairGen, Name: "ML_KEM_KEY_PAIR_GEN", Flags: key.CanGeneratePair,
			Approved: approved, ApprovedGen: approvedGen, Generate: generate},
		{ID: key.MechMLKEM, Name: "ML_KEM", Flags: key.CanEncapsulate | key.CanDecapsulate,
			Approved: approved, Encapsulate: encapsulate, Decapsulate: decapsulate},
	}
	for i := range all {
		all[i].Family = "ML-KEM"
		all[i].KeyTypes = []key.Type{key.TypeMLKEM}
		all[i].Min, all[i].Max = sets[0].publicSize, sets[len(sets)-1].publicSize
	}
	return all
}

// approved is what Go's module does: 768 and 1024, with keys that have their seed.
func approved(_ mech.Use, k mech.Key, _ mech.Params, _ int) bool {
	m, ok := k.(*kemKey)
	return ok && m.approved
}

func approvedGen(spec mech.GenSpec) bool {
	s, err := findSet(spec.Params)
	return err == nil && s.std
}
