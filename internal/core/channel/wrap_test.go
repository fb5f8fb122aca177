// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func extractable() client.Attribute { return client.Bool(key.AttrExtractable, true) }

func readable() []client.Attribute {
	return []client.Attribute{client.Bool(key.AttrSensitive, false), extractable()}
}

func TestWrappedKeysComeBackAsTheyWere(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		by := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(token)))(t).Handle
		value := bytes.Repeat([]byte{5}, 32)
		k := known(t, s, key.TypeAES, value, token)
		for _, m := range []client.Mechanism{client.Mech(key.MechAESKeyWrap), client.Mech(key.MechAESKeyWrapKWP),
			client.IV(key.MechAESCBCPad, make([]byte, 16)), client.GCM(make([]byte, 12), nil, 128)} {
			wrapped := must(s.Wrap(m, by, k))(t)
			if bytes.Contains(wrapped, value) {
				t.Fatal("the wrapped key is in clear")
			}
			o := must(s.Unwrap(m, by, wrapped, append(client.Template{client.ULong(key.AttrClass, key.ClassSecret),
				client.ULong(key.AttrKeyType, key.TypeAES), token}, readable()...)))(t)
			got := must(s.Get(o.Handle, key.AttrValue, key.AttrLocal, key.AttrAlwaysSensitive, key.AttrNeverExtractable))(t)
			if !bytes.Equal(got[0].Value, value) || got[1].Bool() || got[2].Bool() || got[3].Bool() {
				t.Errorf("%x: %+v", m.ID, got)
			}
			wrapped[3] ^= 1
			_, err := s.Unwrap(m, by, wrapped, client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES)})
			if m.ID != key.MechAESCBCPad { // which does not authenticate
				refused(t, err, fault.WrappedKeyInvalid)
			}
		}
	})
}

func TestWrapRefusals(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	m := client.Mech(key.MechAESKeyWrap)
	by := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate()))(t).Handle
	try := func(wrapping, k uint64, want fault.Code) {
		t.Helper()
		_, err := s.Wrap(m, wrapping, k)
		refused(t, err, want)
	}
	try(by, by, fault.KeyUnextractable)
	k := known(t, s, key.TypeAES, make([]byte, 16))
	try(by, 99, fault.KeyUnknown)
	try(99, k, fault.WrappingKeyUnknown)
	try(known(t, s, key.TypeGeneric, make([]byte, 16), client.Bool(key.AttrDerive, true)), k, fault.WrappingKeyMismatch)
	careful := known(t, s, key.TypeAES, make([]byte, 16), client.Bool(key.AttrWrapWithTrusted, true))
	try(by, careful, fault.KeyNotWrappable)
	picky := known(t, s, key.TypeAES, make([]byte, 16), client.Nested(key.AttrWrapTemplate, client.Template{client.ULong(key.AttrKeyType, key.TypeDES3)}))
	try(picky, k, fault.KeyNotWrappable)
	d := must(s.Create(data("d", true)))(t).Handle
	try(by, d, fault.KeyNotWrappable)
	try(d, k, fault.WrappingKeyUnknown)
	_, err := s.Unwrap(m, 99, make([]byte, 24), nil)
	refused(t, err, fault.UnwrappingKeyUnknown)
	_, err = s.Unwrap(m, by, make([]byte, 24), nil)
	refused(t, err, fault.TemplateIncomplete)
	_, err = s.Unwrap(client.Mech(key.MechSHA256), by, nil, nil)
	refused(t, err, fault.MechanismInvalid)
}

func TestDerivedKeyIsTheOneTheMechanismMakes(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		base := known(t, s, key.TypeGeneric, make([]byte, 32), client.Bool(key.AttrDerive, true), token)
		o, further, err := s.Derive(client.HKDF(key.MechHKDFDerive, true, true, key.MechSHA256, []byte("salt"), []byte("info")), base,
			append(client.Template{client.ULong(key.AttrKeyType, key.TypeAES), client.ULong(key.AttrValueLen, uint64(32)), token}, readable()...))
		ok(t, err)
		want, _ := hkdf.Key(sha256.New, make([]byte, 32), []byte("salt"), "info", 32)
		if got := must(s.Get(o.Handle, key.AttrValue))(t)[0].Value; !bytes.Equal(got, want) || len(further) != 0 {
			t.Errorf("derived %x, Go's %x", got, want)
		}
	})
}

