// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

var aesValue = []byte("0123456789abcdef")

func TestEveryAttributeOfPackageKeyHasARule(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../../key/attribute.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			if n := s.(*ast.ValueSpec).Names[0].Name; strings.HasPrefix(n, "Attr") && n != "AttrVendor" && n != "AttrValueBits" { // of DH keys, which there are none of
				count++
			}
		}
	}
	if count != len(rulesOf) {
		t.Errorf("package key names %d attributes, %d have rules", count, len(rulesOf))
	}
	for _, r := range rulesTable {
		if (bitOf[r.attr] != 0) != (r.kind == kindBool) {
			t.Errorf("attribute %#x: a bit and kind %d", r.attr, r.kind)
		}
		for _, other := range rulesOf[r.attr] {
			if other.kind != r.kind {
				t.Errorf("attribute %#x has two kinds", r.attr)
			}
			if &other != &r && other.in&r.in != 0 && (other.in != r.in || other.note != r.note) {
				t.Errorf("attribute %#x has two rules for one object", r.attr)
			}
		}
	}
}

func TestTemplatesAreJudgedAsTheStandardSays(t *testing.T) {
	aes := secretKey(key.TypeAES, aesValue)
	data := with(key.AttrClass, key.ClassData, key.AttrValue, "v", key.AttrPrivate, false)
	p256 := foreign(t, "openssl/prime256v1")
	ecPub := with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeEC, key.AttrECParams, p256.Params, key.AttrECPoint, octetString(p256.Public))
	ecPriv := with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeEC, key.AttrECParams, p256.Params, key.AttrValue, p256.Secret)
	cert := with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509, key.AttrSubject, "s", key.AttrValue, "v")
	for _, c := range []struct {
		name string
		t    Template
		want fault.Code
	}{
		{"aes key", aes, fault.OK},
		{"data", data, fault.OK},
		{"ec public key", ecPub, fault.OK},
		{"ec private key", ecPriv, fault.OK},
		{"certificate", cert, fault.OK},
		{"nothing", nil, fault.TemplateIncomplete},
		{"no class", aes.without(key.AttrClass), fault.TemplateIncomplete},
		{"no key type", aes.without(key.AttrKeyType), fault.TemplateIncomplete},
		{"no value", aes.without(key.AttrValue), fault.TemplateIncomplete},
		{"class of four bytes", aes.without(key.AttrClass).and(key.AttrClass, []byte{4, 0, 0, 0}), fault.AttributeValueInvalid},
		{"unknown class", aes.without(key.AttrClass).and(key.AttrClass, 77), fault.AttributeValueInvalid},
		{"profile", with(key.AttrClass, key.ClassProfile, key.AttrProfileID, 1), fault.AttributeValueInvalid},
		{"unknown key type", aes.without(key.AttrKeyType).and(key.AttrKeyType, 0x7777), fault.AttributeValueInvalid},
		{"a secret key of type RSA", aes.without(key.AttrKeyType).and(key.AttrKeyType, key.TypeRSA), fault.AttributeValueInvalid},
		{"unknown attribute", aes.and(key.Attr(0x99999), true), fault.AttributeUnknown},
		{"vendor attribute", aes.and(key.AttrVendor|1, true), fault.AttributeUnknown},
		{"attribute of another kind of key", aes.and(key.AttrModulus, "m"), fault.TemplateInconsistent},
		{"attribute of another class", data.and(key.AttrSensitive, true), fault.TemplateInconsistent},
		{"same attribute twice", aes.and(key.AttrLabel, "a", key.AttrLabel, "a"), fault.OK},
		{"same attribute twice, differing", aes.and(key.AttrLabel, "a", key.AttrLabel, "b"), fault.TemplateInconsistent},
		{"true twice, in two ways", aes.and(key.AttrToken, []byte{1}, key.AttrToken, []byte{255}), fault.OK},
		{"bool of two bytes", aes.and(key.AttrToken, []byte{1, 0}), fault.AttributeValueInvalid},
		{"empty bool", aes.and(key.AttrToken, []byte{}), fault.AttributeValueInvalid},
		{"local", aes.and(key.AttrLocal, false), fault.AttributeReadOnly},
		{"always sensitive", aes.and(key.AttrAlwaysSensitive, true), fault.AttributeReadOnly},
		{"never extractable", aes.and(key.AttrNeverExtractable, true), fault.AttributeReadOnly},
		{"key gen mechanism", aes.and(key.AttrKeyGenMechanism, 1), fault.AttributeReadOnly},
		{"unique id", aes.and(key.AttrUniqueID, "x"), fault.AttributeReadOnly},
		{"owner", aes.and(key.AttrOwnerID, make([]byte, 16)), fault.AttributeReadOnly},
		{"state", aes.and(key.AttrState, 2), fault.OK},
		{"state at the end of life", aes.and(key.AttrState, 4), fault.AttributeValueInvalid},
		{"trusted by a user", aes.and(key.AttrTrusted, true), fault.AttributeReadOnly},
		{"not trusted by a user", aes.and(key.AttrTrusted, false), fault.OK},
		{"value length that is true", aes.and(key.AttrValueLen, 16), fault.OK},
		{"value length that is not", aes.and(key.AttrValueLen, 24), fault.TemplateInconsistent},
		{"aes value of 17 bytes", secretKey(key.TypeAES, make([]byte, 17)), fault.AttributeValueInvalid},
		{"aes value of 0 bytes", secretKey(key.TypeAES, nil), fault.AttributeValueInvalid},
		{"generic of 0 bytes", secretKey(key.TypeGeneric, nil), fault.AttributeValueInvalid},
		{"hmac key of 1 byte", secretKey(key.TypeSHA256HMAC, []byte{1}), fault.OK},
		{"chacha of 16 bytes", secretKey(key.TypeChaCha20, aesValue), fault.AttributeValueInvalid},
		{"check value that is true", aes.and(key.AttrCheckValue, secretCheckValue(mech.Material{Type: key.TypeAES, Secret: aesValue})), fault.OK},
		{"check value of another key", aes.and(key.AttrCheckValue, "abc"), fault.AttributeValueInvalid},
		{"check value of four bytes", aes.and(key.AttrCheckValue, "abcd"), fault.AttributeValueInvalid},
		{"date", aes.and(key.AttrStartDate, "20260101", key.AttrEndDate, "20261231"), fault.OK},
		{"empty date", aes.and(key.AttrStartDate, ""), fault.OK},
		{"date of month 13", aes.and(key.AttrStartDate, "20261301"), fault.AttributeValueInvalid},
		{"date of letters", aes.and(key.AttrStartDate, "2026o101"), fault.AttributeValueInvalid},
		{"end before start", aes.and(key.AttrStartDate, "20270101", key.AttrEndDate, "20261231"), fault.TemplateInconsistent},
		{"label at its limit", aes.and(key.AttrLabel, make([]byte, maxText)), fault.OK},
		{"label over its limit", aes.and(key.AttrLabel, make([]byte, maxText+1)), fault.AttributeValueInvalid},
		{"data over its limit", data.without(key.AttrValue).and(key.AttrValue, make([]byte, maxData+1)), fault.AttributeValueInvalid},
		{"allowed mechanisms", aes.and(key.AttrAllowedMechs, []key.Mechanism{key.MechAESGCM}), fault.OK},
		{"half an allowed mechanism", aes.and(key.AttrAllowedMechs, []byte{1, 2, 3, 4}), fault.AttributeValueInvalid},
		{"unwrap template", aes.and(key.AttrUnwrapTemplate, with(key.AttrSensitive, true)), fault.OK},
		{"unwrap template that is none", aes.and(key.AttrUnwrapTemplate, "xyz"), fault.AttributeValueInvalid},
		{"unwrap template with an unknown attribute", aes.and(key.AttrUnwrapTemplate, with(key.Attr(0x99999), true)), fault.AttributeValueInvalid},
		{"unwrap template with a bad value", aes.and(key.AttrUnwrapTemplate, with(key.AttrToken, "xx")), fault.AttributeValueInvalid},
		{"template in a template", aes.and(key.AttrUnwrapTemplate, with(key.AttrWrapTemplate, with(key.AttrToken, true))), fault.AttributeValueInvalid},
		{"login for each use of a public object", ecPriv.and(key.AttrAlwaysAuth, true, key.AttrPrivate, false), fault.TemplateInconsistent},
		{"login for each use of a private object", ecPriv.and(key.AttrAlwaysAuth, true), fault.OK},
		{"ec key without curve", ecPub.without(key.AttrECParams), fault.TemplateIncomplete},
		{"ec key without point", ecPub.without(key.AttrECPoint), fault.TemplateIncomplete},
		{"ec key on an unknown curve", ecPub.without(key.AttrECParams).and(key.AttrECParams, []byte{6, 3, 1, 2, 3}), fault.CurveUnsupported},
		{"ec key on an edwards curve", ecPub.without(key.AttrECParams).and(key.AttrECParams, []byte{6, 3, 0x2B, 0x65, 0x70}), fault.CurveUnsupported},
		{"ec point not on the curve", ecPub.without(key.AttrECPoint).and(key.AttrECPoint, append([]byte{4}, make([]byte, 64)...)), fault.AttributeValueInvalid},
		{"ec point too short", ecPub.without(key.AttrECPoint).and(key.AttrECPoint, p256.Public[:64]), fault.AttributeValueInvalid},
		{"ec scalar of zero", ecPriv.without(key.AttrValue).and(key.AttrValue, make([]byte, 32)), fault.AttributeValueInvalid},
		{"ec scalar too long", ecPriv.without(key.AttrValue).and(key.AttrValue, bytes.Repeat([]byte{1}, 33)), fault.AttributeValueInvalid},
		{"ec private key with its point", ecPriv.and(key.AttrECPoint, p256.Public), fault.OK},
		{"ec private key with another's point", ecPriv.and(key.AttrECPoint, foreignPoint(t)), fault.AttributeValueInvalid},
		{"ec private key with NSS's hint", ecPriv.and(attrNSSDB, p256.Public), fault.OK},
		{"ec public key with NSS's hint", ecPub.and(attrNSSDB, p256.Public), fault.AttributeUnknown},
		{"mldsa without set", with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeMLDSA, key.AttrValue, "x"), fault.TemplateIncomplete},
		{"mldsa of set 9", with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeMLDSA, key.AttrValue, "x", key.AttrParameterSet, 9), fault.ParameterSetUnknown},
		{"mldsa too short", with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeMLDSA, key.AttrValue, "x", key.AttrParameterSet, key.MLDSA44), fault.AttributeValueInvalid},
		{"mldsa private of neither form", with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeMLDSA, key.AttrParameterSet, key.MLDSA44), fault.TemplateIncomplete},
		{"slhdsa with a seed", with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeSLHDSA, key.AttrParameterSet, 1, key.AttrSeed, "x"), fault.TemplateInconsistent},
		{"certificate without type", cert.without(key.AttrCertificateType), fault.TemplateIncomplete},
		{"certificate of WTLS", cert.without(key.AttrCertificateType).and(key.AttrCertificateType, key.CertWTLS), fault.AttributeValueInvalid},
		{"certificate without subject", cert.without(key.AttrSubject), fault.TemplateIncomplete},
		{"certificate without value", cert.without(key.AttrValue), fault.TemplateIncomplete},
		{"certificate by url", cert.without(key.AttrValue).and(key.AttrURL, "u", key.AttrSubjectKeyHash, "h", key.AttrIssuerKeyHash, "h"), fault.OK},
		{"certificate by url without hashes", cert.without(key.AttrValue).and(key.AttrURL, "u"), fault.TemplateIncomplete},
		{"attribute certificate", with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509Attr, key.AttrOwner, "o", key.AttrValue, "v"), fault.OK},
		{"attribute certificate without owner", with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509Attr, key.AttrValue, "v"), fault.TemplateIncomplete},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Create(c.t, user)
			wantFault(t, err, c.want)
		})
	}
}

