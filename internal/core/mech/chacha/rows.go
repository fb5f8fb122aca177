// SPDX-License-Identifier: Apache-2.0

// Package chacha is the family of ChaCha20 keys: ChaCha20-Poly1305 of RFC 8439, and its form with long nonces,
// XChaCha20-Poly1305 (PKCS #11 3.2 sections 6.57 and 6.60). It comes from golang.org/x/crypto and is not approved.
package chacha

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the ChaCha20 family.
var Family = mech.Family{
	Name:      "CHACHA20",
	Types:     []key.Type{key.TypeChaCha20},
	Parse:     parse,
	SelfTests: selfTests,
	Rows: []mech.Row{
		{ID: key.MechChaCha20KeyGen, Name: "CHACHA20_KEY_GEN", Flags: key.CanGenerate,
			KeyTypes: []key.Type{key.TypeChaCha20}, Min: 32, Max: 32, Family: "CHACHA20", Approved: never, Generate: generate},
		{ID: key.MechChaCha20Poly1305, Name: "CHACHA20_POLY1305",
			Flags:    key.CanEncrypt | key.CanDecrypt | key.CanMessageEncrypt | key.CanMessageDecrypt,
			KeyTypes: []key.Type{key.TypeChaCha20}, Min: 32, Max: 32, Family: "CHACHA20", Approved: never,
			Shape: mech.ShapeChaCha, Begin: begin},
	},
}

func never(mech.Use, mech.Key, mech.Params, int) bool { return false }
