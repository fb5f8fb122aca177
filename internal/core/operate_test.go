// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

var secp256k1 = []byte{0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x0A}

func TestEveryAlgorithmOfTheWebDoorsWorks(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	all := func(k client.KeySpec) client.KeySpec {
		k.Ops = key.OpEncrypt | key.OpDecrypt | key.OpSign | key.OpVerify | key.OpWrap | key.OpUnwrap
		return k
	}
	rsa := w.create(s, all(client.KeySpec{Name: "rsa", Type: key.TypeRSA, Bits: 2048}))
	ec := w.create(s, all(ecKey("ec")))
	koblitz := w.create(s, all(client.KeySpec{Name: "k1", Type: key.TypeEC, Curve: secp256k1}))
	aes := w.create(s, all(aes256("aes")))
	mac := w.create(s, all(client.KeySpec{Name: "mac", Type: key.TypeGeneric, Bits: 256}))
	data, digest := bytes.Repeat([]byte("a key of 32 bytes; "), 2)[:32], bytes.Repeat([]byte{7}, 32)

	for name, c := range map[string]struct {
		key  client.Named
		mech client.Mechanism
	}{
		"RSA1_5":       {rsa, client.Mech(key.MechRSAPKCS)},
		"RSA-OAEP":     {rsa, client.OAEP(key.MechSHA1, key.MGF1SHA1, nil)},
		"RSA-OAEP-256": {rsa, client.OAEP(key.MechSHA256, key.MGF1SHA256, nil)},
		"A256KW":       {aes, client.IV(key.MechAESKeyWrap, nil)},
		"A256KWP":      {aes, client.IV(key.MechAESKeyWrapKWP, nil)},
		"A256CBC":      {aes, client.IV(key.MechAESCBC, nil)},
		"A256CBCPAD":   {aes, client.IV(key.MechAESCBCPad, nil)},
	} {
		for _, op := range [][2]key.Ops{{key.OpEncrypt, key.OpDecrypt}, {key.OpWrap, key.OpUnwrap}} {
			sealed, err := s.Operate(client.Operation{Op: op[0], Mech: c.mech, Key: c.key.Handle, Data: data})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			back := c.mech
			if len(sealed.IV) > 0 {
				back = client.IV(c.mech.ID, sealed.IV)
			}
			opened, err := s.Operate(client.Operation{Op: op[1], Mech: back, Key: c.key.Handle, Data: sealed.Out})
			if err != nil || !bytes.Equal(opened.Out, data) {
				t.Errorf("%s back: %x, %v", name, opened.Out, err)
			}
			if _, err := s.Operate(client.Operation{Op: op[1], Mech: back, Key: c.key.Handle, Data: sealed.Out[1:]}); err == nil && name != "RSA1_5" {
				t.Errorf("%s opens what was cut", name)
			}
		}
	}
	for name, c := range map[string]struct {
		key  client.Named
		mech client.Mechanism
	}{
		"RS256":  {rsa, client.Mech(key.MechRSAPKCS)},
		"PS256":  {rsa, client.PSS(key.MechRSAPSS, key.MechSHA256, key.MGF1SHA256, 32)},
		"ES256":  {ec, client.Mech(key.MechECDSA)},
		"ES256K": {koblitz, client.Mech(key.MechECDSA)},
		"HS256":  {mac, client.Mech(key.MechSHA256HMAC)},
	} {
		sig, err := s.Operate(client.Operation{Op: key.OpSign, Mech: c.mech, Key: c.key.Handle, Data: digest})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		verify := client.Operation{Op: key.OpVerify, Mech: c.mech, Key: c.key.Handle, Data: digest, Tag: sig.Out}
		if _, err := s.Operate(verify); err != nil {
			t.Errorf("%s back: %v", name, err)
		}
		verify.Data = data
		_, err = s.Operate(verify)
		w.want(name+" over something else", err, fault.SignatureInvalid)
	}
}

// A256GCM: the core makes the IV, and none comes twice.
func TestGCMsIVIsTheCores(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	k := w.create(s, aes256("k"))
	seen := map[string]bool{}
	for range 50 {
		r, err := s.Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: k.Handle, Data: []byte("plain"), AAD: []byte("aad")})
		w.must(err)
		if len(r.IV) != 12 || len(r.Tag) != 16 || seen[string(r.IV)] {
			t.Fatalf("iv %x, tag %x", r.IV, r.Tag)
		}
		seen[string(r.IV)] = true
		open := client.Operation{Op: key.OpDecrypt, Mech: gcmOpen(r.IV), Key: k.Handle, Data: r.Out, AAD: []byte("aad"), Tag: r.Tag}
		back, err := s.Operate(open)
		if err != nil || string(back.Out) != "plain" {
			t.Fatalf("%q, %v", back.Out, err)
		}
		open.AAD = nil
		_, err = s.Operate(open)
		w.want("without its associated data", err, fault.AEADFailed)
	}
}