func foreignPoint(t *testing.T) []byte {
	m := foreign(t, "openssl/prime256v1")
	flipped := slices.Clone(m.Public)
	copy(flipped[33:], slices.Repeat([]byte{7}, 32))
	return flipped
}

func TestOnlyAnAdminTrusts(t *testing.T) {
	o, _ := must(t, secretKey(key.TypeAES, aesValue, key.AttrTrusted, true), admin)
	if !o.Trusted() {
		t.Error("not trusted")
	}
}

func TestDefaultsKeepSecretsIn(t *testing.T) {
	o, m := must(t, secretKey(key.TypeAES, aesValue), user)
	got := bools(o, key.AttrToken, key.AttrPrivate, key.AttrSensitive, key.AttrExtractable, key.AttrModifiable, key.AttrCopyable,
		key.AttrDestroyable, key.AttrTrusted, key.AttrLocal, key.AttrAlwaysSensitive, key.AttrNeverExtractable, key.AttrWrapWithTrusted)
	want := []bool{false, true, true, false, true, true, true, false, false, false, false, false}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !bytes.Equal(m.Secret, aesValue) || m.Type != key.TypeAES {
		t.Error("material differs")
	}
	if v, _ := o.ULong(key.AttrKeyGenMechanism); v != key.Unavailable {
		t.Errorf("key gen mechanism %#x", v)
	}
	if v, st := o.Get(key.AttrCheckValue); st != Given || !bytes.Equal(v, []byte{0x0B, 0x9B, 0x15}) { // openssl enc -aes-128-ecb
		t.Errorf("check value %x", v)
	}
	if _, st := o.Get(key.AttrValue); st != Sensitive {
		t.Errorf("value has status %d", st)
	}
	if v, _ := o.ULong(key.AttrValueLen); v != 16 || o.Bits() != 128 {
		t.Errorf("value length %d, bits %d", v, o.Bits())
	}
}

