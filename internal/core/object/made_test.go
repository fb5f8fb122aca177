// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func TestUnwrappedSecretKeysGetTheirLength(t *testing.T) {
	by, _ := must(t, secretKey(key.TypeAES, aesValue), user)
	padded := append(slices.Clone(aesValue), make([]byte, 16)...)
	front := append(make([]byte, 240), aesValue...)
	aes := with(key.AttrClass, key.ClassSecret, key.AttrKeyType, key.TypeAES)
	for _, c := range []struct {
		name  string
		row   key.Mechanism
		t     Template
		plain []byte
		want  fault.Code
	}{
		{"as it is", key.MechAESKeyWrap, aes, aesValue, fault.OK},
		{"with its true length", key.MechAESKeyWrap, aes.and(key.AttrValueLen, 16), aesValue, fault.OK},
		{"with another length", key.MechAESKeyWrap, aes.and(key.AttrValueLen, 24), aesValue, fault.TemplateInconsistent},
		{"padded by cbc, length given", key.MechAESCBC, aes.and(key.AttrValueLen, 16), padded, fault.OK},
		{"padded by ecb, length given", key.MechAESECB, aes.and(key.AttrValueLen, 16), padded, fault.OK},
		{"longer than said, by key wrap", key.MechAESKeyWrap, aes.and(key.AttrValueLen, 16), padded, fault.TemplateInconsistent},
		{"raw rsa, length given", key.MechRSAX509, aes.and(key.AttrValueLen, 16), front, fault.OK},
		{"no aes key", key.MechAESKeyWrap, aes, make([]byte, 20), fault.WrappedKeyInvalid},
		{"nothing", key.MechAESKeyWrap, aes, nil, fault.WrappedKeyInvalid},
		{"no class", key.MechAESKeyWrap, aes.without(key.AttrClass), aesValue, fault.TemplateIncomplete},
		{"no key type", key.MechAESKeyWrap, aes.without(key.AttrKeyType), aesValue, fault.TemplateIncomplete},
		{"a value of its own", key.MechAESKeyWrap, aes.and(key.AttrValue, aesValue), aesValue, fault.TemplateInconsistent},
		{"as data", key.MechAESKeyWrap, with(key.AttrClass, key.ClassData), aesValue, fault.TemplateInconsistent},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, m, err := Unwrapped(c.t, by, row(t, c.row), c.plain, user)
			wantFault(t, err, c.want)
			if err != nil {
				return
			}
			if !bytes.Equal(m.Secret, aesValue) {
				t.Errorf("value %x", m.Secret)
			}
			if got := bools(o, key.AttrLocal, key.AttrSensitive, key.AttrExtractable, key.AttrAlwaysSensitive, key.AttrNeverExtractable); !slices.Equal(got, []bool{false, true, true, false, false}) {
				t.Errorf("local, sensitive, extractable, always, never: %v", got)
			}
		})
	}
}

func TestForeignPrivateKeysAreUnwrapped(t *testing.T) {
	by, _ := must(t, secretKey(key.TypeAES, aesValue), user)
	for _, name := range []string{"rsa2048", "secp224r1", "prime256v1", "secp384r1", "secp521r1", "secp256k1", "ed25519", "ed448", "x25519", "p256-compressed"} {
		der := readPEM(t, "openssl/"+name+".priv.pem")
		want := foreign(t, "openssl/"+name)
		tmpl := with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, want.Type)
		o, m, err := Unwrapped(tmpl, by, row(t, key.MechAESKeyWrapKWP), der, user)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(m.Secret, want.Secret) {
			t.Errorf("%s: another key", name)
		}
		if name != "p256-compressed" {
			if v, _ := o.Get(key.AttrPublicKeyInfo); !bytes.Equal(v, readPEM(t, "openssl/"+name+".pub.pem")) {
				t.Errorf("%s: PUBLIC_KEY_INFO is not OpenSSL's", name)
			}
			if again, err := wrap.Serialize(m); err != nil || !bytes.Equal(again, der) {
				t.Errorf("%s: wraps to other bytes (%v)", name, err)
			}
		}
		padded := append(slices.Clone(der), make([]byte, 16-len(der)%16)...)
		if _, _, err := Unwrapped(tmpl, by, row(t, key.MechAESCBC), padded, user); err != nil && len(der)%16 != 0 {
			t.Errorf("%s: with zeros from CBC: %v", name, err)
		}
		_, _, err = Unwrapped(tmpl, by, row(t, key.MechAESKeyWrapKWP), append(slices.Clone(der), 0), user)
		wantFault(t, err, fault.WrappedKeyInvalid)
		_, _, err = Unwrapped(tmpl, by, row(t, key.MechAESCBC), append(slices.Clone(der), make([]byte, 16)...), user)
		wantFault(t, err, fault.WrappedKeyInvalid)
		_, _, err = Unwrapped(tmpl, by, row(t, key.MechAESCBC), append(slices.Clone(der), 1), user)
		wantFault(t, err, fault.WrappedKeyInvalid)
		_, _, err = Unwrapped(with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeMLDSA), by, row(t, key.MechAESKeyWrapKWP), der, user)
		wantFault(t, err, fault.WrappedKeyInvalid)
	}
}

