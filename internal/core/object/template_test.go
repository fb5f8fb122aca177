// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestTemplatesReadBackAsTheyWere(t *testing.T) {
	want := with(key.AttrLabel, "l", key.AttrToken, true, key.AttrUnwrapTemplate, with(key.AttrSensitive, true), key.AttrLabel, "l",
		key.AttrAllowedMechs, []key.Mechanism{key.MechAESGCM})
	var w wire.Writer
	EncodeTemplate(&w, want)
	r := wire.NewReader(w.B)
	got, err := DecodeTemplate(&r)
	if err != nil || r.End() != nil || len(got) != len(want) {
		t.Fatalf("%v, %d attributes", err, len(got))
	}
	for i := range want {
		if !sameAttribute(got[i], want[i]) {
			t.Errorf("attribute %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestTemplatesAreBounded(t *testing.T) {
	deep := with(key.AttrToken, true)
	for range MaxDepth {
		deep = with(key.AttrUnwrapTemplate, deep)
	}
	var wide Template
	for range MaxAttributes + 1 {
		wide = append(wide, with(key.AttrToken, true)...)
	}
	for _, c := range []Template{deep, wide, with(key.AttrWrapTemplate, "junk")} {
		var w wire.Writer
		EncodeTemplate(&w, c)
		r := wire.NewReader(w.B)
		_, err := DecodeTemplate(&r)
		wantFault(t, err, fault.Malformed)
	}
	r := wire.NewReader([]byte{0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3})
	_, err := DecodeTemplate(&r)
	wantFault(t, err, fault.Malformed)
}

// FuzzTemplates feeds any bytes as a template to every function that takes one from a client.
func FuzzTemplates(f *testing.F) {
	add := func(t Template) {
		var w wire.Writer
		EncodeTemplate(&w, t)
		f.Add(w.B)
	}
	add(secretKey(key.TypeAES, aesValue, key.AttrUnwrapTemplate, with(key.AttrSensitive, true)))
	add(with(key.AttrClass, key.ClassData, key.AttrValue, "v"))
	add(with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509, key.AttrValue, readPEM(f, "../../object/testdata/cert.pem")))
	for _, name := range []string{"prime256v1", "ed25519"} {
		m := foreign(f, "openssl/"+name)
		add(with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, m.Type, key.AttrECParams, m.Params, key.AttrValue, m.Secret))
	}
	add(with(key.AttrModulusBits, 2048, key.AttrPublicExponent, []byte{1, 0, 1}))
	add(with(key.AttrLabel, "new", key.AttrSensitive, true))
	base, _ := must(f, secretKey(key.TypeAES, aesValue), user)
	gen, pair, kdf, kw := row(f, key.MechAESKeyGen), row(f, key.MechRSAKeyPairGen), row(f, key.MechSP800108Counter), row(f, key.MechAESKeyWrap)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		tmpl, err := DecodeTemplate(&r)
		if err != nil {
			return
		}
		check := func(what string, o *Object, err error) {
			if c := fault.Of(err); c == fault.Internal {
				t.Fatalf("%s: %v", what, err)
			}
			if err == nil && o != nil {
				if again, _, err := Decode(encode(o, o.Material(bytes.Repeat([]byte{1}, 16)))); err == nil && !bytes.Equal(again.body, o.body) {
					t.Fatalf("%s: does not read back", what)
				}
			}
		}
		o, m, err := Create(tmpl, user)
		check("create", o, err)
		if err == nil {
			if again, _, err := Decode(encode(o, m)); err != nil || !bytes.Equal(again.body, o.body) || again.Bits() != o.Bits() {
				t.Fatalf("what was created does not read back: %v", err)
			}
		}
		if spec, finish, err := Generate(tmpl, gen, user); err == nil {
			value := make([]byte, spec.Bits)
			rand.Read(value)
			m := base.Material(value)
			o, err := finish(m)
			check("generate", o, err)
		} else {
			check("generate", nil, err)
		}
		_, _, err = GeneratePair(tmpl, tmpl, pair, user)
		check("generate pair", nil, err)
		o, _, err = Unwrapped(tmpl, base, kw, aesValue, user)
		check("unwrap", o, err)
		o, _, err = Derived(tmpl, base, kdf, aesValue, user)
		check("derive", o, err)
		o, _, err = Encapsulated(tmpl, base, aesValue, user)
		check("encapsulate", o, err)
		o, err = base.With(tmpl, ActorUser, 0)
		check("set", o, err)
		o, err = base.Copy(tmpl, user)
		check("copy", o, err)
		base.Matches(tmpl)
	})
}
