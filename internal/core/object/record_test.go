// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var update = flag.Bool("update", false, "write the golden records anew (a change of format needs another version byte)")

// samples are one object of each kind, with fixed ids.
func samples(t testing.TB) map[string]struct {
	o *Object
	m mech.Material
} {
	n := byte(0)
	rules := admin
	rules.Owner = key.ID{0xEE, 1}
	rules.NewID = func() key.ID { n++; return key.ID{0xA0, n} }
	out := map[string]struct {
		o *Object
		m mech.Material
	}{}
	add := func(name string, o *Object, m mech.Material, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = struct {
			o *Object
			m mech.Material
		}{o, m}
	}
	o, m, err := Create(secretKey(key.TypeAES, aesValue, key.AttrLabel, "aes", key.AttrToken, true, key.AttrTrusted, true,
		key.AttrStartDate, "20260101", key.AttrAllowedMechs, []key.Mechanism{key.MechAESGCM},
		key.AttrUnwrapTemplate, with(key.AttrExtractable, false)), rules)
	if err == nil {
		o, err = o.WithState(key.StateSuspended, 0)
	}
	if err == nil {
		o, err = o.WithShared(key.ID{5}, true)
	}
	add("aes", o, m, err)
	for _, name := range []string{"rsa2048", "prime256v1", "ed25519"} {
		o, m, err = Imported(with(key.AttrID, "1", key.AttrToken, true), readPEM(t, "openssl/"+name+".priv.pem"), rules)
		add(name+"-private", o, m, err)
		o, m, err = Imported(with(key.AttrID, "1"), readPEM(t, "openssl/"+name+".pub.pem"), rules)
		add(name+"-public", o, m, err)
	}
	o, m, err = Create(with(key.AttrClass, key.ClassData, key.AttrValue, "secret", key.AttrLabel, "d"), rules)
	add("data-private", o, m, err)
	o, m, err = Create(with(key.AttrClass, key.ClassData, key.AttrValue, "open", key.AttrPrivate, false), rules)
	add("data-public", o, m, err)
	o, m, err = Create(with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509, key.AttrValue,
		readPEM(t, "../../object/testdata/cert.pem")), rules)
	add("certificate", o, m, err)
	return out
}

func encode(o *Object, m mech.Material) []byte {
	var w wire.Writer
	o.Encode(&w, m)
	return w.B
}

func TestRecordsReadBackAsTheyWere(t *testing.T) {
	for name, s := range samples(t) {
		b := encode(s.o, s.m)
		o, m, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.EqualFunc(o.Attrs(), s.o.Attrs(), sameAttribute) || o.ID != s.o.ID || o.Class() != s.o.Class() ||
			o.sub != s.o.sub || o.Bits() != s.o.Bits() || o.bools != s.o.bools || !bytes.Equal(o.body, s.o.body) {
			t.Errorf("%s: the object differs", name)
		}
		if m.Type != s.m.Type || !bytes.Equal(m.Secret, s.m.Secret) || !bytes.Equal(m.Public, s.m.Public) || !bytes.Equal(m.Params, s.m.Params) {
			t.Errorf("%s: the material differs", name)
		}
		for _, r := range rulesTable {
			v, st := s.o.Get(r.attr)
			if w, st2 := o.Get(r.attr); st != st2 || !bytes.Equal(v, w) {
				t.Errorf("%s: attribute %#x is %x (%d), was %x (%d)", name, r.attr, w, st2, v, st)
			}
		}
		clear(b)
		if v, _ := o.Get(key.AttrLabel); !bytes.Equal(v, s.o.find(key.AttrLabel)) {
			t.Errorf("%s: the object is a view into the cleared record", name)
		}
		if got, limit := len(encode(o, s.m)), o.EncodedLen(s.m); got > limit {
			t.Errorf("%s: %d bytes, said to be at most %d", name, got, limit)
		}
	}
}

