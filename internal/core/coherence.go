// SPDX-License-Identifier: Apache-2.0

package core

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/lease"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// network is how this core speaks to the others': core/peer's Links, or a test's.
type network interface {
	Members() []key.ID // all nodes of the domain, this one among them
	Call(node key.ID, op uint16, body []byte, within int64) ([]byte, error)
}

// coherence keeps what this core knows true (docs/design/coherence.md): it asks the others for leases, tells them of
// changes, and takes in theirs. What is decided, core/lease decides; here are its clocks, messages and goroutines.
type coherence struct {
	network network
	until   atomic.Int64 // when the lease ends. A use of a key loads it, and reads the clock unless it is MaxInt64

	mu      sync.Mutex
	machine *lease.Machine              // guarded by mu: nil while locked
	roster  roster                      // guarded by mu
	broken  bool                        // guarded by mu: the roster's record is withheld
	asking  map[key.ID]bool             // guarded by mu: a question is on its way
	sending map[place]*outgoing         // guarded by mu
	pending map[*lease.Barrier]struct{} // guarded by mu
	news    chan struct{}               // guarded by mu: closed and replaced when a lease or a barrier has moved
	busy    bool                        // guarded by mu: the roster is being looked after
	opened  int64                       // guarded by mu: when the machine began
	shorter int64                       // guarded by mu: since when everybody grants less than may still be in force; 0 for not

	catching sync.Map // key.ID of partitions that are being caught up with in the background
}

// Limits of the clockwork.
const (
	// ticks of asking in the length of a lease: two may be lost.
	ticks = 4

	// maxWait is the longest that a client waits for a change to be in force everywhere.
	maxWait = 10_000_000_000

	// startWait is how long a client of a core that has just started waits for its first lease.
	startWait = 5_000_000_000

	// retryPause between two attempts to reach a node.
	retryPause = 50_000_000

	// tellTime is how long another core may take to take in a change; it may have to read the store.
	tellTime = 2_000_000_000
)

// beginCoherence makes the leases of a domain whose tenants are open. The caller holds change.
func (c *Core) beginCoherence(domain *tenant) error {
	l := &c.coherence
	for _, t := range c.all() {
		t.vault.Join(c)
	}
	l.mu.Lock()
	l.machine = lease.New(c.config.Node, key.ID(c.epoch), domain.vault.Incarnation(), c.began)
	l.asking, l.sending, l.pending = map[key.ID]bool{}, map[place]*outgoing{}, map[*lease.Barrier]struct{}{}
	l.news, l.opened, l.shorter = make(chan struct{}), c.system.Boot(), 0
	l.mu.Unlock()
	if err := c.openRoster(domain); err != nil {
		return err
	}
	c.cluster.links.Tick() // who has links to make need not wait for the next second
	c.beat()
	return nil
}

// endCoherence forgets everything: the module is locked again.
func (c *Core) endCoherence() {
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	l.machine = nil
	l.until.Store(0)
}

// Leased tells whether what this core knows is still true. The only member of a domain pays one load.
func (c *Core) Leased() error {
	until := c.coherence.until.Load()
	if until == math.MaxInt64 || c.system.Boot() < until {
		return nil
	}
	return fault.LeaseExpired.At("check lease")
}

// AwaitLease is Leased for the beginning of a call: a core that has just started gets a moment for its first lease.
func (c *Core) AwaitLease() error {
	l := &c.coherence
	for {
		err := c.Leased()
		if err == nil || l.until.Load() != 0 {
			return err
		}
		l.mu.Lock()
		news, open := l.news, l.machine != nil && c.system.Boot()-l.opened < startWait
		l.mu.Unlock()
		if !open {
			return err
		}
		c.wait(news, startWait/20)
	}
}

// wait returns when ch is closed, or after so long.
func (c *Core) wait(ch <-chan struct{}, most int64) {
	over := make(chan struct{})
	c.system.After(most, func() { close(over) })
	select {
	case <-ch:
	case <-over:
	}
}

// moved wakes who waits. The caller holds mu.
func (l *coherence) moved() {
	l.until.Store(l.machine.Until())
	close(l.news)
	l.news = make(chan struct{})
}

// held is where the ledgers of all open partitions are.
func (c *Core) held() lease.State {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := make(lease.State, len(c.byID))
	for id, t := range c.byID {
		s[id] = t.vault.Counter()
	}
	return s
}

// beat asks all others, looks after the roster, and comes again.
func (c *Core) beat() {
	defer process.LastWords()
	l := &c.coherence
	l.mu.Lock()
	if l.machine == nil {
		l.mu.Unlock()
		return
	}
	length := l.roster.length()
	l.mu.Unlock()
	c.askAll()
	c.lookAfterRoster()
	c.reopen()
	c.system.After(length/ticks, c.beat)
}

// askAll asks every other member that is not being asked already.
func (c *Core) askAll() {
	l := &c.coherence
	for _, id := range l.network.Members() {
		if id == c.config.Node {
			continue
		}
		l.mu.Lock()
		asking := l.asking[id] || l.machine == nil
		if !asking {
			l.asking[id] = true
		}
		l.mu.Unlock()
		if !asking {
			go c.ask(id)
		}
	}
}

