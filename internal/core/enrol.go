// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/hmac"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Agents come in by a token as nodes do, but get nothing of the domain's: a certificate for seven days, and the next for as long
// as their record stands.

// enrolAgent gives an agent its record and first certificate (wire.AskEnrol).
func (c *Core) enrolAgent(t *tenant, exporter [32]byte, message []byte) ([]byte, error) {
	var ask wire.EnrolRequest
	r := wire.NewReader(message[:max(0, len(message)-32)])
	if ask.Decode(&r); r.End() != nil {
		return nil, fault.Malformed.At("read enrolment")
	}
	if a := c.enrolledBefore(&ask, exporter, message); a != nil {
		return c.enrolled(a, a.TokenKey, exporter)
	}
	tok, err := c.checkToken(t, ask.Token, membership.KindAgent, wire.EnrolAsks, exporter, message)
	if err != nil {
		return nil, c.noteDoor(t, key.ID{}, "enrolment of an agent", err)
	}
	if !membership.ValidIdentity(ask.TLS) {
		return nil, fault.PublicKeyInvalid.At("enrol: the key of an agent is on P-256")
	}
	if taken, err := c.nameTaken(membership.KindAgent, tok.Name); err != nil || taken {
		return nil, fault.MemberExists.At("enrol")
	}
	// The id follows from the token: an agent whose answer was lost is found again.
	a := &membership.Agent{ID: agentID(tok.ID), Name: tok.Name, TLS: clone(ask.TLS), Enrolled: c.Now(), By: tok.By, Token: tok.ID, TokenKey: tok.Key,
		TokenUntil: tok.Expires}
	c.change.Lock()
	path := membership.AgentPrefix + a.ID.String()
	_, err = t.vault.Exchange(tok.entry, path, membership.RecordID(path), a.Encode)
	c.change.Unlock()
	if err := c.noteDoor(t, tok.By, "agent "+a.Name+" enrols as "+a.ID.String(), err); err != nil {
		return nil, err
	}
	return c.enrolled(a, a.TokenKey, exporter)
}

func agentID(token key.ID) key.ID { return membership.RecordID("agent of token " + token.String()) }

func (c *Core) enrolledBefore(ask *wire.EnrolRequest, exporter [32]byte, message []byte) *membership.Agent {
	a, err := c.agent(agentID(ask.Token))
	if err != nil || a.Disabled || a.Token != ask.Token || len(a.TokenKey) == 0 || a.TokenUntil < c.Now() || !hmac.Equal(a.TLS, ask.TLS) {
		return nil
	}
	if _, ok := wire.Authentic(a.TokenKey, wire.EnrolAsks, exporter, message); !ok {
		return nil
	}
	return a.Agent
}

func (c *Core) enrolled(a *membership.Agent, k []byte, exporter [32]byte) ([]byte, error) {
	cert, err := c.agentCertificate(a)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	(&wire.EnrolReply{Agent: a.ID, Name: a.Name, Certificate: cert, Members: c.memberList()}).Encode(&w)
	return wire.Authenticate(k, wire.EnrolAnswers, exporter, w.B), nil
}

func (c *Core) agentCertificate(a *membership.Agent) ([]byte, error) {
	c.cluster.mu.Lock()
	ca := c.cluster.ca
	c.cluster.mu.Unlock()
	return membership.Issue(ca, c.domain, membership.KindAgent, a.ID, a.TLS, c.Now())
}

// renewAgent gives an agent its next certificate (wire.AskRenew). One that slept over the end of its last has its key and its
// record still.
func (c *Core) renewAgent(t *tenant, exporter [32]byte, body []byte) ([]byte, error) {
	var ask wire.ProofRequest
	r := wire.NewReader(body)
	if ask.Decode(&r); r.End() != nil {
		return nil, fault.Malformed.At("read renewal")
	}
	a, err := c.readAgent(ask.ID) // as the store has it now
	if err != nil || a.Disabled {
		if code := fault.Of(err); code == fault.Unavailable || code == fault.Timeout {
			return nil, err
		}
		return nil, c.noteDoor(t, key.ID{}, "renewal by agent "+ask.ID.String(), fault.Denied.At("renew: no such agent, or a disabled one"))
	}
	digest := wire.ProofDigest(wire.AskRenew, ask.ID, exporter)
	if !membership.VerifySignature(a.TLS, digest[:], ask.Signature) {
		return nil, c.noteDoor(t, key.ID{}, "renewal by agent "+a.Name, fault.Denied.At("renew: not its key"))
	}
	cert, err := c.agentCertificate(a.Agent)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	(&wire.RenewReply{Certificate: cert, Members: c.memberList()}).Encode(&w)
	return w.B, nil
}

// allAgents reads every agent's record.
func (c *Core) allAgents() (list []*agentRecord, err error) {
	t, err := c.tenant(0)
	if err != nil {
		return nil, err
	}
	records, err := c.host.List(membership.AgentPrefix)
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		a := &agentRecord{}
		a.entry, err = t.vault.Take(rec, membership.RecordID(rec.Path), func(plain []byte) (err error) {
			a.Agent, err = membership.DecodeAgent(plain)
			return err
		})
		if err == nil && rec.Path == membership.AgentPrefix+a.ID.String() {
			list = append(list, a)
		}
	}
	return list, nil
}

func (m *manager) agentNamed(name string) (*agentRecord, error) {
	list, err := m.core.allAgents()
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Name == name || a.ID.String() == name {
			return a, nil
		}
	}
	return nil, fault.MemberUnknown.At("find agent")
}

func (m *manager) agentList() error {
	if err := m.r.End(); err != nil {
		return err
	}
	list, err := m.core.allAgents()
	m.w.U32(uint32(len(list)))
	for _, a := range list {
		flags := uint64(0) // 1 disabled, 2 has a channel to this node
		if a.Disabled {
			flags |= 1
		}
		if m.core.agents.has(a.ID) {
			flags |= 2
		}
		m.w.Bytes(a.ID[:])
		m.w.String(a.Name)
		m.w.U64(uint64(a.Enrolled))
		m.w.U64(flags)
	}
	return err
}

func (a *agents) has(id key.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open[id]) > 0
}

func (m *manager) agentSet() error {
	name, disabled := m.r.String(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	if disabled > 1 {
		return fault.ArgumentsBad.At("set agent")
	}
	return m.changeAgent(name, func(t *tenant, a *agentRecord) (string, error) {
		next := *a.Agent
		next.Disabled = disabled == 1
		_, err := t.vault.Change(a.entry, next.Encode)
		return map[bool]string{true: " disabled", false: " enabled"}[next.Disabled], err
	})
}

func (m *manager) agentRemove() error {
	name := m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	return m.changeAgent(name, func(t *tenant, a *agentRecord) (string, error) { return " removed", t.vault.Remove(a.entry) })
}

// changeAgent commits a change of an agent's record, and ends its channels here if it may have none now.
func (m *manager) changeAgent(name string, f func(t *tenant, a *agentRecord) (string, error)) error {
	c := m.core
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	a, err := m.agentNamed(name)
	if err != nil {
		return err
	}
	what, err := f(t, a)
	c.agentChanged(a.ID)
	return m.done(t, wire.AuditManage, "agent "+a.Name+what, err)
}
