// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"bytes"
	"crypto/sha3"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

type curve struct {
	oid   []byte // CKA_EC_PARAMS
	bytes int    // of a coordinate
}

var curves = map[string]curve{
	"secp224r1": {oid(1, 3, 132, 0, 33), 28}, "secp256r1": {oid(1, 2, 840, 10045, 3, 1, 7), 32}, "secp384r1": {oid(1, 3, 132, 0, 34), 48},
	"secp521r1": {oid(1, 3, 132, 0, 35), 66}, "secp256k1": {oid(1, 3, 132, 0, 10), 32},
}

// jwkNames are the curves' names in the files of the Web Crypto API.
var jwkNames = map[string]string{"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1", "P-256K": "secp256k1"}

var badECKey = []ckr{attributeValueInvalid, domainParamsInvalid, curveNotSupported, templateInconsistent, keySizeRange}

type ecdsaGroup struct {
	PublicKey struct {
		Curve        string
		Uncompressed mechtest.Hex
	}
	Sha   string
	Tests []struct {
		mechtest.Case
		Msg, Sig mechtest.Hex
	}
}

func runECDSA(r *run) {
	f := load[ecdsaGroup](r)
	p1363 := strings.HasSuffix(r.name, "_p1363_test.json")
	for _, g := range f.TestGroups {
		crv := curves[g.PublicKey.Curve]
		k, made := r.create(publicKey(ckkEC).with(ckaVerify, true).with(ckaECParams, crv.oid).with(ckaECPoint, octets(g.PublicKey.Uncompressed)))
		for _, c := range g.Tests {
			if made != ok {
				r.judge(c.Case, made, false, badECKey...)
				continue
			}
			sig, fits := []byte(c.Sig), true
			if !p1363 {
				if sig, fits = raw(c.Sig, crv.bytes); !fits {
					if c.Valid() {
						r.t.Errorf("tcId %d: a valid signature that cannot be converted", c.TCID)
					}
					r.skip("DER that no r || s stands for: the converter refuses it")
					continue
				}
			}
			m, msg, by := plain(digests[g.Sha].ecdsa), []byte(c.Msg), part(c.Case)
			switch g.Sha { // no mechanism hashes with SHAKE: CKM_ECDSA takes the digest
			case "SHAKE128":
				m, msg, by = plain(ckmECDSA), sha3.SumSHAKE128(msg, 32), 0
			case "SHAKE256":
				m, msg, by = plain(ckmECDSA), sha3.SumSHAKE256(msg, 64), 0
			}
			if c.Flagged("SignatureSize") && len(sig) < 2*crv.bytes && len(sig)%2 == 0 {
				// r and s without leading zeros: PKCS #11 section 6.3.1 has a token take such signatures, and Java sends them.
				c.Result = "acceptable"
			}
			rv, _ := r.ask(callVerify, k, m, msg, sig, by)
			r.judge(c.Case, rv, true, signatureInvalid, signatureLenRange)
		}
		r.drop(k)
	}
}

// raw converts strict DER into r || s, where r and s fit.
func raw(der []byte, n int) ([]byte, bool) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	var x, y big.Int
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(&x) || !seq.ReadASN1Integer(&y) || !seq.Empty() {
		return nil, false
	}
	if x.Sign() < 0 || y.Sign() < 0 || x.BitLen() > 8*n || y.BitLen() > 8*n {
		return nil, false
	}
	return append(x.FillBytes(make([]byte, n)), y.FillBytes(make([]byte, n))...), true
}

type eddsaGroup struct {
	PublicKey struct {
		Curve string
		PK    mechtest.Hex
	}
	Tests []struct {
		mechtest.Case
		Msg, Sig mechtest.Hex
	}
}