func TestUsageDefaultsToTheTypesOwnUnlessTheTemplateNamesOne(t *testing.T) {
	all := UsageEncrypt | UsageDecrypt | UsageSign | UsageVerify | UsageWrap | UsageUnwrap
	for _, c := range []struct {
		t    Template
		want uint64
	}{
		{secretKey(key.TypeAES, aesValue), all},
		{secretKey(key.TypeAES, aesValue, key.AttrEncrypt, true), UsageEncrypt},
		{secretKey(key.TypeAES, aesValue, key.AttrDecrypt, false), all &^ UsageDecrypt},
		{secretKey(key.TypeAES, aesValue, key.AttrDecrypt, false, key.AttrDerive, true), UsageDerive},
		{secretKey(key.TypeSHA256HMAC, aesValue), UsageSign | UsageVerify},
		{secretKey(key.TypeGeneric, aesValue), UsageSign | UsageVerify | UsageDerive},
		{secretKey(key.TypeHKDF, aesValue), UsageDerive},
		{secretKey(key.TypeDES3, []byte("0123456789abcdefFEDCBA98")), UsageDecrypt | UsageUnwrap},
	} {
		if o, _ := must(t, c.t, user); o.Usage() != c.want {
			t.Errorf("%v: usage %#x, want %#x", c.t[3:], o.Usage(), c.want)
		}
	}
}

