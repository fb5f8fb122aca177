// SPDX-License-Identifier: Apache-2.0

package core

const (
	managedHSM = "Microsoft.KeyVault/managedHsm/"
	keyVaults  = "Microsoft.KeyVault/vaults/"
)

// under puts the prefix before each action's name.
func under(prefix string, names ...string) []string {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

// builtInRoles are those of Azure, by their UUIDs: "Managed HSM local RBAC built-in roles", and the roles for Key Vault's data
// plane. No role of Managed HSM spans its administration and the use of its keys.
var builtInRoles = []role{
	{"a290e904-7015-4bba-90c8-60543313cdb4", "Managed HSM Administrator", "roles, backups, the security domain; no use of keys",
		under(managedHSM, "securitydomain/*", "backup/*", "restore/*", "roleAssignments/*", "roleDefinitions/*"), nil},
	{"515eb02d-2335-4d2d-92f2-b1cbdf9c3778", "Managed HSM Crypto Officer", "deleted keys and roles",
		under(managedHSM, "keys/deletedKeys/*", "roleAssignments/*", "roleDefinitions/*"), nil},
	{"21dbd100-6940-42c2-9190-5d6cb909625b", "Managed HSM Crypto User", "all that is done with keys that are not deleted",
		under(managedHSM, "keys/read/action", "keys/write/action", "keys/rotate/action", "keys/create", "keys/delete", "keys/backup/action",
			"keys/restore/action", "keys/release/action", "keys/import/action", "keys/encrypt/action", "keys/decrypt/action", "keys/wrap/action",
			"keys/unwrap/action", "keys/sign/action", "keys/verify/action", "roleAssignments/read/action", "roleDefinitions/read/action", "rng/action"), nil},
	{"4bd23610-cdcf-4971-bdee-bdc562cc28e4", "Managed HSM Policy Administrator", "role assignments and definitions",
		under(managedHSM, "roleAssignments/*", "roleDefinitions/*"), nil},
	{"2c18b078-7c48-4d3a-af88-5a3a1b3f82b3", "Managed HSM Crypto Auditor", "reads keys and roles",
		under(managedHSM, "keys/read/action", "keys/deletedKeys/read/action", "roleAssignments/read/action", "roleDefinitions/read/action"), nil},
	{"33413926-3206-4cdd-b39a-83574fe37a17", "Managed HSM Crypto Service Encryption User", "wraps and unwraps for a service",
		under(managedHSM, "keys/read/action", "keys/wrap/action", "keys/unwrap/action"), nil},
	{"21dbd100-6940-42c2-9190-5d6cb909625c", "Managed HSM Crypto Service Release User", "releases keys to attested environments",
		under(managedHSM, "keys/release/action"), nil},
	{"7b127d3c-77bd-4e3e-bbe0-dbb8971fa7f8", "Managed HSM Backup", "backs up keys and the HSM",
		under(managedHSM, "keys/backup/action", "backup/*"), nil},
	{"6efe6056-5259-49d2-8b3d-d3d73544b20b", "Managed HSM Restore", "restores keys and the HSM",
		under(managedHSM, "keys/restore/action", "restore/*"), nil},

	{"00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator", "everything in a vault", under(keyVaults, "*"), nil},
	{"14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "Key Vault Crypto Officer", "everything with keys", under(keyVaults, "keys/*", "keyrotationpolicies/*"), nil},
	{"12338af0-0e69-4776-bea7-57ae8d297424", "Key Vault Crypto User", "uses keys",
		under(keyVaults, "keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action", "keys/wrap/action",
			"keys/unwrap/action", "keys/sign/action", "keys/verify/action"), nil},
	{"e147488a-f6f5-4113-8e2d-b22465e65bf6", "Key Vault Crypto Service Encryption User", "wraps and unwraps for a service",
		under(keyVaults, "keys/read", "keys/wrap/action", "keys/unwrap/action"), nil},
	{"08bbd89e-9f13-488c-ac41-acfcb10c90ab", "Key Vault Crypto Service Release User", "releases keys to attested environments",
		under(keyVaults, "keys/release/action"), nil},
	{"b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer", "everything with secrets", under(keyVaults, "secrets/*"), nil},
	{"4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", "reads secrets",
		under(keyVaults, "secrets/getSecret/action", "secrets/readMetadata/action"), nil},
	{"a4417e6f-fecd-4de8-b567-7b0420556985", "Key Vault Certificates Officer", "everything with certificates",
		under(keyVaults, "certificates/*", "certificatecas/*", "certificatecontacts/write"), nil},
	{"21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader", "reads all but the values of secrets",
		under(keyVaults, "keys/read", "secrets/readMetadata/action", "certificates/read", "certificatecas/read"), nil},
}

func builtIn(id string) bool {
	for i := range builtInRoles {
		if builtInRoles[i].id == id {
			return true
		}
	}
	return false
}
