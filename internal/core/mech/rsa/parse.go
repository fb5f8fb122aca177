// SPDX-License-Identifier: Apache-2.0

// Package rsa is RSA as PKCS #11 3.2 section 6.1 names it and RFC 8017 (PKCS #1 v2.2) defines it: key pairs, PKCS #1
// v1.5, OAEP, PSS, raw X.509 and RSA_AES_KEY_WRAP.
//
// crypto/rsa does the work wherever it can. What it cannot (raw operations, PSS with an empty salt or with a mask
// digest of its own) goes through raw.go. All private operations pass one small interface, private.
package rsa

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Sizes of a modulus in bits.
const (
	minPublicBits = 1024 // verification of old signatures; crypto/rsa goes no lower
	minBits       = 2048 // FIPS 186-5 section 5.1; private keys and new keys
	maxBits       = 8192 // above, one private operation takes longer than a caller waits
)

// primalityRounds of Miller-Rabin on an imported prime; FIPS 186-5 table B.1 asks for 5 or fewer at these sizes, but an
// imported one may be chosen by an adversary, whose chance is 4^-rounds.
const primalityRounds = 20

// Family is RSA.
var Family = mech.Family{
	Name:      "RSA",
	Types:     []key.Type{key.TypeRSA},
	Parse:     parse,
	PublicOf:  publicOf,
	SelfTests: selfTests,
	Pairwise:  pairwise,
	Rows:      rows(),
}

// rsaKey is a parsed key. It is never written after parse, so many goroutines may use it.
type rsaKey struct {
	pub    *rsa.PublicKey
	priv   private           // nil for a public key
	reject [sha256.Size]byte // SHA-256 of the private exponent, from which implicit rejection derives: reject.go
}

func (k *rsaKey) Type() key.Type { return key.TypeRSA }
func (k *rsaKey) Bits() int      { return k.pub.N.BitLen() }
func (k *rsaKey) Private() bool  { return k.priv != nil }

// size is k of RFC 8017: the length of the modulus in bytes.
func (k *rsaKey) size() int { return k.pub.Size() }

func parse(m mech.Material, check bool) (mech.Key, error) {
	if m.Type != key.TypeRSA {
		return nil, fault.KeyTypeMismatch.At("parse rsa key")
	}
	if m.Secret == nil {
		pub, err := parsePublic(m.Public)
		if err != nil {
			return nil, err
		}
		return &rsaKey{pub: pub}, nil
	}
	priv, err := parsePrivate(m.Secret)
	if err != nil {
		return nil, err
	}
	if check {
		if err := checkPair(priv, m.Public); err != nil {
			return nil, err
		}
	}
	k := &rsaKey{pub: &priv.PublicKey, priv: &standard{priv}}
	d := priv.D.FillBytes(make([]byte, priv.Size()))
	k.reject = sha256.Sum256(d)
	clear(d)
	return k, nil
}

// parsePublic reads RSAPublicKey (RFC 8017 appendix A.1.1).
func parsePublic(der []byte) (*rsa.PublicKey, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	n := new(big.Int)
	var e int64
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1Integer(n) || !seq.ReadASN1Integer(&e) || !seq.Empty() {
		return nil, fault.AttributeValueInvalid.At("parse rsa public key")
	}
	pub := &rsa.PublicKey{N: n, E: int(e)}
	return pub, checkPublic(pub, minPublicBits)
}

// checkPublic refuses what crypto/rsa would refuse at each use: it takes exponents below 2^31 only.
func checkPublic(pub *rsa.PublicKey, atLeast int) error {
	if bits := pub.N.BitLen(); pub.N.Sign() <= 0 || bits < atLeast || bits > maxBits {
		return fault.KeySize.At("check rsa modulus")
	}
	if pub.N.Bit(0) == 0 || pub.E < 3 || pub.E&1 == 0 || pub.E > 1<<31-1 {
		return fault.AttributeValueInvalid.At("check rsa public key")
	}
	return nil
}

// parsePrivate reads RSAPrivateKey (RFC 8017 appendix A.1.2) of version 0: two primes.
func parsePrivate(der []byte) (*rsa.PrivateKey, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	var version int
	var e int64
	n, d, p, q, dp, dq, qinv := new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(&version) {
		return nil, fault.AttributeValueInvalid.At("parse rsa private key")
	}
	if version != 0 {
		return nil, fault.Unsupported.At("parse rsa key of more than two primes")
	}
	for _, i := range []any{n, &e, d, p, q, dp, dq, qinv} {
		if !seq.ReadASN1Integer(i) {
			return nil, fault.AttributeValueInvalid.At("parse rsa private key")
		}
	}
	for _, i := range []*big.Int{d, p, q, dp, dq, qinv} {
		if i.Sign() <= 0 || i.BitLen() > maxBits {
			return nil, fault.AttributeValueInvalid.At("parse rsa private key")
		}
	}
	priv := &rsa.PrivateKey{
		PublicKey:   rsa.PublicKey{N: n, E: int(e)},
		D:           d,
		Primes:      []*big.Int{p, q},
		Precomputed: rsa.PrecomputedValues{Dp: dp, Dq: dq, Qinv: qinv},
	}
	if !seq.Empty() {
		return nil, fault.AttributeValueInvalid.At("parse rsa private key")
	}
	if err := checkPublic(&priv.PublicKey, minBits); err != nil {
		return nil, err
	}
	// With the CRT values given, Precompute only checks that they belong together (pq = n, e dp = 1 and so on), which
	// is cheap; so records are checked as well.
	priv.Precompute()
	if priv.Validate() != nil {
		return nil, fault.AttributeValueInvalid.At("check rsa private key")
	}
	return priv, nil
}

// checkPair is for keys from outside: the primes are prime, d belongs to e, and a given public half is this key's.
func checkPair(priv *rsa.PrivateKey, public []byte) error {
	for _, p := range priv.Primes {
		if !p.ProbablyPrime(primalityRounds) {
			return fault.AttributeValueInvalid.At("check rsa primes")
		}
		one := big.NewInt(1)
		de := new(big.Int).Mul(priv.D, big.NewInt(int64(priv.E)))
		if de.Mod(de, new(big.Int).Sub(p, one)).Cmp(one) != 0 {
			return fault.AttributeValueInvalid.At("check rsa private exponent")
		}
	}
	if public != nil && subtle.ConstantTimeCompare(public, marshalPublic(&priv.PublicKey)) != 1 {
		return fault.AttributeValueInvalid.At("compare rsa halves")
	}
	return nil
}

func publicOf(m mech.Material) (mech.Material, error) {
	priv, err := parsePrivate(m.Secret)
	if err != nil {
		return mech.Material{}, err
	}
	return mech.Material{Type: key.TypeRSA, Public: marshalPublic(&priv.PublicKey)}, nil
}

func marshalPublic(pub *rsa.PublicKey) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(pub.N)
		b.AddASN1Int64(int64(pub.E))
	})
	return b.BytesOrPanic()
}

func marshalPrivate(priv *rsa.PrivateKey) []byte {
	// Room for nine integers of the sizes of RFC 8017 and their headers, so that the builder never outgrows, and leaves
	// behind, an array with half of the key in it.
	b := cryptobyte.NewBuilder(make([]byte, 0, 5*priv.Size()+128))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1BigInt(priv.N)
		b.AddASN1Int64(int64(priv.E))
		for _, i := range []*big.Int{priv.D, priv.Primes[0], priv.Primes[1],
			priv.Precomputed.Dp, priv.Precomputed.Dq, priv.Precomputed.Qinv} {
			b.AddASN1BigInt(i)
		}
	})
	return b.BytesOrPanic()
}
