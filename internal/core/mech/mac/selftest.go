// SPDX-License-Identifier: Apache-2.0

package mac

import (
	"crypto/hmac"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// RFC 2202 and RFC 4231, test case 2 ("Jefe"); for SHA-3 the first of NIST's example values for HMAC.
const (
	jefe     = "4a656665"
	nothing  = "what do ya want for nothing?"
	counting = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	sample   = "Sample message for keylen<blocklen"
)

var answers = map[key.Hash]struct{ secret, text, mac string }{
	key.MechSHA1:   {jefe, nothing, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	key.MechSHA224: {jefe, nothing, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"},
	key.MechSHA256: {jefe, nothing, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	key.MechSHA384: {jefe, nothing, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
	key.MechSHA512: {jefe, nothing, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd" +
		"caeab1a34d4a6b4b636e070a38bce737"},
	key.MechSHA3224: {counting[:56], sample, "332cfd59347fdb8e576e77260be4aba2d6dc53117b3bfb52c6d18c04"},
	key.MechSHA3256: {counting[:64], sample, "4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205"},
	key.MechSHA3384: {counting[:96], sample, "d588a3c51f3f2d906e8298c1199aa8ff6296218127f6b38a90b6afe2c5617725bc99987f79b22a557b6520db710b7f42"},
	key.MechSHA3512: {counting, sample, "4efd629d6c71bf86162658f29943b1c308ce27cdfa6db0d9c3ce81763f9cbce5" +
		"f7ebe9868031db1a8f8eb7b6b95e5c5e3f657a8996c86a2f6527e307f0213196"},
}

func selfTests() []mech.SelfTest {
	var all []mech.SelfTest
	for _, m := range macs {
		all = append(all, mech.SelfTest{Name: "HMAC-" + m.name, Run: func(broken bool) error {
			newHash, err := mech.NewHash(m.hash)
			if err != nil {
				return err
			}
			a := answers[m.hash]
			h := hmac.New(newHash, mech.Hex(a.secret))
			h.Write([]byte(a.text))
			return mech.KnownAnswer(broken, h.Sum(nil), mech.Hex(a.mac))
		}})
	}
	return all
}