func runEdDSA(r *run) {
	f := load[eddsaGroup](r)
	params, m := oid(1, 3, 101, 112), plain(ckmEdDSA)
	if strings.HasPrefix(r.name, "ed448") {
		params, m = oid(1, 3, 101, 113), shaped(ckmEdDSA, 11, uint8(0), []byte{}) // Ed448 wants its parameter
	}
	if !r.offers(ckmEdDSA) {
		r.t.Fatal("CKM_EDDSA is not offered")
	}
	for _, g := range f.TestGroups {
		k, made := r.create(publicKey(ckkECEdwards).with(ckaVerify, true).with(ckaECParams, params).with(ckaECPoint, octets(g.PublicKey.PK)))
		for _, c := range g.Tests {
			if made != ok {
				r.judge(c.Case, made, false, badECKey...)
				continue
			}
			rv, _ := r.ask(callVerify, k, m, []byte(c.Msg), []byte(c.Sig), uint32(0))
			r.judge(c.Case, rv, true, signatureInvalid, signatureLenRange)
		}
		r.drop(k)
	}
}

type ecdhGroup struct {
	Curve, Encoding string
	Tests           []struct {
		mechtest.Case
		Public, Private json.RawMessage // hex, PEM or a JWK, as the file's encoding says
		Shared          mechtest.Hex
	}
}

// runECDH takes points out of SubjectPublicKeyInfo, PEM and JWK, since the door takes points.
func runECDH(r *run) {
	f := load[ecdhGroup](r)
	for _, g := range f.TestGroups {
		name := g.Curve
		if g.Encoding == "webcrypto" {
			name = jwkNames[g.Curve]
		}
		crv, known := curves[name]
		if !known {
			r.t.Fatalf("no curve %q", g.Curve)
		}
		for _, c := range g.Tests {
			point, fits := ecPoint(c.Public, g.Encoding, crv)
			secret, fits2 := ecScalar(c.Private, g.Encoding)
			if !fits || !fits2 {
				if c.Valid() {
					r.t.Errorf("tcId %d: a valid key that cannot be converted", c.TCID)
				}
				r.skip("a " + g.Encoding + " key that is not a point of this curve's parameters: the converter refuses it")
				continue
			}
			k, rv := r.create(privateKey(ckkEC).with(ckaDerive, true).with(ckaECParams, crv.oid).with(ckaValue, secret))
			if rv != ok {
				r.judge(c.Case, rv, false, badECKey...)
				continue
			}
			if c.TCID%2 == 0 { // a token may take the point in DER, too
				point = octets(point)
			}
			m := shaped(ckmECDH1Derive, 7, uint64(ckdNull), []byte{}, point)
			r.derived(c.Case, k, m, readable(ckkGeneric), c.Shared, mechanismParamInvalid, publicKeyInvalid, dataInvalid)
			r.drop(k)
		}
	}
}

func text(v json.RawMessage) string {
	var s string
	json.Unmarshal(v, &s)
	return s
}

func hexBytes(v json.RawMessage) []byte {
	var b mechtest.Hex
	if b.UnmarshalText([]byte(text(v))) != nil {
		return nil
	}
	return b
}

func pemBytes(v json.RawMessage) []byte {
	block, _ := pem.Decode([]byte(text(v)))
	if block == nil {
		return nil
	}
	return block.Bytes
}

func jwk(v json.RawMessage, member string) []byte {
	var m map[string]any
	json.Unmarshal(v, &m)
	s, _ := m[member].(string)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

func ecPoint(v json.RawMessage, encoding string, crv curve) ([]byte, bool) {
	switch encoding {
	case "ecpoint":
		return hexBytes(v), true
	case "asn":
		return spki(hexBytes(v), crv.oid)
	case "pem":
		return spki(pemBytes(v), crv.oid)
	}
	x, y := jwk(v, "x"), jwk(v, "y")
	var m struct{ Crv string }
	json.Unmarshal(v, &m)
	if len(x) != crv.bytes || len(y) != crv.bytes || !bytes.Equal(curves[jwkNames[m.Crv]].oid, crv.oid) {
		return nil, false
	}
	return append(append([]byte{4}, x...), y...), true
}

func ecScalar(v json.RawMessage, encoding string) ([]byte, bool) {
	switch encoding {
	case "ecpoint", "asn":
		return number(hexBytes(v)), true
	case "pem":
		return number(sec1(pemBytes(v))), true
	}
	return number(jwk(v, "d")), true
}

// spki takes the key out of a strict SubjectPublicKeyInfo (RFC 5480) whose parameters are those given; nil parameters are absent ones
// with the algorithm that algorithm names.
func spki(der, params []byte) ([]byte, bool) {
	in := cryptobyte.String(der)
	var outer, alg, par, bits cryptobyte.String
	var unused uint8
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&alg, asn1.SEQUENCE) ||
		!outer.ReadASN1(&bits, asn1.BIT_STRING) || !outer.Empty() || !bits.ReadUint8(&unused) || unused != 0 {
		return nil, false
	}
	ecPublicKey := oid(1, 2, 840, 10045, 2, 1)
	if !bytes.HasPrefix(alg, ecPublicKey) {
		return nil, false
	}
	par = alg[len(ecPublicKey):]
	return bits, bytes.Equal(par, params)
}

