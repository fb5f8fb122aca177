// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// accessTenant reads the slot of a call about roles, or a backup, and asks for the right: an admin, or who was granted this action there, or, of
// a vault, in the domain. Reading needs no more than a login that is not limited, or the action.
func (m *manager) accessTenant(a policy.Action, reads bool) (*tenant, error) {
	return m.accessAt(m.r.U64(), a, reads)
}

func (m *manager) accessAt(slot uint64, a policy.Action, reads bool) (*tenant, error) {
	t, err := m.core.tenant(slot)
	if err != nil {
		return nil, err
	}
	return m.mayAct(t, slot, a, reads)
}

// mayAct is accessTenant for a partition that is known.
func (m *manager) mayAct(t *tenant, slot uint64, a policy.Action, reads bool) (*tenant, error) {
	from := []uint64{slot}
	if t.settings().flags&flagVault != 0 { // a managed HSM's own administrators decide there, and nobody above them
		from = append(from, 0)
	}
	limited := false
	for _, at := range from {
		who := m.at.Who(at)
		if who == nil || at != slot && who.Limits == nil {
			continue
		}
		if limited = limited || who.Limits != nil; who.Limits != nil && policy.May(who, a) == nil || reads && who.Limits == nil {
			m.who = *who
			return t, nil
		}
	}
	if who := m.at.Who(0); limited && (who == nil || who.Limits != nil) { // logged in, and not for this
		return t, m.refuse(fault.Denied.At("act on the partition without a grant"))
	}
	return t, m.mustAdmin(t)
}

func (m *manager) roleList() error {
	t, err := m.accessTenant(policy.RoleRead, true)
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	p := planeOf(t.id)
	list := slices.Concat(p.builtIn, t.rights().roles)
	m.w.U32(uint32(len(list)))
	for i, v := range list {
		m.w.String(v.id)
		m.w.String(v.name)
		m.w.String(v.description)
		m.w.U64(bit(i < len(p.builtIn)))
		putTexts(&m.w, v.actions)
		putTexts(&m.w, v.notActions)
	}
	return nil
}

