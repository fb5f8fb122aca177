// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// known is a key whose value the test knows, so that another implementation can check what is done with it.
func known(t *testing.T, s *client.Session, typ key.Type, value []byte, more ...client.Attribute) uint64 {
	t.Helper()
	return must(s.Create(secretValue(typ, value, append(more, client.Bool(key.AttrSensitive, false), client.Bool(key.AttrExtractable, true))...)))(t).Handle
}

// inBothModes runs a test in strict and in fast mode, with session and with token keys.
func inBothModes(t *testing.T, f func(t *testing.T, w *world, token client.Attribute)) {
	for _, fast := range []bool{false, true} {
		for _, token := range []bool{false, true} {
			t.Run(map[bool]string{false: "strict", true: "fast"}[fast]+map[bool]string{false: " session", true: " token"}[token], func(t *testing.T) {
				w := newWorld(t)
				w.module.fast.Store(fast)
				f(t, w, client.Bool(key.AttrToken, token))
			})
		}
	}
}

func TestOneShotUses(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		value, text := bytes.Repeat([]byte{3}, 32), bytes.Repeat([]byte("abcdefg"), 300)
		h := known(t, s, key.TypeGeneric, value, token)
		want := hmac.New(sha256.New, value)
		want.Write(text)
		for range 2 { // the second time, in fast mode, with the parsed key
			mac := must(s.Sign(client.Mech(key.MechSHA256HMAC), h, text))(t)
			if !bytes.Equal(mac, want.Sum(nil)) {
				t.Error("HMAC differs from Go's")
			}
			ok(t, s.Verify(client.Mech(key.MechSHA256HMAC), h, text, mac))
			mac[0] ^= 1
			refused(t, s.Verify(client.Mech(key.MechSHA256HMAC), h, text, mac), fault.SignatureInvalid)
			refused(t, s.Verify(client.Mech(key.MechSHA256HMAC), h, text, mac[1:]), fault.SignatureLength)
		}
		k := known(t, s, key.TypeAES, value, token)
		block, _ := aes.NewCipher(value)
		gcm, _ := cipher.NewGCM(block)
		iv, aad := make([]byte, 12), []byte("header")
		ct := must(s.Encrypt(client.GCM(iv, aad, 128), k, text))(t)
		if !bytes.Equal(ct, gcm.Seal(nil, iv, text, aad)) {
			t.Error("GCM differs from Go's")
		}
		if pt := must(s.Decrypt(client.GCM(iv, aad, 128), k, ct))(t); !bytes.Equal(pt, text) {
			t.Error("GCM does not decrypt")
		}
		_, err := s.Decrypt(client.GCM(iv, []byte("other"), 128), k, ct)
		if code := fault.Of(err); code != fault.EncryptedDataInvalid && code != fault.AEADFailed {
			t.Errorf("a changed header: %v", err)
		}
		sum := must(s.Digest(client.Mech(key.MechSHA256), text))(t)
		if x := sha256.Sum256(text); !bytes.Equal(sum, x[:]) {
			t.Error("digest differs from Go's")
		}
	})
}

func TestMessagesAreSealedWithAnIVOfTheCore(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		k := known(t, s, key.TypeAES, make([]byte, 16), token)
		iv, ct, tag, err := s.SealMessage(client.GCMMessage(make([]byte, 12), 0, 3, 128), k, []byte("aad"), []byte("text"))
		ok(t, err)
		if len(iv) != 12 || bytes.Equal(iv, make([]byte, 12)) || len(ct) != 4 || len(tag) != 16 {
			t.Fatalf("%x %x %x", iv, ct, tag)
		}
		p := must(s.OpenMessage(client.GCMMessage(iv, 0, 0, 128), k, []byte("aad"), ct, tag))(t)
		if string(p) != "text" {
			t.Errorf("opened %q", p)
		}
		tag[3] ^= 1
		_, err = s.OpenMessage(client.GCMMessage(iv, 0, 0, 128), k, []byte("aad"), ct, tag)
		refused(t, err, fault.AEADFailed)
		_, _, _, err = s.SealMessage(client.Mech(key.MechAESCBC), k, nil, nil)
		refused(t, err, fault.MechanismInvalid)
	})
}

