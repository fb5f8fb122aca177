// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"bytes"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func gcmMsg(iv []byte, fixed, generator, tagBits uint64) mech.Params {
	return encode(func(w *wire.Writer) { w.Bytes(iv); w.U64(fixed); w.U64(generator); w.U64(tagBits) })
}

func ccmMsg(n int, nonce []byte, fixed, generator, mac uint64) mech.Params {
	return encode(func(w *wire.Writer) {
		w.U64(uint64(n))
		w.Bytes(nonce)
		w.U64(fixed)
		w.U64(generator)
		w.U64(mac)
	})
}

// What C_EncryptMessage makes, C_Decrypt opens with the IV that came back, and so does C_DecryptMessage.
func TestAMessageOpensUnderTheIVThatCameBack(t *testing.T) {
	k := load(t, make([]byte, 32))
	front := bytes.Repeat([]byte{0xA5}, 16)
	plain, aad := []byte("one message of several"), []byte("its header")
	for _, c := range []struct {
		n                int
		fixed, generator uint64
		tag              uint64
	}{
		{12, 0, generateAny, 128}, {12, 0, random, 96}, {12, 32, random, 128}, {12, 29, generateAny, 128},
		{16, 64, random, 128}, {12, 0, noGenerate, 128}, {7, 0, noGenerate, 32}, {12, 0, random, 128},
	} {
		row := rowOf(t, key.MechAESGCM)
		given, ct, tag, err := k.(mech.AEAD).SealMessage(row, gcmMsg(front[:c.n], c.fixed, c.generator, c.tag), aad, plain)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if len(given) != c.n || len(ct) != len(plain) || len(tag) != int(c.tag/8) {
			t.Fatalf("%+v: iv %d, ct %d, tag %d bytes", c, len(given), len(ct), len(tag))
		}
		for bit := range 8 * c.n {
			same := given[bit/8]>>(7-bit%8)&1 == front[bit/8]>>(7-bit%8)&1
			if !same && (c.generator == noGenerate || uint64(bit) < c.fixed) {
				t.Fatalf("%+v: fixed bit %d changed", c, bit)
			}
		}
		p := encode(func(w *wire.Writer) { w.Bytes(given); w.U64(0); w.Bytes(aad); w.U64(c.tag) })
		if got, err := once(beginGCM, mech.Decrypt, k, p, append(bytes.Clone(ct), tag...)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		got, err := k.(mech.AEAD).OpenMessage(row, gcmMsg(given, 99, 99, c.tag), aad, ct, tag) // generator and fixed bits are ignored
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		tag[0] ^= 1
		if _, err := k.(mech.AEAD).OpenMessage(row, gcmMsg(given, 0, 0, c.tag), aad, ct, tag); !errors.Is(err, fault.AEADFailed) {
			t.Errorf("%+v, altered: %v", c, err)
		}
	}
	row := rowOf(t, key.MechAESCCM)
	nonce, ct, tag, err := k.(mech.AEAD).SealMessage(row, ccmMsg(len(plain), front[:13], 16, random, 8), aad, plain)
	if err != nil || !bytes.Equal(nonce[:2], front[:2]) {
		t.Fatalf("%x, %v", nonce, err)
	}
	if got, err := k.(mech.AEAD).OpenMessage(row, ccmMsg(len(plain), nonce, 0, 0, 8), aad, ct, tag); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := k.(mech.AEAD).OpenMessage(row, ccmMsg(len(plain), nonce, 0, 0, 8), nil, ct, tag); !errors.Is(err, fault.AEADFailed) {
		t.Errorf("other additional data: %v", err)
	}
}

func TestGeneratedIVsDoNotRepeat(t *testing.T) {
	k := load(t, make([]byte, 16)).(mech.AEAD)
	for _, fixed := range []uint64{0, 32} {
		seen := map[string]bool{}
		for range 1000 {
			iv, _, _, err := k.SealMessage(rowOf(t, key.MechAESGCM), gcmMsg(make([]byte, 12), fixed, random, 128), nil, nil)
			if err != nil || seen[string(iv)] {
				t.Fatalf("iv %x again, %v", iv, err)
			}
			seen[string(iv)] = true
		}
	}
}

func TestMessagesNameWhatIsWrong(t *testing.T) {
	k := load(t, make([]byte, 16)).(mech.AEAD)
	gcmRow, ccmRow := rowOf(t, key.MechAESGCM), rowOf(t, key.MechAESCCM)
	for _, c := range []struct {
		what string
		row  *mech.Row
		p    mech.Params
		want fault.Code
	}{
		{"a counter", gcmRow, gcmMsg(make([]byte, 12), 0, counter, 128), fault.Unsupported},
		{"a counter to be mixed in", gcmRow, gcmMsg(make([]byte, 12), 0, counterXOR, 128), fault.Unsupported},
		{"an unknown generator", gcmRow, gcmMsg(make([]byte, 12), 0, 5, 128), fault.MechanismParamInvalid},
		{"too few drawn bits", gcmRow, gcmMsg(make([]byte, 12), 33, random, 128), fault.MechanismParamInvalid},
		{"more fixed bits than there are", gcmRow, gcmMsg(make([]byte, 12), 1<<63, random, 128), fault.MechanismParamInvalid},
		{"no IV", gcmRow, gcmMsg(nil, 0, noGenerate, 128), fault.MechanismParamInvalid},
		{"a tag of 127 bits", gcmRow, gcmMsg(make([]byte, 12), 0, noGenerate, 127), fault.MechanismParamInvalid},
		{"another length", ccmRow, ccmMsg(3, make([]byte, 12), 0, noGenerate, 8), fault.DataLength},
		{"a short nonce", ccmRow, ccmMsg(4, make([]byte, 6), 0, noGenerate, 8), fault.MechanismParamInvalid},
		{"CBC", rowOf(t, key.MechAESCBC), nil, fault.MechanismInvalid},
	} {
		if _, _, _, err := k.SealMessage(c.row, c.p, nil, make([]byte, 4)); fault.Of(err) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if _, err := k.OpenMessage(gcmRow, gcmMsg(make([]byte, 12), 0, 0, 128), nil, nil, make([]byte, 12)); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Errorf("a tag of another length: %v", err)
	}
	if _, err := k.OpenMessage(ccmRow, ccmMsg(3, make([]byte, 12), 0, 0, 8), nil, make([]byte, 4), make([]byte, 8)); !errors.Is(err, fault.EncryptedDataLength) {
		t.Errorf("data of another length: %v", err)
	}
}
