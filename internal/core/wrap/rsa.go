// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// RSAPrivate is a PKCS #1 RSAPrivateKey of two primes in the order of the standard: each number big-endian, without
// leading zeros, a view into the DER.
type RSAPrivate struct {
	N, E, D, P, Q, DP, DQ, QInv []byte
}

// ParseRSAPrivate reads the form; whether the numbers belong together is the family's question.
func ParseRSAPrivate(der []byte) (k RSAPrivate, ok bool) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	var version uint64
	ok = in.ReadASN1(&seq, asn1.SEQUENCE) && in.Empty() && seq.ReadASN1Integer(&version) && version == 0
	for _, v := range k.numbers() {
		ok = ok && readInteger(&seq, v) && len(*v) > 0
	}
	return k, ok && seq.Empty()
}

// EncodeRSAPrivate writes the form into one buffer of its final size.
func EncodeRSAPrivate(k RSAPrivate) ([]byte, error) {
	size := 64
	for _, v := range k.numbers() {
		size += len(*v)
	}
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, size))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Uint64(0)
		for _, v := range k.numbers() {
			addInteger(b, *v)
		}
	})
	return built(b)
}

func (k *RSAPrivate) numbers() [8]*[]byte {
	return [8]*[]byte{&k.N, &k.E, &k.D, &k.P, &k.Q, &k.DP, &k.DQ, &k.QInv}
}
