// SPDX-License-Identifier: Apache-2.0

package mech_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func begin(t *testing.T, encrypt, padded bool) mech.Op {
	t.Helper()
	b, err := aes.NewCipher([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	op, err := mech.BeginCBC(b, encrypt, padded, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func run(op mech.Op, in []byte, piece int) ([]byte, error) {
	var out []byte
	var err error
	for len(in) > 0 {
		k := min(piece, len(in))
		if out, err = op.Update(out, in[:k]); err != nil {
			return nil, err
		}
		in = in[k:]
	}
	return op.Final(out)
}

func TestPaddedCBCComesBackHoweverTheInputIsCut(t *testing.T) {
	plain := []byte("the quick brown fox jumps over the lazy dog, twice and more")
	for n := range plain {
		for _, piece := range []int{1, 5, 15, 16, 17, 32, 100} {
			ct, err := run(begin(t, true, true), plain[:n], piece)
			if err != nil || len(ct) != n/16*16+16 {
				t.Fatalf("%d bytes by %d: %d, %v", n, piece, len(ct), err)
			}
			whole, err := mech.OneShot(begin(t, true, true), nil, plain[:n])
			if err != nil || !bytes.Equal(whole, ct) {
				t.Fatalf("%d bytes by %d differ from one piece", n, piece)
			}
			back, err := run(begin(t, false, true), ct, piece)
			if err != nil || !bytes.Equal(back, plain[:n]) {
				t.Fatalf("%d bytes by %d: %q, %v", n, piece, back, err)
			}
		}
	}
}

func TestBlockModesNameWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		encrypt, padded bool
		n               int
		want            fault.Code
	}{
		{true, false, 15, fault.DataLength},
		{true, false, 17, fault.DataLength},
		{true, false, 0, fault.OK},
		{false, false, 17, fault.EncryptedDataLength},
		{false, true, 0, fault.EncryptedDataLength},
		{false, true, 31, fault.EncryptedDataLength},
		{false, true, 32, fault.EncryptedDataInvalid}, // noise: padding is wrong
	} {
		_, err := run(begin(t, c.encrypt, c.padded), make([]byte, c.n), 7)
		if fault.Of(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	b, _ := aes.NewCipher(make([]byte, 16))
	if _, err := mech.BeginCBC(b, true, true, make([]byte, 15)); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Error(err)
	}
}

// Every last block there can be with a wrong or right end, against a plain reading of RFC 5652 section 6.3.
func TestPaddingIsJudgedAsWritten(t *testing.T) {
	b, _ := aes.NewCipher([]byte("0123456789abcdef"))
	for last := range 256 {
		for broken := -1; broken < 16; broken++ {
			block := bytes.Repeat([]byte{0xEE}, 16)
			for i := max(0, 16-last); i < 16; i++ {
				block[i] = byte(last)
			}
			block[15] = byte(last)
			if broken >= 0 {
				block[broken] ^= 0x80
			}
			pad := int(block[15])
			good := pad >= 1 && pad <= 16
			for i := 16 - pad; good && i < 16; i++ {
				good = block[i] == byte(pad)
			}
			ct := make([]byte, 16)
			cipher.NewCBCEncrypter(b, make([]byte, 16)).CryptBlocks(ct, block)
			got, err := mech.OneShot(begin(t, false, true), nil, ct)
			if good != (err == nil) || good && !bytes.Equal(got, block[:16-pad]) {
				t.Fatal(fmt.Sprintf("block %x: %x, %v", block, got, err))
			}
		}
	}
}
