// SPDX-License-Identifier: Apache-2.0

package client

import "github.com/genbu-hsm/genbu/internal/wire"

// Flags of a partition that say what kind it is (PartitionCreate); neither is a plain one, for PKCS #11.
const (
	KindVault      uint64 = 8
	KindManagedHSM uint64 = 16
)

// Names of settings. Those of slot 0 are the domain's.
const (
	SettingAuthority       = "authority"           // domain: issuer of access tokens, an https URL
	SettingVaultResource   = "resource.vault"      // domain: the audience of tokens for vaults
	SettingManagedResource = "resource.managedhsm" // domain: the same for managed HSMs
	SettingManagerResource = "resource.arm"        // domain: the audience of tokens that az asks for to log in; they open no vault
	SettingRetention       = "retention-days"      // partition: how long what was deleted can be recovered; 7 to 90, 0 for not at all
	SettingAttestation     = "attestation:"        // partition: with an authority's URL behind it, the key set that is pinned for it
	SettingARMKeys         = "arm-key-management"  // managed HSM: "true" or "false": keys may be made through the resource manager
	SettingPurgeProtection = "purge-protection"    // partition: "true" or "false"; once true it stays so
)

// Settings answers all settings of a partition, or of the domain for slot 0.
func (c *Conn) Settings(slot uint64) (map[string]string, error) {
	all := map[string]string{}
	err := c.call(wire.CallSettingsGet, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) {
		for range r.Count(8) {
			name := r.String()
			all[name] = r.String()
		}
	})
	return all, err
}

// SetSettings changes those that are named, all or none.
func (c *Conn) SetSettings(slot uint64, settings map[string]string) error {
	return c.call(wire.CallSettingsSet, func(w *wire.Writer) {
		w.U64(slot)
		w.U32(uint32(len(settings)))
		for name, value := range settings {
			w.String(name)
			w.String(value)
		}
	}, nil)
}

// Role is a set of actions, by the names of Azure's data actions (docs/spec/azure.md).
type Role struct {
	ID          string // a UUID
	Name        string
	Description string
	BuiltIn     bool
	Actions     []string // a * at the end stands for any rest
	NotActions  []string
}

// Roles lists the role definitions of a partition, the built-in ones first.
func (c *Conn) Roles(slot uint64) (list []Role, err error) {
	err = c.call(wire.CallRoleList, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) {
		for range r.Count(28) {
			list = append(list, Role{r.String(), r.String(), r.String(), r.U64() != 0, texts(r), texts(r)})
		}
	})
	return list, err
}

// PutRole makes or changes a role definition. Denied for a built-in one.
func (c *Conn) PutRole(slot uint64, v Role) error {
	return c.call(wire.CallRolePut, func(w *wire.Writer) {
		w.U64(slot)
		w.String(v.ID)
		w.String(v.Name)
		w.String(v.Description)
		putTexts(w, v.Actions)
		putTexts(w, v.NotActions)
	}, nil)
}

// RemoveRole ends a role definition. Denied for one that is built in or still assigned.
func (c *Conn) RemoveRole(slot uint64, id string) error {
	return c.call(wire.CallRoleRemove, func(w *wire.Writer) {
		w.U64(slot)
		w.String(id)
	}, nil)
}

// Assignment gives a role to an operator.
type Assignment struct {
	ID        string // a UUID
	Scope     string // "/", "/keys", "/keys/<name>", "/secrets", "/secrets/<name>", "/certificates", "/certificates/<name>"
	Role      string // id of the role
	Principal string // id of the operator, as a UUID
}

// Assignments lists a partition's role assignments.
func (c *Conn) Assignments(slot uint64) (list []Assignment, err error) {
	err = c.call(wire.CallAssignmentList, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) {
		for range r.Count(16) {
			list = append(list, Assignment{r.String(), r.String(), r.String(), r.String()})
		}
	})
	return list, err
}

// PutAssignment makes a role assignment. An operator of the partition that has one may do from then on only what its
// assignments say. NameTaken when the id is there with other content.
func (c *Conn) PutAssignment(slot uint64, v Assignment) error {
	return c.call(wire.CallAssignmentPut, func(w *wire.Writer) {
		w.U64(slot)
		w.String(v.ID)
		w.String(v.Scope)
		w.String(v.Role)
		w.String(v.Principal)
	}, nil)
}

// RemoveAssignment ends a role assignment.
func (c *Conn) RemoveAssignment(slot uint64, id string) error {
	return c.call(wire.CallAssignmentRemove, func(w *wire.Writer) {
		w.U64(slot)
		w.String(id)
	}, nil)
}

func texts(r *wire.Reader) (list []string) {
	for range r.Count(4) {
		list = append(list, r.String())
	}
	return list
}

func putTexts(w *wire.Writer, list []string) {
	w.U32(uint32(len(list)))
	for _, s := range list {
		w.String(s)
	}
}
