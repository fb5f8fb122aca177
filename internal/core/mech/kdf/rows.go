// SPDX-License-Identifier: Apache-2.0

// Package kdf is the family of key derivations: HKDF (RFC 5869; PKCS #11 3.2 section 6.62), the counter mode of
// SP 800-108 (section "SP800-108 Key Derivation") and PBKDF2 (RFC 8018; section "PKCS #5 PBKDF2"). It works with keys
// that the generic and AES families read.
//
// HKDF and PBKDF2 are Go's FIPS module; the loop of SP 800-108 is our own over its HMAC and AES, and so not approved.
package kdf

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the family of key derivations. It parses no keys of its own.
var Family = mech.Family{Name: "KDF", SelfTests: selfTests, Rows: rows}

var hmacTypes = []key.Type{
	key.TypeGeneric,
	key.TypeSHA1HMAC, key.TypeSHA224HMAC, key.TypeSHA256HMAC, key.TypeSHA384HMAC, key.TypeSHA512HMAC,
	key.TypeSHA3224HMAC, key.TypeSHA3256HMAC, key.TypeSHA3384HMAC, key.TypeSHA3512HMAC,
}

var rows = []mech.Row{
	{ID: key.MechHKDFDerive, Name: "HKDF_DERIVE", Flags: key.CanDerive, KeyTypes: []key.Type{key.TypeHKDF, key.TypeGeneric},
		Min: 1, Max: maxSecret, Shape: mech.ShapeHKDF, Family: "KDF", Approved: hkdfApproved, Derive: deriveHKDF},
	{ID: key.MechHKDFData, Name: "HKDF_DATA", Flags: key.CanDerive, KeyTypes: []key.Type{key.TypeHKDF, key.TypeGeneric},
		Min: 1, Max: maxSecret, Shape: mech.ShapeHKDF, Family: "KDF", Approved: hkdfApproved, Derive: deriveHKDF},
	{ID: key.MechSP800108Counter, Name: "SP800_108_COUNTER_KDF", Flags: key.CanDerive, KeyTypes: append([]key.Type{key.TypeAES}, hmacTypes...),
		Min: 8, Max: 8 * maxSecret, Shape: mech.ShapeKBKDF, Family: "KDF", Approved: never, // the standard counts bits here
		Derive: deriveCounter, Further: furtherKeys, DeriveAll: deriveCounterAll},
	{ID: key.MechPBKDF2, Name: "PKCS5_PBKD2", Flags: key.CanGenerate, KeyTypes: append([]key.Type{key.TypeAES, key.TypeChaCha20, key.TypeHKDF}, hmacTypes...),
		Min: 1, Max: maxSecret, Shape: mech.ShapePBKDF2, Family: "KDF", Approved: pbkdf2Approved, Generate: generatePBKDF2},
}

// maxSecret bounds a base key, and a derived one: the longest secret that the generic family reads.
const maxSecret = 16384

func never(mech.Use, mech.Key, mech.Params, int) bool { return false }
