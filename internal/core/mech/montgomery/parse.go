// SPDX-License-Identifier: Apache-2.0

// Package montgomery is the curves of RFC 7748 as PKCS #11 3.2 section 6.3 names them: key pairs for X25519 (Go's) and
// X448 (circl's). They derive through CKM_ECDH1_DERIVE, whose row stands in package ec and asks the key (mech.DHKey).
package montgomery

import (
	"bytes"
	"crypto/ecdh"

	"github.com/cloudflare/circl/dh/x448"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Family is Montgomery curves.
var Family = mech.Family{
	Name:      "Montgomery",
	Types:     []key.Type{key.TypeMontgomery},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// montgomeryKey is a parsed key, only read after parse.
type montgomeryKey struct {
	c      *curve
	scalar []byte // nil for a public key
}

func (k *montgomeryKey) Type() key.Type   { return key.TypeMontgomery }
func (k *montgomeryKey) Bits() int        { return k.c.bits }
func (k *montgomeryKey) Private() bool    { return k.scalar != nil }
func (k *montgomeryKey) DHApproved() bool { return false } // SP 800-56A rev. 3 does not have these curves

func (k *montgomeryKey) DH(peer []byte) ([]byte, error) {
	if k.scalar == nil {
		return nil, fault.KeyTypeMismatch.At("agree on a secret")
	}
	if len(peer) != k.c.size {
		return nil, fault.MechanismParamInvalid.At("check peer's point")
	}
	return k.c.agree(k.scalar, peer)
}

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeMontgomery {
		return nil, fault.KeyTypeMismatch.At("parse montgomery key")
	}
	c, err := findCurve(m.Params)
	if err != nil {
		return nil, err
	}
	if m.Public != nil && len(m.Public) != c.size || m.Public == nil && m.Secret == nil {
		return nil, fault.AttributeValueInvalid.At("parse montgomery public key")
	}
	if m.Secret == nil {
		return &montgomeryKey{c: c}, nil
	}
	if len(m.Secret) != c.size {
		return nil, fault.AttributeValueInvalid.At("parse montgomery scalar")
	}
	if check && m.Public != nil {
		public, err := c.publicOf(m.Secret)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(public, m.Public) {
			return nil, fault.AttributeValueInvalid.At("compare montgomery halves")
		}
	}
	return &montgomeryKey{c: c, scalar: bytes.Clone(m.Secret)}, nil
}

func publicOf(m mech.Material) (mech.Material, error) {
	c, err := findCurve(m.Params)
	if err != nil {
		return mech.Material{}, err
	}
	if len(m.Secret) != c.size {
		return mech.Material{}, fault.AttributeValueInvalid.At("parse montgomery scalar")
	}
	public, err := c.publicOf(m.Secret)
	return mech.Material{Type: key.TypeMontgomery, Params: c.oid, Public: public}, err
}

func publicOf25519(scalar []byte) ([]byte, error) {
	k, err := ecdh.X25519().NewPrivateKey(scalar)
	if err != nil {
		return nil, fault.AttributeValueInvalid.At("check montgomery scalar")
	}
	return k.PublicKey().Bytes(), nil
}

func publicOf448(scalar []byte) ([]byte, error) {
	var public, secret x448.Key
	defer clear(secret[:])
	copy(secret[:], scalar)
	x448.KeyGen(&public, &secret)
	return public[:], nil
}
