// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// news is what a ledger learned of others' changes: which records, and those of them that came along.
type news struct {
	tenant  *tenant
	changes []seal.Change
	records map[string]wire.Record
}

// Learned takes in what others changed (vault.Peers): what this core keeps of it is as the ledger says when it returns, or is
// kept no longer. Records come with the change, or are read; one that its host withholds is as good as gone.
func (c *Core) Learned(p *vault.Partition, changes []seal.Change, records []wire.Record) {
	t, err := c.tenantByID(p.ID)
	if err != nil || t.vault != p {
		return
	}
	n := &news{t, changes, map[string]wire.Record{}}
	for _, rec := range records {
		if len(rec.Value) > 0 {
			n.records[rec.Path] = rec
		}
	}
	relist := false
	for _, ch := range changes {
		rec, given := n.records[operator.Path(t.id, ch.ID)]
		switch known := t.member(ch.ID); {
		case ch.ID == accessID:
			if t.loadAccess() != nil {
				t.stale.Store(true)
			}
		case known != nil && ch.Destroyed:
			c.dropOperator(t, ch.ID)
		case known != nil || given:
			c.refreshOperator(t, ch.ID, rec)
		case ch.First && len(n.records) == 0:
			relist = true // it may be an operator
		}
	}
	if relist {
		c.readOperators(t)
	}
	if t.id.IsZero() {
		c.learnedOfDomain(n)
	}
}

// dropOperator forgets an operator and ends his sessions.
func (c *Core) dropOperator(t *tenant, id key.ID) {
	t.lose(id)
	if gate := c.pinGate(); gate != nil {
		gate.Forget(id)
	}
	c.server.Revoke(id)
}

// insist reads a record that changed until it is the one that the ledger says: others may change it again meanwhile, and a store
// may be between two leaders. What then still is not the right one is reported by name.
func (c *Core) insist(t *tenant, path string, read func() error) error {
	const tries = 10
	var err error
	for range tries {
		switch err = read(); fault.Of(err) {
		case fault.OK, fault.RecordUnknown:
			return err
		case fault.HeadOld:
			t.vault.CatchUp()
		case fault.Unavailable, fault.Timeout, fault.Busy, fault.Conflict, fault.OutcomeUnknown:
			c.wait(nil, retryPause)
		}
	}
	switch fault.Of(err) {
	case fault.RecordOld, fault.RecordRevived, fault.RecordInvalid, fault.HeadOld:
		c.alarm(path, err)
	}
	return err
}

// refreshOperator takes in the version of an operator that the ledger says, from rec where that is it. Until the record can be
// had, the operator is unknown here.
func (c *Core) refreshOperator(t *tenant, id key.ID, rec wire.Record) {
	was := t.member(id)
	var m *member
	err := c.insist(t, operator.Path(t.id, id), func() (err error) {
		version, gone := t.vault.Expect(id)
		if m = t.member(id); m != nil && !gone && m.entry.Version == version {
			return nil
		}
		if m, err = takeOperator(t, id, rec); err != nil {
			m, err = loadOperator(t, id)
		}
		return err
	})
	if err != nil {
		c.dropOperator(t, id)
		if fault.Of(err) != fault.RecordUnknown {
			t.stale.Store(true)
		}
		return
	}
	t.keep(m)
	if m.Disabled || was != nil && endsLogins(was.Operator, m.Operator) {
		c.server.Revoke(id)
	}
}

// endsLogins tells whether a change of an operator ends the logins that are open: those of one that is limited from now on, and of a
// service identity that lost a credential.
func endsLogins(was, is *operator.Operator) bool {
	return was.Limited != is.Limited || is.Role == operator.Service && was.Generation != is.Generation
}

func loadOperator(t *tenant, id key.ID) (*member, error) {
	rec, err := t.vault.Record(operator.Path(t.id, id))
	if err != nil {
		return nil, err
	}
	return takeOperator(t, id, rec)
}

func takeOperator(t *tenant, id key.ID, rec wire.Record) (*member, error) {
	if len(rec.Value) == 0 {
		return nil, fault.RecordUnknown
	}
	var op *operator.Operator
	e, err := t.vault.Peek(rec, id, func(plain []byte) (err error) {
		op, err = operator.Decode(plain)
		return err
	})
	if err == nil && (op.ID != id || op.Partition != t.id) {
		err = fault.RecordInvalid.At("read operator")
	}
	return &member{op, e}, err
}

// readOperators reads all operators of a partition that are not known yet in the version that counts.
func (c *Core) readOperators(t *tenant) {
	t.stale.Store(false)
	records, err := c.host.List(operator.Prefix(t.id))
	if err != nil {
		t.stale.Store(true)
		return
	}
	for _, rec := range records {
		if id, ok := key.ParseID(strings.TrimPrefix(rec.Path, operator.Prefix(t.id))); ok {
			if _, gone := t.vault.Expect(id); !gone {
				c.refreshOperator(t, id, rec)
			}
		}
	}
}

