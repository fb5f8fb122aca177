// SPDX-License-Identifier: Apache-2.0

// Package generic is the family of secrets without an algorithm of their own (PKCS #11 3.2 sections 6.8, 6.9 and 6.62):
// generic secrets, the HMAC keys of each digest, and HKDF keys. It makes and reads them; the mac and kdf families use
// them.
package generic

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the family of generic secrets.
var Family = mech.Family{
	Name:      "GENERIC",
	Types:     types,
	Parse:     parse,
	SelfTests: selfTests,
	Rows:      rows(),
}

var types = []key.Type{
	key.TypeGeneric, key.TypeHKDF,
	key.TypeSHA1HMAC, key.TypeSHA224HMAC, key.TypeSHA256HMAC, key.TypeSHA384HMAC, key.TypeSHA512HMAC,
	key.TypeSHA3224HMAC, key.TypeSHA3256HMAC, key.TypeSHA3384HMAC, key.TypeSHA3512HMAC,
}

// MaxSize bounds a secret. It holds the longest answer of HKDF with SHA-512 (255 blocks), and is what core/object accepts.
const MaxSize = 16384

func rows() []mech.Row {
	var all []mech.Row
	for _, g := range []struct {
		id   key.Mechanism
		name string
		typ  key.Type
	}{
		{key.MechGenericKeyGen, "GENERIC_SECRET_KEY_GEN", key.TypeGeneric},
		{key.MechHKDFKeyGen, "HKDF_KEY_GEN", key.TypeHKDF},
		{key.MechSHA1KeyGen, "SHA_1_KEY_GEN", key.TypeSHA1HMAC},
		{key.MechSHA224KeyGen, "SHA224_KEY_GEN", key.TypeSHA224HMAC},
		{key.MechSHA256KeyGen, "SHA256_KEY_GEN", key.TypeSHA256HMAC},
		{key.MechSHA384KeyGen, "SHA384_KEY_GEN", key.TypeSHA384HMAC},
		{key.MechSHA512KeyGen, "SHA512_KEY_GEN", key.TypeSHA512HMAC},
	} {
		row := mech.Row{
			ID: g.id, Name: g.name, Flags: key.CanGenerate, KeyTypes: []key.Type{g.typ}, Min: 1, Max: MaxSize,
			Family: "GENERIC", Approved: approved, Generate: generate(g.typ),
		}
		if g.id == key.MechGenericKeyGen { // section 6.8.3 counts in bits, unlike its neighbours
			row.Min, row.Max = 8, 8*MaxSize
		}
		all = append(all, row)
	}
	return all
}

// approved: a secret of at least 112 bits from the approved generator (SP 800-133 section 6.1, SP 800-131A).
func approved(_ mech.Use, _ mech.Key, _ mech.Params, bytes int) bool { return bytes >= 14 }
