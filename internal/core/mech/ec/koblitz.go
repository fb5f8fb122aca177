// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"crypto/rand"

	secp "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// BUG(genbu): the scalar multiplications and inversions of this library are not constant-time. Every secret scalar is
// therefore split into two random shares, or multiplied by a random number, before it goes in, so that time tells of
// random values only. A constant-time secp256k1 in Go would end this.

// koblitz is the engine of secp256k1.
type koblitz struct{}

// koblitzKey is safe for many goroutines: nothing writes it after parse.
type koblitzKey struct {
	c    *curve
	pub  *secp.PublicKey
	priv *secp.ModNScalar // nil for a public key
}

func (k *koblitzKey) Type() key.Type   { return key.TypeEC }
func (k *koblitzKey) Bits() int        { return k.c.bits }
func (k *koblitzKey) Private() bool    { return k.priv != nil }
func (k *koblitzKey) curve() *curve    { return k.c }
func (k *koblitzKey) DHApproved() bool { return false }

func (koblitz) generate(c *curve) (public, scalar []byte, err error) {
	d := randomScalar()
	b := d.Bytes()
	scalar = append(scalar, b[:]...)
	clear(b[:])
	public, err = koblitz{}.basePoint(c, scalar)
	return public, scalar, err
}

func (koblitz) basePoint(_ *curve, scalar []byte) ([]byte, error) {
	d, err := checkedScalar(scalar)
	if err != nil {
		return nil, err
	}
	p := multiply(d, nil)
	return secp.NewPublicKey(&p.X, &p.Y).SerializeUncompressed(), nil
}

func (koblitz) parsePublic(c *curve, public []byte) (ecKey, error) {
	pub, err := parsePoint(public)
	if err != nil {
		return nil, fault.AttributeValueInvalid.At("check ec point")
	}
	return &koblitzKey{c: c, pub: pub}, nil
}

func (koblitz) parsePrivate(c *curve, scalar, public []byte) (ecKey, error) {
	d, err := checkedScalar(scalar)
	if err != nil {
		return nil, err
	}
	pub, err := parsePoint(public)
	if err != nil {
		return nil, fault.AttributeValueInvalid.At("check ec point")
	}
	return &koblitzKey{c: c, pub: pub, priv: d}, nil
}

// parsePoint takes uncompressed points only; the library checks that they are on the curve.
func parsePoint(p []byte) (*secp.PublicKey, error) {
	if len(p) != secp.PubKeyBytesLenUncompressed || p[0] != 4 {
		return nil, fault.MechanismParamInvalid.At("parse ec point")
	}
	pub, err := secp.ParsePubKey(p)
	if err != nil {
		return nil, fault.MechanismParamInvalid.At("check ec point")
	}
	return pub, nil
}

// checkedScalar refuses zero and what is not below the order.
func checkedScalar(b []byte) (*secp.ModNScalar, error) {
	var d secp.ModNScalar
	if overflow := d.SetByteSlice(b); overflow || d.IsZero() {
		return nil, fault.AttributeValueInvalid.At("check ec private value")
	}
	return &d, nil
}

func randomScalar() *secp.ModNScalar {
	var b [32]byte
	defer clear(b[:])
	for {
		rand.Read(b[:])
		if s, err := checkedScalar(b[:]); err == nil {
			return s
		}
	}
}

// multiply is d times a point, or times the generator where point is nil, in affine form: (d-t) P + t P for a random t.
func multiply(d *secp.ModNScalar, point *secp.JacobianPoint) *secp.JacobianPoint {
	t := randomScalar()
	rest := new(secp.ModNScalar).NegateVal(t).Add(d)
	var a, b, sum secp.JacobianPoint
	if point == nil {
		secp.ScalarBaseMultNonConst(rest, &a)
		secp.ScalarBaseMultNonConst(t, &b)
	} else {
		secp.ScalarMultNonConst(rest, point, &a)
		secp.ScalarMultNonConst(t, point, &b)
	}
	secp.AddNonConst(&a, &b, &sum)
	sum.ToAffine()
	t.Zero()
	rest.Zero()
	return &sum
}

// sign is ECDSA with a nonce as in RFC 6979 section 3.6, with fresh randomness mixed in, so that neither a bad random
// source nor a fault repeated on one message gives the key away.
func (k *koblitzKey) sign(digest []byte) ([]byte, error) {
	var extra [32]byte
	for {
		rand.Read(extra[:])
		if sig := k.signWith(k.nonce(digest, extra[:]), digest); sig != nil {
			return sig, nil
		}
	}
}

// nonce is the k of RFC 6979 for this key and digest; extra is its additional data, or nil.
func (k *koblitzKey) nonce(digest, extra []byte) *secp.ModNScalar {
	d := k.priv.Bytes()
	defer clear(d[:])
	var e secp.ModNScalar
	setDigest(&e, digest)
	h := e.Bytes() // bits2octets: reduced, in full length
	return secp.NonceRFC6979(d[:], h[:], extra, nil, 0)
}

// signWith answers r || s, or nil where this nonce yields none. s is the smaller of its two values, as Bitcoin asks.
func (k *koblitzKey) signWith(nonce *secp.ModNScalar, digest []byte) []byte {
	defer nonce.Zero()
	var e, r, s secp.ModNScalar
	setDigest(&e, digest)
	r.SetByteSlice(multiply(nonce, nil).X.Bytes()[:])
	b := randomScalar()
	inverse := new(secp.ModNScalar).Mul2(nonce, b) // (nonce b)^-1 b = nonce^-1
	defer inverse.Zero()
	inverse.InverseNonConst().Mul(b)
	s.Mul2(&r, k.priv).Add(&e).Mul(inverse)
	if r.IsZero() || s.IsZero() {
		return nil
	}
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	rb, sb := r.Bytes(), s.Bytes()
	return append(rb[:], sb[:]...)
}

// setDigest takes the leftmost 256 bits of a digest as a number (FIPS 186-5 section 6.4.1 step 2).
func setDigest(e *secp.ModNScalar, digest []byte) { e.SetByteSlice(digest[:min(len(digest), 32)]) }

func (k *koblitzKey) verify(digest, r, s []byte) bool {
	var rs, ss secp.ModNScalar
	if rs.SetByteSlice(r) || ss.SetByteSlice(s) { // not below the order
		return false
	}
	return ecdsa.NewSignature(&rs, &ss).Verify(digest[:min(len(digest), 32)], k.pub)
}

func (k *koblitzKey) DH(peer []byte) ([]byte, error) {
	if k.priv == nil {
		return nil, fault.KeyTypeMismatch.At("agree on a secret")
	}
	pub, err := parsePoint(peer)
	if err != nil {
		return nil, err
	}
	var point secp.JacobianPoint
	pub.AsJacobian(&point)
	return multiply(k.priv, &point).X.Bytes()[:], nil
}