func TestFurtherKeysOfKBKDF(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	base := known(t, s, key.TypeGeneric, make([]byte, 32), client.Bool(key.AttrDerive, true))
	aes := append(client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES), client.ULong(key.AttrValueLen, uint64(16))}, readable()...)
	label := client.KBKDFData{Type: client.KBKDFBytes, Value: []byte("label")}
	counter := client.KBKDFData{Type: client.KBKDFIteration, Value: client.KBKDFCounter(32)}
	long := append(client.Template{client.ULong(key.AttrKeyType, key.TypeGeneric), client.ULong(key.AttrValueLen, uint64(96))}, readable()...)
	all, _, err := s.Derive(client.KBKDF(key.MechSHA256HMAC, []client.KBKDFData{counter, label}), base, long)
	ok(t, err)
	first, further, err := s.Derive(client.KBKDF(key.MechSHA256HMAC, []client.KBKDFData{counter, label}, aes, aes), base, aes)
	ok(t, err)
	if len(further) != 2 {
		t.Fatalf("%d further keys", len(further))
	}
	whole := must(s.Get(all.Handle, key.AttrValue))(t)[0].Value
	for i, h := range append([]uint64{first.Handle}, further...) { // each key begins with a block of the PRF of its own
		if got := must(s.Get(h, key.AttrValue))(t)[0].Value; !bytes.Equal(got, whole[32*i:][:16]) {
			t.Errorf("key %d is %x, not of the blocks %x", i, got, whole)
		}
	}
	_, _, err = s.Derive(client.KBKDF(key.MechSHA256HMAC, []client.KBKDFData{counter}, client.Template{client.ULong(0x9999, uint64(1))}), base, aes)
	refused(t, err, fault.AttributeUnknown)
}

func TestPairsAreGeneratedSignedWithAndVerified(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		for _, c := range []struct {
			gen, sign key.Mechanism
			pub       client.Template
		}{
			{key.MechECKeyPairGen, key.MechECDSASHA256, client.Template{client.Bytes(key.AttrECParams, p256)}},
			{key.MechEdwardsKeyPairGen, key.MechEDDSA, client.Template{client.Bytes(key.AttrECParams, ed25519)}},
			{key.MechEDDSA, key.MechEDDSA, client.Template{client.Bytes(key.AttrECParams, ed25519)}}, // as GnuTLS asks
			{key.MechMLDSAKeyPairGen, key.MechMLDSA, client.Template{client.ULong(key.AttrParameterSet, key.MLDSA44)}},
		} {
			pub, priv, err := s.GeneratePair(client.Mech(c.gen), append(c.pub, token), client.Template{token})
			if err != nil {
				t.Errorf("%x: %v", c.gen, err)
				continue
			}
			sig := must(s.Sign(client.Mech(c.sign), priv.Handle, []byte("text")))(t)
			ok(t, s.Verify(client.Mech(c.sign), pub.Handle, []byte("text"), sig))
			refused(t, s.Verify(client.Mech(c.sign), pub.Handle, []byte("other"), sig), fault.SignatureInvalid)
			if pub.Flags&client.IsPrivate != 0 || priv.Flags&client.IsPrivate == 0 {
				t.Errorf("%x: flags %x and %x", c.gen, pub.Flags, priv.Flags)
			}
		}
	})
}

func TestEncapsulatedSecretIsTheDecapsulatedOne(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		pub, priv, err := s.GeneratePair(client.Mech(key.MechMLKEMKeyPairGen), client.Template{client.ULong(key.AttrParameterSet, key.MLKEM768), token}, client.Template{token})
		ok(t, err)
		into := append(client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES), token}, readable()...)
		ct, a, err := s.Encapsulate(client.Mech(key.MechMLKEM), pub.Handle, into)
		ok(t, err)
		b := must(s.Decapsulate(client.Mech(key.MechMLKEM), priv.Handle, ct, into))(t)
		x, y := must(s.Get(a.Handle, key.AttrValue))(t)[0].Value, must(s.Get(b.Handle, key.AttrValue))(t)[0].Value
		if len(x) != 32 || !bytes.Equal(x, y) {
			t.Errorf("%x and %x", x, y)
		}
		_, err = s.Decapsulate(client.Mech(key.MechMLKEM), pub.Handle, ct, into)
		refused(t, err, fault.KeyUsageForbidden)
		_, err = s.Decapsulate(client.Mech(key.MechMLKEM), priv.Handle, ct[1:], into)
		if err == nil {
			t.Error("a short ciphertext was taken")
		}
	})
}

var ed25519 = []byte{6, 3, 0x2b, 0x65, 0x70}

func TestAPairThatFailsItsPairwiseTestNeverExists(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	family := all.Family(key.TypeEC)
	sound := family.Pairwise
	defer func() { family.Pairwise = sound }()
	family.Pairwise = func(mech.Material) error { return errors.New("halves of two pairs") }
	_, _, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, p256), onToken()}, client.Template{onToken()})
	refused(t, err, fault.PairwiseFailed)
	if len(w.module.failed) != 1 || len(w.module.tokens[slotA].objects) != 0 {
		t.Errorf("failed %v, %d objects", w.module.failed, len(w.module.tokens[slotA].objects))
	}
}
