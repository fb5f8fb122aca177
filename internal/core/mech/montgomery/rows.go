// SPDX-License-Identifier: Apache-2.0

package montgomery

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

func rows() []mech.Row {
	return []mech.Row{{
		ID: key.MechMontgomeryPairGen, Name: "EC_MONTGOMERY_KEY_PAIR_GEN", Flags: key.CanGeneratePair | key.ECFp | key.ECOID,
		KeyTypes: []key.Type{key.TypeMontgomery}, Min: curve25519.bits, Max: curve448.bits, Family: "Montgomery",
		Approved: func(mech.Use, mech.Key, mech.Params, int) bool { return false }, Generate: generate,
	}}
}