func TestAnUnwrapTemplateCanOnlyBeMet(t *testing.T) {
	nested := with(key.AttrClass, key.ClassSecret, key.AttrKeyType, key.TypeAES, key.AttrSensitive, true, key.AttrExtractable, false, key.AttrEncrypt, true)
	by, _ := must(t, secretKey(key.TypeAES, aesValue, key.AttrUnwrapTemplate, nested), user)
	kw := row(t, key.MechAESKeyWrap)
	o, _, err := Unwrapped(with(key.AttrLabel, "l", key.AttrSensitive, []byte{255}), by, kw, aesValue, user)
	if err != nil {
		t.Fatal(err)
	}
	if o.Extractable() || o.Usage() != UsageEncrypt || o.KeyType() != key.TypeAES {
		t.Errorf("extractable %t, usage %#x", o.Extractable(), o.Usage())
	}
	for _, c := range []Template{with(key.AttrExtractable, true), with(key.AttrEncrypt, false), with(key.AttrKeyType, key.TypeGeneric)} {
		_, _, err := Unwrapped(c, by, kw, aesValue, user)
		wantFault(t, err, fault.TemplateInconsistent)
		wantFault(t, CheckUnwrap(c, by, user), fault.TemplateInconsistent)
	}
	wantFault(t, CheckUnwrap(nil, by, user), fault.OK)
}

func TestDerivedKeysInheritTheirBasesPast(t *testing.T) {
	kdf := &mech.Row{ID: key.MechSP800108Counter}
	for _, c := range []struct {
		base, t Template
		want    []bool // always sensitive, never extractable
	}{
		{nil, nil, []bool{true, true}},
		{nil, with(key.AttrSensitive, false), []bool{false, true}},
		{nil, with(key.AttrExtractable, true), []bool{true, false}},
		{with(key.AttrSensitive, false, key.AttrExtractable, true), nil, []bool{false, false}},
	} {
		r := row(t, key.MechGenericKeyGen)
		spec, finish, err := Generate(c.base.and(key.AttrValueLen, 32), r, user)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := r.Generate(spec)
		base, err := finish(m)
		if err != nil {
			t.Fatal(err)
		}
		o, _, err := Derived(c.t.and(key.AttrValueLen, 16), base, kdf, aesValue, user)
		if err != nil {
			t.Fatal(err)
		}
		if got := bools(o, key.AttrAlwaysSensitive, key.AttrNeverExtractable); !slices.Equal(got, c.want) || o.Bool(key.AttrLocal) {
			t.Errorf("base %v, template %v: %v, want %v", c.base, c.t, got, c.want)
		}
	}
}

