// SPDX-License-Identifier: Apache-2.0

package chacha

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// generate draws a key. Its length is fixed, so CKA_VALUE_LEN may be absent.
func generate(spec mech.GenSpec) (mech.Material, error) {
	if spec.Bits != 0 && spec.Bits != 32 {
		return mech.Material{}, fault.KeySize.At("generate chacha20 key")
	}
	if err := mech.NoParams(spec.Param); err != nil {
		return mech.Material{}, err
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: it ends the process instead
	return mech.Material{Type: key.TypeChaCha20, Secret: secret}, nil
}
