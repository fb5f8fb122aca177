// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/lease"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// roster is who may hold a lease, and so has a vote on others': one sealed record of the domain, in its change log from the
// first, so that no host can hide it. A node enters itself once its core knows what the others know; it is taken out
// when its member record is destroyed. One node enters or leaves at a time, and only when the step before is in force
// everywhere, so that a majority of before and a majority of after have somebody in common.
type roster struct {
	birth   key.ID   // incarnation of the domain: the roster of a former one is void
	longest int64    // no lease is longer that may still be in force
	nodes   []key.ID // in order
	entry   vault.Entry

	wanted int64 // length of a lease, as the policy says
}

const (
	rosterPath    = "r/00000000000000000000000000000000/v"
	rosterVersion = 1
	maxRoster     = 64
	millisecond   = 1_000_000
)

func (r *roster) length() int64 {
	if r.wanted == 0 || r.longest == 0 {
		return membership.DefaultLease * millisecond
	}
	return min(r.wanted, r.longest)
}

func (r *roster) has(id key.ID) bool { return slices.Contains(r.nodes, id) }

// members is how many nodes share the leases; 0 while locked.
func (l *coherence) members() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.machine == nil {
		return 0
	}
	return len(l.roster.nodes)
}

func (r *roster) encode() []byte {
	var w wire.Writer
	w.U8(rosterVersion)
	w.PutID(r.birth)
	w.U32(uint32(r.longest / millisecond))
	w.U32(uint32(len(r.nodes)))
	for _, id := range r.nodes {
		w.PutID(id)
	}
	return w.B
}

func decodeRoster(b []byte) (roster, error) {
	r := wire.NewReader(b)
	ok := r.U8() == rosterVersion
	v := roster{birth: r.ID(), longest: int64(r.U32()) * millisecond}
	for range r.Count(16) {
		v.nodes = append(v.nodes, r.ID())
	}
	if r.End() != nil || !ok || v.longest <= 0 || v.longest > lease.MaxLength || len(v.nodes) == 0 || len(v.nodes) > maxRoster {
		return v, fault.RecordInvalid.At("read roster")
	}
	return v, nil
}

// openRoster reads the roster, or begins one in a domain of one node.
func (c *Core) openRoster(t *tenant) error {
	err := c.readRoster(t, nil)
	if fault.Of(err) != fault.RecordUnknown {
		return err
	}
	first := roster{birth: t.vault.Incarnation(), longest: c.wantedLease(), nodes: []key.ID{c.config.Node}}
	if members := c.coherence.network.Members(); len(members) != 1 || members[0] != c.config.Node {
		return fault.RecordUnknown.At("read roster: this node is not alone")
	}
	_, err = t.vault.Introduce(rosterPath, membership.RecordID(rosterPath), first.encode, nil, func(e vault.Entry) {
		first.entry = e
		c.setRoster(first)
	})
	if fault.Of(err) == fault.OutcomeUnknown { // settled: it is there, or it is not
		err = c.readRoster(t, nil)
	}
	return err
}

// readRoster takes the roster in from its record, or from rec where that is at hand. While it cannot be had in the version that
// the change log says, this core has no lease and gives none.
func (c *Core) readRoster(t *tenant, rec *wire.Record) error {
	var v roster
	decode := func(plain []byte) (err error) {
		v, err = decodeRoster(plain)
		return err
	}
	var e vault.Entry
	err := error(fault.RecordUnknown)
	if rec != nil {
		e, err = t.vault.Peek(*rec, membership.RecordID(rosterPath), decode)
	}
	if err != nil {
		e, err = t.vault.Read(rosterPath, membership.RecordID(rosterPath), decode)
	}
	switch {
	case err == nil:
		v.entry = e
		if birth := t.vault.Incarnation(); v.birth != birth { // restored: its nodes are those of the domain it was copied from
			return c.renewRoster(t, v)
		}
		c.setRoster(v)
		return nil
	case fault.Of(err) == fault.RecordUnknown && !t.vault.Changed(membership.RecordID(rosterPath)):
		return err
	}
	c.breakRoster(err)
	if fault.Of(err) == fault.RecordUnknown {
		return fault.RecordOld.At("read roster: it is withheld")
	}
	return err
}

// renewRoster begins the roster of a new incarnation, of which this is the first node.
func (c *Core) renewRoster(t *tenant, old roster) error {
	v := roster{birth: t.vault.Incarnation(), longest: c.wantedLease(), nodes: []key.ID{c.config.Node}}
	_, err := t.vault.ChangeThen(old.entry, v.encode, func(e vault.Entry) {
		v.entry = e
		c.setRoster(v)
	})
	return err
}

// wantedLease is the length of a lease that the policy says.
func (c *Core) wantedLease() int64 {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	if s := c.cluster.settings.Settings; s != nil && s.LeaseMS > 0 {
		return int64(s.LeaseMS) * millisecond
	}
	return membership.DefaultLease * millisecond
}

func (c *Core) setRoster(v roster) {
	v.wanted = c.wantedLease()
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.machine == nil || v.entry.Version < l.roster.entry.Version {
		return
	}
	l.roster, l.broken = v, false
	l.machine.SetRoster(c.system.Boot(), lease.Roster{Members: v.nodes, Length: v.length(), Longest: v.longest})
	l.moved()
}

// breakRoster: who takes part is not known, so nothing is.
func (c *Core) breakRoster(err error) {
	c.host.Log(wire.LogError, 0, "the roster of leases is refused: "+err.Error())
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.machine == nil {
		return
	}
	l.broken = true
	l.machine.SetRoster(c.system.Boot(), lease.Roster{Length: l.roster.length(), Longest: lease.MaxLength})
	l.moved()
}

