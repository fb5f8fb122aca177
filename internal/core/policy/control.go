// SPDX-License-Identifier: Apache-2.0

package policy

// What a service identity may do with vaults and managed HSMs as a whole, by roles of the domain. It is no right to anything in them:
// the names are Azure's control-plane actions, which no role of a partition can have, and the data actions none of the domain.
const (
	VaultRead Action = 1 << (actions + iota)
	VaultWrite
	VaultDelete
	VaultPurge
	ManagedRead
	ManagedWrite
	ManagedDelete
	ManagedPurge
	controls = iota

	controlActions Action = (1<<controls-1)<<actions | AssignmentRead | AssignmentWrite | AssignmentDelete | RoleRead | RoleWrite | RoleDelete
)

const (
	authorization = "Microsoft.Authorization/"
	managedHSMs   = "Microsoft.KeyVault/managedHSMs/"
	locations     = "Microsoft.KeyVault/locations/"
)

var controlNames = []named{
	{vaults + "read", VaultRead}, {vaults + "write", VaultWrite}, {vaults + "delete", VaultDelete},
	{locations + "deletedVaults/read", VaultRead}, {locations + "deletedVaults/purge/action", VaultPurge},
	{managedHSMs + "read", ManagedRead}, {managedHSMs + "write", ManagedWrite}, {managedHSMs + "delete", ManagedDelete},
	{locations + "deletedManagedHsms/read", ManagedRead}, {locations + "deletedManagedHsms/purge/action", ManagedPurge},
	{authorization + "roleAssignments/read", AssignmentRead}, {authorization + "roleAssignments/write", AssignmentWrite},
	{authorization + "roleAssignments/delete", AssignmentDelete}, {authorization + "roleDefinitions/read", RoleRead},
	{authorization + "roleDefinitions/write", RoleWrite}, {authorization + "roleDefinitions/delete", RoleDelete},
}

// ControlOf is ActionOf for the roles of the domain.
func ControlOf(name string) (Action, error) { return find(controlNames, name) }
