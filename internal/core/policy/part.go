// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// The key and the secret of a certificate of the web doors are parts of it (key.Part): who may do something with the
// certificate may do as much with them as that takes, and not more. No right for certificates uses a key for anything but a
// certificate, takes one out, or shows a secret.

// implies is what a right for the certificate of a name gives on its parts.
var implies = []struct{ of, on Action }{
	{CertificateRead | CertificateCreate | CertificateImport | CertificateUpdate | CertificateBackup, KeyRead | SecretRead},
	{CertificateCreate, KeyCreate | SecretSet},
	{CertificateImport, KeyImport | SecretSet},
	{CertificateCreate | CertificateImport | CertificateUpdate, KeyUpdate | SecretUpdate},
	{CertificateDelete, KeyDelete | SecretDelete},
	{CertificateRead | CertificateRecover | CertificatePurge, KeyReadDeleted},
	{CertificateRecover, KeyRecover | SecretRecover},
	{CertificatePurge, KeyPurge | SecretPurge},
	{CertificateBackup, KeyBackup | SecretBackup},
	{CertificateRestore, KeyRestore | SecretRestore},
}

// impliesSettings is the same for the partition's issuers and contacts.
var impliesSettings = []struct{ of, on Action }{
	{CertificateIssuersRead | CertificateIssuers | CertificateContacts | CertificateRead | CertificateCreate, SecretRead},
	{CertificateIssuers | CertificateContacts, SecretSet | SecretUpdate},
}

// implied are the actions on an object that follow from those on what it is a part of.
func implied(who *Identity, o *object.Object) (a Action) {
	list := implies
	switch o.Part() {
	case key.PartNone:
		return 0
	case key.PartSettings:
		list = impliesSettings
	}
	have := who.Limits.on(key.GroupCertificates, o.Label())
	for _, i := range list {
		if have&i.of != 0 {
			a |= i.on
		}
	}
	return a
}

// impliedOn is implied for a name as a whole; each object is asked about besides (Each).
func impliedOn(who *Identity, g key.Group, name []byte) (a Action) {
	if g != key.GroupKeys && g != key.GroupSecrets {
		return 0
	}
	have := who.Limits.on(key.GroupCertificates, name)
	for _, i := range implies {
		if have&i.of != 0 {
			a |= i.on
		}
	}
	return a
}

// Each decides whether what Name allowed may be done with these objects of the name.
func Each(who *Identity, list []*object.Object, a Action) error {
	for _, o := range list {
		if !granted(who, o, a) {
			return fault.Denied.At("act on a name, part of which is not a certificate's")
		}
	}
	return nil
}

// Beside decides whether an object may be made as a further version behind before, nil where it is the first: a right for
// certificates puts no key before the users of one that is there for itself.
func Beside(who *Identity, o, before *object.Object) error {
	if before == nil || o.Part() == key.PartNone || !limited(who, o) || before.Part() == o.Part() {
		return nil
	}
	if who.Limits.on(o.Kind(), o.Label())&(KeyCreate|KeyImport|SecretSet) != 0 {
		return nil
	}
	return fault.Denied.At("make a part of a certificate beside what is no part of one")
}

// partAttributes are those that a right for certificates changes of a part.
var partAttributes = []key.Attr{key.AttrState, key.AttrNotBefore, key.AttrExpires, key.AttrDoor}

// ChangeTo decides, where Change allowed a change, about its attributes.
func ChangeTo(who *Identity, o *object.Object, t object.Template) error {
	if !limited(who, o) || o.Part() == key.PartNone || who.Limits.on(o.Kind(), o.Label())&pick(o.Kind(), KeyUpdate, SecretUpdate|SecretSet, CertificateUpdate) != 0 {
		return nil
	}
	for _, a := range t {
		if !slices.Contains(partAttributes, a.Type) {
			return fault.Denied.At("change an attribute of a certificate's part")
		}
	}
	return nil
}

// Certify decides whether the identity may have a key sign a request or a certificate for another key, or for itself (of is
// by). authority tells that the certificate would be one of a CA. Who may sign with the key may sign that too; beside it who may make
// certificates of the name that of has, and, where another key signs, have the partition's issuers issue.
func Certify(who *Identity, by, of *object.Object, row *mech.Row, authority bool, now int64) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("certify key")
	case !Visible(who, by) || by.Kind() != key.GroupKeys || !Visible(who, of) || of.Kind() != key.GroupKeys:
		return fault.KeyUnknown.At("certify key")
	case who.Role != RoleUser || who.Limits == nil && !owns(who, by):
		return fault.Denied.At("certify key")
	case by.Ops()&key.OpSign == 0:
		return fault.KeyUsageForbidden.At("compare operation and key")
	case !by.Allowed(row.ID):
		return fault.MechanismInvalid.At("compare mechanism and the key's allowed mechanisms")
	case by.AlwaysAuth():
		return fault.AuthRequired.At("certify key")
	}
	if limited(who, by) && !granted(who, by, KeySign) {
		certificates := who.Limits.on(key.GroupCertificates, of.Label())
		other := by.ID != of.ID
		switch {
		case by.Part() != key.PartCertificate || of.Part() != key.PartCertificate, certificates&CertificateCreate == 0,
			other && (authority || who.Limits.on(key.GroupCertificates, by.Label())&CertificateIssuersRead == 0):
			return fault.Denied.At("certify key")
		}
	}
	return alive(by, mech.Sign, now)
}

// File decides whether a key's material may become the value of a secret, with its certificates: where both are parts of
// one certificate the right to make that is enough, since it shows nobody the secret. Create decides about the secret itself.
func File(who *Identity, k, secret *object.Object) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("keep key in a secret")
	case !Visible(who, k) || k.Kind() != key.GroupKeys || !k.Private():
		return fault.KeyUnknown.At("keep key in a secret")
	case who.Role != RoleUser || !owns(who, k), secret.Kind() != key.GroupSecrets || !secret.Token() || !secret.Private():
		return fault.Denied.At("keep key in a secret")
	case !k.Extractable():
		return fault.KeyUnextractable.At("keep key in a secret")
	case k.WrapWithTrusted():
		return fault.KeyNotWrappable.At("keep a key that asks for a trusted wrapping key")
	}
	parts := k.Part() == key.PartCertificate && secret.Part() == key.PartCertificate && string(k.Label()) == string(secret.Label())
	if limited(who, k) && !granted(who, k, KeyExport) &&
		!(parts && who.Limits.on(key.GroupCertificates, k.Label())&(CertificateCreate|CertificateImport) != 0) {
		return fault.Denied.At("keep key in a secret")
	}
	return nil
}
