// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func TestEveryWrappingOpensAgain(t *testing.T) {
	k := load(t, make([]byte, 32))
	for _, c := range []struct {
		id   key.Mechanism
		p    mech.Params
		fill int // zeros up to a multiple of so many
	}{
		{key.MechAESECB, nil, 16},
		{key.MechAESCBC, iv(make([]byte, 16)), 16},
		{key.MechAESCBCPad, iv(make([]byte, 16)), 1},
		{key.MechAESCTR, ctr(32, make([]byte, 16)), 1},
		{key.MechAESGCM, gcm(make([]byte, 12), []byte("aad"), 128), 1},
		{key.MechAESKeyWrap, nil, 8},
		{key.MechAESKeyWrap, iv([]byte("any eigh")), 8},
		{key.MechAESKeyWrapPad, nil, 1},
		{key.MechAESKeyWrapKWP, iv([]byte("four")), 1},
	} {
		row := rowOf(t, c.id)
		for _, n := range []int{9, 16, 24, 31, 32, 66, 1219} {
			plain := bytes.Repeat([]byte{0x5A}, n)
			wrapped, err := row.WrapBytes(k, c.p, plain)
			if err != nil {
				t.Fatalf("%s of %d bytes: %v", row.Name, n, err)
			}
			got, err := row.UnwrapBytes(k, c.p, wrapped)
			if want := mech.ZeroPad(plain, c.fill); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes: %d bytes, %v", row.Name, n, len(got), err)
			}
			if bytes.Contains(wrapped, plain[:8]) {
				t.Errorf("%s of %d bytes is not encrypted", row.Name, n)
			}
		}
	}
}

func TestWrappingNamesWhatIsWrong(t *testing.T) {
	k := load(t, make([]byte, 32))
	noise := bytes.Repeat([]byte{0xC3}, 48)
	for _, c := range []struct {
		id   key.Mechanism
		p    mech.Params
		in   []byte
		wrap bool
		want fault.Code
	}{
		{key.MechAESECB, nil, noise[:15], false, fault.WrappedKeyLength},
		{key.MechAESCBC, iv(make([]byte, 16)), noise[:17], false, fault.WrappedKeyLength},
		{key.MechAESCBC, iv(make([]byte, 12)), noise, true, fault.MechanismParamInvalid},
		{key.MechAESCBCPad, iv(make([]byte, 16)), noise, false, fault.WrappedKeyInvalid},
		{key.MechAESGCM, gcm(make([]byte, 12), nil, 128), noise, false, fault.WrappedKeyInvalid},
		{key.MechAESGCM, gcm(make([]byte, 12), nil, 128), noise[:3], false, fault.WrappedKeyLength},
		{key.MechAESKeyWrap, nil, noise, false, fault.WrappedKeyInvalid},
		{key.MechAESKeyWrap, nil, noise[:47], false, fault.WrappedKeyLength},
		{key.MechAESKeyWrap, nil, noise[:8], true, fault.KeySize}, // KW wraps two semiblocks or more
		{key.MechAESKeyWrap, nil, nil, true, fault.KeySize},
		{key.MechAESKeyWrap, iv(make([]byte, 4)), noise, true, fault.MechanismParamInvalid},
		{key.MechAESKeyWrapKWP, nil, noise, false, fault.WrappedKeyInvalid},
		{key.MechAESKeyWrapKWP, nil, nil, true, fault.KeySize},
		{key.MechAESKeyWrapKWP, iv(make([]byte, 8)), noise, true, fault.MechanismParamInvalid},
	} {
		row := rowOf(t, c.id)
		do := row.UnwrapBytes
		if c.wrap {
			do = row.WrapBytes
		}
		if _, err := do(k, c.p, c.in); fault.Of(err) != c.want {
			t.Errorf("%s of %d bytes: %v, want %v", row.Name, len(c.in), err, c.want)
		}
	}
}

func TestKeyWrapSpeaksTheWordsOfEncryptionInEncryption(t *testing.T) {
	k := load(t, make([]byte, 32))
	for _, c := range []struct {
		begin beginner
		use   mech.Use
		n     int
		want  fault.Code
	}{
		{beginKW, mech.Encrypt, 15, fault.DataLength},
		{beginKW, mech.Encrypt, 16, fault.OK},
		{beginKW, mech.Decrypt, 25, fault.EncryptedDataLength},
		{beginKW, mech.Decrypt, 24, fault.EncryptedDataInvalid},
		{beginKWP, mech.Encrypt, 0, fault.DataLength},
		{beginKWP, mech.Encrypt, 1, fault.OK},
		{beginKWP, mech.Decrypt, 24, fault.EncryptedDataInvalid},
	} {
		if _, err := once(c.begin, c.use, k, nil, make([]byte, c.n)); fault.Of(err) != c.want {
			t.Errorf("use %d of %d bytes: %v", c.use, c.n, err)
		}
	}
}
