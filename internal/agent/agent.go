// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
)

// Agent holds what the clients share.
type Agent struct {
	config    *Config
	connector Connector
	log       *slog.Logger
	patience  time.Duration
	epoch     [16]byte // of this run: another one tells a client that its application is gone
	started   time.Time
	ctx       context.Context // ends when nothing may be begun any more
	cancel    context.CancelFunc
	work      sync.WaitGroup // everything in the background

	expect  expectations
	hedges  budget
	large   atomic.Int64  // see link
	queue   atomic.Int64  // calls under way or waiting
	shape   atomic.Uint64 // counts nodes that came up: mirrors are to be made there
	met     atomic.Bool   // a node has answered
	warming chan struct{} // bounds applications that are being mirrored in the background
	nodes   atomic.Pointer[[]*node]

	shifting sync.Mutex // held while members are changed
	leaving  []*node    // guarded by shifting: no members any more, but an application's home

	mu     sync.Mutex
	apps   map[[32]byte]*app // guarded by mu; by the hash of the secret
	appsOf map[uint32]int    // guarded by mu: applications of each uid
	open   map[uint32]int    // guarded by mu: channels of each uid
	count  int               // guarded by mu: channels
	change chan struct{}     // guarded by mu: closed when a node's health changes
	links  map[net.Conn]bool // guarded by mu: clients' channels
}

func newAgent(c *Config, connector Connector, log *slog.Logger) *Agent {
	patience, _ := time.ParseDuration(c.Patience) // finish has checked it
	a := &Agent{config: c, connector: connector, log: log, patience: patience, started: time.Now(),
		apps: make(map[[32]byte]*app), appsOf: make(map[uint32]int), open: make(map[uint32]int),
		change: make(chan struct{}), links: make(map[net.Conn]bool), warming: make(chan struct{}, 4)}
	rand.Read(a.epoch[:])
	a.hedges.tokens = hedgeBurst
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.shape.Store(1)
	a.nodes.Store(new([]*node))
	return a
}

// members are the nodes that calls may go to.
func (a *Agent) members() []*node { return *a.nodes.Load() }

// Introduce takes the agent's end of a client's channel (front/pkcs11.Core). An agent's door has no pipes.
func (a *Agent) Introduce(f, _ *os.File, peer pkcs11.Peer) error {
	conn, err := net.FileConn(f)
	f.Close() // FileConn has its own
	if err != nil {
		return err
	}
	if !a.admit(conn, peer.UID) {
		conn.Close()
		return errCrowd
	}
	a.work.Go(func() {
		defer a.release(conn, peer.UID)
		a.serve(conn, peer)
	})
	return nil
}

func (a *Agent) admit(conn net.Conn, uid uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count >= maxChannels || a.open[uid] >= maxChannelsPerUID || a.ctx.Err() != nil {
		return false
	}
	a.count++
	a.open[uid]++
	a.links[conn] = true
	return true
}

func (a *Agent) release(conn net.Conn, uid uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count--
	delete(a.links, conn)
	if a.open[uid]--; a.open[uid] == 0 {
		delete(a.open, uid)
	}
}

func (a *Agent) applications() []*app {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*app, 0, len(a.apps))
	for _, x := range a.apps {
		list = append(list, x)
	}
	return list
}

// tick drops applications that have been without a channel for the grace time, and what mirrors do not need.
func (a *Agent) tick(now time.Time) {
	for _, x := range a.applications() {
		x.mu.Lock()
		alone := x.channels == 0
		over := alone && now.Sub(x.since) >= grace
		if alone && !x.stateful() && now.Sub(x.since) > lonely { // it would be made anew by ticket
			for _, m := range x.mirrors {
				x.lose(m)
			}
		}
		list := make([]*mirror, 0, len(x.mirrors))
		for _, m := range x.mirrors {
			list = append(list, m)
			clear(m.refused) // a node that was behind may take the ticket now
		}
		x.mu.Unlock()
		if over {
			a.mu.Lock()
			delete(a.apps, x.hash)
			if a.appsOf[x.uid]--; a.appsOf[x.uid] <= 0 {
				delete(a.appsOf, x.uid)
			}
			a.mu.Unlock()
			x.end()
			continue
		}
		for _, m := range list {
			m.trim(now)
		}
	}
	a.shift()
}

// shift sees to nodes that are leaving.
func (a *Agent) shift() {
	a.shifting.Lock()
	defer a.shifting.Unlock()
	a.leave()
}

// young is the agent's first second: what is not needed yet must not stand before what is.
func (a *Agent) young() bool { return time.Since(a.started) < pingEvery }

// observe notes how long a node took for an answer.
func (a *Agent) observe(n *node, k kind, took time.Duration) {
	e := a.expect.of(k)
	n.cost.observe(took, e.typical())
	e.observe(took)
}

// news is closed when a node's health changes.
func (a *Agent) news() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.change
}

func (a *Agent) changed() {
	a.shape.Add(1)
	a.mu.Lock()
	close(a.change)
	a.change = make(chan struct{})
	a.mu.Unlock()
}
