// SPDX-License-Identifier: Apache-2.0

package mech_test

import (
	"bytes"
	"crypto/aes"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// RFC 3394 section 4.1, 4.3, 4.6 and RFC 5649 section 6.
func TestKeyWrapAnswersThePublishedExamples(t *testing.T) {
	for _, c := range []struct{ kek, plain, want string }{
		{"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
			"1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "00112233445566778899aabbccddeeff",
			"64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},
		{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
			"00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
			"28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
	} {
		b, _ := aes.NewCipher(mechtest.Bytes(t, c.kek))
		got, err := mech.KWSeal(b, nil, mechtest.Bytes(t, c.plain))
		if err != nil || !bytes.Equal(got, mechtest.Bytes(t, c.want)) {
			t.Errorf("KW: got %x, %v", got, err)
		}
	}
	kek := mechtest.Bytes(t, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	for _, c := range []struct{ plain, want string }{
		{"c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
		{"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
	} {
		got, err := mech.KWPWrap(kek, mechtest.Bytes(t, c.plain))
		if err != nil || !bytes.Equal(got, mechtest.Bytes(t, c.want)) {
			t.Errorf("KWP: got %x, %v", got, err)
		}
	}
}

func TestKeyWrapPassesWycheproof(t *testing.T) {
	type group struct {
		Tests []struct {
			mechtest.Case
			Key, Msg, CT mechtest.Hex
		}
	}
	for _, padded := range []bool{false, true} {
		name := "aes_wrap_test.json"
		if padded {
			name = "aes_kwp_test.json"
		}
		var file mechtest.File[group]
		mechtest.Wycheproof(t, name, &file)
		count := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				b, err := aes.NewCipher(c.Key)
				if err != nil {
					t.Fatal(err)
				}
				seal, open := mech.KWSeal, mech.KWOpen
				if padded {
					seal, open = mech.KWPSeal, mech.KWPOpen
				}
				ct, sealErr := seal(b, nil, c.Msg)
				msg, openErr := open(b, nil, c.CT)
				if c.Valid() && (sealErr != nil || !bytes.Equal(ct, c.CT) || openErr != nil || !bytes.Equal(msg, c.Msg)) {
					t.Errorf("%s %d (%s): refused or wrong: %v %v", name, c.TCID, c.Comment, sealErr, openErr)
				}
				if c.Invalid() && openErr == nil {
					t.Errorf("%s %d (%s): accepted", name, c.TCID, c.Comment)
				}
				count++
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases", name, count)
	}
}

func TestKeyWrapRefusesEachFlippedBit(t *testing.T) {
	kek := make([]byte, 32)
	for _, n := range []int{1, 7, 8, 9, 16, 33} {
		wrapped, err := mech.KWPWrap(kek, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(wrapped) {
			bad := bytes.Clone(wrapped)
			bad[i/8] ^= 1 << (i % 8)
			if _, err := mech.KWPUnwrap(kek, bad); !errors.Is(err, fault.WrappedKeyInvalid) {
				t.Fatalf("%d bytes, bit %d: %v", n, i, err)
			}
		}
	}
}

func TestKeyWrapNamesWhatIsWrong(t *testing.T) {
	b, _ := aes.NewCipher(make([]byte, 16))
	for _, c := range []struct {
		what string
		err  error
		want fault.Code
	}{
		{"KW of 12 bytes", second(mech.KWSeal(b, nil, make([]byte, 12))), fault.KeySize},
		{"KW of 8 bytes", second(mech.KWSeal(b, nil, make([]byte, 8))), fault.KeySize},
		{"KW with a short IV", second(mech.KWSeal(b, make([]byte, 4), make([]byte, 16))), fault.MechanismParamInvalid},
		{"KWP of nothing", second(mech.KWPSeal(b, nil, nil)), fault.KeySize},
		{"KWP with a long IV", second(mech.KWPSeal(b, make([]byte, 8), make([]byte, 16))), fault.MechanismParamInvalid},
		{"unwrap of 16 bytes", second(mech.KWOpen(b, nil, make([]byte, 16))), fault.WrappedKeyLength},
		{"unwrap of 8 bytes", second(mech.KWPOpen(b, nil, make([]byte, 8))), fault.WrappedKeyLength},
		{"unwrap of noise", second(mech.KWOpen(b, nil, make([]byte, 24))), fault.WrappedKeyInvalid},
		{"a key of 15 bytes", second(mech.KWPWrap(make([]byte, 15), make([]byte, 16))), fault.WrappingKeySize},
	} {
		if fault.Of(c.err) != c.want {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
}

func second(_ []byte, err error) error { return err }

func FuzzKeyUnwrap(f *testing.F) {
	b, _ := aes.NewCipher(make([]byte, 16))
	sealed, _ := mech.KWPSeal(b, nil, []byte("a key to wrap"))
	f.Add(sealed)
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		if plain, err := mech.KWPOpen(b, nil, wrapped); err == nil {
			again, err := mech.KWPSeal(b, nil, plain)
			if err != nil || !bytes.Equal(again, wrapped) {
				t.Errorf("two wrappings open to one key: %x", wrapped)
			}
		}
		_, _ = mech.KWOpen(b, nil, wrapped)
	})
}