func TestSecretAttributesComeFromMaterialAndOnlyWhereAllowed(t *testing.T) {
	rsaKey := foreign(t, "openssl/rsa2048")
	k, _ := wrap.ParseRSAPrivate(rsaKey.Secret)
	tmpl := with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeRSA, key.AttrModulus, k.N, key.AttrPublicExponent, k.E,
		key.AttrPrivateExponent, k.D, key.AttrPrime1, k.P, key.AttrPrime2, k.Q, key.AttrExponent1, k.DP, key.AttrExponent2, k.DQ,
		key.AttrCoefficient, k.QInv)
	parts := []struct {
		attr key.Attr
		want []byte
	}{{key.AttrPrivateExponent, k.D}, {key.AttrPrime1, k.P}, {key.AttrPrime2, k.Q}, {key.AttrExponent1, k.DP},
		{key.AttrExponent2, k.DQ}, {key.AttrCoefficient, k.QInv}}
	for _, c := range []struct {
		sensitive, extractable bool
		want                   Status
	}{{true, true, Sensitive}, {true, false, Sensitive}, {false, false, Sensitive}, {false, true, NeedsMaterial}} {
		o, m := must(t, tmpl.and(key.AttrSensitive, c.sensitive, key.AttrExtractable, c.extractable), user)
		for _, p := range parts {
			if _, st := o.Get(p.attr); st != c.want {
				t.Errorf("sensitive %t, extractable %t: %#x has status %d", c.sensitive, c.extractable, p.attr, st)
			}
			if v, ok := SecretAttr(m, p.attr); !ok || !bytes.Equal(v, p.want) {
				t.Errorf("%#x is wrong", p.attr)
			}
		}
		if v, st := o.Get(key.AttrModulus); st != Given || !bytes.Equal(v, k.N) {
			t.Error("a private key hides its modulus")
		}
		if v, st := o.Get(key.AttrPublicExponent); st != Given || !bytes.Equal(v, k.E) {
			t.Error("a private key hides its public exponent")
		}
		if v, st := o.Get(key.AttrPublicKeyInfo); st != Given || !bytes.Equal(v, readPEM(t, "openssl/rsa2048.pub.pem")) {
			t.Error("PUBLIC_KEY_INFO is not OpenSSL's")
		}
		if _, st := o.Get(key.AttrValue); st != StatusUnknown {
			t.Error("an RSA key has a CKA_VALUE")
		}
		if o.Bits() != 2048 {
			t.Errorf("%d bits", o.Bits())
		}
	}
}

