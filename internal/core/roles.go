// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/key"
)

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

// domainRoles are those for vaults and managed HSMs as a whole, which hold in the domain: Azure's roles of a subscription.
var domainRoles = []role{
	{"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", "makes and deletes vaults and managed HSMs, and gives roles in vaults", []string{"*"}, nil},
	{"b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", "makes and deletes vaults and managed HSMs",
		[]string{"*"}, []string{"Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"}},
	{"acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "sees which vaults and managed HSMs there are, and the roles in vaults", []string{"*/read"}, nil},
	{"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator", "gives roles in vaults", []string{"*/read", "Microsoft.Authorization/*"}, nil},
	{"f25e0fa2-a7c8-4377-a976-54943a77a395", "Key Vault Contributor", "makes and deletes vaults",
		[]string{keyVaults + "*", "Microsoft.KeyVault/locations/deletedVaults/*", "Microsoft.Authorization/*/read"}, nil},
	{"18500a29-7fe2-46b2-a342-b16a415e101d", "Managed HSM contributor", "makes and deletes managed HSMs",
		[]string{"Microsoft.KeyVault/managedHSMs/*", "Microsoft.KeyVault/locations/deletedManagedHsms/*"}, nil},
}

// hsmAdministrator is the role that a managed HSM's first administrators get.
const hsmAdministrator = "a290e904-7015-4bba-90c8-60543313cdb4"

// plane is what roles are about: what is in a partition, or, in the domain, the partitions themselves.
type plane struct {
	builtIn  []role
	actionOf func(name string) (policy.Action, error)
}

var (
	dataPlane    = plane{builtInRoles, policy.ActionOf}
	controlPlane = plane{domainRoles, policy.ControlOf}
)

func planeOf(partition key.ID) *plane {
	if partition.IsZero() {
		return &controlPlane
	}
	return &dataPlane
}

func (p *plane) has(id string) bool {
	return slices.ContainsFunc(p.builtIn, func(v role) bool { return v.id == id })
}

// may is the set of actions of a role.
func (p *plane) may(v role) (a policy.Action) {
	for _, name := range v.actions {
		what, _ := p.actionOf(name) // checked when it was put
		a |= what
	}
	for _, name := range v.notActions {
		what, _ := p.actionOf(name)
		a &^= what
	}
	return a
}
