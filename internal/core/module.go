// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/genbu-hsm/genbu/internal/core/audit"
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The small answers that channels ask of their Module.

func (c *Core) Fast() bool      { return c.config.Fast }
func (c *Core) FIPS() bool      { return c.config.FIPS }
func (c *Core) Epoch() [16]byte { return c.epoch }
func (c *Core) Now() int64      { return c.system.Now() / 1_000_000_000 }
func (c *Core) Clock() int64    { return c.system.Now() }
func (c *Core) Boot() int64     { return c.system.Boot() / 1_000_000_000 }

// Flags of CK_TOKEN_INFO (PKCS #11 3.2 section 3.2).
const (
	tokenRNG           uint64 = 0x1
	tokenLoginRequired uint64 = 0x4
	tokenUserPINSet    uint64 = 0x8
	tokenInitialized   uint64 = 0x400
	tokenUserPINLow    uint64 = 0x10000
	tokenUserPINFinal  uint64 = 0x20000
	tokenUserPINLocked uint64 = 0x40000
	tokenOfficerPINLow uint64 = 0x100000
	tokenOfficerFinal  uint64 = 0x200000
	tokenOfficerLocked uint64 = 0x400000
)

// Tokens lists the partitions by slot.
func (c *Core) Tokens() []channel.Token {
	c.mu.RLock()
	slots := make([]uint64, 0, len(c.tenants))
	for slot := range c.tenants {
		if slot != 0 {
			slots = append(slots, slot)
		}
	}
	c.mu.RUnlock()
	slices.Sort(slots)
	list := make([]channel.Token, 0, len(slots))
	for _, slot := range slots {
		if t, err := c.Token(slot); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// Token describes one partition as PKCS #11 sees it.
func (c *Core) Token(slot uint64) (channel.Token, error) {
	t, err := c.tenant(slot)
	if err != nil {
		return channel.Token{}, err
	}
	i := t.settings()
	flags := tokenRNG | tokenLoginRequired
	if i.initialized {
		flags |= tokenInitialized
	}
	flags |= c.pinFlags(t, nameUser, tokenUserPINSet, tokenUserPINLow, tokenUserPINFinal, tokenUserPINLocked)
	flags |= c.pinFlags(t, nameOfficer, 0, tokenOfficerPINLow, tokenOfficerFinal, tokenOfficerLocked)
	free := uint64(0)
	if n := uint64(max(0, t.vault.Count())); n < i.maxObjects {
		free = i.maxObjects - n
	}
	return channel.Token{Slot: slot, Partition: t.id, Label: []byte(i.label), Serial: []byte(t.id.String()[:16]), Flags: flags,
		MinPIN: operator.MinPIN, MaxPIN: operator.MaxPIN, Free: free, Objects: &objects{c, t}}, nil
}

func (c *Core) pinFlags(t *tenant, name string, set, low, final, locked uint64) (flags uint64) {
	m := t.named(name)
	if m == nil || m.PIN == nil {
		return 0
	}
	s := c.gate.PINState(m.Operator)
	flags = set
	if s.Low {
		flags |= low
	}
	if s.Final {
		flags |= final
	}
	if s.Locked {
		flags |= locked
	}
	return flags
}

// Record writes a management act or refusal into the audit log. What was done is on disk before the answer; what was
// refused did nothing, so nobody waits for its entry.
func (c *Core) Record(e channel.AuditEntry) error {
	kind, durable := wire.AuditKey, true
	switch {
	case e.Refused != fault.OK:
		kind, durable = wire.AuditRefusal, false
	case e.Call == wire.CallLogout:
		kind = wire.AuditLogin
	}
	return c.log.Append(wire.AuditEntry{Kind: kind, Time: c.system.Now(), Partition: e.Partition, Operator: e.Operator, Role: uint8(e.Role), Door: e.Peer.Door,
		UID: e.Peer.UID, PID: e.Peer.PID, Call: uint16(e.Call), Object: e.Object, Mechanism: e.Mechanism, Result: e.Refused,
		Request: e.Request}, durable)
}

// Used counts a use, or writes it, as the partition's setting says.
func (c *Core) Used(u channel.Use) error {
	t, err := c.tenantByID(u.Partition)
	if err != nil {
		return err
	}
	var who channel.Identity
	if u.Who != nil {
		who = *u.Who
	}
	call := uint16(u.Call)
	if t.settings().flags&flagAuditEach == 0 {
		return c.log.Count(audit.Use{Partition: t.id, Operator: who.Operator, Object: u.Object, Mechanism: u.Mechanism, Call: call,
			Result: u.Code, Role: uint8(who.Role), Door: u.Peer.Door, UID: u.Peer.UID}, c.system.Now(), c.system.Boot())
	}
	return c.log.Append(wire.AuditEntry{Kind: wire.AuditUse, Time: c.system.Now(), Partition: t.id, Operator: who.Operator,
		Role: uint8(who.Role), Door: u.Peer.Door, UID: u.Peer.UID, PID: u.Peer.PID, Call: call, Object: u.Object, Mechanism: u.Mechanism,
		Result: u.Code, Request: u.Request, Count: 1}, true)
}

// Rest and Open keep the secrets of session objects.

func (c *Core) Rest(o *object.Object, secret []byte) (err error) {
	o.Resting, err = c.rest.Seal(secret, o.ID[:])
	return err
}

func (c *Core) Open(o *object.Object, f func(mech.Material) error) error {
	secret, err := c.rest.Open(o.Resting, o.ID[:])
	if err != nil {
		return err
	}
	defer clear(secret)
	return f(o.Material(secret))
}

// Log tells the operator's log why a request failed.
func (c *Core) Log(request uint64, text string) { c.host.Log(wire.LogInfo, request, text) }

// Fail ends the module: a pair that fails its pairwise test shows a broken algorithm or a broken machine, and there is no
// path around the error state.
func (c *Core) Fail(test string) {
	c.state.Store(uint32(wire.StateError))
	c.host.Log(wire.LogError, 0, "self-test failed: "+test)
	c.erase(wire.ExitSelfTest)
}

// Mark and Marked are a MAC over what clients keep for us, under a key of this run.

func (c *Core) Mark(b []byte) (mac [32]byte) {
	ssp.Do(func() {
		c.mark.Use(access.Token{}, func(p []byte) {
			h := hmac.New(sha256.New, p)
			h.Write(b)
			h.Sum(mac[:0])
		})
	})
	return mac
}

func (c *Core) Marked(b, mac []byte) bool {
	want := c.Mark(b)
	return hmac.Equal(want[:], mac)
}

// objects is a partition's vault as the channels see it.
type objects struct {
	core   *Core
	tenant *tenant
}

func (o *objects) Load(handle uint64) (*object.Object, error) { return o.tenant.vault.Load(handle) }

func (o *objects) Find(q wire.Query, after key.ID, limit int) ([]*object.Object, bool, error) {
	// The vault leaves out what it refuses, so a page may be empty although more follow; a channel goes on after the last
	// object it was given, so pages are read until there is one.
	for {
		found, next, more, err := o.tenant.vault.Find(q, after, limit)
		if err != nil || len(found) > 0 || !more {
			return found, more, err
		}
		after = next
	}
}

func (o *objects) Create(_ channel.Identity, objs []channel.NewObject) ([]*object.Object, error) {
	if i := o.tenant.settings(); uint64(o.tenant.vault.Count())+uint64(len(objs)) > i.maxObjects {
		return nil, fault.QuotaExceeded.At("create object: the partition holds " + strconv.FormatUint(i.maxObjects, 10))
	}
	news := make([]vault.New, len(objs))
	for i, n := range objs {
		news[i] = vault.New{Object: n.Object, Material: n.Material}
	}
	return o.tenant.vault.Create(news)
}

func (o *objects) Update(_ channel.Identity, old, next *object.Object) error {
	_, err := o.tenant.vault.Update(old, next)
	return err
}

func (o *objects) Destroy(_ channel.Identity, obj *object.Object) error {
	return o.tenant.vault.Destroy(obj)
}

func (o *objects) Key(obj *object.Object) (mech.Key, func(), error) {
	k, err := o.tenant.vault.Key(obj)
	return k, func() {}, err
}

func (o *objects) Material(obj *object.Object, f func(mech.Material) error) error {
	return o.tenant.vault.Material(obj, f)
}
