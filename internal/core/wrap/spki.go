// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// SPKI encodes the public half of material.
func SPKI(m mech.Material) ([]byte, error) {
	if err := checkPublic(m); err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(m.Public)+64))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, m)
		b.AddASN1BitString(m.Public)
	})
	return built(b)
}

// ParseSPKI reads a SubjectPublicKeyInfo; the material's slices are views into it.
func ParseSPKI(der []byte) (mech.Material, error) {
	in := cryptobyte.String(der)
	var seq, alg cryptobyte.String
	var public []byte
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1(&alg, asn1.SEQUENCE) || !seq.ReadASN1BitStringAsBytes(&public) || !seq.Empty() {
		return mech.Material{}, fault.PublicKeyInvalid.At("parse public key info")
	}
	m, err := parseAlgorithm(alg)
	if err != nil {
		return mech.Material{}, err
	}
	m.Public = public
	return m, checkPublic(m)
}

// checkPublic compares the public value with the one form its type has.
func checkPublic(m mech.Material) error {
	bad := fault.PublicKeyInvalid.At("check public key form")
	switch m.Type {
	case key.TypeRSA:
		if _, _, ok := RSAPublic(m.Public); !ok {
			return bad
		}
	case key.TypeEC, key.TypeEdwards, key.TypeMontgomery:
		c := CurveOf(m.Params)
		if c == nil || c.Type != m.Type {
			return fault.CurveUnsupported.At("check public key form")
		}
		if len(m.Public) != c.Point || c.Type == key.TypeEC && m.Public[0] != 4 {
			return bad
		}
	default:
		p := pqOf(m.Type, m.Params)
		if p == nil {
			return fault.ParameterSetUnknown.At("check public key form")
		}
		if len(m.Public) != p.public {
			return bad
		}
	}
	return nil
}

// RSAPublic reads a PKCS #1 RSAPublicKey: modulus and exponent, big-endian without leading zeros, as views.
func RSAPublic(der []byte) (n, e []byte, ok bool) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!readInteger(&seq, &n) || !readInteger(&seq, &e) || !seq.Empty() || len(n) == 0 || len(e) == 0 {
		return nil, nil, false
	}
	return n, e, true
}

// EncodeRSAPublic writes a PKCS #1 RSAPublicKey.
func EncodeRSAPublic(n, e []byte) []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, len(n)+len(e)+24))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addInteger(b, n)
		addInteger(b, e)
	})
	return b.BytesOrPanic()
}

// addAlgorithm writes the AlgorithmIdentifier.
func addAlgorithm(b *cryptobyte.Builder, m mech.Material) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		switch m.Type {
		case key.TypeRSA:
			b.AddBytes(oidRSA)
			b.AddASN1NULL()
		case key.TypeEC:
			b.AddBytes(oidEC)
			b.AddBytes(m.Params)
		case key.TypeEdwards, key.TypeMontgomery:
			b.AddBytes(m.Params) // RFC 8410: the curve is the algorithm
		default:
			b.AddBytes(pqOf(m.Type, m.Params).oid)
		}
	})
}

// parseAlgorithm reads the inside of an AlgorithmIdentifier into type and canonical params.
func parseAlgorithm(alg cryptobyte.String) (mech.Material, error) {
	var oid cryptobyte.String
	if !alg.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) {
		return mech.Material{}, fault.Malformed.At("parse key algorithm")
	}
	switch {
	case bytes.Equal(oid, oidRSA), bytes.Equal(oid, oidPSS): // parameters: NULL, absent, or PSS limits that the key itself lacks
		return mech.Material{Type: key.TypeRSA}, nil
	case bytes.Equal(oid, oidEC):
		c := CurveOf(alg)
		if c == nil || c.Type != key.TypeEC || alg[0] != 0x06 {
			return mech.Material{}, fault.CurveUnsupported.At("parse key algorithm")
		}
		return mech.Material{Type: key.TypeEC, Params: c.OID}, nil
	}
	if !alg.Empty() {
		return mech.Material{}, fault.Malformed.At("parse key algorithm")
	}
	if c := CurveOf(oid); c != nil && c.Type != key.TypeEC {
		return mech.Material{Type: c.Type, Params: c.OID}, nil
	}
	if p := pqByOID(oid); p != nil {
		return mech.Material{Type: p.typ, Params: p.params}, nil
	}
	return mech.Material{}, fault.KeyTypeMismatch.At("parse key algorithm")
}

// readInteger takes a positive INTEGER as big-endian bytes without leading zeros; nothing is copied or converted, so
// that a secret leaves no trace in a number's limbs.
func readInteger(s *cryptobyte.String, out *[]byte) bool {
	var v cryptobyte.String
	if !s.ReadASN1(&v, asn1.INTEGER) || len(v) == 0 || v[0]&0x80 != 0 {
		return false
	}
	if len(v) > 1 && v[0] == 0 {
		if v[1]&0x80 == 0 {
			return false // not the shortest form
		}
		v = v[1:]
	}
	*out = trim(v)
	return true
}

// addInteger writes big-endian bytes as a positive INTEGER.
func addInteger(b *cryptobyte.Builder, v []byte) {
	v = trim(v)
	b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) {
		if len(v) == 0 || v[0]&0x80 != 0 {
			b.AddUint8(0)
		}
		b.AddBytes(v)
	})
}

// trim drops leading zeros, as PKCS #11's "Big integer" says.
func trim(v []byte) []byte {
	for len(v) > 0 && v[0] == 0 {
		v = v[1:]
	}
	return v
}

func built(b *cryptobyte.Builder) ([]byte, error) {
	der, err := b.Bytes()
	if err != nil {
		return nil, fault.Internal.At("encode key")
	}
	return der, nil
}
