// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

var (
	tagContext0 = asn1.Tag(0).ContextSpecific()
	tagParams   = asn1.Tag(0).ContextSpecific().Constructed() // ECPrivateKey parameters; OneAsymmetricKey attributes
	tagPublic   = asn1.Tag(1).ContextSpecific().Constructed() // ECPrivateKey publicKey
	tagPublic8  = asn1.Tag(1).ContextSpecific()               // OneAsymmetricKey publicKey, IMPLICIT BIT STRING
)

// Serialize answers the bytes that C_WrapKey protects: PKCS #8 of a private key, the value of a secret one. They are
// the caller's to clear, and never the material's own.
func Serialize(m mech.Material) ([]byte, error) {
	switch {
	case len(m.Secret) == 0:
		return nil, fault.KeyNotWrappable.At("serialize key")
	case isPrivateType(m.Type):
		return PKCS8(m)
	}
	return append(make([]byte, 0, len(m.Secret)), m.Secret...), nil
}

// PKCS8 encodes private material as PrivateKeyInfo version 0. A seed goes out as seed (the form that the RFCs
// recommend), an expanded key as expanded key.
func PKCS8(m mech.Material) ([]byte, error) {
	if err := checkSecret(m); err != nil {
		return nil, err
	}
	// A fixed builder fails rather than grow, and so leaves no second copy.
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, len(m.Secret)+len(m.Public)+96))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Uint64(0)
		addAlgorithm(b, m)
		b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) { addPrivate(b, m) })
	})
	return built(b)
}

// addPrivate writes what stands inside the privateKey OCTET STRING.
func addPrivate(b *cryptobyte.Builder, m mech.Material) {
	switch m.Type {
	case key.TypeRSA, key.TypeSLHDSA:
		b.AddBytes(m.Secret)
	case key.TypeEC:
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Uint64(1)
			b.AddASN1OctetString(m.Secret)
			if len(m.Public) > 0 {
				b.AddASN1(tagPublic, func(b *cryptobyte.Builder) { b.AddASN1BitString(m.Public) })
			}
		})
	case key.TypeEdwards, key.TypeMontgomery:
		b.AddASN1OctetString(m.Secret)
	default:
		if len(m.Secret) == pqOf(m.Type, m.Params).seed {
			b.AddASN1(tagContext0, func(b *cryptobyte.Builder) { b.AddBytes(m.Secret) })
		} else {
			b.AddASN1OctetString(m.Secret)
		}
	}
}

// Parsed is a private key as read from PKCS #8.
type Parsed struct {
	mech.Material        // Public is set where the form carries it, and not yet compared with the secret
	Expanded      []byte // where ML-KEM or ML-DSA came with both seed and expanded key; Secret is then the seed
	Rest          []byte // what followed the structure
}

// ParsePKCS8 reads a PrivateKeyInfo or OneAsymmetricKey. Every slice is a view into der.
func ParsePKCS8(der []byte) (Parsed, error) {
	bad := fault.WrappedKeyInvalid.At("parse private key info")
	in := cryptobyte.String(der)
	var seq, alg, private cryptobyte.String
	var version uint64
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&version) || version > 1 ||
		!seq.ReadASN1(&alg, asn1.SEQUENCE) || !seq.ReadASN1(&private, asn1.OCTET_STRING) {
		return Parsed{}, bad
	}
	m, err := parseAlgorithm(alg)
	if err != nil {
		return Parsed{}, err
	}
	p := Parsed{Material: m, Rest: in}
	var public cryptobyte.String
	var has bool
	if !seq.SkipOptionalASN1(tagParams) || !seq.ReadOptionalASN1(&public, &has, tagPublic8) || !seq.Empty() {
		return Parsed{}, bad
	}
	if !parsePrivate(&p, private) || checkSecret(p.Material) != nil {
		return Parsed{}, bad
	}
	if has {
		if len(public) < 1 || public[0] != 0 {
			return Parsed{}, bad
		}
		p.Public = public[1:]
	}
	if p.Public != nil && checkPublic(p.Material) != nil {
		return Parsed{}, bad
	}
	return p, nil
}