// sec1 takes the scalar out of PKCS #8.
func sec1(der []byte) []byte {
	in := cryptobyte.String(der)
	var outer, alg, inner, ec, scalar cryptobyte.String
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !outer.SkipASN1(asn1.INTEGER) || !outer.ReadASN1(&alg, asn1.SEQUENCE) ||
		!outer.ReadASN1(&inner, asn1.OCTET_STRING) || !inner.ReadASN1(&ec, asn1.SEQUENCE) || !ec.SkipASN1(asn1.INTEGER) ||
		!ec.ReadASN1(&scalar, asn1.OCTET_STRING) {
		return nil
	}
	return scalar
}

// runXDH does X25519 in its four encodings.
func runXDH(r *run) {
	f := load[ecdhGroup](r)
	params := oid(1, 3, 101, 110)
	encoding := strings.TrimPrefix(strings.TrimSuffix(r.name, "_test.json"), "x25519")
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			point, secret, fits := xdhKeys(c.Public, c.Private, encoding, params)
			if !fits {
				if c.Valid() {
					r.t.Errorf("tcId %d: a valid key that cannot be converted", c.TCID)
				}
				r.skip("an encoding of no X25519 key: the converter refuses it")
				continue
			}
			k, rv := r.create(privateKey(ckkECMontgomery).with(ckaDerive, true).with(ckaECParams, params).with(ckaValue, secret))
			if rv != ok {
				r.judge(c.Case, rv, false, badECKey...)
				continue
			}
			m := shaped(ckmECDH1Derive, 7, uint64(ckdNull), []byte{}, point)
			r.derived(c.Case, k, m, readable(ckkGeneric), c.Shared, mechanismParamInvalid, publicKeyInvalid, dataInvalid)
			r.drop(k)
		}
	}
}

func xdhKeys(public, private json.RawMessage, encoding string, params []byte) (point, secret []byte, fits bool) {
	switch encoding {
	case "":
		return hexBytes(public), hexBytes(private), true
	case "_jwk":
		var m, p struct{ Kty, Crv string }
		json.Unmarshal(public, &m)
		json.Unmarshal(private, &p)
		point, secret = jwk(public, "x"), jwk(private, "d")
		return point, secret, m.Kty == "OKP" && m.Crv == "X25519" && p.Crv == "X25519" && len(point) == 32 && len(secret) == 32
	}
	pub, priv := hexBytes(public), hexBytes(private)
	if encoding == "_pem" {
		pub, priv = pemBytes(public), pemBytes(private)
	}
	// RFC 8410: fixed bytes before the key.
	head := append([]byte{0x30, 0x2a, 0x30, 0x05}, append(bytes.Clone(params), 0x03, 0x21, 0x00)...)
	head8 := append([]byte{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05}, append(bytes.Clone(params), 0x04, 0x22, 0x04, 0x20)...)
	if len(pub) != 44 || !bytes.HasPrefix(pub, head) || len(priv) != 48 || !bytes.HasPrefix(priv, head8) {
		return nil, nil, false
	}
	return pub[12:], priv[16:], true
}
