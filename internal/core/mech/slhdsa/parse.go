// SPDX-License-Identifier: Apache-2.0

// Package slhdsa is SLH-DSA as PKCS #11 3.2 names it and FIPS 205 defines it: key pairs, signatures with a context, and
// HashSLH-DSA, with all twelve parameter sets, by circl.
//
// CKM_HASH_SLH_DSA, which takes a digest made outside, is absent: circl hashes the message itself. The mechanisms that
// name their digest are there.
package slhdsa

import (
	"bytes"

	"github.com/cloudflare/circl/sign/slhdsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Family is SLH-DSA.
var Family = mech.Family{
	Name:      "SLH-DSA",
	Types:     []key.Type{key.TypeSLHDSA},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// slhKey is a parsed key, only read after parse.
type slhKey struct {
	set     *set
	public  slhdsa.PublicKey
	private *slhdsa.PrivateKey // nil for a public key
}

func (k *slhKey) Type() key.Type { return key.TypeSLHDSA }
func (k *slhKey) Bits() int      { return k.set.publicSize() }
func (k *slhKey) Private() bool  { return k.private != nil }

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeSLHDSA {
		return nil, fault.KeyTypeMismatch.At("parse slh-dsa key")
	}
	s, err := findSet(m.Params)
	if err != nil {
		return nil, err
	}
	k := &slhKey{set: s, public: slhdsa.PublicKey{ID: s.id}}
	if m.Secret == nil {
		if len(m.Public) != s.publicSize() || k.public.UnmarshalBinary(m.Public) != nil {
			return nil, fault.AttributeValueInvalid.At("parse slh-dsa public key")
		}
		return k, nil
	}
	// A private key ends in its public key.
	if len(m.Secret) != 4*s.n {
		return nil, fault.AttributeValueInvalid.At("parse slh-dsa private key")
	}
	if m.Public != nil && !bytes.Equal(m.Public, m.Secret[2*s.n:]) {
		return nil, fault.AttributeValueInvalid.At("compare slh-dsa halves")
	}
	if check && !s.rootFits(m.Secret) {
		return nil, fault.AttributeValueInvalid.At("check slh-dsa private key")
	}
	k.private = &slhdsa.PrivateKey{ID: s.id}
	if k.private.UnmarshalBinary(m.Secret) != nil || k.public.UnmarshalBinary(m.Secret[2*s.n:]) != nil {
		return nil, fault.AttributeValueInvalid.At("parse slh-dsa private key")
	}
	return k, nil
}

// rootFits computes the root again from the seeds, which takes as long as making the key.
func (s *set) rootFits(secret []byte) bool {
	public, _, err := slhdsa.GenerateKey(bytes.NewReader(secret[:3*s.n]), s.id)
	if err != nil {
		return false
	}
	pk, err := public.MarshalBinary()
	return err == nil && bytes.Equal(pk, secret[2*s.n:])
}

func publicOf(m mech.Material) (mech.Material, error) {
	s, err := findSet(m.Params)
	if err != nil {
		return mech.Material{}, err
	}
	if len(m.Secret) != 4*s.n {
		return mech.Material{}, fault.AttributeValueInvalid.At("parse slh-dsa private key")
	}
	return mech.Material{Type: key.TypeSLHDSA, Params: m.Params, Public: bytes.Clone(m.Secret[2*s.n:])}, nil
}
