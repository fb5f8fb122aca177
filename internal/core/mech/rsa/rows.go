// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

const (
	signVerify     = key.CanSign | key.CanVerify
	encryptDecrypt = key.CanEncrypt | key.CanDecrypt
	wrapUnwrap     = key.CanWrap | key.CanUnwrap
)

// hashed lists the mechanisms that hash and sign in one.
var hashed = []struct {
	pkcs1, pss key.Mechanism
	hash       key.Hash
	name       string
}{
	{key.MechSHA1RSAPKCS, key.MechSHA1RSAPSS, key.MechSHA1, "SHA1"},
	{key.MechSHA224RSAPKCS, key.MechSHA224RSAPSS, key.MechSHA224, "SHA224"},
	{key.MechSHA256RSAPKCS, key.MechSHA256RSAPSS, key.MechSHA256, "SHA256"},
	{key.MechSHA384RSAPKCS, key.MechSHA384RSAPSS, key.MechSHA384, "SHA384"},
	{key.MechSHA512RSAPKCS, key.MechSHA512RSAPSS, key.MechSHA512, "SHA512"},
	{key.MechSHA3224RSAPKCS, key.MechSHA3224RSAPSS, key.MechSHA3224, "SHA3_224"},
	{key.MechSHA3256RSAPKCS, key.MechSHA3256RSAPSS, key.MechSHA3256, "SHA3_256"},
	{key.MechSHA3384RSAPKCS, key.MechSHA3384RSAPSS, key.MechSHA3384, "SHA3_384"},
	{key.MechSHA3512RSAPKCS, key.MechSHA3512RSAPSS, key.MechSHA3512, "SHA3_512"},
}

func rows() []mech.Row {
	all := []mech.Row{
		{ID: key.MechRSAKeyPairGen, Name: "RSA_PKCS_KEY_PAIR_GEN", Flags: key.CanGeneratePair, Min: minBits,
			Approved: approvedSize, Generate: generate},
		{ID: key.MechRSAPKCS, Name: "RSA_PKCS", Flags: signVerify | encryptDecrypt | wrapUnwrap,
			Approved: never, Begin: beginPKCS1, BeginVerify: beginVerifyPKCS1, SignLen: signLen,
			WrapBytes: wrapPKCS1, UnwrapBytes: unwrapPKCS1},
		{ID: key.MechRSAX509, Name: "RSA_X_509", Flags: signVerify | encryptDecrypt,
			Approved: never, Begin: beginRaw, BeginVerify: beginVerifyRaw, SignLen: signLen},
		{ID: key.MechRSAOAEP, Name: "RSA_PKCS_OAEP", Flags: encryptDecrypt | wrapUnwrap, Shape: mech.ShapeOAEP,
			Approved: approvedOAEP, Begin: beginOAEP, WrapBytes: wrapOAEP, UnwrapBytes: unwrapOAEP},
		{ID: key.MechRSAPSS, Name: "RSA_PKCS_PSS", Flags: signVerify, Shape: mech.ShapePSS,
			Approved: approvedPSS, Begin: beginPSS, BeginVerify: beginVerifyPSS, SignLen: signLen},
		{ID: key.MechRSAAESKeyWrap, Name: "RSA_AES_KEY_WRAP", Flags: wrapUnwrap, Shape: mech.ShapeRSAAES,
			Approved: never, WrapBytes: wrapRSAAES, UnwrapBytes: unwrapRSAAES},
	}
	for _, h := range hashed {
		begin, verify := hashedPKCS1(h.hash)
		all = append(all, mech.Row{ID: h.pkcs1, Name: h.name + "_RSA_PKCS", Flags: signVerify,
			Approved: approvedHash(h.hash), Begin: begin, BeginVerify: verify, SignLen: signLen})
		begin, verify = hashedPSS(h.hash)
		all = append(all, mech.Row{ID: h.pss, Name: h.name + "_RSA_PKCS_PSS", Flags: signVerify, Shape: mech.ShapePSS,
			Approved: approvedPSS, Begin: begin, BeginVerify: verify, SignLen: signLen})
	}
	for i := range all {
		all[i].Family = "RSA"
		all[i].KeyTypes = []key.Type{key.TypeRSA}
		all[i].Max = maxBits
		if all[i].Min == 0 {
			all[i].Min = minPublicBits
		}
	}
	return all
}
