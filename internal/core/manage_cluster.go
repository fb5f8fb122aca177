// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strings"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Flags of a member in MEMBERS.
const (
	memberSelf   uint64 = 1
	memberLinked uint64 = 2 // this core has a link to it
	memberWaits  uint64 = 4 // it asked lately to be unlocked
)

// waitsTime is how long a node that asked to be unlocked is shown as waiting.
const waitsTime = 30 * second

// memberTable tells everybody who the members are and where: clients from afar learn there whom else they can ask.
func (m *manager) memberTable() error {
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	nodes := c.members()
	list := make([]*nodeRecord, 0, len(nodes))
	for _, n := range nodes {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *nodeRecord) int { return strings.Compare(a.Name, b.Name) })
	m.w.U32(uint32(len(list)))
	for _, n := range list {
		id, flags := n.Node.Node, uint64(0)
		if id == c.config.Node {
			flags |= memberSelf
		}
		if c.cluster.links.Linked(id) {
			flags |= memberLinked
		}
		if c.waiting(id) {
			flags |= memberWaits
		}
		m.w.Bytes(id[:])
		m.w.String(n.Name)
		m.w.String(n.Door)
		m.w.String(n.Peer)
		m.w.String(n.Keeper)
		m.w.U64(uint64(n.Admitted))
		m.w.U64(flags)
	}
	return nil
}

func (c *Core) waiting(node key.ID) bool {
	now := c.system.Boot()
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	asked, ok := c.cluster.waits[node]
	return ok && now-asked < waitsTime
}

// memberNamed finds a member by name or id.
func (c *Core) memberNamed(name string) (*nodeRecord, error) {
	for id, n := range c.members() {
		if n.Name == name || id.String() == name {
			return n, nil
		}
	}
	return nil, fault.MemberUnknown.At("find member")
}

// nodeUnlock lets a locked node be unlocked by this core, once.
func (m *manager) nodeUnlock() error {
	name := m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	if m.at.Peer.Door != wire.DoorControl || !c.standsStill() {
		if err := m.mustBeDomainAdmin(); err != nil {
			return err
		}
	}
	n, err := c.memberNamed(name)
	if err != nil {
		return err
	}
	if keeper, _ := seal.ParseKeeper(n.Keeper); !keeper.ByPeers() {
		return fault.ArgumentsBad.At("unlock a node: its keeper is " + n.Keeper)
	}
	if err := m.did(nil, wire.AuditManage, "node "+n.Name+" may be unlocked", nil); err != nil {
		return err
	}
	k := &c.cluster
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.allowed == nil {
		k.allowed = map[key.ID]allowance{}
	}
	k.allowed[n.Node.Node] = allowance{m.who.Operator, c.system.Boot() + allowTime}
	return nil
}

// standsStill tells whether this host may have other nodes unlocked without an admin: no admin can log in, since a majority of the
// cores is not there to count wrong PINs, and this host opens the root key by itself, with a file or its TPM, so that it could give
// it to anybody anyway. Else a cluster that lost its power, all but one node of which wait for their peers, would stay locked.
func (c *Core) standsStill() bool {
	if c.Leased() == nil {
		return false
	}
	_, head, err := c.findRoot()
	return err == nil && (head.Keeper == seal.KeeperFile || head.Keeper == seal.KeeperTPM)
}

// memberRemove ends a membership: first in the records, so that no core speaks to it any more, then in the store. Asked again
// with the id, it finishes what was left.
func (m *manager) memberRemove() error {
	name := m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	c.cluster.admitting.Lock()
	defer c.cluster.admitting.Unlock()
	n, err := c.memberNamed(name)
	id, isID := key.ParseID(name)
	if err != nil && !isID {
		return err
	}
	if err == nil {
		id = n.Node.Node
		switch {
		case id == c.config.Node:
			return fault.ArgumentsBad.At("remove a member: this node does not remove itself; ask another")
		case !c.keeperLeft(id):
			return fault.ArgumentsBad.At("remove a member: no other has the root key when all are restarted; give it to another keeper first")
		}
		c.change.Lock()
		err = t.vault.Remove(n.entry)
		for try := 0; fault.Of(err) == fault.InForceLater && try < removeTries; try++ {
			err = c.settle(t) // some may hold a lease still: without the one that goes there may be no majority to say so later
		}
		if err == nil { // all have heard, and are still linked
			c.leaveRoster(t, id)
		}
		if vault.Done(err) {
			c.loseNode(id)
			c.removeIdentity(t, id)
		}
		c.change.Unlock()
		if err := m.done(nil, wire.AuditManage, "node "+n.Name+" removed", err); !vault.Done(err) {
			return err
		}
	}
	_, err = c.host.Member(wire.MemberRequest{Verb: wire.MemberRemove, Node: id})
	return err
}

