// SPDX-License-Identifier: Apache-2.0

// Package ec is elliptic curves in short Weierstrass form as PKCS #11 3.2 section 6.3 names them: key pairs, ECDSA
// (FIPS 186-5) and ECDH (SP 800-56A rev. 3) on P-224, P-256, P-384, P-521 and secp256k1.
//
// The NIST curves are Go's; secp256k1 is decred's, which is not constant-time, so its secrets are split before use
// (koblitz.go). Signatures are r || s, each as long as the order.
package ec

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Family is EC.
var Family = mech.Family{
	Name:      "EC",
	Types:     []key.Type{key.TypeEC},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// ecKey is what both engines, nistKey and koblitzKey, are to the rows.
type ecKey interface {
	mech.DHKey

	curve() *curve

	// sign answers r || s over a digest, of which ECDSA uses as many bits as the order has.
	sign(digest []byte) ([]byte, error)

	// verify takes r and s as big-endian numbers of any length up to the order's.
	verify(digest, r, s []byte) bool
}

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeEC {
		return nil, fault.KeyTypeMismatch.At("parse ec key")
	}
	c, err := findCurve(m.Params)
	if err != nil {
		return nil, err
	}
	if m.Secret == nil {
		return c.engine.parsePublic(c, m.Public)
	}
	scalar, err := c.scalar(m.Secret)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	public := m.Public
	// Computing the public point costs as much as a signature, so a record's own is taken: its seal vouches for it.
	if check || public == nil {
		if public, err = c.engine.basePoint(c, scalar); err != nil {
			return nil, err
		}
		if m.Public != nil && !bytes.Equal(public, m.Public) {
			return nil, fault.AttributeValueInvalid.At("compare ec halves")
		}
	}
	return c.engine.parsePrivate(c, scalar, public)
}

func publicOf(m mech.Material) (mech.Material, error) {
	c, err := findCurve(m.Params)
	if err != nil {
		return mech.Material{}, err
	}
	scalar, err := c.scalar(m.Secret)
	if err != nil {
		return mech.Material{}, err
	}
	defer clear(scalar)
	public, err := c.engine.basePoint(c, scalar)
	if err != nil {
		return mech.Material{}, err
	}
	return mech.Material{Type: key.TypeEC, Params: c.oid, Public: public}, nil
}

// scalar brings a private value to the fixed length of the order: programs strip leading zeroes, and some add one.
func (c *curve) scalar(v []byte) ([]byte, error) {
	for len(v) > c.size && v[0] == 0 {
		v = v[1:]
	}
	if len(v) == 0 || len(v) > c.size {
		return nil, fault.AttributeValueInvalid.At("parse ec private value")
	}
	out := make([]byte, c.size)
	copy(out[c.size-len(v):], v)
	return out, nil
}