// ask compares what this core knows with another, and catches up until it knows as much.
func (c *Core) ask(id key.ID) {
	defer process.LastWords()
	l := &c.coherence
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.asking, id)
	}()
	const rounds = 8 // while changes come faster than questions, one of them is soon in time
	for range rounds {
		held := c.held()
		l.mu.Lock()
		if l.machine == nil {
			l.mu.Unlock()
			return
		}
		sent := c.system.Boot()
		q := l.machine.Ask(sent, held)
		within := l.roster.length() / 2
		l.mu.Unlock()
		var w wire.Writer
		q.Encode(&w)
		body, err := l.network.Call(id, lease.OpAsk, w.B, within)
		if err != nil {
			return
		}
		var a lease.Answer
		r := wire.NewReader(body)
		a.Decode(&r)
		if r.End() != nil {
			return
		}
		l.mu.Lock()
		if l.machine == nil {
			l.mu.Unlock()
			return
		}
		behind := l.machine.Answered(c.system.Boot(), sent, id, q, a)
		l.moved()
		l.mu.Unlock()
		if len(behind) == 0 {
			return
		}
		for _, b := range behind {
			c.catchUp(b.Partition, b.Counter)
		}
	}
}

// catchUp brings a partition to a counter that another core has seen, by the store. What its host withholds stays refused.
func (c *Core) catchUp(partition key.ID, counter uint64) {
	t, err := c.tenantByID(partition)
	if err != nil || t.vault.Counter() >= counter {
		return
	}
	t.vault.Saw(counter)
	if err := t.vault.CatchUp(); err != nil {
		c.host.Log(wire.LogWarn, 0, "partition "+partition.String()+" is behind the other nodes: "+err.Error())
	}
}

// catchUpLater is catchUp in the background, one at a time for each partition.
func (c *Core) catchUpLater(partition key.ID, counter uint64) {
	c.inBackground(partition, func() { c.catchUp(partition, counter) })
}

// hinted is catchUpLater on a host's word, which says where to look and nothing else.
func (c *Core) hinted(partition key.ID, counter uint64) {
	t, err := c.tenantByID(partition)
	if err != nil || t.vault.Counter() >= counter {
		return
	}
	c.inBackground(partition, func() {
		if t.vault.Counter() < counter {
			t.vault.CatchUp()
		}
	})
}

func (c *Core) inBackground(partition key.ID, f func()) {
	if _, under := c.coherence.catching.LoadOrStore(partition, true); under {
		return
	}
	go func() {
		defer process.LastWords()
		defer c.coherence.catching.Delete(partition)
		f()
	}()
}

// asked answers another core's question (lease.OpAsk).
func (c *Core) asked(from key.ID, body []byte) ([]byte, error) {
	var q lease.Ask
	r := wire.NewReader(body)
	q.Decode(&r)
	if err := r.End(); err != nil {
		return nil, err
	}
	held := c.held()
	l := &c.coherence
	l.mu.Lock()
	if l.machine == nil || l.broken {
		l.mu.Unlock()
		return nil, fault.Locked.At("answer for a lease")
	}
	a, ahead, err := l.machine.Asked(c.system.Boot(), from, q, held)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	for _, b := range ahead {
		c.catchUpLater(b.Partition, b.Counter)
	}
	var w wire.Writer
	a.Encode(&w)
	return w.B, nil
}

// told takes in a change of another core (lease.OpTell). Once it is acknowledged this core goes by it.
func (c *Core) told(_ key.ID, body []byte) ([]byte, error) {
	var t lease.Tell
	r := wire.NewReader(body)
	t.Decode(&r)
	if err := r.End(); err != nil {
		return nil, err
	}
	l := &c.coherence
	for {
		open, err := c.tenantByID(t.Partition)
		if err == nil {
			changes := vault.Changes{Counter: t.Counter, Revision: t.Revision, Changes: t.Changes, Head: t.Head}
			for _, rec := range t.Records {
				changes.Records = append(changes.Records, wire.Record{Path: rec.Path, Value: rec.Value, Revision: t.Revision})
			}
			if err := open.vault.TakeIn(changes); err != nil {
				return nil, err
			}
		}
		l.mu.Lock()
		if _, now := c.tenantByID(t.Partition); (now == nil) != (err == nil) { // it was opened or destroyed just now
			l.mu.Unlock()
			continue
		}
		if l.machine == nil {
			l.mu.Unlock()
			return nil, fault.Locked.At("take in a change")
		}
		a := l.machine.Heard(c.system.Boot(), t.Partition, t.Counter)
		l.mu.Unlock()
		var w wire.Writer
		a.Encode(&w)
		return w.B, nil
	}
}

// join admits a partition that was opened while this core runs: it must be where others have seen it.
func (c *Core) join(t *tenant) error {
	l := &c.coherence
	const tries = 8
	for range tries {
		l.mu.Lock()
		known := uint64(0)
		if l.machine != nil {
			known = l.machine.Known(t.id)
		}
		if t.vault.Counter() >= known {
			t.vault.Join(c)
			c.admit(t)
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		t.vault.Saw(known)
		if err := t.vault.CatchUp(); err != nil {
			return err
		}
	}
	return fault.Busy.At("open partition: it changes all the time")
}
