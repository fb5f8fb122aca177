// SPDX-License-Identifier: Apache-2.0

package montgomery

import (
	"bytes"
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
	scalar := make([]byte, c.size)
	rand.Read(scalar)
	public, err := c.publicOf(scalar)
	if err != nil {
		return mech.Material{}, err
	}
	return mech.Material{Type: key.TypeMontgomery, Params: c.oid, Public: public, Secret: scalar}, nil
}

// pairwise agrees with a pair made for the test, from both sides (SP 800-56A rev. 3 section 5.6.2.1.4).
func pairwise(m mech.Material) error {
	k, err := parse(m, false)
	if err != nil {
		return err
	}
	other, err := generate(mech.GenSpec{Params: m.Params})
	if err != nil {
		return err
	}
	mine := k.(*montgomeryKey)
	x, err1 := mine.DH(other.Public)
	y, err2 := mine.c.agree(other.Secret, m.Public)
	clear(other.Secret)
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		return fault.PairwiseFailed.At("agree from both sides")
	}
	return nil
}
