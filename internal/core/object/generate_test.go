// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func row(t testing.TB, id key.Mechanism) *mech.Row {
	t.Helper()
	r := all.Row(id)
	if r == nil {
		t.Fatalf("no mechanism %#x", id)
	}
	return r
}

func TestSecretKeysAreGeneratedAsAsked(t *testing.T) {
	for _, c := range []struct {
		name  string
		row   key.Mechanism
		t     Template
		want  fault.Code
		typ   key.Type
		bytes int
	}{
		{"aes", key.MechAESKeyGen, with(key.AttrValueLen, 32), fault.OK, key.TypeAES, 32},
		{"aes with class and type", key.MechAESKeyGen, with(key.AttrClass, key.ClassSecret, key.AttrKeyType, key.TypeAES, key.AttrValueLen, 16), fault.OK, key.TypeAES, 16},
		{"aes without length", key.MechAESKeyGen, nil, fault.TemplateIncomplete, 0, 0},
		{"aes of 17 bytes", key.MechAESKeyGen, with(key.AttrValueLen, 17), fault.AttributeValueInvalid, 0, 0},
		{"aes of 2^40 bytes", key.MechAESKeyGen, with(key.AttrValueLen, 1<<40), fault.AttributeValueInvalid, 0, 0},
		{"aes as chacha", key.MechAESKeyGen, with(key.AttrValueLen, 32, key.AttrKeyType, key.TypeChaCha20), fault.TemplateInconsistent, 0, 0},
		{"aes as private key", key.MechAESKeyGen, with(key.AttrValueLen, 32, key.AttrClass, key.ClassPrivate), fault.TemplateInconsistent, 0, 0},
		{"aes with a value", key.MechAESKeyGen, with(key.AttrValueLen, 16, key.AttrValue, aesValue), fault.TemplateInconsistent, 0, 0},
		{"aes said to be local", key.MechAESKeyGen, with(key.AttrValueLen, 16, key.AttrLocal, true), fault.AttributeReadOnly, 0, 0},
		{"chacha", key.MechChaCha20KeyGen, nil, fault.OK, key.TypeChaCha20, 32},
		{"chacha of 16 bytes", key.MechChaCha20KeyGen, with(key.AttrValueLen, 16), fault.AttributeValueInvalid, 0, 0},
		{"generic", key.MechGenericKeyGen, with(key.AttrValueLen, 20), fault.OK, key.TypeGeneric, 20},
		{"generic as hmac key", key.MechGenericKeyGen, with(key.AttrValueLen, 32, key.AttrKeyType, key.TypeSHA256HMAC), fault.OK, key.TypeSHA256HMAC, 32},
		{"generic as aes", key.MechGenericKeyGen, with(key.AttrValueLen, 32, key.AttrKeyType, key.TypeAES), fault.TemplateInconsistent, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := row(t, c.row)
			spec, finish, err := Generate(c.t, r, user)
			wantFault(t, err, c.want)
			if err != nil {
				return
			}
			m, err := r.Generate(spec)
			if err != nil {
				t.Fatal(err)
			}
			o, err := finish(m)
			if err != nil {
				t.Fatal(err)
			}
			if o.KeyType() != c.typ || o.Bits() != 8*c.bytes || o.Class() != key.ClassSecret || o.ID.IsZero() {
				t.Errorf("type %#x, %d bits, id %s", o.KeyType(), o.Bits(), o.ID)
			}
			if got := bools(o, key.AttrLocal, key.AttrAlwaysSensitive, key.AttrNeverExtractable); !slices.Equal(got, []bool{true, true, true}) {
				t.Errorf("local, always sensitive, never extractable: %v", got)
			}
			if v, _ := o.ULong(key.AttrKeyGenMechanism); v != uint64(c.row) {
				t.Errorf("key gen mechanism %#x", v)
			}
		})
	}
}

func TestSizesAreHeldToTheMechanismsOwn(t *testing.T) {
	small := &mech.Row{ID: key.MechGenericKeyGen, KeyTypes: []key.Type{key.TypeGeneric}, Min: 8, Max: 64} // in bits
	for n, want := range map[int]fault.Code{1: fault.OK, 8: fault.OK, 9: fault.KeySize} {
		_, _, err := Generate(with(key.AttrValueLen, n), small, user)
		wantFault(t, err, want)
	}
}

