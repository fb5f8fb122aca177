// SPDX-License-Identifier: Apache-2.0

// Package mlkem is ML-KEM as PKCS #11 3.2 names it and FIPS 203 defines it: key pairs, encapsulation and decapsulation
// with the sets 512, 768 and 1024.
//
// Go has 768 and 1024, from a seed. ML-KEM-512, and private keys that came without their seed (expanded), are circl's.
package mlkem

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Family is ML-KEM.
var Family = mech.Family{
	Name:      "ML-KEM",
	Types:     []key.Type{key.TypeMLKEM},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// seedSize is the length of d || z (FIPS 203 section 7.1), the form in which our own keys are kept.
const seedSize = 64

// kemKey is a parsed key, only read after parse: one of its halves is set.
type kemKey struct {
	set      *set
	public   encapsulator
	private  decapsulator
	approved bool // the engine is Go's
}

// encapsulator and decapsulator are what the two libraries have in common.
type encapsulator interface {
	encapsulate() (ct, secret []byte, err error)
}

type decapsulator interface {
	decapsulate(ct []byte) ([]byte, error)
	publicKey() []byte
}

func (k *kemKey) Type() key.Type { return key.TypeMLKEM }
func (k *kemKey) Bits() int      { return k.set.publicSize }
func (k *kemKey) Private() bool  { return k.private != nil }

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeMLKEM {
		return nil, fault.KeyTypeMismatch.At("parse ml-kem key")
	}
	s, err := findSet(m.Params)
	if err != nil {
		return nil, err
	}
	if m.Secret == nil {
		if len(m.Public) != s.publicSize {
			return nil, fault.AttributeValueInvalid.At("parse ml-kem public key")
		}
		public, err := s.newPublic(m.Public)
		if err != nil {
			return nil, fault.AttributeValueInvalid.At("check ml-kem public key")
		}
		return &kemKey{set: s, public: public, approved: s.std}, nil
	}
	private, err := s.private(m.Secret)
	if err != nil {
		return nil, err
	}
	k := &kemKey{set: s, private: private, approved: s.std && len(m.Secret) == seedSize}
	if check {
		if m.Public != nil && !bytes.Equal(private.publicKey(), m.Public) {
			return nil, fault.AttributeValueInvalid.At("compare ml-kem halves")
		}
		// An expanded key is four parts that need not belong together: see that it opens what its public half closes.
		if len(m.Secret) != seedSize && tryPair(s, private, private.publicKey()) != nil {
			return nil, fault.AttributeValueInvalid.At("check ml-kem private key")
		}
	}
	return k, nil
}

func publicOf(m mech.Material) (mech.Material, error) {
	s, err := findSet(m.Params)
	if err != nil {
		return mech.Material{}, err
	}
	private, err := s.private(m.Secret)
	if err != nil {
		return mech.Material{}, err
	}
	return mech.Material{Type: key.TypeMLKEM, Params: m.Params, Public: private.publicKey()}, nil
}

// Expand answers the decapsulation key of FIPS 203 (CKA_VALUE) for private material in either form.
func Expand(m mech.Material) ([]byte, error) {
	s, err := findSet(m.Params)
	if err != nil {
		return nil, err
	}
	switch len(m.Secret) {
	case seedSize:
		_, sk := s.scheme.DeriveKeyPair(m.Secret)
		dk, err := sk.MarshalBinary()
		if err != nil {
			return nil, fault.Internal.At("expand ml-kem key")
		}
		return dk, nil
	case s.scheme.PrivateKeySize():
		return bytes.Clone(m.Secret), nil
	}
	return nil, fault.AttributeValueInvalid.At("parse ml-kem private key")
}
