// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func rowOf(t testing.TB, id key.Mechanism) *mech.Row {
	t.Helper()
	for i := range rows {
		if rows[i].ID == id {
			return &rows[i]
		}
	}
	t.Fatalf("no row %#x", uint64(id))
	return nil
}

func iv(b []byte) mech.Params {
	return encode(func(w *wire.Writer) { w.Bytes(b) })
}

func gcm(nonce, aad []byte, tagBits uint64) mech.Params {
	return encode(func(w *wire.Writer) { w.Bytes(nonce); w.U64(0xDEAD); w.Bytes(aad); w.U64(tagBits) })
}

func ctr(bits uint64, block []byte) mech.Params {
	return encode(func(w *wire.Writer) { w.U64(bits); w.Bytes(block) })
}

func TestKeysHaveThreeSizes(t *testing.T) {
	for n := range 40 {
		_, parseErr := parse(mech.Material{Type: key.TypeAES, Secret: make([]byte, n)}, true)
		m, genErr := generate(mech.GenSpec{Type: key.TypeAES, Bits: n})
		want := n == 16 || n == 24 || n == 32
		if want != (parseErr == nil) || want != (genErr == nil) || want && len(m.Secret) != n {
			t.Errorf("%d bytes: %v, %v", n, parseErr, genErr)
		}
	}
	if _, err := generate(mech.GenSpec{}); !errors.Is(err, fault.TemplateIncomplete) {
		t.Errorf("no length: %v", err)
	}
	if _, err := parse(mech.Material{Type: key.TypeDES3, Secret: make([]byte, 24)}, true); !errors.Is(err, fault.KeyTypeMismatch) {
		t.Errorf("a DES key: %v", err)
	}
}

func TestAKeyKeepsNoReferenceToItsMaterial(t *testing.T) {
	secret := []byte("0123456789abcdef")
	k := load(t, secret)
	before, _ := once(beginECB, mech.Encrypt, k, nil, make([]byte, 16))
	clear(secret)
	after, _ := once(beginECB, mech.Encrypt, k, nil, make([]byte, 16))
	if !bytes.Equal(before, after) {
		t.Error("clearing the material changed the key")
	}
}

// The example of PKCS #11 section 6.11.3: with two counter bits that begin at 1, three blocks can be processed.
func TestTheCounterDoesNotWrap(t *testing.T) {
	k := load(t, make([]byte, 16))
	ones := bytes.Repeat([]byte{0xFF}, 16)
	for _, c := range []struct {
		what   string
		bits   uint64
		block  []byte
		blocks int // -1: without bound
	}{
		{"the standard's example", 2, append(make([]byte, 15), 1), 3},
		{"one bit at 0", 1, make([]byte, 16), 2},
		{"one bit at 1", 1, ones, 1},
		{"eight bits at 250", 8, append(ones[:15:15], 250), 6},
		{"nine bits at 250", 9, append(make([]byte, 15), 250), 262},
		{"63 bits at their end", 63, ones, 1},
		{"64 bits at their end", 64, ones, 1},
		{"64 bits at 0", 64, make([]byte, 16), -1},
		{"65 bits, half way", 65, append(append(make([]byte, 8), ones[:7]...), 0xFE), -1},
		{"128 bits, two left", 128, append(ones[:15:15], 0xFE), 2},
		{"128 bits at 0", 128, make([]byte, 16), -1},
		{"32 bits", 32, append(ones[:12:12], 0xFF, 0xFF, 0xFF, 0x00), 256},
	} {
		fits, over := c.blocks*16, c.blocks*16+1
		if c.blocks < 0 {
			fits, over = 1<<16, 0
		}
		if _, err := once(beginCTR, mech.Encrypt, k, ctr(c.bits, c.block), make([]byte, fits)); err != nil {
			t.Errorf("%s: %d bytes: %v", c.what, fits, err)
		}
		if over == 0 {
			continue
		}
		for _, use := range []mech.Use{mech.Encrypt, mech.Decrypt} {
			if _, err := once(beginCTR, use, k, ctr(c.bits, c.block), make([]byte, over)); !errors.Is(err, fault.DataLength) {
				t.Errorf("%s: %d bytes: %v", c.what, over, err)
			}
			if _, err := inParts(beginCTR, use, k, ctr(c.bits, c.block), make([]byte, over)); !errors.Is(err, fault.DataLength) {
				t.Errorf("%s: %d bytes in parts: %v", c.what, over, err)
			}
		}
	}
	for _, p := range []mech.Params{ctr(0, make([]byte, 16)), ctr(129, make([]byte, 16)), ctr(32, make([]byte, 15)), nil} {
		if _, err := beginCTR(mech.Encrypt, k, p); !errors.Is(err, fault.MechanismParamInvalid) {
			t.Errorf("parameter %x: %v", []byte(p), err)
		}
	}
}