func TestPartsMakeTheSameAsTheWhole(t *testing.T) {
	inBothModes(t, func(t *testing.T, w *world, token client.Attribute) {
		s := w.user()
		text := bytes.Repeat([]byte("0123456789abcdef"), 100)
		k, h := known(t, s, key.TypeAES, make([]byte, 32), token), known(t, s, key.TypeGeneric, make([]byte, 32), token)
		for _, c := range []struct {
			use client.Use
			m   client.Mechanism
			k   uint64
		}{
			{client.UseEncrypt, client.IV(key.MechAESCBCPad, make([]byte, 16)), k},
			{client.UseEncrypt, client.GCM(make([]byte, 12), nil, 128), k},
			{client.UseEncrypt, client.CTR(128, make([]byte, 16)), k},
			{client.UseSign, client.Mech(key.MechSHA512HMAC), h},
			{client.UseSign, client.Mech(key.MechAESCMAC), k},
			{client.UseDigest, client.Mech(key.MechSHA3256), 0},
		} {
			var whole []byte
			switch c.use {
			case client.UseEncrypt:
				whole = must(s.Encrypt(c.m, c.k, text))(t)
			case client.UseSign:
				whole = must(s.Sign(c.m, c.k, text))(t)
			default:
				whole = must(s.Digest(c.m, text))(t)
			}
			if got := parts(t, s, c.use, c.m, c.k, text); !bytes.Equal(got, whole) {
				t.Errorf("%x use %d: parts and whole differ", c.m.ID, c.use)
			}
			switch c.use {
			case client.UseEncrypt:
				if got := parts(t, s, client.UseDecrypt, c.m, c.k, whole); !bytes.Equal(got, text) {
					t.Errorf("%x: parts do not decrypt", c.m.ID)
				}
			case client.UseSign:
				ok(t, s.Begin(client.UseVerify, c.m, c.k))
				must(s.Update(client.UseVerify, text[:5]))(t)
				must(s.Update(client.UseVerify, text[5:]))(t)
				must(s.Final(client.UseVerify, whole))(t)
				ok(t, s.Begin(client.UseVerify, c.m, c.k))
				_, err := s.Final(client.UseVerify, whole)
				refused(t, err, fault.SignatureInvalid)
			}
		}
	})
}

func parts(t *testing.T, s *client.Session, u client.Use, m client.Mechanism, k uint64, text []byte) (out []byte) {
	t.Helper()
	ok(t, s.Begin(u, m, k))
	for _, n := range []int{0, 1, 15, 16, 17, 100} {
		out = append(out, must(s.Update(u, text[:n]))(t)...)
		text = text[n:]
	}
	out = append(out, must(s.Update(u, text[:len(text)-3]))(t)...)
	return append(out, must(s.Final(u, text[len(text)-3:]))(t)...)
}

func TestOperationsHavePKCS11Rules(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := known(t, s, key.TypeAES, make([]byte, 16))
	cbc := client.IV(key.MechAESCBC, make([]byte, 16))
	_, err := s.Update(client.UseEncrypt, nil)
	refused(t, err, fault.OperationNotActive)
	ok(t, s.Begin(client.UseEncrypt, cbc, k))
	refused(t, s.Begin(client.UseEncrypt, cbc, k), fault.OperationActive)
	_, err = s.Encrypt(cbc, k, make([]byte, 16))
	refused(t, err, fault.OperationActive)
	ok(t, s.Begin(client.UseDecrypt, cbc, k)) // of another use: allowed beside it
	ok(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0))
	_, err = s.Final(client.UseEncrypt, make([]byte, 5)) // not whole blocks: the operation is over
	refused(t, err, fault.DataLength)
	ok(t, s.Begin(client.UseEncrypt, cbc, k))
	ok(t, s.Cancel(client.UseEncrypt))
	ok(t, s.Cancel(client.UseEncrypt))
	_, err = s.Final(client.UseEncrypt, nil)
	refused(t, err, fault.OperationNotActive)
	refused(t, s.Begin(9, cbc, k), fault.ArgumentsBad)
	refused(t, s.Begin(client.UseSign, cbc, k), fault.MechanismInvalid)
	refused(t, s.Begin(client.UseEncrypt, client.Mech(0xDEAD), k), fault.MechanismInvalid)
	refused(t, s.Begin(client.UseEncrypt, client.IV(key.MechAESCBC, nil), k), fault.MechanismParamInvalid)
	refused(t, s.Begin(client.UseEncrypt, cbc, 12345), fault.KeyUnknown)
	ok(t, s.Begin(client.UseEncrypt, cbc, k))
	ok(t, s.Destroy(k))
	_, err = s.Update(client.UseEncrypt, make([]byte, 16))
	refused(t, err, fault.KeyUnknown)
}

