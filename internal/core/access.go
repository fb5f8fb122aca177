// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// charter is who may do what in a partition, beside its operators' roles (docs/design/identities.md): the plaintext of the
// record at r/<partition>/access. The domain's has the settings of the web doors, and says who
// may make, see and end vaults. A partition without the record has
// granted nothing to anybody, so a host that withholds it takes rights away and gives none.
type charter struct {
	settings    []setting
	roles       []role
	assignments []assignment
}

type setting struct{ name, value string }

// role is a role definition made here; the built-in ones are in roles.go.
type role struct {
	id, name, description string
	actions, notActions   []string
}

// assignment gives a role to an operator for a scope.
type assignment struct {
	id, scope, role string
	principal       key.ID
}

const (
	accessVersion  = 1
	maxRoles       = 100  // Managed HSM allows 50
	maxAssignments = 2000 // and about as many assignments as Azure allows for a subscription
	maxActions     = 100  // names in one role
	maxRoleText    = 1024 // bytes of a name or description
)

func accessPath(partition key.ID) string { return "r/" + partition.String() + "/access" }

// accessID is the access record's name in the partition's ledger, where all others are random.
var accessID = key.ID{'g', 'e', 'n', 'b', 'u', ' ', 'a', 'c', 'c', 'e', 's', 's'}

func (a *charter) encode() []byte {
	var w wire.Writer
	w.U8(accessVersion)
	w.U32(uint32(len(a.settings)))
	for _, s := range a.settings {
		w.String(s.name)
		w.String(s.value)
	}
	w.U32(uint32(len(a.roles)))
	for _, v := range a.roles {
		w.String(v.id)
		w.String(v.name)
		w.String(v.description)
		putTexts(&w, v.actions)
		putTexts(&w, v.notActions)
	}
	w.U32(uint32(len(a.assignments)))
	for _, v := range a.assignments {
		w.String(v.id)
		w.String(v.scope)
		w.String(v.role)
		w.PutID(v.principal)
	}
	return w.B
}

func decodeAccess(b []byte) (*charter, error) {
	r := wire.NewReader(b)
	a := &charter{}
	if r.U8() != accessVersion {
		r.Fail()
	}
	for range r.Count(8) {
		a.settings = append(a.settings, setting{r.String(), r.String()})
	}
	for range r.Count(20) {
		a.roles = append(a.roles, role{r.String(), r.String(), r.String(), texts(&r), texts(&r)})
	}
	for range r.Count(28) {
		a.assignments = append(a.assignments, assignment{r.String(), r.String(), r.String(), r.ID()})
	}
	if r.End() != nil {
		return nil, fault.RecordInvalid.At("read roles and assignments")
	}
	return a, nil
}

func putTexts(w *wire.Writer, list []string) {
	w.U32(uint32(len(list)))
	for _, s := range list {
		w.String(s)
	}
}

func texts(r *wire.Reader) []string {
	list := make([]string, r.Count(4))
	for i := range list {
		list[i] = r.String()
	}
	return list
}

// setting answers a setting of the domain.
func (a *charter) setting(name string) string {
	for _, s := range a.settings {
		if s.name == name {
			return s.value
		}
	}
	return ""
}

// role finds a role definition.
func (a *charter) role(p *plane, id string) (role, bool) {
	for _, list := range [][]role{p.builtIn, a.roles} {
		for _, v := range list {
			if v.id == id {
				return v, true
			}
		}
	}
	return role{}, false
}

// grants are what the assignments give an operator.
func (a *charter) grants(p *plane, operator key.ID) (list []policy.Grant) {
	for _, v := range a.assignments {
		if v.principal != operator {
			continue
		}
		scope, err := policy.ParseScope(v.scope)
		r, ok := a.role(p, v.role)
		if may := p.may(r); err == nil && ok && may != 0 {
			list = append(list, policy.Grant{Scope: scope, Actions: may})
		}
	}
	return list
}

// limitsOf answers the limits of a limited operator, which follow what is assigned from then on; nil for others.
func (t *tenant) limitsOf(o *operator.Operator) *policy.Limits {
	if !o.Limited {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.limits[o.ID]
	if l == nil {
		l = &policy.Limits{}
		l.Set(t.access.grants(planeOf(t.id), o.ID))
		t.limits[o.ID] = l
	}
	return l
}

func (t *tenant) rights() *charter {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.access
}

// setAccess takes in what rests at e; logins that are open follow it at once.
func (t *tenant) setAccess(a *charter, e vault.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Path != "" && e.Version < t.accessAt.Version { // a newer one came first
		return
	}
	t.access, t.accessAt = a, e
	for id, l := range t.limits {
		l.Set(a.grants(planeOf(t.id), id))
	}
}

// loadAccess reads the record. One that is refused is reported by name and grants nothing.
func (t *tenant) loadAccess() error {
	var a *charter
	e, err := t.vault.Read(accessPath(t.id), accessID, func(plain []byte) (err error) {
		a, err = decodeAccess(plain)
		return err
	})
	if err != nil {
		a, e = &charter{}, vault.Entry{}
	}
	t.setAccess(a, e)
	if fault.Of(err) == fault.Unavailable {
		return err
	}
	return nil
}

// putAccess commits the next access record. The caller holds Core.change.
func (t *tenant) putAccess(next *charter) error {
	t.mu.RLock()
	at := t.accessAt
	t.mu.RUnlock()
	var err error
	keep := func(e vault.Entry) { t.setAccess(next, e) }
	if at.Path == "" {
		_, err = t.vault.Introduce(accessPath(t.id), accessID, next.encode, nil, keep)
	} else {
		_, err = t.vault.ChangeThen(at, next.encode, keep)
	}
	switch fault.Of(err) {
	case fault.Conflict, fault.OutcomeUnknown: // what is stored decides, as for operators (tenant.reread)
		if failed := t.loadAccess(); failed != nil {
			return failed
		}
	}
	return err
}

// accessOf finds the tenant whose access record rests at a path.
func (c *Core) accessOf(path string) *tenant {
	for _, t := range c.all() {
		if path == accessPath(t.id) {
			return t
		}
	}
	return nil
}