func bit(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

func (m *manager) rolePut() error {
	t, err := m.accessTenant(policy.RoleWrite, false)
	v := role{m.r.String(), m.r.String(), m.r.String(), texts(&m.r), texts(&m.r)}
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	if _, ok := parseUUID(v.id); !ok || len(v.name) > maxRoleText || v.name == "" || len(v.description) > maxRoleText ||
		len(v.actions)+len(v.notActions) > maxActions {
		return fault.ArgumentsBad.At("put role")
	}
	for _, name := range slices.Concat(v.actions, v.notActions) {
		if _, err := planeOf(t.id).actionOf(name); err != nil {
			return err
		}
	}
	if dataPlane.has(v.id) || controlPlane.has(v.id) {
		return m.refuse(fault.Denied.At("change a built-in role"))
	}
	return m.changeAccess(t, "role "+v.id, func(a *charter) error {
		a.roles = slices.DeleteFunc(a.roles, func(o role) bool { return o.id == v.id })
		if len(a.roles) >= maxRoles {
			return fault.QuotaExceeded.At("put role")
		}
		a.roles = append(a.roles, v)
		return nil
	})
}

func (m *manager) roleRemove() error {
	t, err := m.accessTenant(policy.RoleDelete, false)
	id := m.r.String()
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	if dataPlane.has(id) || controlPlane.has(id) {
		return m.refuse(fault.Denied.At("remove a built-in role"))
	}
	return m.changeAccess(t, "role "+id, func(a *charter) error {
		n := len(a.roles)
		if slices.ContainsFunc(a.assignments, func(v assignment) bool { return v.role == id }) {
			return fault.ActionProhibited.At("remove a role that is assigned")
		}
		if a.roles = slices.DeleteFunc(a.roles, func(v role) bool { return v.id == id }); len(a.roles) == n {
			return fault.ObjectUnknown.At("find role")
		}
		return nil
	})
}

func (m *manager) assignmentList() error {
	t, err := m.accessTenant(policy.AssignmentRead, true)
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	list := t.rights().assignments
	m.w.U32(uint32(len(list)))
	for _, v := range list {
		m.w.String(v.id)
		m.w.String(v.scope)
		m.w.String(v.role)
		m.w.String(uuid(v.principal))
	}
	return nil
}

func (m *manager) assignmentPut() error {
	t, err := m.accessTenant(policy.AssignmentWrite, false)
	v := assignment{id: m.r.String(), scope: m.r.String(), role: m.r.String()}
	principal := m.r.String()
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	_, named := parseUUID(v.id)
	var known bool
	if v.principal, known = parseUUID(principal); !known || !named {
		return fault.ArgumentsBad.At("read ids of assignment")
	}
	if _, err := policy.ParseScope(v.scope); err != nil {
		return err
	}
	if o := t.member(v.principal); t.id.IsZero() && (v.scope != "/" || o == nil || o.Role != operator.Service) {
		return fault.ArgumentsBad.At("assign a role of the domain: to a service identity, for /")
	}
	if _, ok := t.rights().role(planeOf(t.id), v.role); !ok {
		return fault.ObjectUnknown.At("find role")
	}
	if err := m.limit(t, v); err != nil {
		return err
	}
	return m.changeAccess(t, "assignment "+v.id, func(a *charter) error {
		for _, o := range a.assignments {
			if o.id == v.id && o != v {
				return fault.NameTaken.At("put assignment")
			}
		}
		if slices.Contains(a.assignments, v) {
			return nil
		}
		if len(a.assignments) >= maxAssignments {
			return fault.QuotaExceeded.At("put assignment")
		}
		a.assignments = append(a.assignments, v)
		return nil
	})
}

// limit makes an operator of the partition a limited one, before its first grant: a grant that came first would be no limit
// should the second step fail. Its logins end, since they began without a limit.
func (m *manager) limit(t *tenant, v assignment) error {
	o := t.member(v.principal)
	if o == nil || o.Limited {
		return nil
	}
	if o.Role != operator.CryptoUser {
		return fault.ArgumentsBad.At("assign a role to an admin or auditor")
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	return m.done(t, wire.AuditManage, "limit "+o.Name, m.core.limit(t, o.ID))
}

// limit makes a crypto-user of the partition a limited one, if there is such an operator and it is not yet. The caller holds change.
func (c *Core) limit(t *tenant, id key.ID) error {
	o := t.member(id)
	if o == nil || o.Limited || o.Role != operator.CryptoUser {
		return nil
	}
	c.gate.Forget(o.ID)
	err := t.settle(o, o.WithLimit())
	if vault.Done(err) {
		c.server.Revoke(o.ID)
	}
	return err
}

func (m *manager) assignmentRemove() error {
	t, err := m.accessTenant(policy.AssignmentDelete, false)
	id := m.r.String()
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	return m.changeAccess(t, "assignment "+id, func(a *charter) error {
		n := len(a.assignments)
		if a.assignments = slices.DeleteFunc(a.assignments, func(v assignment) bool { return v.id == id }); len(a.assignments) == n {
			return fault.ObjectUnknown.At("find assignment")
		}
		return nil
	})
}

// changeAccess commits what f makes of a copy of the partition's access record.
func (m *manager) changeAccess(t *tenant, text string, f func(a *charter) error) error {
	m.core.change.Lock()
	defer m.core.change.Unlock()
	return m.done(t, wire.AuditManage, text, again(func() error {
		now := t.rights()
		next := &charter{slices.Clone(now.settings), slices.Clone(now.roles), slices.Clone(now.assignments)}
		if err := f(next); err != nil {
			return err
		}
		return t.putAccess(next)
	}))
}
