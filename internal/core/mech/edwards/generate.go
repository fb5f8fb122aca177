// SPDX-License-Identifier: Apache-2.0

package edwards

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func generate(spec mech.GenSpec) (mech.Material, error) {
	c, err := findCurve(spec.Params)
	if err != nil {
		return mech.Material{}, err
	}
	seed := make([]byte, c.size)
	rand.Read(seed)
	return mech.Material{Type: key.TypeEdwards, Params: c.oid, Public: c.publicOf(seed), Secret: seed}, nil
}

// pairwise signs with the private half and verifies with the public half as a stranger would read it.
func pairwise(m mech.Material) error {
	priv, err := parse(m, false)
	if err != nil {
		return err
	}
	pub, err := parse(mech.Material{Type: m.Type, Params: m.Params, Public: m.Public}, false)
	if err != nil {
		return err
	}
	msg := []byte("pairwise consistency test")
	sig, err := priv.(*edwardsKey).sign(eddsaParams{}, msg)
	if err != nil || pub.(*edwardsKey).verify(eddsaParams{}, msg, sig) != nil {
		return fault.PairwiseFailed.At("eddsa sign and verify")
	}
	return nil
}
