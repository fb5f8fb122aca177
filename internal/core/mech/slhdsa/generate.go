// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

	"github.com/cloudflare/circl/sign/slhdsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func generate(spec mech.GenSpec) (mech.Material, error) {
	s, err := findSet(spec.Params)
	if err != nil {
		return mech.Material{}, err
	}
	_, private, err := slhdsa.GenerateKey(rand.Reader, s.id)
	if err != nil {
		return mech.Material{}, fault.Internal.At("generate slh-dsa key")
	}
	sk, err := private.MarshalBinary()
	if err != nil {
		return mech.Material{}, fault.Internal.At("generate slh-dsa key")
	}
	params := binary.LittleEndian.AppendUint64(nil, uint64(s.param))
	return mech.Material{Type: key.TypeSLHDSA, Params: params, Public: bytes.Clone(sk[2*s.n:]), Secret: sk}, nil
}

// pairwise signs with the private half and verifies with the public half as a stranger would read it. The small sets
// need up to a second for it.
func pairwise(m mech.Material) error {
	priv, err := parse(mech.Material{Type: m.Type, Params: m.Params, Secret: m.Secret}, false)
	if err != nil {
		return err
	}
	pub, err := parse(mech.Material{Type: m.Type, Params: m.Params, Public: m.Public}, false)
	if err != nil {
		return err
	}
	msg := slhdsa.NewMessage([]byte("pairwise consistency test"))
	sig, err := priv.(*slhKey).sign(mech.SignContext{}, msg)
	if err != nil || pub.(*slhKey).verify(mech.SignContext{}, msg, sig) != nil {
		return fault.PairwiseFailed.At("slh-dsa sign and verify")
	}
	return nil
}