func TestKeyOpsAndUsageFlagsAreOnePolicy(t *testing.T) {
	w := newWorld(t)
	s, user := w.session(w.vault), w.user(w.vault)
	spec := aes256("wrapper")
	spec.Ops = key.OpWrap | key.OpUnwrap
	k := w.create(s, spec)
	wrapped, err := s.Operate(client.Operation{Op: key.OpWrap, Mech: client.IV(key.MechAESKeyWrap, nil), Key: k.Handle, Data: make([]byte, 32)})
	w.must(err)
	_, err = s.Operate(client.Operation{Op: key.OpDecrypt, Mech: client.IV(key.MechAESKeyWrap, nil), Key: k.Handle, Data: wrapped.Out})
	w.want("decrypt with a key for wrapping", err, fault.KeyUsageForbidden)
	_, err = user.Decrypt(client.IV(key.MechAESKeyWrap, nil), k.Handle, wrapped.Out)
	w.want("the same over PKCS #11", err, fault.KeyUsageForbidden)

	w.must(s.Set(k.Handle, client.Template{client.ULong(key.AttrKeyOps, key.OpDecrypt)}))
	_, err = user.Decrypt(client.IV(key.MechAESKeyWrap, nil), k.Handle, wrapped.Out)
	w.want("once key_ops say decrypt", err, fault.OK)
	w.must(user.Set(k.Handle, client.Template{client.Bool(key.AttrDecrypt, false), client.Bool(key.AttrEncrypt, true)}))
	v, err := s.Get(k.Handle, key.AttrKeyOps)
	if w.must(err); key.Ops(v[0].ULong()) != key.OpEncrypt {
		t.Errorf("key_ops are %d after PKCS #11 changed the flags", v[0].ULong())
	}

	// A key that PKCS #11 made to unwrap keys, and not to decrypt, gives nobody what it unwraps.
	o, err := user.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.ULong(key.AttrValueLen, uint64(32)), client.Bool(key.AttrToken, true),
		client.Text(key.AttrLabel, "kek"), client.Bool(key.AttrWrap, true), client.Bool(key.AttrUnwrap, true)})
	w.must(err)
	target, err := user.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.ULong(key.AttrValueLen, uint64(32)), client.Bool(key.AttrExtractable, true)})
	w.must(err)
	blob, err := user.Wrap(client.IV(key.MechAESKeyWrapKWP, nil), o.Handle, target.Handle)
	w.must(err)
	for _, op := range []key.Ops{key.OpDecrypt, key.OpUnwrap} {
		_, err = s.Operate(client.Operation{Op: op, Mech: client.IV(key.MechAESKeyWrapKWP, nil), Key: o.Handle, Data: blob})
		w.want("read what it wraps", err, fault.KeyUsageForbidden)
	}
}

func TestAKeyForImportImportsAndDoesNothingElse(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	kek := w.create(s, client.KeySpec{Name: "kek", Type: key.TypeRSA, Bits: 2048, Ops: key.OpImport})
	target := w.create(s, aes256("target"))
	_ = target
	oaep := client.OAEP(key.MechSHA1, key.MGF1SHA1, nil)
	for _, op := range []key.Ops{key.OpEncrypt, key.OpDecrypt, key.OpWrap, key.OpUnwrap, key.OpSign} {
		_, err := s.Operate(client.Operation{Op: op, Mech: oaep, Key: kek.Handle, Data: make([]byte, 32)})
		if code := fault.Of(err); code != fault.KeyUsageForbidden {
			t.Errorf("operation %d with it: %v", op, err)
		}
	}
	pub, _, err := w.user(w.vault).Find(client.Template{client.ULong(key.AttrClass, key.ClassPublic), client.Text(key.AttrLabel, "kek")}, 2)
	w.must(err)
	user := w.user(w.vault)
	plain, err := user.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.ULong(key.AttrValueLen, uint64(32)), client.Bool(key.AttrExtractable, true)})
	w.must(err)
	byok := client.RSAAES(256, key.MechSHA1, key.MGF1SHA1, nil)
	blob, err := user.Wrap(byok, pub[0].Handle, plain.Handle)
	w.must(err)
	o, err := s.Unwrap(byok, kek.Handle, blob, client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES),
		client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, "byok"), client.ULong(key.AttrKeyOps, key.OpEncrypt|key.OpDecrypt)})
	w.must(err)
	r, err := s.Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: o.Handle, Name: "byok", Data: []byte("x")})
	w.must(err)
	got, err := user.OpenMessage(gcmOpen(r.IV), plain.Handle, nil, r.Out, r.Tag)
	if err != nil || string(got) != "x" {
		t.Errorf("the imported key is another one: %q, %v", got, err)
	}
	_, err = s.Unwrap(byok, kek.Handle, blob, client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES),
		client.Bool(key.AttrSensitive, false)})
	w.want("to read it", err, fault.TemplateInconsistent)
	blob[len(blob)-1] ^= 1
	_, err = s.Unwrap(byok, kek.Handle, blob, client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES)})
	w.want("an altered blob", err, fault.WrappedKeyInvalid)
}
