// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Join tokens: made for an admin, good for one newcomer, once, and not for long.

const (
	minTokenLife = 60
	maxTokenLife = 7 * 24 * 3600
)

// tokenRecord is a token with its place.
type tokenRecord struct {
	*membership.Token
	entry vault.Entry
}

func (m *manager) tokenCreate() error {
	name, kind, life := m.r.String(), m.r.U64(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	if !membership.ValidName(name) || kind != uint64(wire.JoinNode) && kind != uint64(wire.JoinAgent) || life < minTokenLife || life > maxTokenLife {
		return fault.ArgumentsBad.At("create join token: a name of letters, digits, hyphens and dots, and a minute to a week")
	}
	c := m.core
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	c.openDoor()
	shown := wire.JoinToken{Kind: uint8(kind), Domain: c.domain, CA: sha256.Sum256(c.caKey()), Doors: c.doors()}
	if len(shown.Doors) == 0 {
		return fault.DoorUnknown.At("create join token")
	}
	c.change.Lock()
	defer c.change.Unlock()
	tokens, err := c.tokens(t)
	if err != nil {
		return err
	}
	for _, other := range tokens {
		if other.Expires < c.Now() {
			t.vault.Remove(other.entry) // nobody can use it; what fails now is tried with the next one
		} else if other.Kind == membership.Kind(kind) && other.Name == name {
			return fault.MemberExists.At("create join token: there is one for this name")
		}
	}
	if taken, err := c.nameTaken(membership.Kind(kind), name); err != nil || taken {
		if err == nil {
			err = fault.MemberExists.At("create join token")
		}
		return err
	}
	made := &membership.Token{Kind: membership.Kind(kind), Name: name, Expires: c.Now() + int64(life), By: m.who.Operator}
	rand.Read(made.ID[:8])
	shown.ID = made.ID
	var text []byte
	ssp.Do(func() {
		secret := make([]byte, 32)
		rand.Read(secret)
		made.Key = wire.JoinKey(made.ID, secret)
		text = shown.Text(secret)
		clear(secret)
	})
	defer clear(text)
	path := membership.TokenPrefix + made.ID.String()
	_, err = t.vault.Add(path, membership.RecordID(path), made.Encode)
	if err := m.done(t, wire.AuditManage, "join token for "+made.Kind.String()+" "+name, err); err != nil {
		return err
	}
	m.w.Bytes(text)
	return nil
}

// openDoor asks the host to be found by others, where nobody wanted this node so far.
func (c *Core) openDoor() {
	c.cluster.mu.Lock()
	have := c.cluster.address.Door != ""
	c.cluster.mu.Unlock()
	if have {
		return
	}
	door, err := c.host.Member(wire.MemberRequest{Verb: wire.MemberDoor, Node: c.config.Node})
	if err != nil || door == "" {
		return // whoever needs it says so
	}
	c.cluster.mu.Lock()
	c.cluster.address.Door = door
	c.cluster.mu.Unlock()
	c.change.Lock()
	defer c.change.Unlock()
	if err := c.writeAddress(); err != nil {
		c.host.Log(wire.LogWarn, 0, "this node's addresses are not in its record: "+err.Error())
	}
}

// caKey is the SubjectPublicKeyInfo of the domain's CA.
func (c *Core) caKey() []byte {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	if c.cluster.ca == nil {
		return nil
	}
	return c.cluster.ca.SPKI()
}

// doors are where members can be reached, this node first.
func (c *Core) doors() (list []string) {
	nodes := c.members()
	if self := nodes[c.config.Node]; self != nil && self.Door != "" {
		list = append(list, self.Door)
	}
	for id, n := range nodes {
		if id != c.config.Node && n.Door != "" {
			list = append(list, n.Door)
		}
	}
	return list
}

// tokens reads all tokens. One that is refused is reported, and is none.
func (c *Core) tokens(t *tenant) (list []*tokenRecord, err error) {
	records, err := c.host.List(membership.TokenPrefix)
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		if tok, err := takeToken(t, rec); err == nil {
			list = append(list, tok)
		}
	}
	return list, nil
}