// parsePrivate reads what stands inside the privateKey OCTET STRING.
func parsePrivate(p *Parsed, in cryptobyte.String) bool {
	var value cryptobyte.String
	switch p.Type {
	case key.TypeRSA, key.TypeSLHDSA:
		p.Secret = in
		return true
	case key.TypeEC:
		return parseECPrivate(p, in)
	case key.TypeEdwards, key.TypeMontgomery:
		ok := in.ReadASN1(&value, asn1.OCTET_STRING) && in.Empty()
		p.Secret = value
		return ok
	}
	set := pqOf(p.Type, p.Params)
	switch {
	case in.PeekASN1Tag(tagContext0):
		ok := in.ReadASN1(&value, tagContext0) && in.Empty() && len(value) == set.seed
		p.Secret = value
		return ok
	case in.PeekASN1Tag(asn1.OCTET_STRING):
		ok := in.ReadASN1(&value, asn1.OCTET_STRING) && in.Empty() && len(value) == set.expanded
		p.Secret = value
		return ok
	}
	var both, expanded cryptobyte.String
	ok := in.ReadASN1(&both, asn1.SEQUENCE) && in.Empty() && both.ReadASN1(&value, asn1.OCTET_STRING) &&
		both.ReadASN1(&expanded, asn1.OCTET_STRING) && both.Empty() &&
		len(value) == set.seed && len(expanded) == set.expanded
	p.Secret, p.Expanded = value, expanded
	return ok
}

// parseECPrivate reads ECPrivateKey (RFC 5915). Some writers drop leading zeros of the scalar or add one; the scalar is
// then copied to its full length.
func parseECPrivate(p *Parsed, in cryptobyte.String) bool {
	var seq, scalar, params, public cryptobyte.String
	var version uint64
	var hasParams, hasPublic bool
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(&version) || version != 1 ||
		!seq.ReadASN1(&scalar, asn1.OCTET_STRING) ||
		!seq.ReadOptionalASN1(&params, &hasParams, tagParams) ||
		!seq.ReadOptionalASN1(&public, &hasPublic, tagPublic) || !seq.Empty() {
		return false
	}
	c := CurveOf(p.Params)
	if hasParams && CurveOf(params) != c {
		return false
	}
	var ok bool
	if p.Secret, ok = FixedLength(scalar, c.Scalar); !ok {
		return false
	}
	if hasPublic {
		var point []byte
		if !public.ReadASN1BitStringAsBytes(&point) || !public.Empty() {
			return false
		}
		if len(point) > 0 && point[0] == 4 { // a compressed point is left to be computed
			p.Public = point
		}
	}
	return true
}

// FixedLength brings a big-endian number to n bytes: as it is when it has them, else a copy with zeros added or dropped
// in front.
func FixedLength(v []byte, n int) ([]byte, bool) {
	if len(v) == n {
		return v, true
	}
	for len(v) > n && v[0] == 0 {
		v = v[1:]
	}
	if len(v) > n || len(v) == 0 {
		return nil, false
	}
	out := make([]byte, n)
	copy(out[n-len(v):], v)
	return out, true
}

// checkSecret compares the secret with the lengths its type has.
func checkSecret(m mech.Material) error {
	bad := fault.WrappedKeyInvalid.At("check private key form")
	switch m.Type {
	case key.TypeRSA:
		if _, ok := ParseRSAPrivate(m.Secret); !ok {
			return bad
		}
	case key.TypeEC, key.TypeEdwards, key.TypeMontgomery:
		c := CurveOf(m.Params)
		if c == nil || c.Type != m.Type {
			return fault.CurveUnsupported.At("check private key form")
		}
		if len(m.Secret) != c.Scalar {
			return bad
		}
	default:
		p := pqOf(m.Type, m.Params)
		if p == nil {
			return fault.ParameterSetUnknown.At("check private key form")
		}
		if len(m.Secret) != p.expanded && (p.seed == 0 || len(m.Secret) != p.seed) {
			return bad
		}
	}
	return nil
}

func isPrivateType(t key.Type) bool {
	switch t {
	case key.TypeRSA, key.TypeEC, key.TypeEdwards, key.TypeMontgomery, key.TypeMLKEM, key.TypeMLDSA, key.TypeSLHDSA:
		return true
	}
	return false
}