// TestOldRecordsStillOpen holds the format: a change that makes this fail would lose every key in the field.
func TestOldRecordsStillOpen(t *testing.T) {
	for name, s := range samples(t) {
		path := filepath.Join("testdata", "record-1-"+name+".hex")
		if *update {
			if err := os.WriteFile(path, []byte(hex.EncodeToString(encode(s.o, s.m))+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		old, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		o, m, err := Decode(old)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(m.Secret, s.m.Secret) || !slices.EqualFunc(o.Attrs(), s.o.Attrs(), sameAttribute) {
			t.Errorf("%s: reads otherwise than it was written", name)
		}
		if !bytes.Equal(encode(o, m), old) {
			t.Errorf("%s: is written otherwise than it was", name)
		}
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	for name, s := range samples(t) {
		b := encode(s.o, s.m)
		for n := range b {
			if _, _, err := Decode(b[:n]); fault.Of(err) != fault.RecordInvalid {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(b), err)
			}
		}
		if _, _, err := Decode(append(slices.Clone(b), 0)); fault.Of(err) != fault.RecordInvalid {
			t.Errorf("%s with a byte too many: %v", name, err)
		}
		b[0] = 2
		if _, _, err := Decode(b); fault.Of(err) != fault.RecordInvalid {
			t.Errorf("%s of version 2: %v", name, err)
		}
	}
}

func TestARecordHasOneFormOnly(t *testing.T) {
	s := samples(t)["aes"]
	write := func(tmpl Template) []byte {
		var w wire.Writer
		w.U8(recordVersion)
		w.PutID(s.o.ID)
		EncodeTemplate(&w, tmpl)
		w.Bytes(s.m.Secret)
		return w.B
	}
	good := append(s.o.Attrs(), with(key.AttrClass, key.ClassSecret, key.AttrKeyType, key.TypeAES)...)
	sortTemplate(good)
	swapped := slices.Clone(good)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	doubled := slices.Insert(slices.Clone(good), 3, good[3])
	two := slices.Clone(good)
	i := slices.IndexFunc(two, func(a Attribute) bool { return a.Type == key.AttrSign })
	two[i].Value = []byte{2}
	sorted := func(t Template) Template { sortTemplate(t); return t }
	for _, c := range []struct {
		name string
		t    Template
		want fault.Code
	}{
		{"as it is", good, fault.OK},
		{"out of order", swapped, fault.RecordInvalid},
		{"an attribute twice", doubled, fault.RecordInvalid},
		{"a bool of 2", two, fault.RecordInvalid},
		{"a bool missing", good.without(key.AttrSign), fault.RecordInvalid},
		{"no class", good.without(key.AttrClass), fault.RecordInvalid},
		{"no key type", good.without(key.AttrKeyType), fault.RecordInvalid},
		{"an empty value", sorted(good.and(key.AttrID, "")), fault.RecordInvalid},
		{"an attribute of another class", sorted(good.and(key.AttrIssuer, "i")), fault.RecordInvalid},
		{"a secret among the attributes", sorted(good.and(key.AttrValue, aesValue)), fault.RecordInvalid},
		{"what is read out of others", sorted(good.and(key.AttrValueLen, 16)), fault.RecordInvalid},
	} {
		_, _, err := Decode(write(c.t))
		if fault.Of(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ec := samples(t)["prime256v1-private"]
	tmpl := append(ec.o.Attrs().without(key.AttrPublicKeyInfo), with(key.AttrClass, key.ClassPrivate, key.AttrKeyType, key.TypeEC,
		key.AttrPublicKeyInfo, readPEM(t, "openssl/rsa2048.pub.pem"))...)
	if _, _, err := Decode(write(sorted(tmpl))); fault.Of(err) != fault.RecordInvalid {
		t.Errorf("an EC key with the public half of an RSA key: %v", err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(encode(s.o, s.m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, m, err := Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(encode(o, m), b) {
			t.Fatalf("a record with two forms:\n%x\n%x", b, encode(o, m))
		}
		for _, r := range rulesTable {
			o.Get(r.attr)
			SecretAttr(m, r.attr)
		}
		var w wire.Writer
		o.Summary(&w)
		o.Matches(o.Attrs())
		if _, err := o.With(with(key.AttrLabel, "x"), ActorUser, 0); err != nil && o.Modifiable() && fault.Of(err) != fault.TemplateInconsistent {
			t.Fatalf("label: %v", err)
		}
	})
}
