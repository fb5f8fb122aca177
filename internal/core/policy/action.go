// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Action is a set of what a limited operator may do. The names are Azure's data actions (docs/spec/azure.md).
type Action uint64

const (
	KeyRead Action = 1 << iota
	KeyCreate
	KeyImport
	KeyUpdate
	KeyDelete
	KeyReadDeleted
	KeyRecover
	KeyPurge
	KeyBackup
	KeyRestore
	KeyRotate
	KeyRelease
	KeyExport
	KeyEncrypt
	KeyDecrypt
	KeyWrap
	KeyUnwrap
	KeySign
	KeyVerify
	Random
	SecretGet
	SecretRead
	SecretSet
	SecretUpdate
	SecretDelete
	SecretRecover
	SecretPurge
	SecretBackup
	SecretRestore
	CertificateRead
	CertificateCreate
	CertificateImport
	CertificateUpdate
	CertificateDelete
	CertificateRecover
	CertificatePurge
	CertificateBackup
	CertificateRestore
	CertificateIssuersRead // and to have them issue
	CertificateIssuers
	CertificateContacts
	AssignmentRead
	AssignmentWrite
	AssignmentDelete
	RoleRead
	RoleWrite
	RoleDelete
	HSMBackup
	HSMRestore
	DomainDownload
	DomainUpload
	DomainTransferKey
	actions = iota

	allActions Action = 1<<actions - 1

	keyUses        = KeyEncrypt | KeyDecrypt | KeyWrap | KeyUnwrap | KeySign | KeyVerify | KeyRelease | KeyExport
	keyActions     = (SecretGet - 1) &^ Random
	secretActions  = (CertificateRead - 1) &^ (SecretGet - 1)
	certificateAll = (AssignmentRead - 1) &^ (CertificateRead - 1)
)

const (
	managed = "Microsoft.KeyVault/managedHsm/"
	vaults  = "Microsoft.KeyVault/vaults/"
)

// named is an action with its name.
type named struct {
	name string
	what Action
}

