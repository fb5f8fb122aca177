// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// usageOf is the bit of object.Usage that a use needs.
func usageOf(use mech.Use) uint64 {
	switch use {
	case mech.Encrypt:
		return object.UsageEncrypt
	case mech.Decrypt:
		return object.UsageDecrypt
	case mech.Sign:
		return object.UsageSign
	case mech.Verify:
		return object.UsageVerify
	case mech.Wrap:
		return object.UsageWrap
	case mech.Unwrap:
		return object.UsageUnwrap
	case mech.Derive:
		return object.UsageDerive
	case mech.Encapsulate:
		return object.UsageEncapsulate
	case mech.Decapsulate:
		return object.UsageDecapsulate
	}
	return 0
}

// Use decides whether the identity may use a key by a mechanism at a time (in unix seconds). For mech.Wrap, o is the
// wrapping key, and Wrap decides about the key to be wrapped. A key with ALWAYS_AUTHENTICATE needs FreshLogin as well,
// before the operation gives anything away.
func Use(who *Identity, o *object.Object, row *mech.Row, use mech.Use, now int64) error {
	if !Visible(who, o) || !o.IsKey() {
		return codesOf(use).unknown.At("use key")
	}
	if o.HasSecret() && who != nil && who.Role != RoleUser {
		return fault.Denied.At("use a key without being a crypto-user")
	}
	if who != nil && who.Limits != nil && !granted(who, o, actionOf(use)) {
		return fault.Denied.At("use a key without a grant")
	}
	if len(row.KeyTypes) > 0 && !slices.Contains(row.KeyTypes, o.KeyType()) {
		return codesOf(use).mismatch.At("compare key type and mechanism")
	}
	if bit := usageOf(use); bit == 0 || o.Usage()&bit == 0 {
		return fault.KeyUsageForbidden.At("compare usage and key")
	}
	if !o.Allowed(row.ID) {
		return fault.MechanismInvalid.At("compare mechanism and the key's allowed mechanisms")
	}
	if o.KeyType() == key.TypeRSA && row.Max != 0 && (o.Bits() < row.Min || o.Bits() > row.Max) {
		return codesOf(use).size.At("compare key size and mechanism")
	}
	return alive(o, use, now)
}

// FreshLogin decides whether an operation may go on: with CKA_ALWAYS_AUTHENTICATE only after a login of its own.
func FreshLogin(o *object.Object, fresh bool) error {
	if o.AlwaysAuth() && !fresh {
		return fault.AuthRequired.At("use key")
	}
	return nil
}

// alive holds a use to the key's state (SP 800-57 part 1 section 7) and dates. After its time a key still opens what it
// closed; a compromised one only that, for what it verifies may be forged.
func alive(o *object.Object, use mech.Use, now int64) error {
	opens := use == mech.Decrypt || use == mech.Unwrap || use == mech.Decapsulate
	ok := false
	switch o.State() {
	case key.StateActive:
		ok = true
	case key.StateDeactivated:
		ok = opens || use == mech.Verify
	case key.StateCompromised:
		ok = opens
	}
	if o.Timed() {
		start, end, from, until := o.Validity()
		today := object.DateOf(now)
		if len(start) == len(today) && object.Date(start).After(today) {
			ok = false
		}
		if len(end) == len(today) && today.After(object.Date(end)) || from > now || until != 0 && now >= until {
			ok = ok && (opens || use == mech.Verify)
		}
	}
	if !ok {
		return fault.KeyDisabled.At("compare state and dates of the key")
	}
	return nil
}

