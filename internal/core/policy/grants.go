// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// limited tells whether grants decide about the object. They do not about session objects, which are the application's own,
// nor about public objects, which everybody has without a login, as far as seeing and using them goes.
func limited(who *Identity, o *object.Object) bool {
	return who != nil && who.Limits != nil && o.Token()
}

// granted tells whether the identity may do one of these actions with the object, as far as grants decide.
func granted(who *Identity, o *object.Object, a Action) bool {
	if !limited(who, o) {
		return true
	}
	if o.Class() == key.ClassPublic { // the other half of a key
		return (who.Limits.on(key.GroupKeys, o.Label())|implied(who, o))&a != 0 || a&keyUses != 0 && !o.Private()
	}
	return (who.Limits.on(o.Kind(), o.Label())|implied(who, o))&a != 0
}

// anyOn are the actions that show an object to the one who has any of them.
func anyOn(o *object.Object) Action {
	if o.Class() == key.ClassPublic {
		return keyActions
	}
	return pick(o.Kind(), keyActions, secretActions, certificateAll)
}

func mayMake(who *Identity, o *object.Object) bool {
	if o.Class() == key.ClassPublic {
		return granted(who, o, KeyCreate|KeyImport|KeyRotate|KeyRestore)
	}
	made := KeyImport
	if o.Bool(key.AttrLocal) {
		made = KeyCreate
	}
	return granted(who, o, pick(o.Kind(), made, SecretSet, CertificateCreate|CertificateImport))
}

// Rotate decides whether the identity may make a further version of a name that is there, where it may not make names.
func Rotate(who *Identity, o *object.Object) error {
	if limited(who, o) && o.Kind() == key.GroupKeys && o.Bool(key.AttrLocal) && granted(who, o, KeyRotate) {
		return nil
	}
	return fault.Denied.At("rotate key")
}

// Rename decides whether the identity may give an object what makes it another for the grants: its label, and the
// application of a data object.
func Rename(who *Identity, from, to *object.Object) error {
	if limited(who, from) && (!bytes.Equal(from.Label(), to.Label()) || from.Kind() != to.Kind()) {
		return fault.Denied.At("rename object")
	}
	return nil
}

// Read decides whether the identity may read the attributes of an object that it sees. Of one that it may only use it
// learns what its summary says.
func Read(who *Identity, o *object.Object) error {
	if limited(who, o) && o.Private() && !granted(who, o, ReadAction(o.Kind(), o.Deleted())) {
		return fault.Denied.At("read attributes")
	}
	return nil
}

// Seen is Visible for objects that were deleted, too.
func Seen(who *Identity, o *object.Object) bool { return visible(who, o) }

// Readable decides whether an object is shown in a list of names, live or deleted.
func Readable(who *Identity, o *object.Object, deleted bool) bool {
	if o.Deleted() != deleted || !visible(who, o) || who == nil {
		return false
	}
	return granted(who, o, ReadAction(o.Kind(), deleted))
}

// actionOf is what a use needs. Deriving gives another key of the same secret: so does exporting it.
func actionOf(use mech.Use) Action {
	switch use {
	case mech.Encrypt:
		return KeyEncrypt
	case mech.Decrypt:
		return KeyDecrypt
	case mech.Sign:
		return KeySign
	case mech.Verify:
		return KeyVerify
	case mech.Wrap:
		return KeyWrap
	case mech.Unwrap, mech.Decapsulate:
		return KeyUnwrap
	case mech.Derive:
		return KeyExport
	case mech.Encapsulate:
		return KeyWrap
	}
	return 0
}

// backupOf and restoreOf are the rights that moving an object to a clone needs; the public half goes with its key.
func backupOf(o *object.Object) Action  { return BackupAction(kindOf(o)) }
func restoreOf(o *object.Object) Action { return RestoreAction(kindOf(o)) }

func kindOf(o *object.Object) key.Group {
	if o.Class() == key.ClassPublic {
		return key.GroupKeys
	}
	return o.Kind()
}

// Import decides about a key that another one unwrapped. A web door's key for import (KEY_OPS) brings keys in, and shows
// them to nobody: what it unwraps is sensitive.
func Import(by, o *object.Object) error {
	if by.ImportsOnly() && !o.Sensitive() {
		return fault.TemplateInconsistent.At("unwrap by a key for import what could then be read")
	}
	return nil
}
