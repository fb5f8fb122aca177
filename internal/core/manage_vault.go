// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Vaults and managed HSMs as a whole, for the resource manager (docs/design/azure.md): who was granted it in the domain makes, lists,
// deletes and purges them, and has thereby no right to what is in them.

const (
	// settingResource is what the resource manager keeps of a vault, in its own words: group, location, tags.
	settingResource = "resource"
	maxResource     = 16 << 10

	// maxFirst bounds the first administrators of a managed HSM, as Azure does.
	maxFirst = 10
)

// ofKind picks the action for a vault or a managed HSM.
func ofKind(flags uint64, vault, managed policy.Action) policy.Action {
	if flags&flagManaged != 0 {
		return managed
	}
	return vault
}

// mustManage asks for an admin of the domain, or who was granted the action there.
func (m *manager) mustManage(a policy.Action) error {
	who := m.at.Who(0)
	if who == nil || who.Limits == nil {
		return m.mustBeDomainAdmin()
	}
	if err := policy.May(who, a); err != nil {
		return m.refuse(err)
	}
	m.who = *who
	return nil
}

// vaultCreate makes a vault or a managed HSM without operators of its own: service identities use it. A managed HSM gets its first
// administrators with it, since nobody else could name any.
func (m *manager) vaultCreate() error {
	i := &info{id: randomID(), label: m.r.String(), flags: m.r.U64(), retention: m.r.U64(), protected: m.r.Bool(), maxObjects: defaultObjects,
		maxOperators: defaultOperators}
	first := &charter{settings: []setting{{settingResource, m.r.String()}}}
	for range m.r.Count(4) {
		principal, ok := parseUUID(m.r.String())
		if !ok {
			m.r.Fail()
		}
		first.assignments = append(first.assignments, assignment{uuid(randomID()), "/", hsmAdministrator, principal})
	}
	if err := m.r.End(); err != nil {
		return err
	}
	if err := m.mustManage(ofKind(i.flags, policy.VaultWrite, policy.ManagedWrite)); err != nil {
		return err
	}
	if len(i.label) > maxLabel || i.label == "" || i.flags != flagVault && i.flags != flagManaged || i.retention < minRetention || i.retention > maxRetention ||
		len(first.settings[0].value) > maxResource || len(first.assignments) > maxFirst || len(first.assignments) > 0 && i.flags != flagManaged {
		return fault.ArgumentsBad.At("create vault")
	}
	c := m.core
	home, err := c.tenant(0)
	if err != nil {
		return err
	}
	for _, a := range first.assignments {
		if o := home.member(a.principal); o == nil || o.Role != operator.Service {
			return fault.UserUnknown.At("find the first administrators of a managed HSM")
		}
	}
	c.change.Lock()
	defer c.change.Unlock()
	return m.settleNew(i, func() error { return c.makeTenant(i, nil, nil, first) })
}

// vaultList tells of those that the caller may see, deleted ones too.
func (m *manager) vaultList() error {
	if err := m.r.End(); err != nil {
		return err
	}
	who := m.at.Who(0)
	if who == nil || who.Limits == nil {
		if err := m.mustBeDomainAdmin(); err != nil {
			return err
		}
	} else if err := policy.May(who, policy.VaultRead|policy.ManagedRead); err != nil {
		return m.refuse(err)
	}
	list := slices.DeleteFunc(m.core.all(), func(t *tenant) bool {
		flags := t.settings().flags
		return flags&kindFlags == 0 || policy.May(who, ofKind(flags, policy.VaultRead, policy.ManagedRead)) != nil
	})
	m.w.U32(uint32(len(list)))
	for _, t := range list {
		i := t.settings()
		m.w.Bytes(i.id[:])
		m.w.String(i.label)
		m.w.U64(i.slot)
		m.w.U64(i.flags)
		m.w.U64(i.retention)
		m.w.Bool(i.protected)
		m.w.U64(uint64(i.deleted))
		m.w.String(t.rights().setting(settingResource))
	}
	return nil
}

// vaultOf reads the id of a vault or managed HSM, checks the end of the request, and asks for the right to act on it.
func (m *manager) vaultOf(ofVault, ofManaged policy.Action, rest ...func()) (*tenant, error) {
	id := m.id()
	for _, read := range rest {
		read()
	}
	if err := m.r.End(); err != nil {
		return nil, err
	}
	t, err := m.core.tenantByID(id)
	flags := uint64(0)
	if err == nil {
		flags = t.settings().flags
	}
	if denied := m.mustManage(ofKind(flags, ofVault, ofManaged)); denied != nil {
		return nil, denied
	}
	if err == nil && flags&kindFlags == 0 {
		err = fault.PartitionUnknown.At("find vault")
	}
	return t, err
}

