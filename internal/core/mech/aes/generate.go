// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// generate draws a key of spec.Bits bytes (CKA_VALUE_LEN), which has no default (PKCS #11 section 6.10.3).
func generate(spec mech.GenSpec) (mech.Material, error) {
	switch spec.Bits {
	case 0:
		return mech.Material{}, fault.TemplateIncomplete.At("generate aes key")
	case 16, 24, 32:
	default:
		return mech.Material{}, fault.KeySize.At("generate aes key")
	}
	if err := mech.NoParams(spec.Param); err != nil {
		return mech.Material{}, err
	}
	secret := make([]byte, spec.Bits)
	rand.Read(secret) // never fails: it ends the process instead
	return mech.Material{Type: key.TypeAES, Secret: secret}, nil
}
