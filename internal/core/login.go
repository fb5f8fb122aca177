// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// nameUID in place of an operator's name, with an empty PIN, asks for a login by the uid that the host asserts.
const nameUID = "uid"

// Login checks who is there: a PIN, or the asserted uid where the partition allows it. Every outcome is in the audit log
// before it is told.
func (c *Core) Login(peer channel.Peer, slot, user uint64, name string, pin []byte) (channel.Identity, []byte, error) {
	t, err := c.tenant(slot)
	if err != nil {
		return channel.Identity{}, nil, err
	}
	if name == nameBearer {
		op, until, err := c.bearer(t, user, pin)
		if err == nil {
			err = c.Leased() // roles that were taken back are
		}
		who, _, err := c.loggedIn(t, peer, wire.CallLogin, op, nil, err)
		who.Until = until
		return who, nil, err
	}
	if t.id.IsZero() && c.Leased() != nil {
		for _, m := range t.members() {
			t.reread(m) // nobody vouches for what is in memory
		}
	}
	op, err := c.authenticate(t, peer, user, name, pin)
	var ticket []byte
	if err == nil {
		ssp.Do(func() { ticket, err = operator.SealTicket(t.key, c.domain, op, peer.UID, c.system.Now()) })
	}
	return c.loggedIn(t, peer, wire.CallLogin, op, ticket, err)
}

// Resume logs in again by a ticket.
func (c *Core) Resume(peer channel.Peer, slot uint64, ticket []byte) (channel.Identity, error) {
	t, err := c.tenant(slot)
	if err != nil {
		return channel.Identity{}, err
	}
	var opened operator.Ticket
	ssp.Do(func() { opened, err = operator.OpenTicket(t.key, c.domain, t.id, ticket, c.system.Now()) })
	var op *operator.Operator
	if err == nil {
		if m := t.member(opened.Operator); m == nil {
			err = fault.TicketInvalid.At("resume login")
		} else {
			op, err = m.Operator, opened.Check(m.Operator)
		}
	}
	who, _, err := c.loggedIn(t, peer, wire.CallResume, op, nil, err)
	return who, err
}

// loggedIn writes the outcome into the audit log, and only then tells it.
func (c *Core) loggedIn(t *tenant, peer channel.Peer, call wire.Call, op *operator.Operator, ticket []byte, err error) (channel.Identity, []byte, error) {
	if err == nil && !(t.id.IsZero() && call == wire.CallLogin) {
		err = c.Leased() // what it was compared with still holds
	}
	e := wire.AuditEntry{Kind: wire.AuditLogin, Time: c.system.Now(), Partition: t.id, Door: peer.Door, UID: peer.UID, PID: peer.PID,
		Call: uint16(call), Result: fault.Of(err)}
	if op != nil {
		e.Operator, e.Role = op.ID, uint8(op.Role)
	}
	if failed := c.log.Append(e, true); failed != nil {
		return channel.Identity{}, nil, failed
	}
	if err != nil {
		return channel.Identity{}, nil, err
	}
	return identity(t, op), ticket, nil
}

// identity is an operator as it acts in a partition. A service identity acts as a crypto-user there, within its limits; in the domain,
// where there are no keys, as what it is.
func identity(t *tenant, op *operator.Operator) channel.Identity {
	role := uint64(op.Role)
	if op.Role == operator.Service && !t.id.IsZero() {
		role = channel.RoleUser
	}
	return channel.Identity{Operator: op.ID, Partition: op.Partition, Name: op.Name, Role: role, Limits: t.limitsOf(op)}
}

// authenticate finds the operator who is meant and checks the evidence. Which operator a failed login meant is answered
// too, for the audit log.
func (c *Core) authenticate(t *tenant, peer channel.Peer, user uint64, name string, pin []byte) (*operator.Operator, error) {
	if name == nameUID && len(pin) == 0 {
		if !peer.Agent.IsZero() {
			return nil, fault.Denied.At("log in by uid: of a remote peer nobody knows it")
		}
		return t.byUID(user, peer.UID)
	}
	named := name != ""
	if before, after, ok := bytes.Cut(pin, []byte{':'}); ok && (!named || string(before) == name) && t.named(string(before)) != nil {
		name, pin, named = string(before), after, true
	}
	if name == "" {
		name = defaultName(t, user)
	}
	m := t.named(name)
	var err error
	if m == nil || !suits(m.Role, user) {
		if !named {
			return nil, fault.PINNotSet.At("log in")
		}
		ssp.Do(func() { err = c.gate.VerifyStranger(t.id, pin, c.system.Boot()) })
		return nil, operator.Blind(err)
	}
	var op *operator.Operator
	ssp.Do(func() { op, err = c.gate.VerifyPIN(m.ID, pin, c.system.Boot()) })
	if err != nil {
		if named {
			err = operator.Blind(err)
		}
		return m.Operator, err
	}
	return op, nil
}

func defaultName(t *tenant, user uint64) string {
	switch {
	case t.id.IsZero():
		return nameAdmin
	case user == channel.UserOfficer:
		return nameOfficer
	}
	return nameUser
}

// suits tells whether a role may log in as a user type of PKCS #11: officers are admins, everybody else is a user. A
// login for one operation is whoever logged in before.
func suits(r operator.Role, user uint64) bool {
	switch user {
	case channel.UserOfficer:
		return r == operator.Admin
	case channel.UserCrypto:
		return r == operator.CryptoUser || r == operator.Auditor
	}
	return true
}

// byUID finds the operator whom a unix uid stands for. The host asserts the uid, so the partition must allow it.
func (t *tenant) byUID(user uint64, uid uint32) (*operator.Operator, error) {
	if t.settings().flags&flagUIDLogin == 0 {
		return nil, fault.Denied.At("log in by uid: the partition does not allow it")
	}
	for _, m := range t.members() {
		if suits(m.Role, user) && m.VerifyUID(uid) == nil {
			return m.Operator, nil
		}
	}
	return nil, fault.Denied.At("log in by uid")
}

// charger is the store as the operator's gate sees it.
type charger struct{ core *Core }

func (c *charger) find(id key.ID) (*tenant, *member) {
	c.core.mu.RLock()
	defer c.core.mu.RUnlock()
	for _, t := range c.core.tenants {
		if m := t.member(id); m != nil {
			return t, m
		}
	}
	return nil, nil
}

// Operator answers the operator as this core knows it. Of several nodes each is told of changes before they are answered, and
// the ledger refuses a Charge over one that it has not heard of.
func (c *charger) Operator(id key.ID) (*operator.Operator, error) {
	if _, m := c.find(id); m != nil {
		return m.Operator, nil
	}
	return nil, fault.UserUnknown
}

// Charge commits the tries used. A node that was lost is not waited for: what it may still do by an older count is to fail.
func (c *charger) Charge(op *operator.Operator, used uint32) error {
	t, m := c.find(op.ID)
	if m == nil || m.Operator != op {
		return fault.Conflict.At("charge a try")
	}
	return t.charge(m, op.WithTries(used))
}
