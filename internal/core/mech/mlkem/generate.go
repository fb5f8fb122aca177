// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func generate(spec mech.GenSpec) (mech.Material, error) {
	s, err := findSet(spec.Params)
	if err != nil {
		return mech.Material{}, err
	}
	seed := make([]byte, seedSize)
	rand.Read(seed)
	private, err := s.fromSeed(seed)
	if err != nil {
		return mech.Material{}, fault.Internal.At("generate ml-kem key")
	}
	params := binary.LittleEndian.AppendUint64(nil, uint64(s.id))
	return mech.Material{Type: key.TypeMLKEM, Params: params, Public: private.publicKey(), Secret: seed}, nil
}

// pairwise encapsulates to the public half and opens with the private half (FIPS 140-3 IG 10.3.A).
func pairwise(m mech.Material) error {
	s, err := findSet(m.Params)
	if err != nil {
		return err
	}
	private, err := s.private(m.Secret)
	if err != nil {
		return err
	}
	return tryPair(s, private, m.Public)
}

func tryPair(s *set, private decapsulator, public []byte) error {
	failed := fault.PairwiseFailed.At("encapsulate and decapsulate")
	if len(public) != s.publicSize {
		return failed
	}
	ek, err := s.newPublic(public)
	if err != nil {
		return failed
	}
	ct, want, err := ek.encapsulate()
	if err != nil {
		return failed
	}
	got, err := private.decapsulate(ct)
	if err != nil || !bytes.Equal(got, want) {
		return failed
	}
	clear(got)
	clear(want)
	return nil
}