func TestRSAKeysAreCompletedFromWhatAProgramGives(t *testing.T) {
	for _, name := range []string{"openssl/rsa2048", "openssl/rsa2048-e3", "openssl/rsa3072"} {
		whole := foreign(t, name)
		k, _ := wrap.ParseRSAPrivate(whole.Secret)
		base := with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeRSA, key.AttrModulus, k.N, key.AttrPrivateExponent, k.D)
		for _, c := range []struct {
			name string
			t    Template
			want fault.Code
		}{
			{"n, d, e", base.and(key.AttrPublicExponent, k.E), fault.OK},
			{"n, d, primes", base.and(key.AttrPrime1, k.P, key.AttrPrime2, k.Q), fault.OK},
			{"n, d, e, primes", base.and(key.AttrPublicExponent, k.E, key.AttrPrime1, k.P, key.AttrPrime2, k.Q), fault.OK},
			{"leading zeros", base.without(key.AttrModulus).and(key.AttrPublicExponent, append([]byte{0, 0}, k.E...), key.AttrModulus, append([]byte{0}, k.N...)), fault.OK},
			{"no modulus", base.without(key.AttrModulus), fault.TemplateIncomplete},
			{"no private exponent", base.without(key.AttrPrivateExponent), fault.TemplateIncomplete},
			{"another public exponent", base.and(key.AttrPublicExponent, []byte{17}), fault.AttributeValueInvalid},
			{"primes of another modulus", base.and(key.AttrPublicExponent, k.E, key.AttrPrime1, k.P, key.AttrPrime2, k.P), fault.AttributeValueInvalid},
			{"a wrong exponent", base.and(key.AttrPublicExponent, k.E, key.AttrPrime1, k.P, key.AttrPrime2, k.Q, key.AttrExponent1, k.DQ), fault.AttributeValueInvalid},
			{"a wrong coefficient", base.and(key.AttrPublicExponent, k.E, key.AttrPrime1, k.P, key.AttrPrime2, k.Q, key.AttrCoefficient, k.DQ), fault.AttributeValueInvalid},
			{"d of one", base.without(key.AttrPrivateExponent).and(key.AttrPrivateExponent, []byte{1}, key.AttrPublicExponent, k.E), fault.AttributeValueInvalid},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				_, m, err := Create(c.t, user)
				wantFault(t, err, c.want)
				if err != nil {
					return
				}
				if got, _ := wrap.ParseRSAPrivate(m.Secret); !bytes.Equal(got.D, k.D) || !bytes.Equal(got.E, k.E) ||
					!bytes.Equal(got.P, k.P) && !bytes.Equal(got.P, k.Q) || len(got.QInv) == 0 {
					t.Error("the completed key is another")
				}
			})
		}
	}
}

func TestEveryFormOfAPublicPointIsRead(t *testing.T) {
	for _, name := range []string{"prime256v1", "secp384r1", "secp521r1", "secp256k1", "secp224r1", "ed25519", "ed448", "x25519"} {
		m := foreign(t, "openssl/"+name)
		pub, _ := wrap.ParseSPKI(readPEM(t, "openssl/"+name+".pub.pem"))
		curve := wrap.CurveOf(pub.Params)
		bitString := append([]byte{3, byte(len(pub.Public) + 1), 0}, pub.Public...)
		if len(pub.Public) > 126 {
			bitString = append([]byte{3, 0x81, byte(len(pub.Public) + 1), 0}, pub.Public...)
		}
		nameString := append([]byte{0x13, byte(len(curve.Name))}, curve.Name...)
		for _, form := range [][]byte{pub.Public, octetString(pub.Public), bitString} {
			for _, params := range [][]byte{curve.OID, nameString} {
				o, got := must(t, with(key.AttrClass, key.ClassPublic, key.AttrKeyType, m.Type, key.AttrECParams, params, key.AttrECPoint, form), user)
				if !bytes.Equal(got.Public, pub.Public) {
					t.Errorf("%s: point of form %x.. differs", name, form[:3])
				}
				if v, _ := o.Get(key.AttrECPoint); !bytes.Equal(v, octetString(pub.Public)) {
					t.Errorf("%s: EC_POINT %x", name, v)
				}
				if v, _ := o.Get(key.AttrECParams); !bytes.Equal(v, curve.OID) {
					t.Errorf("%s: EC_PARAMS %x", name, v)
				}
				if v, _ := o.Get(key.AttrPublicKeyInfo); !bytes.Equal(v, readPEM(t, "openssl/"+name+".pub.pem")) {
					t.Errorf("%s: PUBLIC_KEY_INFO %x", name, v)
				}
				if o.HasSecret() || o.Private() {
					t.Errorf("%s: a public key is private", name)
				}
			}
		}
		o, got := must(t, with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, m.Type, key.AttrECParams, curve.OID, key.AttrValue, m.Secret), user)
		if !bytes.Equal(got.Public, pub.Public) || !bytes.Equal(got.Secret, m.Secret) {
			t.Errorf("%s: the private key's public half differs", name)
		}
		if o.Bits() != curve.Bits {
			t.Errorf("%s: %d bits", name, o.Bits())
		}
	}
}