// Wrap decides whether the identity may take target out, wrapped by another key. Use decides about by.
func Wrap(who *Identity, by, target *object.Object) error {
	if !Visible(who, target) {
		return fault.KeyUnknown.At("wrap key")
	}
	if !target.HasSecret() || !target.IsKey() {
		return fault.KeyNotWrappable.At("wrap what is not a private or secret key")
	}
	if target.Private() && !owns(who, target) || !granted(who, target, KeyExport) {
		return fault.Denied.At("wrap another's key")
	}
	if !target.Extractable() {
		return fault.KeyUnextractable.At("wrap key")
	}
	if target.WrapWithTrusted() && !by.Trusted() {
		return fault.KeyNotWrappable.At("wrap a key that asks for a trusted wrapping key")
	}
	if !target.Matches(by.Template(key.AttrWrapTemplate)) {
		return fault.KeyNotWrappable.At("compare key and the wrapping key's template")
	}
	return nil
}

// Approved tells whether a use counts as an approved service, and refuses it in fips mode when it does not. k is nil
// for digests and key generation; bits is then the size asked for.
func Approved(fips bool, row *mech.Row, use mech.Use, k mech.Key, p mech.Params, bits int) (bool, error) {
	ok := row.Approved != nil && row.Approved(use, k, p, bits)
	if fips && !ok {
		return false, fault.NotApproved.At("use mechanism")
	}
	return ok, nil
}

// codes are the names that PKCS #11 has for one fault, depending on the part the key plays.
type codes struct{ unknown, mismatch, size fault.Code }

func codesOf(use mech.Use) codes {
	switch use {
	case mech.Wrap:
		return codes{fault.WrappingKeyUnknown, fault.WrappingKeyMismatch, fault.WrappingKeySize}
	case mech.Unwrap:
		return codes{fault.UnwrappingKeyUnknown, fault.UnwrappingKeyMismatch, fault.UnwrappingKeySize}
	}
	return codes{fault.KeyUnknown, fault.KeyTypeMismatch, fault.KeySize}
}

// Operate decides whether the identity may do one of KEY_OPS with a key, by a mechanism at a time, and answers the use by
// which the mechanism does it. o is a private or secret key; what its public half does goes under its rights.
func Operate(who *Identity, o *object.Object, row *mech.Row, op key.Ops, now int64) (mech.Use, error) {
	var how mech.Use
	var action Action
	as := mech.UseUnknown // for the key's time
	switch op {
	case key.OpEncrypt:
		how, action, as = mech.Encrypt, KeyEncrypt, mech.Encrypt
	case key.OpDecrypt:
		how, action, as = mech.Decrypt, KeyDecrypt, mech.Decrypt
	case key.OpWrap:
		how, action, as = mech.Encrypt, KeyWrap, mech.Wrap
	case key.OpUnwrap:
		how, action, as = mech.Decrypt, KeyUnwrap, mech.Unwrap
	case key.OpSign:
		how, action, as = mech.Sign, KeySign, mech.Sign
	case key.OpVerify:
		how, action, as = mech.Verify, KeyVerify, mech.Verify
	default:
		return 0, fault.ArgumentsBad.At("read operation")
	}
	switch {
	case who == nil:
		return 0, fault.NotLoggedIn.At("use key")
	case !Visible(who, o) || o.Kind() != key.GroupKeys:
		return 0, fault.KeyUnknown.At("use key")
	case who.Role != RoleUser:
		return 0, fault.Denied.At("use a key without being a crypto-user")
	case !granted(who, o, action):
		return 0, fault.Denied.At("use a key without a grant")
	case !slices.Contains(row.KeyTypes, o.KeyType()):
		return 0, fault.KeyTypeMismatch.At("compare key type and mechanism")
	case o.Ops()&op == 0:
		return 0, fault.KeyUsageForbidden.At("compare operation and key")
	case !o.Allowed(row.ID):
		return 0, fault.MechanismInvalid.At("compare mechanism and the key's allowed mechanisms")
	case o.KeyType() == key.TypeRSA && row.Max != 0 && (o.Bits() < row.Min || o.Bits() > row.Max):
		return 0, fault.KeySize.At("compare key size and mechanism")
	case o.AlwaysAuth():
		return 0, fault.AuthRequired.At("use key")
	}
	return how, alive(o, as, now)
}