// lookAfterRoster brings the roster up to the members' records and the policy, one step at a time.
func (c *Core) lookAfterRoster() {
	l := &c.coherence
	t, err := c.tenant(0)
	if err != nil {
		return
	}
	l.mu.Lock()
	if l.busy || l.machine == nil {
		l.mu.Unlock()
		return
	}
	now := c.system.Boot()
	old, broken, informed := l.roster, l.broken, l.machine.Informed()
	pledged := len(old.nodes) != 1 || l.machine.Pledged(now, old.nodes[0])
	l.mu.Unlock()
	work := func() error { return c.readRoster(t, nil) }
	if c.wantedLease() >= old.longest {
		l.forgetShorter()
	}
	if !broken {
		next, before := c.nextRoster(t, old, informed && pledged)
		if next == nil {
			if wanted := c.wantedLease(); wanted != old.wanted {
				c.setRoster(old)
			}
			return
		}
		work = func() error { return c.changeRoster(t, old, *next, before) }
	}
	l.mu.Lock()
	l.busy = true
	l.mu.Unlock()
	go func() {
		defer process.LastWords()
		if err := work(); err != nil && fault.Of(err) != fault.Conflict {
			c.host.Log(wire.LogInfo, 0, "roster of leases: "+err.Error())
		}
		l.mu.Lock()
		l.busy = false
		l.mu.Unlock()
	}()
}

// nextRoster is the next step, nil if there is none; settled says that what is known of the domain must be in force first.
func (c *Core) nextRoster(t *tenant, old roster, ready bool) (next *roster, settled bool) {
	v := old
	v.nodes = slices.Clone(old.nodes)
	self, members := c.config.Node, c.coherence.network.Members()
	if !old.has(self) {
		if !ready || !slices.Contains(members, self) || len(old.nodes) == 0 {
			return nil, false
		}
		v.nodes = append(v.nodes, self)
		slices.SortFunc(v.nodes, func(a, b key.ID) int { return slices.Compare(a[:], b[:]) })
		return &v, true
	}
	if c.Leased() != nil {
		return nil, false
	}
	for _, id := range old.nodes { // the first of those that stay does it, so that they need not compete
		if slices.Contains(members, id) {
			if id != self {
				return nil, false
			}
			break
		}
	}
	for _, id := range old.nodes {
		if gone(t, id) && id != self {
			v.nodes = slices.DeleteFunc(v.nodes, func(other key.ID) bool { return other == id })
			return &v, true
		}
	}
	switch wanted := c.wantedLease(); {
	case wanted > old.longest: // before anybody grants so much
		v.longest = wanted
		return &v, false
	case wanted < old.longest: // after everybody has granted less for as long as what was granted before may last
		v.longest = wanted
		return &v, true
	}
	return nil, false
}

// gone tells whether a node's member record was destroyed.
func gone(t *tenant, id key.ID) bool {
	_, gone := t.vault.Expect(membership.RecordID(membership.NodePrefix + id.String()))
	return gone
}

// leaveRoster takes a node out whose member record was destroyed just now, and that in force everywhere: the majority of this
// roster has said so. It must not wait for its turn in lookAfterRoster, which would ask them again: of two nodes the one that goes
// is part of every majority, and no core speaks to it from now on. The node may have entered just before, which this core's ledger
// says and its roster perhaps not yet.
func (c *Core) leaveRoster(t *tenant, id key.ID) {
	l := &c.coherence
	for range rosterTries {
		if err := c.readRoster(t, nil); err != nil {
			c.host.Log(wire.LogInfo, 0, "roster of leases: "+err.Error())
		}
		l.mu.Lock()
		old, ready := l.roster, l.machine != nil && !l.broken
		l.mu.Unlock()
		if !ready || !old.has(id) || !old.has(c.config.Node) {
			return
		}
		next := old
		next.nodes = slices.DeleteFunc(slices.Clone(old.nodes), func(other key.ID) bool { return other == id })
		err := c.changeRoster(t, old, next, false)
		if fault.Of(err) != fault.Conflict { // another node's step came first: from there
			if err != nil {
				c.host.Log(wire.LogInfo, 0, "roster of leases: "+err.Error())
			}
			return
		}
	}
}

// rosterTries: the others stop competing when they see that the node is gone.
const rosterTries = 5

func (l *coherence) forgetShorter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shorter = 0
}

// outlasted tells, having been asked for the first time when all knew of a shorter lease, whether twice the longest has passed
// since.
func (c *Core) outlasted(longest int64) bool {
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	now := c.system.Boot()
	if l.shorter == 0 {
		l.shorter = now
	}
	if now-l.shorter < 2*longest {
		return false
	}
	l.shorter = 0
	return true
}

func (c *Core) changeRoster(t *tenant, old, next roster, settled bool) error {
	if settled {
		if err := c.settle(t); err != nil {
			return err
		}
	}
	if next.longest < old.longest && !c.outlasted(old.longest) {
		return nil
	}
	// Who is about to enter may be removed at this moment, by a node that takes the roster for one without it: it would stay in for
	// good, and count for a majority that is never there again.
	may := func() error {
		for _, id := range next.nodes {
			if gone(t, id) && !old.has(id) {
				return fault.Conflict.At("enter the roster: the node was removed")
			}
		}
		return nil
	}
	_, err := t.vault.ChangeIf(old.entry, next.encode, may, func(e vault.Entry) {
		next.entry = e
		c.setRoster(next)
	})
	if fault.Of(err) == fault.Conflict || fault.Of(err) == fault.OutcomeUnknown {
		c.readRoster(t, nil)
	}
	return err
}
