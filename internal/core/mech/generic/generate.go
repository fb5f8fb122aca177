// SPDX-License-Identifier: Apache-2.0

package generic

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// generate draws spec.Bits bytes (CKA_VALUE_LEN), which all of these mechanisms demand.
func generate(typ key.Type) func(mech.GenSpec) (mech.Material, error) {
	return func(spec mech.GenSpec) (mech.Material, error) {
		switch {
		case spec.Bits == 0:
			return mech.Material{}, fault.TemplateIncomplete.At("generate secret")
		case spec.Bits < 0 || spec.Bits > MaxSize:
			return mech.Material{}, fault.KeySize.At("generate secret")
		}
		if err := mech.NoParams(spec.Param); err != nil {
			return mech.Material{}, err
		}
		value := make([]byte, spec.Bits)
		rand.Read(value) // never fails: it ends the process instead
		return mech.Material{Type: typ, Secret: value}, nil
	}
}
