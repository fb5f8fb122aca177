// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"encoding/binary"

	"filippo.io/mldsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func generate(spec mech.GenSpec) (mech.Material, error) {
	s, err := findSet(spec.Params)
	if err != nil {
		return mech.Material{}, err
	}
	k, err := mldsa.GenerateKey(s.params)
	if err != nil {
		return mech.Material{}, fault.Internal.At("generate ml-dsa key")
	}
	params := binary.LittleEndian.AppendUint64(nil, uint64(s.id))
	return mech.Material{Type: key.TypeMLDSA, Params: params, Public: k.PublicKey().Bytes(), Secret: k.Bytes()}, nil
}

// pairwise signs with the private half and verifies with the public half as a stranger would read it.
func pairwise(m mech.Material) error {
	priv, err := parse(mech.Material{Type: m.Type, Params: m.Params, Secret: m.Secret}, false)
	if err != nil {
		return err
	}
	k := priv.(*dsaKey)
	if err := k.setPublic(m.Public); err != nil {
		return err
	}
	return k.try()
}

func (k *dsaKey) try() error {
	msg := []byte("pairwise consistency test")
	sig, err := k.sign(mech.SignContext{}, msg)
	if err != nil || k.verify(mech.SignContext{}, msg, sig) != nil {
		return fault.PairwiseFailed.At("ml-dsa sign and verify")
	}
	return nil
}