func TestDerivedKeysGetTypeAndLength(t *testing.T) {
	base, _ := must(t, secretKey(key.TypeGeneric, aesValue, key.AttrDerive, true), user)
	narrow, _ := must(t, secretKey(key.TypeGeneric, aesValue, key.AttrDeriveTemplate, with(key.AttrKeyType, key.TypeAES, key.AttrValueLen, 32)), user)
	kdf, hkdfData := &mech.Row{ID: key.MechHKDFDerive}, &mech.Row{ID: key.MechHKDFData}
	for _, c := range []struct {
		name string
		base *Object
		row  *mech.Row
		t    Template
		n    int
		want fault.Code
	}{
		{"nothing said", base, kdf, nil, 0, fault.OK},
		{"generic of 20", base, kdf, with(key.AttrValueLen, 20), 20, fault.OK},
		{"aes of 32", base, kdf, with(key.AttrKeyType, key.TypeAES, key.AttrValueLen, 32), 32, fault.OK},
		{"aes of nothing said", base, kdf, with(key.AttrKeyType, key.TypeAES), 0, fault.OK},
		{"aes of 20", base, kdf, with(key.AttrKeyType, key.TypeAES, key.AttrValueLen, 20), 0, fault.AttributeValueInvalid},
		{"chacha", base, kdf, with(key.AttrKeyType, key.TypeChaCha20), 32, fault.OK},
		{"3des", base, kdf, with(key.AttrKeyType, key.TypeDES3), 24, fault.OK},
		{"chacha of 20", base, kdf, with(key.AttrKeyType, key.TypeChaCha20, key.AttrValueLen, 20), 0, fault.TemplateInconsistent},
		{"an rsa key", base, kdf, with(key.AttrKeyType, key.TypeRSA), 0, fault.TemplateInconsistent},
		{"a private key", base, kdf, with(key.AttrClass, key.ClassPrivate), 0, fault.TemplateInconsistent},
		{"data by hkdf", base, hkdfData, with(key.AttrClass, key.ClassData), 0, fault.OK},
		{"data of 77 by hkdf", base, hkdfData, with(key.AttrClass, key.ClassData, key.AttrValueLen, 77), 77, fault.OK},
		{"too much data by hkdf", base, hkdfData, with(key.AttrClass, key.ClassData, key.AttrValueLen, 1<<40), 0, fault.TemplateInconsistent},
		{"a key by hkdf data", base, hkdfData, with(key.AttrClass, key.ClassSecret), 0, fault.TemplateInconsistent},
		{"data by hkdf derive", base, kdf, with(key.AttrClass, key.ClassData), 0, fault.TemplateInconsistent},
		{"by the derive template", narrow, kdf, nil, 32, fault.OK},
		{"against the derive template", narrow, kdf, with(key.AttrValueLen, 16), 0, fault.TemplateInconsistent},
	} {
		n, err := DeriveLen(c.t, c.base, c.row, user)
		if fault.Of(err) != c.want || n != c.n {
			t.Errorf("%s: %d bytes, %v; want %d, %v", c.name, n, err, c.n, c.want)
		}
	}
	_, _, err := Derived(with(key.AttrKeyType, key.TypeAES), base, kdf, make([]byte, 20), user)
	wantFault(t, err, fault.TemplateIncomplete)
	o, m, err := Derived(nil, base, hkdfData, []byte("iv"), user)
	if err != nil || o.Class() != key.ClassData || string(m.Secret) != "iv" {
		t.Errorf("%v, %v", err, o)
	}
	o, m, err = Derived(with(key.AttrPrivate, false), base, hkdfData, []byte("iv"), user)
	if v, _ := o.Get(key.AttrValue); err != nil || m.Secret != nil || string(v) != "iv" {
		t.Errorf("%v, %v", err, o)
	}
}

func TestEncapsulatedKeysAreExtractableByDefaultAndNeverTrusted(t *testing.T) {
	by := &Object{class: key.ClassPublic, sub: uint64(key.TypeMLKEM), scope: scopeOf(key.ClassPublic, uint64(key.TypeMLKEM))}
	secret := bytes.Repeat([]byte{7}, 32)
	o, m, err := Encapsulated(with(key.AttrKeyType, key.TypeAES, key.AttrValueLen, 16), by, secret, user)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Secret, secret[:16]) || o.KeyType() != key.TypeAES {
		t.Errorf("value %x", m.Secret)
	}
	if got := bools(o, key.AttrLocal, key.AttrSensitive, key.AttrExtractable, key.AttrAlwaysSensitive, key.AttrNeverExtractable); !slices.Equal(got, []bool{false, true, true, false, false}) {
		t.Errorf("local, sensitive, extractable, always, never: %v", got)
	}
	_, _, err = Encapsulated(with(key.AttrKeyType, key.TypeGeneric, key.AttrValueLen, 33), by, secret, user)
	wantFault(t, err, fault.TemplateInconsistent)
	wantFault(t, CheckEncapsulate(with(key.AttrClass, key.ClassPublic), by, user), fault.TemplateInconsistent)
	wantFault(t, CheckEncapsulate(nil, by, user), fault.OK)
}

func TestImportedKeysNeedNoTemplate(t *testing.T) {
	o, m, err := Imported(with(key.AttrLabel, "web"), readPEM(t, "openssl/prime256v1.priv.pem"), user)
	if err != nil {
		t.Fatal(err)
	}
	if o.Class() != key.ClassPrivate || o.Extractable() || !o.Sensitive() || len(m.Secret) != 32 {
		t.Errorf("class %d, extractable %t, sensitive %t", o.Class(), o.Extractable(), o.Sensitive())
	}
	o, m, err = Imported(nil, readPEM(t, "openssl/prime256v1.pub.pem"), user)
	if err != nil || o.Class() != key.ClassPublic || m.Secret != nil {
		t.Errorf("public key: %v", err)
	}
	_, _, err = Imported(nil, []byte("no key"), user)
	wantFault(t, err, fault.WrappedKeyInvalid)
	_, _, err = Imported(with(key.AttrClass, key.ClassPublic), readPEM(t, "openssl/prime256v1.priv.pem"), user)
	wantFault(t, err, fault.TemplateInconsistent)
}
