// SPDX-License-Identifier: Apache-2.0

package securitydomain

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Of a holder's certificate (RFC 5280 section 4.1) only the key counts: whoever downloads a domain says whose it is. Issuer and
// dates are not looked at, since a domain must outlive them.

const (
	minHolderBits = 2048
	maxHolderBits = 4096
	maxCert       = 64 << 10
)

// holderKey reads the RSA key of a certificate.
func holderKey(der []byte) (*rsa.PublicKey, error) {
	bad := fault.PublicKeyInvalid.At("read holder's certificate")
	in := cryptobyte.String(der)
	var cert, tbs, spki, skip cryptobyte.String
	if len(der) > maxCert || !in.ReadASN1(&cert, asn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || // version
		!tbs.ReadASN1(&skip, asn1.INTEGER) || // serial number
		!tbs.ReadASN1(&skip, asn1.SEQUENCE) || // signature
		!tbs.ReadASN1(&skip, asn1.SEQUENCE) || // issuer
		!tbs.ReadASN1(&skip, asn1.SEQUENCE) || // validity
		!tbs.ReadASN1(&skip, asn1.SEQUENCE) || // subject
		!tbs.ReadASN1Element(&spki, asn1.SEQUENCE) {
		return nil, bad
	}
	m, err := wrap.ParseSPKI(spki)
	if err != nil || m.Type != key.TypeRSA {
		return nil, fault.PublicKeyInvalid.At("read holder's certificate: it is not of an RSA key")
	}
	n, e, ok := wrap.RSAPublic(m.Public)
	if !ok || len(e) > 4 {
		return nil, bad
	}
	k := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if bits := k.N.BitLen(); bits < minHolderBits || bits > maxHolderBits {
		return nil, fault.KeySize.At("read holder's certificate: RSA keys of 2048 to 4096 bits")
	}
	if k.E < 3 || k.E&1 == 0 {
		return nil, bad
	}
	return k, nil
}

var (
	oidSHA256RSA  = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}
	oidName       = []byte{0x06, 0x03, 0x55, 0x04, 0x03}
	oidRSA        = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}
	transferName  = "genbu security domain transfer key"
	notBefore     = "200101000000Z"
	notAfter      = "99991231235959Z" // RFC 5280 section 4.1.2.5: none; the key lives as long as the core waits for an upload
	certSerialLen = 16
)

// selfSigned answers a certificate of k over itself, which is the form in which holders' tools take a public key.
func selfSigned(k *rsa.PrivateKey, serial []byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
		b.AddASN1BigInt(new(big.Int).SetBytes(serial))
		addAlgorithm(b, oidSHA256RSA)
		addName(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, t := range []string{notBefore, notAfter} {
				tag := asn1.GeneralizedTime
				if len(t) == 13 { // years before 2050
					tag = asn1.UTCTime
				}
				b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(t)) })
			}
		})
		addName(b)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addAlgorithm(b, oidRSA)
			b.AddASN1BitString(wrap.EncodeRSAPublic(k.N.Bytes(), big.NewInt(int64(k.E)).Bytes()))
		})
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, fault.Internal.At("make transfer certificate")
	}
	digest := sha256.Sum256(tbs)
	signature, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
	if err != nil {
		return nil, fault.Internal.At("sign transfer certificate")
	}
	b = cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		addAlgorithm(b, oidSHA256RSA)
		b.AddASN1BitString(signature)
	})
	return b.Bytes()
}

func addAlgorithm(b *cryptobyte.Builder, oid []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(oid)
		b.AddASN1NULL()
	})
}

func addName(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(oidName)
				b.AddASN1(asn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(transferName)) })
			})
		})
	})
}
