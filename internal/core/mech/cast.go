// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"bytes"
	"encoding/hex"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// KnownAnswer is the last step of a self-test: it compares what was computed with the published answer. With broken it
// first flips one bit of what was computed, so that the test shows that it can fail.
func KnownAnswer(broken bool, got, want []byte) error {
	if broken && len(got) > 0 {
		got = bytes.Clone(got)
		got[0] ^= 1
	}
	if len(want) == 0 || !bytes.Equal(got, want) {
		return fault.SelfTestFailed.At("compare with known answer")
	}
	return nil
}

// Hex reads a hex literal in the source of a self-test; a wrong one is a wrong program.
func Hex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("bad hex literal")
	}
	return b
}
