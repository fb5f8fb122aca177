// SPDX-License-Identifier: Apache-2.0

package mech_test

import (
	"bytes"
	"crypto/aes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

// RFC 4493 section 4, which are the AES-128 examples of SP 800-38B too.
func TestCMACAnswersThePublishedExamplesHoweverTheInputIsCut(t *testing.T) {
	b, _ := aes.NewCipher(mechtest.Bytes(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	msg := mechtest.Bytes(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"+
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for n, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		for _, piece := range []int{1, 7, 15, 16, 17, 64} {
			c := mech.NewCMAC(b)
			for rest := msg[:n]; len(rest) > 0; {
				k := min(piece, len(rest))
				c.Write(rest[:k])
				rest = rest[k:]
			}
			if got := c.Sum(nil); !bytes.Equal(got, mechtest.Bytes(t, want)) {
				t.Errorf("%d bytes by %d: got %x", n, piece, got)
			}
		}
	}
}

func TestCMACBeginsAgainAfterReset(t *testing.T) {
	b, _ := aes.NewCipher(make([]byte, 16))
	c := mech.NewCMAC(b)
	c.Write([]byte("one message"))
	want := c.Sum(nil)
	if got := c.Sum(nil); !bytes.Equal(got, want) {
		t.Error("a second Sum differs")
	}
	c.Reset()
	c.Write([]byte("one message"))
	if got := c.Sum(nil); !bytes.Equal(got, want) {
		t.Error("Reset leaves something behind")
	}
}
