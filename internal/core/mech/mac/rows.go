// SPDX-License-Identifier: Apache-2.0

// Package mac is the family of HMAC mechanisms (FIPS 198-1, RFC 2104; PKCS #11 3.2 section 6.9) over SHA-1, SHA-2 and
// SHA-3, with generic secrets and with the HMAC keys of each digest. It uses keys that the generic family reads.
package mac

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the family of HMAC mechanisms. It parses no keys of its own.
var Family = mech.Family{Name: "HMAC", SelfTests: selfTests(), Rows: rows()}

var macs = []struct {
	hash         key.Hash
	full, prefix key.Mechanism
	typ          key.Type
	name         string
	size         int
}{
	{key.MechSHA1, key.MechSHA1HMAC, key.MechSHA1HMACGeneral, key.TypeSHA1HMAC, "SHA_1", 20},
	{key.MechSHA224, key.MechSHA224HMAC, key.MechSHA224HMACGeneral, key.TypeSHA224HMAC, "SHA224", 28},
	{key.MechSHA256, key.MechSHA256HMAC, key.MechSHA256HMACGeneral, key.TypeSHA256HMAC, "SHA256", 32},
	{key.MechSHA384, key.MechSHA384HMAC, key.MechSHA384HMACGeneral, key.TypeSHA384HMAC, "SHA384", 48},
	{key.MechSHA512, key.MechSHA512HMAC, key.MechSHA512HMACGeneral, key.TypeSHA512HMAC, "SHA512", 64},
	{key.MechSHA3224, key.MechSHA3224HMAC, key.MechSHA3224HMACGeneral, key.TypeSHA3224HMAC, "SHA3_224", 28},
	{key.MechSHA3256, key.MechSHA3256HMAC, key.MechSHA3256HMACGeneral, key.TypeSHA3256HMAC, "SHA3_256", 32},
	{key.MechSHA3384, key.MechSHA3384HMAC, key.MechSHA3384HMACGeneral, key.TypeSHA3384HMAC, "SHA3_384", 48},
	{key.MechSHA3512, key.MechSHA3512HMAC, key.MechSHA3512HMACGeneral, key.TypeSHA3512HMAC, "SHA3_512", 64},
}

func rows() []mech.Row {
	var all []mech.Row
	for _, m := range macs {
		full := maker{hash: m.hash, typ: m.typ, size: m.size}
		prefix := full
		prefix.general = true
		all = append(all,
			mech.Row{ID: m.full, Name: m.name + "_HMAC", Approved: full.approved,
				Begin: full.begin, BeginVerify: full.beginVerify, SignLen: full.signLen},
			mech.Row{ID: m.prefix, Name: m.name + "_HMAC_GENERAL", Shape: mech.ShapeULong, Approved: prefix.approved,
				Begin: prefix.begin, BeginVerify: prefix.beginVerify, SignLen: prefix.signLen})
		for i := len(all) - 2; i < len(all); i++ {
			all[i].Flags = key.CanSign | key.CanVerify
			all[i].KeyTypes = []key.Type{key.TypeGeneric, m.typ}
			all[i].Min, all[i].Max = 1, 16384 // the secrets that the generic family reads
			all[i].Family = "HMAC"
		}
	}
	return all
}
