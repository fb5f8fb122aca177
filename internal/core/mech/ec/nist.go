// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"crypto/ecdsa"
	"crypto/rand"
	"math/big"
	"math/bits"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// nist is the engine of the curves that Go has.
type nist struct{}

// nistKey is safe for many goroutines: crypto/ecdsa only reads it.
type nistKey struct {
	c    *curve
	pub  *ecdsa.PublicKey
	priv *ecdsa.PrivateKey // nil for a public key
}

func (k *nistKey) Type() key.Type   { return key.TypeEC }
func (k *nistKey) Bits() int        { return k.c.bits }
func (k *nistKey) Private() bool    { return k.priv != nil }
func (k *nistKey) curve() *curve    { return k.c }
func (k *nistKey) DHApproved() bool { return k.c.ecdh != nil }

func (nist) generate(c *curve) (public, scalar []byte, err error) {
	k, err := ecdsa.GenerateKey(c.nist, rand.Reader)
	if err != nil {
		return nil, nil, fault.Internal.At("generate ec key")
	}
	if scalar, err = k.Bytes(); err != nil {
		return nil, nil, fault.Internal.At("generate ec key")
	}
	if public, err = k.PublicKey.Bytes(); err != nil {
		return nil, nil, fault.Internal.At("generate ec key")
	}
	return public, scalar, nil
}

func (nist) basePoint(c *curve, scalar []byte) ([]byte, error) {
	k, err := ecdsa.ParseRawPrivateKey(c.nist, scalar)
	if err != nil {
		return nil, fault.AttributeValueInvalid.At("check ec private value")
	}
	return k.PublicKey.Bytes()
}

func (nist) parsePublic(c *curve, public []byte) (ecKey, error) {
	pub, err := ecdsa.ParseUncompressedPublicKey(c.nist, public)
	if err != nil {
		return nil, fault.AttributeValueInvalid.At("check ec point")
	}
	return &nistKey{c: c, pub: pub}, nil
}

// parsed is a private key in one piece of memory: in strict mode one is made for each use, and what is allocated inside
// ssp.Do costs the runtime half a microsecond for its erasure, times six if the numbers lay apart.
type parsed struct {
	nistKey
	priv    ecdsa.PrivateKey
	d, x, y big.Int
	words   [3][9]big.Word // nine for P-521
}

// parsePrivate fills the struct by hand: the constructors of crypto/ecdsa would compute the public point. The point is
// checked to be on the curve when the key is first used.
func (nist) parsePrivate(c *curve, scalar, public []byte) (ecKey, error) {
	if len(public) != 1+2*c.size || public[0] != 4 {
		return nil, fault.AttributeValueInvalid.At("parse ec point")
	}
	k := &parsed{}
	setBytes(&k.d, k.words[0][:], scalar)
	setBytes(&k.x, k.words[1][:], public[1:1+c.size])
	setBytes(&k.y, k.words[2][:], public[1+c.size:])
	if k.d.Sign() == 0 || k.d.Cmp(c.nist.Params().N) >= 0 {
		return nil, fault.AttributeValueInvalid.At("check ec private value")
	}
	k.priv.Curve, k.priv.D, k.priv.X, k.priv.Y = c.nist, &k.d, &k.x, &k.y
	k.nistKey = nistKey{c: c, pub: &k.priv.PublicKey, priv: &k.priv}
	return &k.nistKey, nil
}

// setBytes makes n the big-endian number in b, within words, which have room for it and are zero.
func setBytes(n *big.Int, words []big.Word, b []byte) {
	const size = bits.UintSize / 8
	for i, v := range b {
		at := len(b) - 1 - i
		words[at/size] |= big.Word(v) << (at % size * 8)
	}
	n.SetBits(words)
}

func (k *nistKey) sign(digest []byte) ([]byte, error) {
	der, err := ecdsa.SignASN1(rand.Reader, k.priv, digest)
	if err != nil {
		return nil, fault.Internal.At("sign ecdsa")
	}
	return k.join(der)
}

// join turns the ASN.1 form of a signature into r || s.
func (k *nistKey) join(der []byte) ([]byte, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	var r, s []byte
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&r) || !seq.ReadASN1Integer(&s) {
		return nil, fault.Internal.At("sign ecdsa")
	}
	sig := make([]byte, 2*k.c.size)
	copy(sig[k.c.size-len(r):], r)
	copy(sig[2*k.c.size-len(s):], s)
	return sig, nil
}

func (k *nistKey) verify(digest, r, s []byte) bool {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(r))
		b.AddASN1BigInt(new(big.Int).SetBytes(s))
	})
	return ecdsa.VerifyASN1(k.pub, digest, b.BytesOrPanic())
}

func (k *nistKey) DH(peer []byte) ([]byte, error) {
	if k.priv == nil {
		return nil, fault.KeyTypeMismatch.At("agree on a secret")
	}
	scalar := k.priv.D.FillBytes(make([]byte, k.c.size))
	defer clear(scalar)
	if k.c.ecdh == nil {
		return k.legacyDH(peer, scalar)
	}
	pub, err := k.c.ecdh.NewPublicKey(peer)
	if err != nil {
		return nil, fault.MechanismParamInvalid.At("check peer's point")
	}
	priv, err := k.c.ecdh.NewPrivateKey(scalar)
	if err != nil {
		return nil, fault.Internal.At("agree on a secret")
	}
	z, err := priv.ECDH(pub)
	if err != nil {
		return nil, fault.MechanismParamInvalid.At("agree on a secret")
	}
	return z, nil
}

// legacyDH is for P-224, which crypto/ecdh left out. The multiplication of crypto/elliptic is the same constant-time
// code; only its numbers travel as big.Int.
func (k *nistKey) legacyDH(peer, scalar []byte) ([]byte, error) {
	pub, err := ecdsa.ParseUncompressedPublicKey(k.c.nist, peer)
	if err != nil {
		return nil, fault.MechanismParamInvalid.At("check peer's point")
	}
	x, y := k.c.nist.ScalarMult(pub.X, pub.Y, scalar)
	if x.Sign() == 0 && y.Sign() == 0 { // infinity: cannot be, the order is prime
		return nil, fault.MechanismParamInvalid.At("agree on a secret")
	}
	z := x.FillBytes(make([]byte, k.c.size))
	clear(x.Bits())
	clear(y.Bits())
	return z, nil
}