// actionNames is every data action of Managed HSM and of Key Vault. Where Azure has one name for what are two actions here,
// it stands for both.
var actionNames = []named{
	{managed + "keys/read/action", KeyRead}, {managed + "keys/write/action", KeyUpdate}, {managed + "keys/rotate/action", KeyRotate},
	{managed + "keys/create", KeyCreate}, {managed + "keys/delete", KeyDelete}, {managed + "keys/backup/action", KeyBackup},
	{managed + "keys/restore/action", KeyRestore}, {managed + "keys/release/action", KeyRelease}, {managed + "keys/import/action", KeyImport},
	{managed + "keys/export/action", KeyExport}, {managed + "keys/encrypt/action", KeyEncrypt}, {managed + "keys/decrypt/action", KeyDecrypt},
	{managed + "keys/wrap/action", KeyWrap}, {managed + "keys/unwrap/action", KeyUnwrap}, {managed + "keys/sign/action", KeySign},
	{managed + "keys/verify/action", KeyVerify}, {managed + "keys/deletedKeys/read/action", KeyReadDeleted},
	{managed + "keys/deletedKeys/recover/action", KeyRecover}, {managed + "keys/deletedKeys/delete", KeyPurge}, {managed + "rng/action", Random},
	{managed + "roleAssignments/read/action", AssignmentRead}, {managed + "roleAssignments/write/action", AssignmentWrite},
	{managed + "roleAssignments/delete/action", AssignmentDelete}, {managed + "roleDefinitions/read/action", RoleRead},
	{managed + "roleDefinitions/write/action", RoleWrite}, {managed + "roleDefinitions/delete/action", RoleDelete},
	{managed + "backup/start/action", HSMBackup}, {managed + "backup/status/action", HSMBackup},
	{managed + "restore/start/action", HSMRestore}, {managed + "restore/status/action", HSMRestore},
	{managed + "securitydomain/download/action", DomainDownload}, {managed + "securitydomain/download/read", DomainDownload},
	{managed + "securitydomain/upload/action", DomainUpload}, {managed + "securitydomain/upload/read", DomainUpload},
	{managed + "securitydomain/transferkey/read", DomainTransferKey},

	{vaults + "keys/read", KeyRead | KeyReadDeleted}, {vaults + "keys/update/action", KeyUpdate}, {vaults + "keys/create/action", KeyCreate},
	{vaults + "keys/import/action", KeyImport}, {vaults + "keys/recover/action", KeyRecover}, {vaults + "keys/restore/action", KeyRestore},
	{vaults + "keys/delete", KeyDelete}, {vaults + "keys/backup/action", KeyBackup}, {vaults + "keys/purge/action", KeyPurge},
	{vaults + "keys/encrypt/action", KeyEncrypt}, {vaults + "keys/decrypt/action", KeyDecrypt}, {vaults + "keys/wrap/action", KeyWrap},
	{vaults + "keys/unwrap/action", KeyUnwrap}, {vaults + "keys/sign/action", KeySign}, {vaults + "keys/verify/action", KeyVerify},
	{vaults + "keys/release/action", KeyRelease}, {vaults + "keys/rotate/action", KeyRotate}, {vaults + "keys/export/action", KeyExport},
	{vaults + "keyrotationpolicies/read", KeyRead}, {vaults + "keyrotationpolicies/write", KeyUpdate},
	{vaults + "secrets/getSecret/action", SecretGet}, {vaults + "secrets/readMetadata/action", SecretRead},
	{vaults + "secrets/setSecret/action", SecretSet}, {vaults + "secrets/update/action", SecretUpdate}, {vaults + "secrets/delete", SecretDelete},
	{vaults + "secrets/recover/action", SecretRecover}, {vaults + "secrets/purge/action", SecretPurge},
	{vaults + "secrets/backup/action", SecretBackup}, {vaults + "secrets/restore/action", SecretRestore},
	{vaults + "certificates/read", CertificateRead}, {vaults + "certificates/create/action", CertificateCreate},
	{vaults + "certificates/import/action", CertificateImport}, {vaults + "certificates/update/action", CertificateUpdate},
	{vaults + "certificates/delete", CertificateDelete}, {vaults + "certificates/recover/action", CertificateRecover},
	{vaults + "certificates/purge/action", CertificatePurge}, {vaults + "certificates/backup/action", CertificateBackup},
	{vaults + "certificates/restore/action", CertificateRestore}, {vaults + "certificatecas/read", CertificateIssuersRead},
	{vaults + "certificatecas/write", CertificateIssuers}, {vaults + "certificatecas/delete", CertificateIssuers},
	{vaults + "certificatecontacts/write", CertificateContacts},
}

// ActionOf reads the name of a data action; a * in it stands for anything. ArgumentsBad for a name that means nothing.
func ActionOf(name string) (Action, error) { return find(actionNames, name) }

func find(names []named, name string) (a Action, err error) {
	prefix, suffix, wild := strings.Cut(name, "*")
	for _, n := range names {
		if wild && len(n.name) >= len(prefix)+len(suffix) && strings.EqualFold(n.name[:len(prefix)], prefix) &&
			strings.EqualFold(n.name[len(n.name)-len(suffix):], suffix) || strings.EqualFold(n.name, name) {
			a |= n.what
		}
	}
	if a == 0 {
		return 0, fault.ArgumentsBad.At("read action")
	}
	return a, nil
}

// pick says which action an act on an object of a kind needs; 0 for what cannot be granted.
func pick(kind key.Group, ofKey, ofSecret, ofCertificate Action) Action {
	switch kind {
	case key.GroupKeys:
		return ofKey
	case key.GroupSecrets:
		return ofSecret
	case key.GroupCertificates:
		return ofCertificate
	}
	return 0
}
