// SPDX-License-Identifier: Apache-2.0

// Package aes is the family of AES keys (FIPS 197; PKCS #11 3.2 sections 6.10 to 6.16): ECB, CBC, CTR, GCM, CCM, CMAC,
// GMAC and key wrapping.
//
// The block cipher, CBC, CTR and GCM are Go's FIPS module. The service indicator follows that module's own: what we
// build on the bare block cipher (ECB, CCM, CMAC, key wrapping) is not approved, and GCM encryption is approved only
// where the module itself draws the IV.
package aes

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the AES family.
var Family = mech.Family{
	Name:      "AES",
	Types:     []key.Type{key.TypeAES},
	Parse:     parse,
	SelfTests: selfTests,
	Rows:      rows,
}

const (
	cipherFlags = key.CanEncrypt | key.CanDecrypt
	wrapFlags   = key.CanWrap | key.CanUnwrap
	msgFlags    = key.CanMessageEncrypt | key.CanMessageDecrypt
	macFlags    = key.CanSign | key.CanVerify
)

var rows = []mech.Row{
	row(mech.Row{ID: key.MechAESKeyGen, Name: "AES_KEY_GEN", Flags: key.CanGenerate, Approved: always, Generate: generate}),
	row(mech.Row{ID: key.MechAESECB, Name: "AES_ECB", Flags: cipherFlags | wrapFlags, Approved: never,
		Begin: beginECB, WrapBytes: wrapWith(beginECB, 16), UnwrapBytes: unwrapWith(beginECB)}),
	row(mech.Row{ID: key.MechAESCBC, Name: "AES_CBC", Flags: cipherFlags | wrapFlags, Shape: mech.ShapeBytes, Approved: asCipher,
		Begin: beginCBC, WrapBytes: wrapWith(beginCBC, 16), UnwrapBytes: unwrapWith(beginCBC)}),
	row(mech.Row{ID: key.MechAESCBCPad, Name: "AES_CBC_PAD", Flags: cipherFlags | wrapFlags, Shape: mech.ShapeBytes, Approved: asCipher,
		Begin: beginCBCPad, WrapBytes: wrapWith(beginCBCPad, 1), UnwrapBytes: unwrapWith(beginCBCPad)}),
	row(mech.Row{ID: key.MechAESCTR, Name: "AES_CTR", Flags: cipherFlags | wrapFlags, Shape: mech.ShapeCTR, Approved: asCipher,
		Begin: beginCTR, WrapBytes: wrapWith(beginCTR, 1), UnwrapBytes: unwrapWith(beginCTR)}),
	row(mech.Row{ID: key.MechAESGCM, Name: "AES_GCM", Flags: cipherFlags | wrapFlags | msgFlags, Shape: mech.ShapeGCM, Approved: gcmApproved,
		Begin: beginGCM, WrapBytes: wrapWith(beginGCM, 1), UnwrapBytes: unwrapWith(beginGCM)}),
	row(mech.Row{ID: key.MechAESCCM, Name: "AES_CCM", Flags: cipherFlags | wrapFlags | msgFlags, Shape: mech.ShapeCCM, Approved: never,
		Begin: beginCCM, WrapBytes: wrapCCM, UnwrapBytes: unwrapCCM}),
	row(mech.Row{ID: key.MechAESCMAC, Name: "AES_CMAC", Flags: macFlags, Approved: never,
		Begin: signCMAC, BeginVerify: verifyCMAC, SignLen: cmacLen}),
	row(mech.Row{ID: key.MechAESCMACGeneral, Name: "AES_CMAC_GENERAL", Flags: macFlags, Shape: mech.ShapeULong, Approved: never,
		Begin: signCMACGeneral, BeginVerify: verifyCMACGeneral, SignLen: cmacGeneralLen}),
	row(mech.Row{ID: key.MechAESGMAC, Name: "AES_GMAC", Flags: macFlags, Shape: mech.ShapeGCM, Approved: gmacApproved,
		Begin: signGMAC, BeginVerify: verifyGMAC, SignLen: gmacLen}),
	row(mech.Row{ID: key.MechAESKeyWrap, Name: "AES_KEY_WRAP", Flags: cipherFlags | wrapFlags, Shape: mech.ShapeBytes, Approved: never,
		Begin: beginKW, WrapBytes: wrapKW, UnwrapBytes: unwrapKW}),
	row(mech.Row{ID: key.MechAESKeyWrapPad, Name: "AES_KEY_WRAP_PAD", Flags: cipherFlags | wrapFlags, Shape: mech.ShapeBytes, Approved: never,
		Begin: beginKWP, WrapBytes: wrapKWP, UnwrapBytes: unwrapKWP}),
	row(mech.Row{ID: key.MechAESKeyWrapKWP, Name: "AES_KEY_WRAP_KWP", Flags: cipherFlags | wrapFlags, Shape: mech.ShapeBytes, Approved: never,
		Begin: beginKWP, WrapBytes: wrapKWP, UnwrapBytes: unwrapKWP}),
}

// row adds what all rows of the family share.
func row(r mech.Row) mech.Row {
	r.KeyTypes = []key.Type{key.TypeAES}
	r.Min, r.Max = 16, 32
	r.Family = "AES"
	return r
}

func always(mech.Use, mech.Key, mech.Params, int) bool { return true }

func never(mech.Use, mech.Key, mech.Params, int) bool { return false }

// asCipher: CBC and CTR are approved ciphers, but not an approved way to wrap a key, since they do not authenticate
// (FIPS 140-3 IG D.G).
func asCipher(use mech.Use, _ mech.Key, _ mech.Params, _ int) bool {
	return use == mech.Encrypt || use == mech.Decrypt
}
