// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestSearchesMatchWhatMayBeReadAndNothingElse(t *testing.T) {
	pub := readPEM(t, "openssl/rsa2048.pub.pem")
	rsaPub, m := must(t, with(key.AttrClass, key.ClassPublic, key.AttrKeyType, key.TypeRSA, key.AttrPublicKeyInfo, pub, key.AttrID, "id", key.AttrToken, true), user)
	n, e, _ := wrap.RSAPublic(m.Public)
	secret, _ := must(t, secretKey(key.TypeAES, aesValue, key.AttrLabel, "aes"), user)
	open, _ := must(t, secretKey(key.TypeAES, aesValue, key.AttrSensitive, false, key.AttrExtractable, true), user)
	data, _ := must(t, with(key.AttrClass, key.ClassData, key.AttrPrivate, false, key.AttrValue, "v", key.AttrApplication, "app"), user)
	ec, _, err := Imported(nil, readPEM(t, "openssl/prime256v1.pub.pem"), user)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    *Object
		t    Template
		want bool
	}{
		{"everything", secret, nil, true},
		{"class", secret, with(key.AttrClass, key.ClassSecret), true},
		{"class and type", secret, with(key.AttrClass, key.ClassSecret, key.AttrKeyType, key.TypeAES), true},
		{"another type", secret, with(key.AttrKeyType, key.TypeGeneric), false},
		{"an unknown class (NSS)", secret, with(key.AttrClass, 0xCE534351), false},
		{"an unknown attribute", secret, with(key.Attr(0xCE534352), "x"), false},
		{"label", secret, with(key.AttrLabel, "aes"), true},
		{"another label", secret, with(key.AttrLabel, "aes2"), false},
		{"a prefix of the label", secret, with(key.AttrLabel, "ae"), false},
		{"empty id", secret, with(key.AttrID, ""), true},
		{"empty id, though there is one", rsaPub, with(key.AttrID, ""), false},
		{"token", rsaPub, with(key.AttrToken, []byte{255}), true},
		{"no token", secret, with(key.AttrToken, false), true},
		{"modulus", rsaPub, with(key.AttrModulus, n, key.AttrPublicExponent, e), true},
		{"modulus with a zero in front", rsaPub, with(key.AttrModulus, append([]byte{0}, n...)), true},
		{"another modulus", rsaPub, with(key.AttrModulus, n[1:]), false},
		{"unique id", secret, with(key.AttrUniqueID, secret.ID.String()), true},
		{"value of a sensitive key", secret, with(key.AttrValue, aesValue), false},
		{"value of a key that may be read", open, with(key.AttrValue, aesValue), false},
		{"value length", secret, with(key.AttrValueLen, 16), true},
		{"value of data", data, with(key.AttrValue, "v", key.AttrApplication, "app"), true},
		{"another value of data", data, with(key.AttrValue, "w"), false},
		{"a number of four bytes", secret, with(key.AttrClass, []byte{4, 0, 0, 0}), false},
		{"curve by name", ec, with(key.AttrECParams, "\x13\x0Aprime256v1"), true},
		{"another curve by name", ec, with(key.AttrECParams, "\x13\x09secp384r1"), false},
		{"point, raw", ec, with(key.AttrECPoint, ec.public), true},
		{"point, der", ec, with(key.AttrECPoint, octetString(ec.public)), true},
		{"another point", ec, with(key.AttrECPoint, foreignPoint(t)), false},
	} {
		if got := c.o.Matches(c.t); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestSummariesSayWhatTheClientNeeds(t *testing.T) {
	o, _, err := Imported(with(key.AttrAlwaysAuth, true, key.AttrToken, true, key.AttrAllowedMechs, []key.Mechanism{key.MechECDSA}), readPEM(t, "openssl/secp521r1.priv.pem"), user)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := must(t, with(key.AttrClass, key.ClassData), user)
	for _, c := range []struct {
		o    *Object
		want [6]uint64
	}{
		{o, [6]uint64{o.ID.Handle(), 3, 3, UsageSign | UsageDerive, 521, 1 | 2 | 4 | 8 | 32}},
		{data, [6]uint64{data.ID.Handle() | key.SessionHandle, 0, ^uint64(0), 0, 0, 2}},
	} {
		var w wire.Writer
		c.o.Summary(&w)
		r := wire.NewReader(w.B)
		var got [6]uint64
		for i := range got {
			got[i] = r.U64()
		}
		if got != c.want || r.End() != nil {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

func TestAllowedMechanismsPermitAllWhenEmpty(t *testing.T) {
	o, _ := must(t, secretKey(key.TypeAES, aesValue), user)
	if !o.Allowed(key.MechAESGCM) {
		t.Error("an empty list forbids")
	}
	o, _ = must(t, secretKey(key.TypeAES, aesValue, key.AttrAllowedMechs, []key.Mechanism{key.MechAESCBC, key.MechAESGCM}), user)
	if !o.Allowed(key.MechAESGCM) || !o.Allowed(key.MechAESCBC) || o.Allowed(key.MechAESECB) {
		t.Error("the list is not kept to")
	}
}

func TestMaterialOfAnObjectIsWhatWasImported(t *testing.T) {
	for _, name := range []string{"openssl/rsa2048", "openssl/prime256v1", "openssl/ed25519"} {
		o, m, err := Imported(nil, readPEM(t, name+".priv.pem"), user)
		if err != nil {
			t.Fatal(err)
		}
		got := o.Material(m.Secret)
		if got.Type != m.Type || !bytes.Equal(got.Params, m.Params) || !bytes.Equal(got.Public, m.Public) {
			t.Errorf("%s: material differs", name)
		}
	}
}

func TestMetaTellsLabelsAndNoMore(t *testing.T) {
	o, _ := must(t, secretKey(key.TypeAES, aesValue, key.AttrLabel, "l", key.AttrID, "i"), user)
	m := o.Meta(key.ID{7})
	if m.Partition != (key.ID{7}) || m.Object != o.ID || m.Class != key.ClassSecret || m.KeyType != key.TypeAES || !m.Private ||
		string(m.Label) != "l" || string(m.ID) != "i" {
		t.Errorf("%+v", m)
	}
}

func TestProfilesClaimWhatTheTokenDoes(t *testing.T) {
	seen := map[uint64]bool{}
	for _, o := range Profiles() {
		v, ok := o.ULong(key.AttrProfileID)
		if !ok || seen[o.Handle()] || o.Private() || !o.Token() || o.HasSecret() {
			t.Errorf("profile %d", v)
		}
		seen[o.Handle()] = true
		if !o.Matches(with(key.AttrClass, key.ClassProfile, key.AttrToken, true, key.AttrProfileID, int(v))) {
			t.Errorf("profile %d is not found", v)
		}
		if _, err := o.With(with(key.AttrLabel, "x"), ActorAdmin, 0); err == nil {
			t.Errorf("profile %d was changed", v)
		}
		if o.Destroyable() || o.Copyable() {
			t.Errorf("profile %d can be destroyed or copied", v)
		}
		if v, st := o.Get(key.AttrUniqueID); st != Given || len(v) != 32 {
			t.Errorf("unique id %q", v)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d profiles", len(seen))
	}
}
