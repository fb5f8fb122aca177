// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func generate(spec mech.GenSpec) (mech.Material, error) {
	c, err := findCurve(spec.Params)
	if err != nil {
		return mech.Material{}, err
	}
	public, scalar, err := c.engine.generate(c)
	if err != nil {
		return mech.Material{}, err
	}
	return mech.Material{Type: key.TypeEC, Params: c.oid, Public: public, Secret: scalar}, nil
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
	digest := sha256.Sum256([]byte("pairwise consistency test"))
	sig, err := priv.(ecKey).sign(digest[:])
	if err != nil || !pub.(ecKey).verify(digest[:], sig[:len(sig)/2], sig[len(sig)/2:]) {
		return fault.PairwiseFailed.At("ecdsa sign and verify")
	}
	return nil
}
