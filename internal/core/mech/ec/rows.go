// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

const (
	curveFlags = key.ECFp | key.ECOID | key.ECUncompressed
	signVerify = key.CanSign | key.CanVerify | curveFlags

	minBits = 224
	maxBits = 521
)

// hashed lists the mechanisms that hash and sign in one.
var hashed = []struct {
	id   key.Mechanism
	hash key.Hash
	name string
}{
	{key.MechECDSASHA1, key.MechSHA1, "ECDSA_SHA1"},
	{key.MechECDSASHA224, key.MechSHA224, "ECDSA_SHA224"},
	{key.MechECDSASHA256, key.MechSHA256, "ECDSA_SHA256"},
	{key.MechECDSASHA384, key.MechSHA384, "ECDSA_SHA384"},
	{key.MechECDSASHA512, key.MechSHA512, "ECDSA_SHA512"},
	{key.MechECDSASHA3224, key.MechSHA3224, "ECDSA_SHA3_224"},
	{key.MechECDSASHA3256, key.MechSHA3256, "ECDSA_SHA3_256"},
	{key.MechECDSASHA3384, key.MechSHA3384, "ECDSA_SHA3_384"},
	{key.MechECDSASHA3512, key.MechSHA3512, "ECDSA_SHA3_512"},
}

func rows() []mech.Row {
	all := []mech.Row{
		{ID: key.MechECKeyPairGen, Name: "EC_KEY_PAIR_GEN", Flags: key.CanGeneratePair | curveFlags, Generate: generate,
			Approved: func(mech.Use, mech.Key, mech.Params, int) bool { return false }, ApprovedGen: approvedGen},
		{ID: key.MechECDSA, Name: "ECDSA", Flags: signVerify, Approved: approvedCurve,
			Begin: beginPlain, BeginVerify: beginVerifyPlain, SignLen: signLen},
		{ID: key.MechECDH1Derive, Name: "ECDH1_DERIVE", Flags: key.CanDerive | curveFlags, Shape: mech.ShapeECDH1,
			KeyTypes: []key.Type{key.TypeEC, key.TypeMontgomery}, Approved: approvedDH, Derive: derive},
		{ID: key.MechECDH1Cofactor, Name: "ECDH1_COFACTOR_DERIVE", Flags: key.CanDerive | curveFlags, Shape: mech.ShapeECDH1,
			Approved: approvedDH, Derive: deriveCofactor},
	}
	for _, h := range hashed {
		begin, verify := hashedECDSA(h.hash)
		all = append(all, mech.Row{ID: h.id, Name: h.name, Flags: signVerify, Approved: approvedHash(h.hash),
			Begin: begin, BeginVerify: verify, SignLen: signLen})
	}
	for i := range all {
		all[i].Family = "EC"
		all[i].Min, all[i].Max = minBits, maxBits
		if all[i].KeyTypes == nil {
			all[i].KeyTypes = []key.Type{key.TypeEC}
		}
	}
	return all
}
