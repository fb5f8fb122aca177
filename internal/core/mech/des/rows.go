// SPDX-License-Identifier: Apache-2.0

// Package des is the family of triple-length DES keys (FIPS 46-3, withdrawn; PKCS #11 3.2 section 6.18), for the
// unwrapping and decryption of old data only: it makes no keys, and encrypts, wraps and signs nothing. A key is imported.
package des

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the DES3 family.
var Family = mech.Family{
	Name:      "DES3",
	Types:     []key.Type{key.TypeDES3},
	Parse:     parse,
	SelfTests: selfTests,
	Rows: []mech.Row{
		row(mech.Row{ID: key.MechDES3ECB, Name: "DES3_ECB", Begin: beginECB, UnwrapBytes: unwrapWith(beginECB)}),
		row(mech.Row{ID: key.MechDES3CBC, Name: "DES3_CBC", Shape: mech.ShapeBytes, Begin: beginCBC, UnwrapBytes: unwrapWith(beginCBC)}),
		row(mech.Row{ID: key.MechDES3CBCPad, Name: "DES3_CBC_PAD", Shape: mech.ShapeBytes, Begin: beginCBCPad, UnwrapBytes: unwrapWith(beginCBCPad)}),
	},
}

func row(r mech.Row) mech.Row {
	r.Flags = key.CanDecrypt | key.CanUnwrap
	r.KeyTypes = []key.Type{key.TypeDES3}
	r.Min, r.Max = 24, 24
	r.Family = "DES3"
	r.Approved = func(mech.Use, mech.Key, mech.Params, int) bool { return false }
	return r
}
