// SPDX-License-Identifier: Apache-2.0

// Package mldsa is ML-DSA as PKCS #11 3.2 names it and FIPS 204 defines it: key pairs, signatures with a context, and
// HashML-DSA, with the sets 44, 65 and 87.
//
// Keys with their seed are filippo.io/mldsa's, which is Go 1.27's crypto/mldsa. Private keys that came without their
// seed (expanded) are circl's. HashML-DSA verification, which neither offers, is verify.go.
package mldsa

import (
	"bytes"
	"crypto/sha3"

	"filippo.io/mldsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Family is ML-DSA.
var Family = mech.Family{
	Name:      "ML-DSA",
	Types:     []key.Type{key.TypeMLDSA},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// dsaKey is a parsed key, only read after parse. For a private key one of seeded and expanded is set.
type dsaKey struct {
	set      *set
	public   *mldsa.PublicKey
	tr       [64]byte // SHAKE256 of the public key, to which every message is bound
	seeded   *mldsa.PrivateKey
	expanded expandedKey
}

// expandedKey signs with a private key in the form of FIPS 204 algorithm 24.
type expandedKey interface {
	sign(msg, context []byte, hedged bool) ([]byte, error)
	publicKey() []byte
}

func (k *dsaKey) Type() key.Type { return key.TypeMLDSA }
func (k *dsaKey) Bits() int      { return k.set.params.PublicKeySize() }
func (k *dsaKey) Private() bool  { return k.seeded != nil || k.expanded != nil }

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeMLDSA {
		return nil, fault.KeyTypeMismatch.At("parse ml-dsa key")
	}
	s, err := findSet(m.Params)
	if err != nil {
		return nil, err
	}
	k := &dsaKey{set: s}
	if m.Secret == nil {
		return k, k.setPublic(m.Public)
	}
	public, err := k.setPrivate(m.Secret)
	if err != nil {
		return nil, err
	}
	if m.Public != nil && !bytes.Equal(public, m.Public) {
		return nil, fault.AttributeValueInvalid.At("compare ml-dsa halves")
	}
	if err := k.setPublic(public); err != nil {
		return nil, err
	}
	if check && k.expanded != nil && k.checkExpanded(m.Secret) != nil {
		return nil, fault.AttributeValueInvalid.At("check ml-dsa private key")
	}
	return k, nil
}

func (k *dsaKey) setPublic(public []byte) error {
	pk, err := mldsa.NewPublicKey(k.set.params, public)
	if err != nil {
		return fault.AttributeValueInvalid.At("parse ml-dsa public key")
	}
	k.public = pk
	copy(k.tr[:], sha3.SumSHAKE256(public, len(k.tr)))
	return nil
}

// setPrivate takes a seed or an expanded key, and answers the public key that belongs to it.
func (k *dsaKey) setPrivate(secret []byte) (public []byte, err error) {
	bad := fault.AttributeValueInvalid.At("parse ml-dsa private key")
	switch len(secret) {
	case mldsa.PrivateKeySize:
		if k.seeded, err = mldsa.NewPrivateKey(k.set.params, secret); err != nil {
			return nil, bad
		}
		return k.seeded.PublicKey().Bytes(), nil
	case k.set.expandedSize:
		if !k.set.inRange(secret) {
			return nil, bad
		}
		k.expanded = k.set.unpack(secret)
		return k.expanded.publicKey(), nil
	}
	return nil, bad
}

// checkExpanded sees that the parts of an imported expanded key belong together: its copy of the public key's digest,
// and by a signature the rest. A change of s2 or t0 too small to touch the public key and the signature stays unseen;
// it harms nobody but the owner.
func (k *dsaKey) checkExpanded(secret []byte) error {
	if !bytes.Equal(secret[64:64+len(k.tr)], k.tr[:]) {
		return fault.AttributeValueInvalid
	}
	return k.try()
}

func publicOf(m mech.Material) (mech.Material, error) {
	k, err := parse(mech.Material{Type: m.Type, Params: m.Params, Secret: m.Secret}, false)
	if err != nil {
		return mech.Material{}, err
	}
	return mech.Material{Type: key.TypeMLDSA, Params: m.Params, Public: k.(*dsaKey).public.Bytes()}, nil
}

// Expand answers the private key of FIPS 204 (CKA_VALUE) for private material in either form.
func Expand(m mech.Material) ([]byte, error) {
	s, err := findSet(m.Params)
	if err != nil {
		return nil, err
	}
	switch len(m.Secret) {
	case mldsa.PrivateKeySize:
		return s.expand(m.Secret), nil
	case s.expandedSize:
		return bytes.Clone(m.Secret), nil
	}
	return nil, fault.AttributeValueInvalid.At("parse ml-dsa private key")
}