// vaultSet changes what Azure lets change of a vault that is there.
func (m *manager) vaultSet() error {
	var days uint64
	var protect bool
	var resource string
	t, err := m.vaultOf(policy.VaultWrite, policy.ManagedWrite, func() { days, protect, resource = m.r.U64(), m.r.Bool(), m.r.String() })
	if err != nil {
		return err
	}
	if len(resource) > maxResource || days < minRetention || days > maxRetention {
		return fault.ArgumentsBad.At("set vault")
	}
	if err := m.retain(t, days, protect); err != nil {
		return err
	}
	if t.rights().setting(settingResource) == resource {
		return nil
	}
	return m.changeAccess(t, settingResource, func(a *charter) error {
		a.settings = slices.DeleteFunc(a.settings, func(o setting) bool { return o.name == settingResource })
		a.settings = append(a.settings, setting{settingResource, resource})
		return nil
	})
}

// retain changes how long what was deleted is kept.
func (m *manager) retain(t *tenant, days uint64, protect bool) error {
	m.core.change.Lock()
	defer m.core.change.Unlock()
	i := *t.settings()
	switch {
	case i.deleted != 0:
		return fault.PartitionUnknown.At("change a vault that was deleted")
	case i.protected && (!protect || days < i.retention):
		return fault.ActionProhibited.At("take purge protection back")
	case i.retention == days && i.protected == protect:
		return nil
	}
	i.retention, i.protected = days, protect
	return m.done(t, wire.AuditManage, "settings", m.core.putInfo(t, &i))
}

// vaultDelete takes a vault away from everybody, until it is recovered or purged.
func (m *manager) vaultDelete() error {
	t, err := m.vaultOf(policy.VaultDelete, policy.ManagedDelete)
	if err != nil {
		return err
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	i := *t.settings()
	if i.deleted != 0 {
		return fault.PartitionUnknown.At("delete a vault that was deleted")
	}
	i.deleted = c.Now()
	err = c.putInfo(t, &i)
	if vault.Done(err) {
		c.server.Drop(t.id)
	}
	return m.done(t, wire.AuditManage, "delete "+i.label, err)
}

// vaultRecover takes that back.
func (m *manager) vaultRecover() error {
	t, err := m.vaultOf(policy.VaultWrite, policy.ManagedWrite)
	if err != nil {
		return err
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	i := *t.settings()
	if i.deleted == 0 {
		return fault.PartitionUnknown.At("recover a vault that was not deleted")
	}
	i.deleted = 0
	return m.done(t, wire.AuditManage, "recover "+i.label, m.core.putInfo(t, &i))
}

// vaultPurge ends a deleted vault with every key in it.
func (m *manager) vaultPurge() error {
	t, err := m.vaultOf(policy.VaultPurge, policy.ManagedPurge)
	if err != nil {
		return err
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	switch i := t.settings(); {
	case i.deleted == 0:
		return fault.PartitionUnknown.At("purge a vault that was not deleted")
	case i.protected && c.Now() < i.purgeDate():
		return m.refuse(fault.ActionProhibited.At("purge a vault that has purge protection"))
	}
	return c.endTenant(t, func(err error) error { return m.done(t, wire.AuditManage, "purge "+t.settings().label, err) })
}

// purgeDate is when a deleted partition is destroyed by itself.
func (i *info) purgeDate() int64 { return i.deleted + int64(i.retention)*86400 }

// vaultDue destroys a deleted vault if it is time, and tells whether it was. Another node may be faster.
func (c *Core) vaultDue(t *tenant) bool {
	i := t.settings()
	if i.deleted == 0 || c.Now() < i.purgeDate() {
		return false
	}
	c.change.Lock()
	defer c.change.Unlock()
	if i = t.settings(); i.deleted == 0 { // recovered meanwhile
		return false
	}
	c.endTenant(t, func(err error) error {
		if fault.Of(err) == fault.Conflict {
			return err
		}
		return c.noted(wire.AuditEntry{Kind: wire.AuditManage, Time: c.system.Now(), Partition: t.id, Call: uint16(wire.CallVaultPurge),
			Result: fault.Of(err), Text: "its purge date has come: " + i.label}, err)
	})
	return true
}
