// SPDX-License-Identifier: Apache-2.0

package generic

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// The random generator has its own known-answer tests in Go's FIPS module, run at power-up. What is left to test here
// is that it is connected: two keys differ, and neither is empty (SP 800-90B section 4.4.1, in the small).
var selfTests = []mech.SelfTest{{Name: "Key generation", Run: func(broken bool) error {
	draw := generate(key.TypeGeneric)
	a, err := draw(mech.GenSpec{Bits: 32})
	if err != nil {
		return err
	}
	b, err := draw(mech.GenSpec{Bits: 32})
	if err != nil {
		return err
	}
	if broken {
		copy(b.Secret, a.Secret)
	}
	same := mech.KnownAnswer(false, a.Secret, b.Secret) == nil
	zero := mech.KnownAnswer(false, a.Secret, make([]byte, 32)) == nil
	if same || zero {
		return fault.SelfTestFailed.At("generate two secrets")
	}
	return nil
}}}
