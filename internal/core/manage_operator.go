// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// What OPERATOR_SET changes.
const (
	setPIN     uint64 = 1
	setUIDs    uint64 = 2
	setDisable uint64 = 4
	setEnable  uint64 = 8
)

// operatorTenant reads the slot and asks for an admin of it.
func (m *manager) operatorTenant(slot uint64) (*tenant, error) {
	t, err := m.core.tenant(slot)
	if err != nil {
		return nil, err
	}
	return t, m.mustAdmin(t)
}

func (m *manager) uids() []uint32 {
	list := make([]uint32, m.r.Count(8))
	for i := range list {
		v := m.r.U64()
		if v > 1<<32-2 { // the last one means "nobody"
			m.r.Fail()
		}
		list[i] = uint32(v)
	}
	return list
}

func (m *manager) operatorCreate() error {
	slot, name, role, pin, uids := m.r.U64(), m.r.String(), m.r.U64(), m.r.Bytes(), m.uids()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.operatorTenant(slot)
	if err != nil {
		return err
	}
	service := role == uint64(operator.Service)
	if name == nameUID || name == nameBearer || role == 0 || role > uint64(operator.Service) || slot == 0 && role == uint64(operator.CryptoUser) ||
		service && (slot != 0 || len(pin)+len(uids) > 0) {
		return fault.ArgumentsBad.At("create operator: name or role")
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	op, err := operator.New(t.id, randomID(), name, operator.Role(role))
	if err == nil {
		op, err = change(op, pin, uids)
	}
	if err != nil {
		return err
	}
	return m.done(t, wire.AuditManage, name, again(func() error {
		if t.named(name) != nil {
			return fault.OperatorExists.At("create operator")
		}
		if uint64(len(t.members())) >= t.settings().maxOperators {
			return fault.QuotaExceeded.At("create operator")
		}
		return t.add(op)
	}))
}

// again does what another node's change may overtake, until it was decided on what is so. It holds for no longer than others
// are busy, and then says Conflict.
func again(f func() error) (err error) {
	const tries = 16
	for range tries {
		if err = f(); fault.Of(err) != fault.Conflict {
			return err
		}
	}
	return err
}

// change gives an operator a PIN and uids, each if there is one.
func change(op *operator.Operator, pin []byte, uids []uint32) (_ *operator.Operator, err error) {
	if len(pin) > 0 {
		if ssp.Do(func() { op, err = op.WithPIN(pin) }); err != nil {
			return nil, err
		}
	}
	if len(uids) > 0 {
		return op.WithUIDs(uids)
	}
	return op, nil
}

func (m *manager) operatorList() error {
	slot := m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.core.tenant(slot)
	if err != nil {
		return err
	}
	if who := m.at.Who(slot); who == nil || who.Role != channel.RoleAuditor { // auditors may read
		if err := m.mustAdmin(t); err != nil {
			return err
		}
	}
	list := t.members()
	slices.SortFunc(list, func(a, b *member) int { return strings.Compare(a.Name, b.Name) })
	m.w.U32(uint32(len(list)))
	for _, o := range list {
		m.w.Bytes(o.ID[:])
		m.w.String(o.Name)
		m.w.U64(uint64(o.Role))
		m.w.U64(uint64(m.core.gate.PINState(o.Operator).Left))
		m.w.U64(operatorFlags(o.Operator))
		m.w.U32(uint32(len(o.UIDs)))
		for _, uid := range o.UIDs {
			m.w.U64(uint64(uid))
		}
	}
	return nil
}

// operatorFlags: 1 disabled, 2 has a PIN.
func operatorFlags(o *operator.Operator) (flags uint64) {
	if o.Disabled {
		flags |= 1
	}
	if o.PIN != nil {
		flags |= 2
	}
	return flags
}

func (m *manager) operatorSet() error {
	slot, name, mask, pin, uids := m.r.U64(), m.r.String(), m.r.U64(), m.r.Bytes(), m.uids()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.operatorTenant(slot)
	if err != nil {
		return err
	}
	if mask == 0 || mask&^(setPIN|setUIDs|setDisable|setEnable) != 0 || mask&setDisable != 0 && mask&setEnable != 0 {
		return fault.ArgumentsBad.At("set operator")
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	var o *member
	err = again(func() (err error) {
		if o = t.named(name); o == nil {
			return fault.UserUnknown.At("set operator")
		}
		next := o.Operator
		if o.Role == operator.Service && mask&(setPIN|setUIDs) != 0 {
			return fault.ArgumentsBad.At("give a service identity a pin or uids")
		}
		if mask&setPIN != 0 {
			if ssp.Do(func() { next, err = next.WithPIN(pin) }); err != nil {
				return err
			}
		}
		if mask&setUIDs != 0 {
			if next, err = next.WithUIDs(uids); err != nil {
				return err
			}
		}
		if mask&(setDisable|setEnable) != 0 {
			next = next.WithDisabled(mask&setDisable != 0)
		}
		m.core.gate.Forget(o.ID)
		return t.settle(o, next)
	})
	if mask&setDisable != 0 && vault.Done(err) {
		m.core.server.Revoke(o.ID) // sessions that are open end with the right to have them
	}
	if o == nil {
		return err // there is nothing to note
	}
	return m.done(t, wire.AuditManage, name, err)
}

func (m *manager) operatorDestroy() error {
	slot, name := m.r.U64(), m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.operatorTenant(slot)
	if err != nil {
		return err
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	o := t.named(name)
	if o == nil {
		return fault.UserUnknown.At("destroy operator")
	}
	if slot == 0 && o.Role == operator.Admin && m.lastAdmin(t, o) {
		return fault.Denied.At("destroy operator: it is the domain's last admin")
	}
	m.core.gate.Forget(o.ID)
	err = again(func() error {
		if o = t.member(o.ID); o == nil {
			return fault.UserUnknown.At("destroy operator")
		}
		return t.remove(o)
	})
	if o == nil {
		return err
	}
	if vault.Done(err) {
		t.lose(o.ID)
		m.core.server.Revoke(o.ID)
	}
	return m.done(t, wire.AuditManage, name, err)
}

func (m *manager) lastAdmin(t *tenant, o *member) bool {
	for _, other := range t.members() {
		if other.ID != o.ID && other.Role == operator.Admin && !other.Disabled {
			return false
		}
	}
	return true
}