func TestGeneratedKeysRememberWhatTheyEverWere(t *testing.T) {
	r := row(t, key.MechAESKeyGen)
	spec, finish, err := Generate(with(key.AttrValueLen, 16, key.AttrSensitive, false, key.AttrExtractable, true), r, user)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := r.Generate(spec)
	o, err := finish(m)
	if err != nil {
		t.Fatal(err)
	}
	o, err = o.With(with(key.AttrSensitive, true, key.AttrExtractable, false), ActorUser, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := bools(o, key.AttrSensitive, key.AttrExtractable, key.AttrAlwaysSensitive, key.AttrNeverExtractable); !slices.Equal(got, []bool{true, false, false, false}) {
		t.Errorf("sensitive, extractable, always, never: %v", got)
	}
}

func TestKeyPairsAreGeneratedAsAsked(t *testing.T) {
	p256 := []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}
	for _, c := range []struct {
		name      string
		row       key.Mechanism
		pub, priv Template
		want      fault.Code
		bits      int
	}{
		{"ec", key.MechECKeyPairGen, with(key.AttrECParams, p256), nil, fault.OK, 256},
		{"ec with all types", key.MechECKeyPairGen, with(key.AttrECParams, p256, key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeEC),
			with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeEC, key.AttrECParams, p256), fault.OK, 256},
		{"ec by name", key.MechECKeyPairGen, with(key.AttrECParams, "\x13\x09secp384r1"), nil, fault.OK, 384},
		{"ec without curve", key.MechECKeyPairGen, nil, nil, fault.TemplateIncomplete, 0},
		{"ec on an edwards curve", key.MechECKeyPairGen, with(key.AttrECParams, []byte{6, 3, 0x2B, 0x65, 0x70}), nil, fault.CurveUnsupported, 0},
		{"ec with two types", key.MechECKeyPairGen, with(key.AttrECParams, p256, key.AttrKeyType, key.TypeEC), with(key.AttrKeyType, key.TypeRSA), fault.TemplateInconsistent, 0},
		{"ec with a point", key.MechECKeyPairGen, with(key.AttrECParams, p256, key.AttrClass, key.ClassPrivate), nil, fault.TemplateInconsistent, 0},
		{"ec with a value", key.MechECKeyPairGen, with(key.AttrECParams, p256), with(key.AttrValue, "x"), fault.TemplateInconsistent, 0},
		{"edwards by pkcs11-tool's name", key.MechEdwardsKeyPairGen, with(key.AttrECParams, "\x13\x0Cedwards25519"), nil, fault.OK, 255},
		{"rsa", key.MechRSAKeyPairGen, with(key.AttrModulusBits, 2048, key.AttrPublicExponent, []byte{1, 0, 1}), nil, fault.OK, 2048},
		{"rsa without exponent", key.MechRSAKeyPairGen, with(key.AttrModulusBits, 2048), nil, fault.OK, 2048},
		{"rsa without bits", key.MechRSAKeyPairGen, with(key.AttrPublicExponent, []byte{3}), nil, fault.TemplateIncomplete, 0},
		{"rsa of 1024 bits", key.MechRSAKeyPairGen, with(key.AttrModulusBits, 1024), nil, fault.KeySize, 0},
		{"rsa of 2^60 bits", key.MechRSAKeyPairGen, with(key.AttrModulusBits, 1<<60), nil, fault.KeySize, 0},
		{"rsa of an even exponent", key.MechRSAKeyPairGen, with(key.AttrModulusBits, 2048, key.AttrPublicExponent, []byte{4}), nil, fault.AttributeValueInvalid, 0},
		{"rsa of exponent one", key.MechRSAKeyPairGen, with(key.AttrModulusBits, 2048, key.AttrPublicExponent, []byte{1}), nil, fault.AttributeValueInvalid, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := row(t, c.row)
			spec, finish, err := GeneratePair(c.pub, c.priv, r, user)
			wantFault(t, err, c.want)
			if err != nil {
				return
			}
			m, err := r.Generate(spec)
			if err != nil {
				t.Fatal(err)
			}
			pub, priv, err := finish(m)
			if err != nil {
				t.Fatal(err)
			}
			if pub.Bits() != c.bits || priv.Bits() != c.bits {
				t.Errorf("%d and %d bits", pub.Bits(), priv.Bits())
			}
			if pub.Class() != key.ClassPublic || priv.Class() != key.ClassPrivate || pub.ID == priv.ID {
				t.Error("classes or ids")
			}
			if got := bools(pub, key.AttrLocal, key.AttrPrivate); !slices.Equal(got, []bool{true, false}) {
				t.Errorf("public key: local, private %v", got)
			}
			if got := bools(priv, key.AttrLocal, key.AttrPrivate, key.AttrSensitive, key.AttrExtractable, key.AttrAlwaysSensitive, key.AttrNeverExtractable); !slices.Equal(got, []bool{true, true, true, false, true, true}) {
				t.Errorf("private key: %v", got)
			}
			a, _ := pub.Get(key.AttrPublicKeyInfo)
			b, _ := priv.Get(key.AttrPublicKeyInfo)
			if !bytes.Equal(a, b) || pub.HasSecret() {
				t.Error("the halves do not belong together")
			}
			if p, err := wrap.ParseSPKI(a); err != nil || !bytes.Equal(p.Public, m.Public) {
				t.Error("PUBLIC_KEY_INFO is not the public key")
			}
		})
	}
}

func TestAPairsTemplateMustFitTheKeyThatCameOut(t *testing.T) {
	r := row(t, key.MechECKeyPairGen)
	p256, p384 := "\x13\x09secp256r1", "\x13\x09secp384r1"
	spec, finish, err := GeneratePair(with(key.AttrECParams, p256), with(key.AttrECParams, p384), r, user)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := r.Generate(spec)
	_, _, err = finish(m)
	wantFault(t, err, fault.TemplateInconsistent)
}
