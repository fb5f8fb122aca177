// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// What PARTITION_SET changes.
const (
	setFlags  uint64 = 1
	setQuotas uint64 = 2
	setLabel  uint64 = 4
)

func (m *manager) partitionCreate() error {
	label, soPIN, userPIN, flags := m.r.String(), m.r.Bytes(), m.r.Bytes(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	if len(label) > maxLabel || flags&^allFlags != 0 || flags&kindFlags == kindFlags {
		return fault.ArgumentsBad.At("create partition: a label has at most 32 bytes")
	}
	// A partition without PINs waits for C_InitToken.
	if len(soPIN) == 0 && (len(userPIN) > 0 || flags&flagInitToken == 0) {
		return fault.ArgumentsBad.At("create partition: it needs a security officer's pin, or to allow C_InitToken")
	}
	for _, pin := range [][]byte{soPIN, userPIN} {
		if err := operator.CheckPINLength(pin); len(pin) > 0 && err != nil {
			return err
		}
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	i := &info{id: randomID(), label: label, flags: flags, maxObjects: defaultObjects, maxOperators: defaultOperators, initialized: len(soPIN) > 0}
	if flags&kindFlags != 0 {
		i.retention = defaultRetention
	}
	return m.settleNew(i, func() error { return c.makeTenant(i, soPIN, userPIN, nil) })
}

// settleNew finds the slot of a new partition whose label is free, has it made, and answers. The caller holds Core.change. Labels of
// vaults are parts of host names, in which case counts for nothing.
func (m *manager) settleNew(i *info, make func() error) error {
	err := again(func() error {
		for _, t := range m.core.all() {
			o := t.settings()
			if o.slot != 0 && (o.label == i.label || (o.flags|i.flags)&kindFlags != 0 && strings.EqualFold(o.label, i.label)) {
				return fault.PartitionExists.At("create partition")
			}
		}
		i.slot = m.core.freeSlot()
		return make()
	})
	if fault.Of(err) == fault.PartitionExists {
		return err
	}
	if err := m.done(&tenant{id: i.id}, wire.AuditManage, i.label, err); err != nil {
		return err
	}
	m.w.Bytes(i.id[:])
	m.w.U64(i.slot)
	return nil
}

// makeTenant commits a new partition with its operators and its first charter, all or nothing, and admits it. Conflict when others have
// changed the domain meanwhile.
func (c *Core) makeTenant(i *info, soPIN, userPIN []byte, first *charter) (err error) {
	k, err := seal.NewKey()
	if err != nil {
		return err
	}
	ssp.Do(func() { i.wrapped, err = seal.WrapPartition(c.root, c.domain, i.id, k) })
	if err != nil {
		return err
	}
	home, err := c.tenant(0)
	if err != nil {
		return err
	}
	made := *i
	t := c.newTenant(&made, vault.Entry{}, k)
	defer func() {
		if !vault.Done(err) && fault.Of(err) != fault.OutcomeUnknown {
			t.close()
		}
	}()
	puts := []func() (wire.Put, error){t.vault.Begin}
	var operators []*operator.Operator
	for _, o := range []struct {
		name string
		role operator.Role
		pin  []byte
	}{{nameOfficer, operator.Admin, soPIN}, {nameUser, operator.CryptoUser, userPIN}} {
		if len(o.pin) == 0 {
			continue
		}
		op, err := operator.New(i.id, randomID(), o.name, o.role)
		if err != nil {
			return err
		}
		if ssp.Do(func() { op, err = op.WithPIN(o.pin) }); err != nil {
			return err
		}
		operators = append(operators, op)
		puts = append(puts, func() (wire.Put, error) { return t.vault.First(operator.Path(i.id, op.ID), encodeOperator(op)) })
	}
	if first != nil {
		puts = append(puts, func() (wire.Put, error) { return t.vault.First(accessPath(i.id), first.encode) })
	}
	var with []wire.Put
	for _, put := range puts {
		p, err := put()
		if err != nil {
			return err
		}
		with = append(with, p)
	}
	_, err = home.vault.Introduce(partitionPath(i.id), i.id, made.encode, with, func(e vault.Entry) {
		t.vault.Began(e.Revision)
		t.setInfo(&made, e)
		for _, op := range operators {
			t.keep(&member{op, vault.Entry{ID: op.ID, Path: operator.Path(i.id, op.ID), Version: 1, Revision: e.Revision}})
		}
		if first != nil {
			t.setAccess(first, vault.Entry{ID: accessID, Path: accessPath(i.id), Version: 1, Revision: e.Revision})
		}
		t.vault.Join(c)
		c.admit(t)
	})
	return err
}

// freeSlot is one more than the highest that this core has seen since its start, which has seen all: whoever remembers a slot for a moment
// must not meet another partition there.
func (c *Core) freeSlot() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.topSlot + 1
}

// all lists the tenants by slot.
func (c *Core) all() []*tenant {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]*tenant, 0, len(c.tenants))
	for _, t := range c.tenants {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *tenant) int { return int(a.settings().slot) - int(b.settings().slot) })
	return list
}