func TestGCMTakesTheTagsOfTheStandard(t *testing.T) {
	k := load(t, make([]byte, 32))
	plain := []byte("forty-two bytes of text to be protected...")
	for _, nonceLen := range []int{1, 8, 12, 16, 100} {
		nonce := bytes.Repeat([]byte{7}, nonceLen)
		b, _ := aes.NewCipher(make([]byte, 32))
		std, _ := cipher.NewGCMWithNonceSize(b, nonceLen)
		whole := std.Seal(nil, nonce, plain, []byte("aad"))
		for bits := uint64(0); bits <= 136; bits++ {
			p := gcm(nonce, []byte("aad"), bits)
			ct, err := once(beginGCM, mech.Encrypt, k, p, plain)
			if _, ok := tagBytes(bits); !ok {
				if !errors.Is(err, fault.MechanismParamInvalid) {
					t.Fatalf("tag of %d bits: %v", bits, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(ct, whole[:len(plain)+int(bits/8)]) {
				t.Fatalf("nonce %d, tag of %d bits: %x, %v", nonceLen, bits, ct, err)
			}
			if back, err := once(beginGCM, mech.Decrypt, k, p, ct); err != nil || !bytes.Equal(back, plain) {
				t.Fatalf("nonce %d, tag of %d bits: %q, %v", nonceLen, bits, back, err)
			}
			for i := range ct {
				bad := bytes.Clone(ct)
				bad[i] ^= 0x10
				got, err := once(beginGCM, mech.Decrypt, k, p, bad)
				if !errors.Is(err, fault.EncryptedDataInvalid) || len(got) != 0 {
					t.Fatalf("tag of %d bits, byte %d: %x, %v", bits, i, got, err)
				}
			}
		}
	}
	if _, err := beginGCM(mech.Encrypt, k, gcm(nil, nil, 128)); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Errorf("no IV: %v", err)
	}
	if _, err := once(beginGCM, mech.Decrypt, k, gcm(make([]byte, 12), nil, 128), make([]byte, 15)); !errors.Is(err, fault.EncryptedDataLength) {
		t.Errorf("less than a tag: %v", err)
	}
}

func TestAEADGivesNoPlaintextBeforeTheTag(t *testing.T) {
	k := load(t, make([]byte, 16))
	p := gcm(make([]byte, 12), nil, 128)
	ct, err := once(beginGCM, mech.Encrypt, k, p, make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	op, err := beginGCM(mech.Decrypt, k, p)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := op.Update(nil, ct); err != nil || len(out) != 0 {
		t.Errorf("%d bytes came early, %v", len(out), err)
	}
}

// SP 800-38C appendix C, examples 2 to 4; the last has 65536 bytes of additional data.
func TestCCMAnswersTheExamplesOfTheStandard(t *testing.T) {
	k := load(t, mechtest.Bytes(t, "404142434445464748494a4b4c4d4e4f"))
	long := make([]byte, 65536)
	for i := range long {
		long[i] = byte(i)
	}
	for _, c := range []struct {
		nonce, plain, want string
		aad                []byte
		mac                uint64
	}{
		{"1011121314151617", "202122232425262728292a2b2c2d2e2f", "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd", long[:16], 6},
		{"101112131415161718191a1b", "202122232425262728292a2b2c2d2e2f3031323334353637",
			"e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951", long[:20], 8},
		{"101112131415161718191a1b1c", "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
			"69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b", long, 14},
	} {
		plain, want := mechtest.Bytes(t, c.plain), mechtest.Bytes(t, c.want)
		p := encode(func(w *wire.Writer) {
			w.U64(uint64(len(plain)))
			w.Bytes(mechtest.Bytes(t, c.nonce))
			w.Bytes(c.aad)
			w.U64(c.mac)
		})
		if got, err := once(beginCCM, mech.Encrypt, k, p, plain); err != nil || !bytes.Equal(got, want) {
			t.Errorf("seal: %x, %v", got, err)
		}
		if got, err := once(beginCCM, mech.Decrypt, k, p, want); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("open: %x, %v", got, err)
		}
	}
}

func TestCCMHoldsTheDataToTheLengthInItsParameter(t *testing.T) {
	k := load(t, make([]byte, 16))
	ccm := func(dataLen uint64, nonce int, mac uint64) mech.Params {
		return encode(func(w *wire.Writer) { w.U64(dataLen); w.Bytes(make([]byte, nonce)); w.Bytes(nil); w.U64(mac) })
	}
	if _, err := once(beginCCM, mech.Encrypt, k, ccm(10, 13, 8), make([]byte, 11)); !errors.Is(err, fault.DataLength) {
		t.Errorf("longer: %v", err)
	}
	if _, err := once(beginCCM, mech.Decrypt, k, ccm(10, 13, 8), make([]byte, 17)); !errors.Is(err, fault.EncryptedDataLength) {
		t.Errorf("shorter: %v", err)
	}
	for _, p := range []mech.Params{ccm(65536, 13, 8), ccm(1, 6, 8), ccm(1, 14, 8), ccm(1, 13, 5), ccm(1, 13, 2), ccm(1, 13, 18), nil} {
		if _, err := beginCCM(mech.Encrypt, k, p); !errors.Is(err, fault.MechanismParamInvalid) {
			t.Errorf("parameter %x: %v", []byte(p), err)
		}
	}
	// Wrapping takes the length from the key.
	wrapped, err := wrapCCM(k, ccm(0, 13, 8), []byte("a key to be wrapped"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unwrapCCM(k, ccm(0, 13, 8), wrapped); err != nil || string(got) != "a key to be wrapped" {
		t.Errorf("%q, %v", got, err)
	}
	wrapped[0] ^= 1
	if _, err := unwrapCCM(k, ccm(0, 13, 8), wrapped); !errors.Is(err, fault.WrappedKeyInvalid) {
		t.Errorf("altered: %v", err)
	}
}

func TestACMACCanBeCopiedWhileItRuns(t *testing.T) {
	k := load(t, make([]byte, 16))
	op, err := signCMAC(mech.Sign, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	op.Update(nil, []byte("before the fork, "))
	child, err := op.(mech.Cloner).CloneOp()
	if err != nil {
		t.Fatal(err)
	}
	op.Update(nil, []byte("the parent"))
	child.(mech.Op).Update(nil, []byte("the child"))
	for text, op := range map[string]mech.Op{"before the fork, the parent": op, "before the fork, the child": child.(mech.Op)} {
		got, _ := op.Final(nil)
		if want, _ := once(signCMAC, mech.Sign, k, nil, []byte(text)); !bytes.Equal(got, want) {
			t.Errorf("%s: %x", text, got)
		}
	}
}

func TestTheIndicatorFollowsTheModule(t *testing.T) {
	msg := func(n int, fixed, generator, tag uint64) mech.Params {
		return encode(func(w *wire.Writer) { w.Bytes(make([]byte, n)); w.U64(fixed); w.U64(generator); w.U64(tag) })
	}
	full, short := gcm(make([]byte, 12), nil, 128), gcm(make([]byte, 12), nil, 96)
	for _, c := range []struct {
		id   key.Mechanism
		use  mech.Use
		p    mech.Params
		want bool
	}{
		{key.MechAESKeyGen, mech.Generate, nil, true},
		{key.MechAESECB, mech.Encrypt, nil, false},
		{key.MechAESCBC, mech.Encrypt, iv(make([]byte, 16)), true},
		{key.MechAESCBCPad, mech.Decrypt, iv(make([]byte, 16)), true},
		{key.MechAESCBCPad, mech.Wrap, iv(make([]byte, 16)), false},
		{key.MechAESCTR, mech.Encrypt, ctr(32, make([]byte, 16)), true},
		{key.MechAESGCM, mech.Encrypt, full, false},
		{key.MechAESGCM, mech.Decrypt, full, true},
		{key.MechAESGCM, mech.Decrypt, short, false},
		{key.MechAESGCM, mech.Wrap, full, false},
		{key.MechAESGCM, mech.Unwrap, full, true},
		{key.MechAESGCM, mech.MessageEncrypt, msg(12, 0, random, 128), true},
		{key.MechAESGCM, mech.MessageEncrypt, msg(12, 0, generateAny, 128), true},
		{key.MechAESGCM, mech.MessageEncrypt, msg(12, 0, noGenerate, 128), false},
		{key.MechAESGCM, mech.MessageEncrypt, msg(12, 32, random, 128), false},
		{key.MechAESGCM, mech.MessageEncrypt, msg(16, 0, random, 128), false},
		{key.MechAESGCM, mech.MessageDecrypt, msg(12, 0, noGenerate, 128), true},
		{key.MechAESGMAC, mech.Sign, full, false},
		{key.MechAESGMAC, mech.Verify, full, true},
		{key.MechAESCCM, mech.Encrypt, nil, false},
		{key.MechAESCMAC, mech.Sign, nil, false},
		{key.MechAESKeyWrapKWP, mech.Wrap, nil, false},
	} {
		if got := rowOf(t, c.id).Approved(c.use, nil, c.p, 32); got != c.want {
			t.Errorf("%s, use %d: %v", rowOf(t, c.id).Name, c.use, got)
		}
	}
}
