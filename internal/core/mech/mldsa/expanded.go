// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/cloudflare/circl/sign/mldsa/mldsa87"
)

// circl has one package for each set, with the same functions.

type expanded44 mldsa44.PrivateKey

func (k *expanded44) sign(msg, context []byte, hedged bool) ([]byte, error) {
	sig := make([]byte, mldsa44.SignatureSize)
	return sig, mldsa44.SignTo((*mldsa44.PrivateKey)(k), msg, context, hedged, sig)
}

func (k *expanded44) publicKey() []byte {
	return (*mldsa44.PrivateKey)(k).Public().(*mldsa44.PublicKey).Bytes()
}

func unpack44(secret []byte) expandedKey {
	k := new(mldsa44.PrivateKey)
	k.Unpack((*[mldsa44.PrivateKeySize]byte)(secret))
	return (*expanded44)(k)
}

func expand44(seed []byte) []byte {
	_, k := mldsa44.NewKeyFromSeed((*[mldsa44.SeedSize]byte)(seed))
	return k.Bytes()
}

type expanded65 mldsa65.PrivateKey

func (k *expanded65) sign(msg, context []byte, hedged bool) ([]byte, error) {
	sig := make([]byte, mldsa65.SignatureSize)
	return sig, mldsa65.SignTo((*mldsa65.PrivateKey)(k), msg, context, hedged, sig)
}

func (k *expanded65) publicKey() []byte {
	return (*mldsa65.PrivateKey)(k).Public().(*mldsa65.PublicKey).Bytes()
}

func unpack65(secret []byte) expandedKey {
	k := new(mldsa65.PrivateKey)
	k.Unpack((*[mldsa65.PrivateKeySize]byte)(secret))
	return (*expanded65)(k)
}

func expand65(seed []byte) []byte {
	_, k := mldsa65.NewKeyFromSeed((*[mldsa65.SeedSize]byte)(seed))
	return k.Bytes()
}

type expanded87 mldsa87.PrivateKey

func (k *expanded87) sign(msg, context []byte, hedged bool) ([]byte, error) {
	sig := make([]byte, mldsa87.SignatureSize)
	return sig, mldsa87.SignTo((*mldsa87.PrivateKey)(k), msg, context, hedged, sig)
}

func (k *expanded87) publicKey() []byte {
	return (*mldsa87.PrivateKey)(k).Public().(*mldsa87.PublicKey).Bytes()
}

func unpack87(secret []byte) expandedKey {
	k := new(mldsa87.PrivateKey)
	k.Unpack((*[mldsa87.PrivateKeySize]byte)(secret))
	return (*expanded87)(k)
}

func expand87(seed []byte) []byte {
	_, k := mldsa87.NewKeyFromSeed((*[mldsa87.SeedSize]byte)(seed))
	return k.Bytes()
}

// inRange checks the short secret vectors of an expanded key: circl reads them on trust, and a coefficient outside
// [-eta, eta] is no ML-DSA key (FIPS 204 algorithm 25 asks that the input be trusted). Time tells only of refused keys.
func (s *set) inRange(secret []byte) bool {
	width := 3 // bits of a packed coefficient, eta - c
	if s.eta == 4 {
		width = 4
	}
	short := secret[128 : 128+32*width*(s.k+s.l)]
	bad := 0
	for i := range len(short) * 8 / width {
		c := 0
		for b := range width {
			at := i*width + b
			c |= int(short[at/8]>>(at%8)&1) << b
		}
		if c > 2*s.eta {
			bad++
		}
	}
	return bad == 0
}
