// SPDX-License-Identifier: Apache-2.0

package kdf

import (
	"crypto/aes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
)

var selfTests = []mech.SelfTest{
	// RFC 5869 appendix A.1
	{Name: "HKDF", Run: func(broken bool) error {
		out, err := hkdf.Key(sha256.New, mech.Hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
			mech.Hex("000102030405060708090a0b0c"), string(mech.Hex("f0f1f2f3f4f5f6f7f8f9")), 42)
		if err != nil {
			return err
		}
		return mech.KnownAnswer(broken, out,
			mech.Hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"))
	}},
	// NIST CAVP KBKDF, counter mode, counter of 8 bits before the fixed data, HMAC_SHA256, count 0
	{Name: "SP800-108 counter, HMAC", Run: func(broken bool) error {
		prf := hmac.New(sha256.New, mech.Hex("3edc6b5b8f7aadbd713732b482b8f979286e1ea3b8f8f99c30c884cfe3349b83"))
		return castCounter(broken, prf, "98e9988bb4cc8b34d7922e1c68ad692ba2a1d9ae15149571675f17a77ad49e80"+
			"c8d2a85e831a26445b1f0ff44d7084a17206b4896c8112daad18605a", "6c037652990674a07844732d0ad985f9")
	}},
	// The same with CMAC_AES128, count 0
	{Name: "SP800-108 counter, CMAC", Run: func(broken bool) error {
		b, err := aes.NewCipher(mech.Hex("dff1e50ac0b69dc40f1051d46c2b069c"))
		if err != nil {
			return err
		}
		return castCounter(broken, mech.NewCMAC(b), "c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b"+
			"33fd8c3b01203a7824485bf0a64060c4648b707d2607935699316ea5", "8be8f0869b3c0ba97b71863d1b9f7813")
	}},
	// RFC 7914 section 11
	{Name: "PBKDF2", Run: func(broken bool) error {
		out, err := pbkdf2.Key(sha256.New, "passwd", []byte("salt"), 1, 64)
		if err != nil {
			return err
		}
		return mech.KnownAnswer(broken, out, mech.Hex("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"+
			"49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"))
	}},
}

// castCounter runs one block of counter mode.
func castCounter(broken bool, prf hash.Hash, fixed, want string) error {
	c := counterParams{fields: []field{{typ: iterationVariable, bits: 8}, {typ: byteArray, bytes: mech.Hex(fixed)}}}
	c.feed(prf, 1, 0)
	return mech.KnownAnswer(broken, prf.Sum(nil)[:16], mech.Hex(want))
}
