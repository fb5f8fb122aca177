// SPDX-License-Identifier: Apache-2.0

// Package policy decides who may do what with an object: pure functions over an identity, an object and the moment,
// answering nil or the fault to give. The caller looks objects up by Visible first, so that an object one may not see
// and one that is not there cannot be told apart.
//
// Who is who. A public object (CKA_PRIVATE false) everybody in the partition sees and uses, logged in or not, as PKCS #11
// says. A private one without an owner belongs to all crypto-users of the partition: that is the PKCS #11 world of one
// user, and what the partition's first operator, "user", makes. What a further, named operator makes is its own: others
// see and use it only when it is shared with them, and an owner's object is changed, copied, wrapped out, read and
// destroyed by its owner alone. An admin sees every object, uses and reads none, and may trust, share, disable and
// destroy: someone must be able to when an owner is gone. (PKCS #11 would hide private objects from the SO; then nobody
// could set CKA_TRUSTED on a private wrapping key.) An auditor sees, and nothing else.
//
// A limited operator (docs/design/identities.md) is a crypto-user who may do only what its grants say: to every rule above
// comes that of limit.go and grants.go. An object that was deleted, and can still be recovered, is nobody's (names.md).
package policy

import (
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Roles of operators; the numbers are those of docs/design/management.md.
const (
	RoleUnknown uint64 = iota
	RoleAdmin
	RoleUser // crypto-user
	RoleAuditor
	RoleService // a service identity in the domain; in a partition it is a crypto-user, within its limits
)

// firstUser is the crypto-user that every partition begins with (docs/design/management.md).
const firstUser = "user"

// Identity is who asks, as the core authenticated it. A nil *Identity is a session without login.
type Identity struct {
	Operator  key.ID
	Partition key.ID // the zero partition is the domain
	Name      string
	Role      uint64
	Limits    *Limits // nil for an operator that is not limited by grants
	Until     int64   // when the login ends, in unix seconds; 0 for never
}

// Actor is the identity as the attributes' own rules need it.
func Actor(who *Identity) object.Actor {
	if who != nil && who.Role == RoleAdmin {
		return object.ActorAdmin
	}
	return object.ActorUser
}

// Owner is the owner of what the identity makes; zero for all crypto-users of the partition.
func Owner(who *Identity) key.ID {
	if who == nil || who.Role != RoleUser || who.Name == firstUser || who.Limits != nil {
		return key.ID{}
	}
	return who.Operator
}

// Visible tells whether the identity may know of an object of its own partition.
func Visible(who *Identity, o *object.Object) bool {
	return !o.Deleted() && visible(who, o)
}

// visible is Visible for objects that were deleted, too.
func visible(who *Identity, o *object.Object) bool {
	if !o.Private() {
		return true
	}
	if who == nil || !granted(who, o, anyOn(o)) {
		return false
	}
	switch who.Role {
	case RoleAdmin, RoleAuditor:
		return true
	case RoleUser:
		return owns(who, o) || o.SharedWith(who.Operator)
	}
	return false
}

// owns: the owner, or any crypto-user of an object without one.
func owns(who *Identity, o *object.Object) bool {
	owner := o.Owner()
	return who != nil && who.Role == RoleUser && (owner.IsZero() || owner == who.Operator)
}

// Write decides whether a session may write an object of this kind, whoever is logged in.
func Write(readWrite, token bool) error {
	if token && !readWrite {
		return fault.SessionReadOnly.At("write token object")
	}
	return nil
}

// Create decides whether the identity may make an object. A session object that is not private needs no login. A token
// object always does, unlike section 5.6.1 of the standard: a write that no operator answers for has no place in the
// audit log.
func Create(who *Identity, o *object.Object) error {
	switch {
	case who == nil && (o.Token() || o.Private()):
		return fault.NotLoggedIn.At("create object")
	case who == nil, who.Role == RoleAdmin && !o.Private():
		return nil
	case who.Role == RoleUser && (who.Limits == nil || mayMake(who, o)):
		return nil
	}
	return fault.Denied.At("create object")
}

// Change decides whether the identity may change attributes of an object (C_SetAttributeValue).
func Change(who *Identity, o *object.Object) error {
	switch {
	case !Visible(who, o):
		return fault.ObjectUnknown.At("change object")
	case who == nil && o.Token():
		return fault.NotLoggedIn.At("change token object")
	case !granted(who, o, pick(o.Kind(), KeyUpdate, SecretUpdate|SecretSet, CertificateUpdate)):
		return fault.Denied.At("change object")
	case !o.Token() && !o.Private(), owns(who, o), who != nil && who.Role == RoleAdmin:
		return nil
	}
	return fault.Denied.At("change object")
}

// Destroy decides whether the identity may destroy an object.
func Destroy(who *Identity, o *object.Object) error {
	if limited(who, o) {
		switch {
		case !Visible(who, o):
			return fault.ObjectUnknown.At("destroy object")
		case !granted(who, o, DeleteAction(o.Kind())):
			return fault.Denied.At("destroy object")
		}
	} else if err := Change(who, o); err != nil {
		return err
	}
	if !o.Destroyable() {
		return fault.ActionProhibited.At("destroy an object that is not destroyable")
	}
	return nil
}

// Copy decides whether the identity may copy an object into one of its own (C_CopyObject). Who an object is shared with
// may not: the copy would be its own.
func Copy(who *Identity, o *object.Object) error {
	if !Visible(who, o) {
		return fault.ObjectUnknown.At("copy object")
	}
	if o.HasSecret() && (o.Private() && !owns(who, o) || limited(who, o)) {
		return fault.Denied.At("copy object") // under another name other grants would hold
	}
	return nil
}

// ReadSecret decides whether the identity may be given attributes whose status is NeedsMaterial.
func ReadSecret(who *Identity, o *object.Object) error {
	if !Visible(who, o) {
		return fault.ObjectUnknown.At("read value")
	}
	if o.Private() && !owns(who, o) || !granted(who, o, pick(o.Kind(), KeyExport, SecretGet, CertificateRead)) {
		return fault.AttributeSensitive.At("read the value of another's object")
	}
	if o.Kind() == key.GroupSecrets && o.State() != key.StateActive {
		return fault.KeyDisabled.At("read the value of a secret that is not enabled")
	}
	return nil
}

// Share decides whether the identity may share an object with another operator, or take that back.
func Share(who *Identity, o *object.Object) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("share object")
	case o.Owner().IsZero():
		return fault.ActionProhibited.At("share an object that all operators have")
	case limited(who, o):
		return fault.Denied.At("share object")
	case who.Role == RoleAdmin, owns(who, o):
		return nil
	case !Visible(who, o):
		return fault.ObjectUnknown.At("share object")
	}
	return fault.Denied.At("share object")
}

// SetState decides whether the identity may move a key to another state.
func SetState(who *Identity, o *object.Object, to key.State) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("set key state")
	case !Visible(who, o):
		return fault.ObjectUnknown.At("set key state")
	case who.Role != RoleAdmin && !owns(who, o), !granted(who, o, pick(o.Kind(), KeyUpdate, SecretUpdate, CertificateUpdate)):
		return fault.Denied.At("set key state")
	case !o.IsKey():
		return fault.TemplateInconsistent.At("set key state")
	}
	return NextState(o.State(), to)
}

// Replicate decides whether the identity may move an object, as a sealed record, to a clone of the domain, or take it there: who
// may share it, and any crypto-user where all have it. A limited one needs the rights to back it up and to restore it.
func Replicate(who *Identity, o *object.Object) error {
	if limited(who, o) && !(granted(who, o, backupOf(o)) && granted(who, o, restoreOf(o))) {
		return fault.Denied.At("replicate object")
	}
	if who != nil && who.Role == RoleUser && o.Owner().IsZero() {
		return nil
	}
	return Share(who, o)
}