// removeTries are so many waits for a removal to be in force, of some seconds each.
const removeTries = 3

// keeperLeft tells whether without one node some other still has a keeper of its own: if all waited for each other, a power cut
// would lock the domain for ever.
func (c *Core) keeperLeft(without key.ID) bool {
	for id, n := range c.members() {
		if keeper, _ := seal.ParseKeeper(n.Keeper); id != without && !keeper.ByPeers() {
			return true
		}
	}
	return false
}

// removeIdentity destroys the record of a removed node's keys. It is of no use to anybody now; that it could not be removed is
// no reason to fail.
func (c *Core) removeIdentity(t *tenant, id key.ID) {
	path := membership.IdentityPrefix + id.String()
	e, err := t.vault.Read(path, membership.RecordID(path), func([]byte) error { return nil })
	if err == nil {
		t.vault.Remove(e)
	}
}

// entrustPeers makes the other nodes this one's keeper. The caller holds change.
func (c *Core) entrustPeers(by keeping) error {
	if !c.keeperLeft(c.config.Node) {
		return fault.ArgumentsBad.At("choose keeper peers: no other node would have the root key when all are restarted")
	}
	var doors []string
	for id, n := range c.members() {
		if id != c.config.Node && n.Door != "" {
			doors = append(doors, n.Door)
		}
	}
	return c.savePeers(by.keeper, doors, func() (ssp.Bytes, []byte, error) { return c.identitySecret(by) })
}

// noteKeeper writes into this node's record who keeps its root key. The caller holds change.
func (c *Core) noteKeeper(keeper string) {
	self := c.members()[c.config.Node]
	if self == nil || self.Keeper == keeper {
		return
	}
	next := *self.Node
	next.Keeper = keeper
	if err := c.changeNode(self, &next); err != nil {
		c.host.Log(wire.LogWarn, 0, "the keeper is not noted in the member's record: "+err.Error())
	}
}

func (m *manager) clusterPolicy() error {
	if err := m.r.End(); err != nil {
		return err
	}
	t, err := m.core.tenant(0)
	if err != nil {
		return err
	}
	s, err := m.core.readSettings(t)
	if err != nil {
		return err
	}
	m.w.U64(uint64(s.Approvals))
	m.w.U64(0)
	if s.AutoUnlock {
		m.w.B[len(m.w.B)-8] = 1
	}
	m.w.U64(uint64(s.LeaseMS))
	m.core.mu.RLock()
	birth := m.core.birth
	m.core.mu.RUnlock()
	m.w.Bytes(birth[:])
	return nil
}

// What CLUSTER_SET changes.
const (
	setApprovals  uint64 = 1
	setAutoUnlock uint64 = 2
	setLease      uint64 = 4
)

func (m *manager) clusterSet() error {
	mask, approvals, auto, lease := m.r.U64(), m.r.U64(), m.r.U64(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	if mask == 0 || mask&^(setApprovals|setAutoUnlock|setLease) != 0 || approvals > membership.MaxApprovals || auto > 1 || lease > membership.MaxLeaseMS {
		return fault.ArgumentsBad.At("set the cluster's policy")
	}
	c.change.Lock()
	defer c.change.Unlock()
	old, err := c.readSettings(t)
	if err != nil {
		return err
	}
	next := *old.Settings
	if mask&setApprovals != 0 {
		next.Approvals = uint32(approvals)
	}
	if mask&setAutoUnlock != 0 {
		next.AutoUnlock = auto == 1
	}
	if mask&setLease != 0 {
		next.LeaseMS = uint32(lease)
	}
	if !next.Valid() {
		return fault.ArgumentsBad.At("set the cluster's policy: a lease has 1000 to 60000 ms")
	}
	_, err = t.vault.ChangeThen(old.entry, next.Encode, func(e vault.Entry) {
		c.cluster.mu.Lock()
		c.cluster.settings = settings{&next, e}
		c.cluster.mu.Unlock()
	})
	return m.done(nil, wire.AuditManage, "policy of the cluster", err)
}
