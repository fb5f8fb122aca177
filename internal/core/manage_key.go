// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// keyShare lets another operator of the partition use an object, or takes that back.
func (m *manager) keyShare() error {
	session, handle, name, on := m.r.U64(), m.r.U64(), m.r.String(), m.r.U64()
	if err := m.r.End(); err != nil || on > 1 {
		return fault.Malformed.At("share key")
	}
	return m.changeObject(session, handle, "share with "+name, func(t *tenant, who *policy.Identity, o *object.Object) (*object.Object, error) {
		if err := policy.Share(who, o); err != nil {
			return nil, err
		}
		op := t.named(name)
		if op == nil {
			return nil, fault.UserUnknown.At("share key")
		}
		return o.WithShared(op.ID, on == 1)
	})
}

// keyState moves a key to another state of SP 800-57.
func (m *manager) keyState() error {
	session, handle, state := m.r.U64(), m.r.U64(), m.r.U64()
	if err := m.r.End(); err != nil || state > uint64(key.StateDestroyed) {
		return fault.Malformed.At("set key state")
	}
	return m.changeObject(session, handle, "state", func(_ *tenant, who *policy.Identity, o *object.Object) (*object.Object, error) {
		if err := policy.SetState(who, o, key.State(state)); err != nil {
			return nil, err
		}
		return o.WithState(key.State(state), m.core.system.Now())
	})
}

// changeObject commits what f makes of a token object that the session sees.
func (m *manager) changeObject(session, handle uint64, text string, f func(*tenant, *policy.Identity, *object.Object) (*object.Object, error)) error {
	o, token, who, err := m.at.Object(session, handle)
	if err != nil {
		return err
	}
	if who == nil {
		return m.refuse(fault.NotLoggedIn.At("change key"))
	}
	m.who = *who
	if !o.Token() {
		return fault.ActionProhibited.At("change key: it is a session object")
	}
	t, err := m.core.tenant(token.Slot)
	if err != nil {
		return err
	}
	next, err := f(t, policyIdentity(who), o)
	if err == nil {
		_, err = t.vault.Update(o, next)
	}
	e := wire.AuditEntry{Kind: wire.AuditKey, Time: m.core.system.Now(), Partition: t.id, Operator: who.Operator, Role: uint8(who.Role),
		Door: m.at.Peer.Door, UID: m.at.Peer.UID, PID: m.at.Peer.PID, Call: uint16(m.call), Object: o.ID, Result: fault.Of(err),
		Request: m.at.Request, Text: text}
	return m.core.noted(e, err)
}

func policyIdentity(who *channel.Identity) *policy.Identity {
	if who == nil {
		return nil
	}
	return who
}