func TestAnOperationEndsWithTheLoginItBeganUnder(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t).Handle
	ok(t, s.Begin(client.UseEncrypt, client.IV(key.MechAESCBC, make([]byte, 16)), k))
	ok(t, s.Logout())
	w.login(s, client.User, "")
	_, err := s.Update(client.UseEncrypt, make([]byte, 16))
	refused(t, err, fault.OperationNotActive)
}

func TestADisabledKeyStopsAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t).Handle
	cbc := client.IV(key.MechAESCBC, make([]byte, 16))
	ok(t, s.Begin(client.UseEncrypt, cbc, k))
	ok(t, s.KeyState(k, key.StateSuspended))
	_, err := s.Update(client.UseEncrypt, make([]byte, 16))
	refused(t, err, fault.KeyDisabled)
	_, err = s.Encrypt(cbc, k, make([]byte, 16))
	refused(t, err, fault.KeyDisabled)
}

func TestUsageAndAllowedMechanismsAreKept(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(client.Bool(key.AttrEncrypt, true), client.Bool(key.AttrDecrypt, false),
		client.Mechanisms(key.MechAESGCM))))(t)
	if k.Usage != client.CanEncrypt || k.Flags&client.LimitedMechanisms == 0 {
		t.Errorf("summary %+v", k)
	}
	gcm := client.GCM(make([]byte, 12), nil, 128)
	must(s.Encrypt(gcm, k.Handle, nil))(t)
	_, err := s.Decrypt(gcm, k.Handle, make([]byte, 16))
	refused(t, err, fault.KeyUsageForbidden)
	_, err = s.Encrypt(client.IV(key.MechAESCBC, make([]byte, 16)), k.Handle, nil)
	refused(t, err, fault.MechanismInvalid)
	_, err = s.Sign(client.Mech(key.MechSHA256HMAC), k.Handle, nil)
	refused(t, err, fault.KeyTypeMismatch)
	must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate()))(t)
	last := w.module.audit[len(w.module.audit)-1]
	if last.Refused != fault.KeyUsageForbidden || last.Object.IsZero() || last.Mechanism != key.MechAESGCM {
		t.Errorf("the refused use was audited as %+v", last)
	}
}

func TestTheOfficerUsesNoKeys(t *testing.T) {
	w := newWorld(t)
	k := must(w.user().Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t).Handle
	s := w.open()
	w.login(s, client.Officer, "")
	gcm := client.GCM(make([]byte, 12), nil, 128)
	_, err := s.Encrypt(gcm, k, nil)
	refused(t, err, fault.Denied)
	refused(t, s.Begin(client.UseEncrypt, gcm, k), fault.Denied)
	ok(t, s.Set(k, client.Template{client.Bool(key.AttrTrusted, true)})) // but says whom to trust
}

func TestAlwaysAuthenticateAsksBeforeEachOperation(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	_, k, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, p256)},
		client.Template{client.Bool(key.AttrAlwaysAuth, true), client.Bool(key.AttrSign, true)})
	ok(t, err)
	m := client.Mech(key.MechECDSASHA256)
	_, err = s.Sign(m, k.Handle, []byte("x"))
	refused(t, err, fault.AuthRequired)
	ok(t, s.Begin(client.UseSign, m, k.Handle))
	_, err = s.Update(client.UseSign, []byte("x"))
	refused(t, err, fault.AuthRequired)
	_, err = s.Login(client.Context, "", []byte("wrong"))
	refused(t, err, fault.PINIncorrect)
	must(s.Login(client.Context, "", []byte("user-pin")))(t)
	must(s.Update(client.UseSign, []byte("x")))(t)
	must(s.Final(client.UseSign, nil))(t)
	ok(t, s.Begin(client.UseSign, m, k.Handle))
	_, err = s.Final(client.UseSign, []byte("x")) // the proof was for one operation
	refused(t, err, fault.AuthRequired)
}