func TestAPublicKeyIsMadeFromItsInfoAlone(t *testing.T) {
	info := readPEM(t, "openssl/rsa2048.pub.pem")
	o, m := must(t, with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeRSA, key.AttrPublicKeyInfo, info), user)
	if v, _ := o.Get(key.AttrPublicKeyInfo); !bytes.Equal(v, info) || o.Bits() != 2048 || m.Secret != nil {
		t.Error("the key differs")
	}
	_, _, err := Create(with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeEC, key.AttrPublicKeyInfo, info), user)
	wantFault(t, err, fault.TemplateInconsistent)
}

func TestCertificatesAreFiledUnderTheirOwnNames(t *testing.T) {
	der := readPEM(t, "../../object/testdata/cert.pem")
	o, _ := must(t, with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509, key.AttrValue, der, key.AttrID, "id"), user)
	if v, _ := o.Get(key.AttrSerialNumber); !bytes.Equal(v, []byte{2, 2, 0x12, 0x34}) {
		t.Errorf("serial number %x", v)
	}
	subject, _ := o.Get(key.AttrSubject)
	issuer, _ := o.Get(key.AttrIssuer)
	if !bytes.Contains(subject, []byte("genbu test")) || !bytes.Equal(subject, issuer) {
		t.Errorf("subject %x, issuer %x", subject, issuer)
	}
	if v, _ := o.Get(key.AttrPublicKeyInfo); !bytes.Equal(v, readPEM(t, "openssl/prime256v1.pub.pem")) {
		t.Errorf("public key info %x", v)
	}
	if v, st := o.Get(key.AttrValue); st != Given || !bytes.Equal(v, der) || o.Private() {
		t.Error("the certificate is not readable")
	}
	if v, st := o.Get(key.AttrNameHashAlg); st != Given || getULong(v) != uint64(key.MechSHA1) {
		t.Errorf("name hash algorithm %x", v)
	}
}

func TestPrivateDataRestsAsMaterial(t *testing.T) {
	o, m := must(t, with(key.AttrClass, key.ClassData, key.AttrValue, "password", key.AttrLabel, "l"), user)
	if !o.Private() || !o.HasSecret() || string(m.Secret) != "password" {
		t.Fatal("the value is not material")
	}
	if bytes.Contains(o.body, []byte("password")) {
		t.Error("the value is among the attributes")
	}
	if _, st := o.Get(key.AttrValue); st != NeedsMaterial {
		t.Errorf("status %d", st)
	}
	if v, ok := SecretAttr(m, key.AttrValue); !ok || string(v) != "password" {
		t.Error("the value is lost")
	}
	o, m = must(t, with(key.AttrClass, key.ClassData, key.AttrValue, "notice", key.AttrPrivate, false), user)
	if v, st := o.Get(key.AttrValue); st != Given || string(v) != "notice" || m.Secret != nil || o.HasSecret() {
		t.Error("the value of a public object is not readable")
	}
}

func TestNoSecretIsAmongTheAttributes(t *testing.T) {
	for _, name := range []string{"openssl/rsa2048", "openssl/prime256v1", "openssl/ed25519"} {
		o, m, err := Imported(nil, readPEM(t, name+".priv.pem"), user)
		if err != nil {
			t.Fatal(err)
		}
		for _, attr := range []key.Attr{key.AttrValue, key.AttrPrivateExponent, key.AttrPrime1, key.AttrPrime2, key.AttrCoefficient} {
			if v, ok := SecretAttr(m, attr); ok && bytes.Contains(o.body, v) {
				t.Errorf("%s: %#x is in the object", name, attr)
			}
		}
	}
}
