// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// What counts as approved is what Go's module does: the NIST curves of SP 800-186 for ECDSA (FIPS 186-5) with SHA-2 or
// SHA-3, and the shared secret (SP 800-56A rev. 3) of those that crypto/ecdh has. The X9.63 derivation is our own code,
// and secp256k1 is neither Go's nor NIST's.

func approvedGen(spec mech.GenSpec) bool {
	c, err := findCurve(spec.Params)
	return err == nil && c.approved
}

func approvedCurve(_ mech.Use, k mech.Key, _ mech.Params, _ int) bool {
	e, ok := k.(ecKey)
	return ok && e.curve().approved
}

func approvedHash(h key.Hash) func(mech.Use, mech.Key, mech.Params, int) bool {
	return func(use mech.Use, k mech.Key, p mech.Params, bits int) bool {
		return h != key.MechSHA1 && approvedCurve(use, k, p, bits)
	}
}

func approvedDH(_ mech.Use, k mech.Key, raw mech.Params, _ int) bool {
	dh, ok := k.(mech.DHKey)
	if !ok || !dh.DHApproved() {
		return false
	}
	p, err := decodeECDH(raw)
	return err == nil && p.kdf == key.KDFNull
}
