// SPDX-License-Identifier: Apache-2.0

// Package edwards is EdDSA as PKCS #11 3.2 section 6.3.14 names it and RFC 8032 defines it: Ed25519 and Ed448, pure,
// with context, and pre-hashed. Ed25519 is Go's, Ed448 is circl's.
package edwards

import (
	"bytes"
	"crypto/ed25519"

	"github.com/cloudflare/circl/sign/ed448"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Family is Edwards curves.
var Family = mech.Family{
	Name:      "Edwards",
	Types:     []key.Type{key.TypeEdwards},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// edwardsKey is a parsed key, only read after parse. secret is seed || public key, the form in which both libraries
// keep a private key, so that parsing computes nothing.
type edwardsKey struct {
	c      *curve
	public []byte
	secret []byte // nil for a public key
}

func (k *edwardsKey) Type() key.Type { return key.TypeEdwards }
func (k *edwardsKey) Bits() int      { return k.c.bits }
func (k *edwardsKey) Private() bool  { return k.secret != nil }

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeEdwards {
		return nil, fault.KeyTypeMismatch.At("parse edwards key")
	}
	c, err := findCurve(m.Params)
	if err != nil {
		return nil, err
	}
	if m.Public != nil && len(m.Public) != c.size {
		return nil, fault.AttributeValueInvalid.At("parse edwards public key")
	}
	if m.Secret == nil {
		if m.Public == nil {
			return nil, fault.AttributeValueInvalid.At("parse edwards public key")
		}
		return &edwardsKey{c: c, public: bytes.Clone(m.Public)}, nil
	}
	if len(m.Secret) != c.size {
		return nil, fault.AttributeValueInvalid.At("parse edwards seed")
	}
	public := m.Public
	// A signature made with another key's public half gives the private scalar away, so what comes from outside is
	// computed; a record's halves were sealed together.
	if check || public == nil {
		public = c.publicOf(m.Secret)
		if m.Public != nil && !bytes.Equal(public, m.Public) {
			return nil, fault.AttributeValueInvalid.At("compare edwards halves")
		}
	}
	secret := append(append(make([]byte, 0, 2*c.size), m.Secret...), public...)
	return &edwardsKey{c: c, public: secret[c.size:], secret: secret}, nil
}

func publicOf(m mech.Material) (mech.Material, error) {
	c, err := findCurve(m.Params)
	if err != nil {
		return mech.Material{}, err
	}
	if len(m.Secret) != c.size {
		return mech.Material{}, fault.AttributeValueInvalid.At("parse edwards seed")
	}
	return mech.Material{Type: key.TypeEdwards, Params: c.oid, Public: c.publicOf(m.Secret)}, nil
}

func publicOf25519(seed []byte) []byte {
	k := ed25519.NewKeyFromSeed(seed)
	defer clear(k)
	return bytes.Clone(k[ed25519.SeedSize:])
}

func publicOf448(seed []byte) []byte {
	k := ed448.NewKeyFromSeed(seed)
	defer clear(k)
	return bytes.Clone(k[ed448.SeedSize:])
}