func TestDigestStateIsSavedAndOnlyOursRestored(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	_, err := s.Save()
	refused(t, err, fault.OperationNotActive)
	ok(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA384), 0))
	must(s.Update(client.UseDigest, []byte("one ")))(t)
	state := must(s.Save())(t)
	other := w.open()
	ok(t, other.Restore(state))
	a := must(s.Final(client.UseDigest, []byte("two")))(t)
	b := must(other.Final(client.UseDigest, []byte("two")))(t)
	if want := must(s.Digest(client.Mech(key.MechSHA384), []byte("one two")))(t); !bytes.Equal(a, want) || !bytes.Equal(b, want) {
		t.Error("the restored digest is another")
	}
	for i := range state {
		bad := bytes.Clone(state)
		bad[i] ^= 1
		if err := other.Restore(bad); fault.Of(err) != fault.SavedStateInvalid {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	refused(t, other.Restore(nil), fault.SavedStateInvalid)
	k := known(t, s, key.TypeAES, make([]byte, 16))
	ok(t, s.Begin(client.UseEncrypt, client.IV(key.MechAESCBC, make([]byte, 16)), k))
	_, err = s.Save()
	refused(t, err, fault.StateUnsaveable)
}

func TestDigestOfAKey(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	value := bytes.Repeat([]byte{9}, 16)
	k := known(t, s, key.TypeAES, value)
	ok(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0))
	must(s.Update(client.UseDigest, []byte("a")))(t)
	ok(t, s.DigestKey(k))
	_, err := s.Save()
	refused(t, err, fault.StateUnsaveable)
	sum := must(s.Final(client.UseDigest, []byte("b")))(t)
	if want := sha256.Sum256(append(append([]byte("a"), value...), 'b')); !bytes.Equal(sum, want[:]) {
		t.Error("digest differs from Go's")
	}
	ok(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0))
	closed := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate()))(t)
	refused(t, s.DigestKey(closed.Handle), fault.KeyNeedsDigest)
	refused(t, s.DigestKey(77), fault.KeyUnknown)
}

func TestServiceIndicatorAndFIPSMode(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s := must(c.Open(slotA, true))(t)
	w.login(s, client.User, "")
	k := known(t, s, key.TypeAES, make([]byte, 16))
	if c.Approved() {
		t.Error("an import counts as approved")
	}
	must(s.Encrypt(client.IV(key.MechAESCBC, make([]byte, 16)), k, make([]byte, 16)))(t)
	if !c.Approved() {
		t.Error("CBC does not count as approved")
	}
	must(s.Encrypt(client.Mech(key.MechAESECB), k, make([]byte, 16)))(t)
	if c.Approved() {
		t.Error("ECB counts as approved")
	}
	for m, want := range map[key.Mechanism]bool{key.MechSHA256: true, key.MechSHA1: false} {
		ok(t, s.Begin(client.UseDigest, client.Mech(m), 0))
		must(s.Update(client.UseDigest, nil))(t)
		if must(s.Final(client.UseDigest, nil))(t); c.Approved() != want {
			t.Errorf("the end of digest %x counts as approved: %v", m, !want)
		}
	}
	must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate()))(t)
	if !c.Approved() {
		t.Error("AES key generation does not count as approved")
	}
	w.module.fips.Store(true)
	_, err := s.Encrypt(client.Mech(key.MechAESECB), k, make([]byte, 16))
	refused(t, err, fault.NotApproved)
	refused(t, s.Begin(client.UseEncrypt, client.Mech(key.MechAESECB), k), fault.NotApproved)
	_, err = s.Digest(client.Mech(key.MechSHA1), nil)
	refused(t, err, fault.NotApproved)
	refused(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA1), 0), fault.NotApproved)
	must(s.Digest(client.Mech(key.MechSHA256), nil))(t)
	must(s.Random(16))(t)
}

func TestUsesAreNotedBeforeTheAnswerAndCanWithholdIt(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t).Handle
	must(s.Encrypt(client.GCM(make([]byte, 12), nil, 128), k, []byte("x")))(t)
	s.Decrypt(client.GCM(make([]byte, 12), nil, 128), k, []byte("too short"))
	if len(w.module.uses) != 2 || w.module.uses[0].Code != fault.OK || w.module.uses[1].Code == fault.OK ||
		w.module.uses[0].Object.Handle() != k || w.module.uses[0].Who.Name != "user" {
		t.Errorf("noted %+v", w.module.uses)
	}
	w.module.mu.Lock()
	w.module.usedErr = fault.AuditLag.At("flush counts")
	w.module.mu.Unlock()
	out, err := s.Encrypt(client.GCM(make([]byte, 12), nil, 128), k, []byte("x"))
	refused(t, err, fault.AuditLag)
	if len(out) != 0 {
		t.Error("the answer left")
	}
}

func TestRandomIsBoundedAndDrawn(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	a, b := must(s.Random(64))(t), must(s.Random(64))(t)
	if bytes.Equal(a, b) || len(a) != 64 {
		t.Error("not drawn")
	}
	must(s.Random(0))(t)
	must(s.Random(1 << 20))(t)
	_, err := s.Random(1<<20 + 1)
	refused(t, err, fault.RandomTooLong)
	ok(t, s.Seed([]byte("mine")))
}

var p256, _ = hex.DecodeString("06082a8648ce3d030107")
