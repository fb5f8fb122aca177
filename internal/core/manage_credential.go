// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// identityOf finds a service identity by name. Its record is what was there when change was taken, which the caller holds.
func (m *manager) identityOf(t *tenant, name string) (*member, error) {
	o := t.named(name)
	if o == nil {
		return nil, fault.UserUnknown.At("find operator")
	}
	if o.Role != operator.Service {
		return nil, fault.ArgumentsBad.At("give credentials to an operator that is no service identity")
	}
	return o, nil
}

func (m *manager) credentialAdd() error {
	slot, name, kind, material, expires := m.r.U64(), m.r.String(), m.r.U64(), m.r.Bytes(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.operatorTenant(slot)
	if err != nil {
		return err
	}
	var c operator.Credential
	var secret []byte
	switch kind {
	case uint64(operator.ClientSecret):
		ssp.Do(func() { c, secret = operator.NewSecret() })
	case uint64(operator.Certificate):
		c, err = operator.NewCertificate(material)
	case uint64(operator.Federated):
		r := wire.NewReader(material)
		issuer, subject, audience, jwks := r.String(), r.String(), r.String(), r.Bytes()
		if r.End() != nil {
			return fault.Malformed.At("read federated credential")
		}
		c, err = operator.NewFederated(issuer, subject, audience, jwks)
	default:
		err = fault.ArgumentsBad.At("read kind of credential")
	}
	if err != nil {
		return err
	}
	if expires > 1<<40 {
		return fault.ArgumentsBad.At("read expiry of credential")
	}
	c.ID, c.Created, c.Expires = randomID(), m.core.Now(), int64(expires)
	m.core.change.Lock()
	defer m.core.change.Unlock()
	o, err := m.identityOf(t, name)
	if err != nil {
		return err
	}
	next, err := o.WithCredential(c)
	if err != nil {
		return err
	}
	if err := m.done(t, wire.AuditManage, name+" credential "+c.ID.String(), t.settle(o, next)); err != nil {
		return err
	}
	m.w.Bytes(c.ID[:])
	m.w.Bytes(secret)
	clear(secret)
	return nil
}

func (m *manager) credentialList() error {
	slot, name := m.r.U64(), m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.operatorTenant(slot)
	if err != nil {
		return err
	}
	o, err := m.identityOf(t, name)
	if err != nil {
		return err
	}
	m.w.U32(uint32(len(o.Credentials)))
	for _, c := range o.Credentials {
		m.w.Bytes(c.ID[:])
		m.w.U64(uint64(c.Kind))
		m.w.String(c.Hint)
		m.w.U64(uint64(c.Created))
		m.w.U64(uint64(c.Expires))
	}
	return nil
}

func (m *manager) credentialRemove() error {
	slot, name, id := m.r.U64(), m.r.String(), m.id()
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.operatorTenant(slot)
	if err != nil {
		return err
	}
	m.core.change.Lock()
	defer m.core.change.Unlock()
	o, err := m.identityOf(t, name)
	if err != nil {
		return err
	}
	next, err := o.WithoutCredential(id)
	if err != nil {
		return err
	}
	err = t.settle(o, next)
	if vault.Done(err) {
		m.core.server.Revoke(o.ID)
	}
	return m.done(t, wire.AuditManage, name+" credential "+id.String(), err)
}