// partitionList tells everybody what C_GetSlotList tells; more belongs to admins of the domain.
func (m *manager) partitionList() error {
	if err := m.r.End(); err != nil {
		return err
	}
	who := m.at.Who(0)
	list := slices.DeleteFunc(m.core.all(), func(t *tenant) bool { return t.settings().slot == 0 || t.settings().deleted != 0 })
	m.w.U32(uint32(len(list)))
	for _, t := range list {
		i := t.settings()
		count := uint64(0)
		if who != nil && who.Limits == nil || m.at.Who(i.slot) != nil {
			count = uint64(max(0, t.vault.Count()))
		}
		m.w.Bytes(i.id[:])
		m.w.String(i.label)
		m.w.U64(i.slot)
		m.w.U64(i.flags)
		m.w.U64(count)
		m.w.U64(i.maxObjects)
		m.w.U64(i.maxOperators)
		if i.initialized {
			m.w.U64(1)
		} else {
			m.w.U64(0)
		}
	}
	return nil
}

func (m *manager) partitionSet() error {
	id, mask, flags := m.id(), m.r.U64(), m.r.U64()
	objects, operators, label := m.r.U64(), m.r.U64(), m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	if mask == 0 || mask&^(setFlags|setQuotas|setLabel) != 0 || flags&^allFlags != 0 || len(label) > maxLabel {
		return fault.ArgumentsBad.At("set partition")
	}
	c := m.core
	t, err := c.tenantByID(id)
	if err != nil {
		return err
	}
	if err := m.mustAdmin(t); err != nil {
		return err
	}
	if mask&setQuotas != 0 && !m.who.Partition.IsZero() {
		return m.refuse(fault.Denied.At("set quotas: only an admin of the domain may"))
	}
	c.change.Lock()
	defer c.change.Unlock()
	i := *t.settings()
	if mask&setFlags != 0 {
		i.flags = flags&^kindFlags | i.flags&kindFlags
	}
	if mask&setQuotas != 0 {
		i.maxObjects, i.maxOperators = objects, operators
	}
	if mask&setLabel != 0 {
		i.label = label
	}
	return m.done(t, wire.AuditManage, i.label, c.putInfo(t, &i))
}

// putInfo commits the next version of a partition's record.
func (c *Core) putInfo(t *tenant, i *info) error {
	home, err := c.tenant(0)
	if err != nil {
		return err
	}
	if t.id.IsZero() {
		return fault.Unsupported.At("change the domain's own settings")
	}
	t.mu.RLock()
	old := t.entry
	t.mu.RUnlock()
	_, err = home.vault.ChangeThen(old, i.encode, func(e vault.Entry) { t.setInfo(i, e) })
	switch fault.Of(err) {
	case fault.Conflict, fault.OutcomeUnknown: // what is stored decides, as for operators (tenant.reread)
		var stored *info
		e, failed := home.vault.Read(old.Path, t.id, func(plain []byte) (err error) {
			stored, err = decodeInfo(plain)
			return err
		})
		if failed == nil {
			t.setInfo(stored, e)
		}
	}
	return err
}

// partitionDestroy ends a partition: with its record goes the only copy of its key, so all its records are noise. They
// are removed afterwards, which may take a while.
func (m *manager) partitionDestroy() error {
	id, confirm := m.id(), m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	t, err := c.tenantByID(id)
	if err != nil {
		return err
	}
	i := t.settings()
	if i.slot == 0 || confirm != i.label {
		return fault.ArgumentsBad.At("destroy partition: the confirmation is not its label")
	}
	if i.protected && t.vault.Count() > 0 {
		return m.refuse(fault.ActionProhibited.At("destroy partition: it has purge protection and is not empty"))
	}
	c.change.Lock()
	defer c.change.Unlock()
	return c.endTenant(t, func(err error) error { return m.done(t, wire.AuditManage, i.label, err) })
}

// endTenant removes a partition's record, has the outcome noted, and takes its other records away. The caller holds Core.change.
func (c *Core) endTenant(t *tenant, note func(err error) error) error {
	home, err := c.tenant(0)
	if err != nil {
		return err
	}
	t.mu.RLock()
	e := t.entry
	t.mu.RUnlock()
	err = home.vault.RemoveThen(e, func() { c.dismiss(t) })
	if vault.Done(err) {
		c.dismiss(t)
		c.server.Drop(t.id)
	}
	if noted := note(err); noted != nil {
		err = noted
	}
	if !vault.Done(err) && fault.Of(err) != fault.OutcomeUnknown {
		return err
	}
	if _, open := c.tenantByID(t.id); open == nil { // nobody knows whether it is gone
		return err
	}
	t.close()
	if failed := c.sweep(t.id); err == nil {
		err = failed
	}
	return err
}

// sweep removes the records of a partition that is no more.
func (c *Core) sweep(id key.ID) error {
	records, err := c.host.List("r/" + id.String() + "/")
	if err != nil {
		return err
	}
	for len(records) > 0 {
		n := min(len(records), 64)
		txn := &wire.Txn{}
		for _, rec := range records[:n] {
			txn.Deletes = append(txn.Deletes, rec.Path)
		}
		if _, err := c.host.Commit(txn); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// id reads an id given as bytes.
func (m *manager) id() (id key.ID) {
	if copy(id[:], m.r.Bytes()) != len(id) {
		m.r.Fail()
	}
	return id
}