func takeToken(t *tenant, rec wire.Record) (tok *tokenRecord, err error) {
	tok = &tokenRecord{}
	tok.entry, err = t.vault.Take(rec, membership.RecordID(rec.Path), func(plain []byte) (err error) {
		tok.Token, err = membership.DecodeToken(plain)
		return err
	})
	if err == nil && rec.Path != membership.TokenPrefix+tok.ID.String() {
		err = fault.RecordInvalid.At("read join token")
	}
	return tok, err
}

// token reads one. RecordUnknown when it was used, revoked, or never there.
func (c *Core) token(t *tenant, id key.ID) (*tokenRecord, error) {
	rec, err := c.host.Load(membership.TokenPrefix + id.String())
	if err != nil {
		return nil, err
	}
	return takeToken(t, rec)
}

// tokenNamed finds one by name or id.
func (m *manager) tokenNamed(t *tenant, name string) (*tokenRecord, error) {
	list, err := m.core.tokens(t)
	if err != nil {
		return nil, err
	}
	for _, tok := range list {
		if tok.Name == name || tok.ID.String() == name {
			return tok, nil
		}
	}
	return nil, fault.MemberUnknown.At("find join token")
}

func (c *Core) nameTaken(kind membership.Kind, name string) (bool, error) {
	if kind == membership.KindNode {
		for _, n := range c.members() {
			if n.Name == name {
				return true, nil
			}
		}
		return false, nil
	}
	list, err := c.allAgents()
	for _, a := range list {
		if a.Name == name {
			return true, err
		}
	}
	return false, err
}

func (m *manager) tokenList() error {
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.core.tenant(0)
	if err != nil {
		return err
	}
	list, err := m.core.tokens(t)
	m.w.U32(uint32(len(list)))
	for _, tok := range list {
		m.w.Bytes(tok.ID[:])
		m.w.String(tok.Name)
		m.w.U64(uint64(tok.Kind))
		m.w.U64(uint64(tok.Expires))
		m.w.Bytes(tok.Fingerprint)
		m.w.U64(uint64(len(tok.Approvals)))
	}
	return err
}

func (m *manager) tokenRevoke() error {
	name := m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	tok, err := m.tokenNamed(t, name)
	if err != nil {
		return err
	}
	return m.done(t, wire.AuditManage, "join token for "+tok.Kind.String()+" "+tok.Name+" revoked", t.vault.Remove(tok.entry))
}

// approve notes that an admin has compared the fingerprint of the newcomer's keys.
func (m *manager) approve() error {
	name, fingerprint := m.r.String(), m.r.Bytes()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	set, err := c.readSettings(t)
	if err != nil {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	tok, err := m.tokenNamed(t, name)
	switch {
	case err != nil:
		return err
	case tok.Expires < c.Now():
		return fault.TokenRefused.At("approve: the token has expired")
	case len(tok.Fingerprint) == 0:
		return fault.ArgumentsBad.At("approve: nobody has shown this token yet")
	case string(tok.Fingerprint) != string(fingerprint):
		return m.refuse(fault.Denied.At("approve: the newcomer has other keys than these"))
	}
	if !slices.Contains(tok.Approvals, m.who.Operator) {
		next := *tok.Token
		next.Approvals = append(slices.Clone(tok.Approvals), m.who.Operator)
		_, err = t.vault.Change(tok.entry, next.Encode)
		if err := m.done(t, wire.AuditManage, "approve node "+tok.Name+" with keys "+string(fingerprint), err); err != nil {
			return err
		}
		tok.Token = &next
	}
	m.w.U64(uint64(len(tok.Approvals)))
	m.w.U64(uint64(set.Approvals))
	return nil
}