// learnedOfDomain takes in what the domain's own records say: partitions, members, policy, agents.
func (c *Core) learnedOfDomain(n *news) {
	relist, all := false, len(n.records) == 0
	for _, ch := range n.changes {
		known, err := c.tenantByID(ch.ID)
		rec, given := n.records[partitionPath(ch.ID)]
		switch {
		case err == nil && ch.Destroyed:
			c.dropPartition(known)
		case err == nil || given:
			c.refreshPartition(n.tenant, ch.ID, rec)
		case ch.First && all:
			relist = true
		}
		if ch.ID == membership.RecordID(rosterPath) {
			rec, given := n.records[rosterPath]
			if !given {
				c.readRoster(n.tenant, nil)
			} else {
				c.readRoster(n.tenant, &rec)
			}
		}
	}
	if relist {
		c.readPartitions(n.tenant)
	}
	c.learnedOfCluster(n, all)
}

// learnedOfCluster reads members, policy and agents anew where they changed, or may have.
func (c *Core) learnedOfCluster(n *news, all bool) {
	changed := map[key.ID]bool{}
	for _, ch := range n.changes {
		changed[ch.ID] = true
	}
	nodes := all
	for id := range c.members() {
		nodes = nodes || changed[membership.RecordID(membership.NodePrefix+id.String())]
	}
	for path := range n.records {
		nodes = nodes || strings.HasPrefix(path, membership.NodePrefix)
	}
	if nodes {
		if err := c.refreshNodes(); err != nil {
			n.tenant.stale.Store(true)
		}
	}
	if changed[membership.RecordID(membership.SettingsPath)] {
		if s, err := c.openSettings(n.tenant); err == nil {
			c.cluster.mu.Lock()
			c.cluster.settings = s
			c.cluster.mu.Unlock()
		} else {
			n.tenant.stale.Store(true)
		}
	}
	for _, id := range c.agents.all() {
		if changed[membership.RecordID(membership.AgentPrefix+id.String())] {
			c.agentChanged(id)
		}
	}
}

// refreshPartition takes in a partition's record, opening the partition if it is new. What cannot be had in the version that
// counts is not served.
func (c *Core) refreshPartition(home *tenant, id key.ID, rec wire.Record) {
	var i *info
	var e vault.Entry
	err := c.insist(home, partitionPath(id), func() (err error) {
		if i, e, err = takeInfo(home, id, rec); err != nil {
			if rec, err = home.vault.Record(partitionPath(id)); err == nil {
				i, e, err = takeInfo(home, id, rec)
			}
		}
		return err
	})
	if t, failed := c.tenantByID(id); failed == nil {
		if err != nil {
			c.dropPartition(t)
			home.stale.Store(true)
			return
		}
		t.setInfo(i, e)
		if i.deleted != 0 {
			c.server.Drop(id)
		}
		return
	}
	if err == nil {
		err = c.openLate(i, e)
	}
	if err != nil && fault.Of(err) != fault.RecordUnknown {
		c.host.Log(wire.LogWarn, 0, "partition "+id.String()+" is not open yet: "+err.Error())
		home.stale.Store(true)
	}
}

func takeInfo(home *tenant, id key.ID, rec wire.Record) (i *info, e vault.Entry, err error) {
	if len(rec.Value) == 0 {
		return nil, e, fault.RecordUnknown
	}
	e, err = home.vault.Peek(rec, id, func(plain []byte) (err error) {
		i, err = decodeInfo(plain)
		return err
	})
	if err == nil && i.id != id {
		err = fault.RecordInvalid.At("read partition")
	}
	return i, e, err
}

// openLate opens a partition that another node has made.
func (c *Core) openLate(i *info, e vault.Entry) error {
	c.opening.Lock()
	defer c.opening.Unlock()
	if _, err := c.tenantByID(i.id); err == nil {
		return nil
	}
	t, err := c.openTenant(i, e)
	if err != nil {
		return err
	}
	if err := c.join(t); err != nil {
		t.close()
		return err
	}
	return nil
}

// readPartitions opens the partitions that are not open yet.
func (c *Core) readPartitions(home *tenant) {
	records, err := c.host.List(partitionPrefix)
	if err != nil {
		home.stale.Store(true)
		return
	}
	for _, rec := range records {
		id, ok := key.ParseID(strings.TrimPrefix(rec.Path, partitionPrefix))
		if !ok || id.IsZero() {
			continue
		}
		if _, err := c.tenantByID(id); err == nil {
			continue
		}
		if _, gone := home.vault.Expect(id); !gone {
			c.refreshPartition(home, id, rec)
		}
	}
}

// dropPartition stops serving a partition.
func (c *Core) dropPartition(t *tenant) {
	c.dismiss(t)
	c.server.Drop(t.id)
	go func() {
		defer process.LastWords()
		t.close() // waits for what is under way
	}()
}

// reopen tries again what could not be read when it was changed.
func (c *Core) reopen() {
	for _, t := range c.all() {
		if !t.stale.CompareAndSwap(true, false) {
			continue
		}
		go func() {
			defer process.LastWords()
			c.readOperators(t)
			if t.loadAccess() != nil {
				t.stale.Store(true)
			}
			if t.id.IsZero() {
				c.readPartitions(t)
				c.learnedOfCluster(&news{tenant: t, changes: []seal.Change{{ID: membership.RecordID(membership.SettingsPath)}}}, true)
			}
		}()
	}
}

func (c *Core) pinGate() *operator.Gate {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.gate
}
