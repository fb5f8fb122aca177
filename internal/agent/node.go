// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// health is what the agent thinks of a node, best first.
type health uint8

const (
	healthUnknown  health = iota // not heard of yet
	healthUp                     // it answers
	healthRefusing               // it answers that it cannot serve now: locked, without a lease
	healthSuspect                // a check is late: stopped, cut off, or far too busy
	healthDown                   // no connection can be made
)

func (h health) String() string {
	return [...]string{"unknown", "up", "refusing", "suspect", "down"}[h]
}

// node is one member of the cluster, or one address of the configuration until members are known.
type node struct {
	agent   *Agent
	address string
	cost    cost
	flight  atomic.Int64 // calls under way
	calls   atomic.Uint64
	hedged  atomic.Uint64 // calls that another node was asked for as well
	probe   chan struct{} // asks for a health check now
	stop    context.CancelFunc
	suspect atomic.Bool

	mu      sync.Mutex
	name    string             // guarded by mu
	health  health             // guarded by mu
	why     string             // guarded by mu: what it said, or how it failed
	refused time.Time          // guarded by mu: until when it is passed over after a refusal
	spare   []*conn            // guarded by mu: connections on which nothing was said
	open    map[*conn]struct{} // guarded by mu: every connection
	making  int                // guarded by mu: spares being made
	removed bool               // guarded by mu: no member any more
}

func newNode(a *Agent, name, address string) *node {
	return &node{agent: a, name: name, address: address, probe: make(chan struct{}, 1), open: make(map[*conn]struct{})}
}

func (n *node) suspected() bool { return n.suspect.Load() }

// label is what people call the node.
func (n *node) label() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.name
}

func (n *node) rename(name string) {
	n.mu.Lock()
	n.name = name
	n.mu.Unlock()
}

// condition is the node's health as it was last found.
func (n *node) condition() health {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.health
}

// rank is how good a choice the node is, 0 the best.
func (n *node) rank(now time.Time) health {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.health == healthUp && now.Before(n.refused) {
		return healthRefusing
	}
	if n.health == healthUnknown {
		return healthRefusing
	}
	return n.health
}

// score is how long a call there is likely to take, against other nodes.
func (n *node) score() float64 { return n.cost.value() * float64(1+n.flight.Load()) }

// connect gives a connection on which nothing was said: a spare one, or one made now.
func (n *node) connect(ctx context.Context) (*conn, error) {
	for {
		n.mu.Lock()
		last := len(n.spare) - 1
		if last < 0 {
			n.mu.Unlock()
			return n.dial(ctx)
		}
		c := n.spare[last]
		n.spare = n.spare[:last]
		n.mu.Unlock()
		n.refill()
		if !c.stale() {
			return c, nil
		}
		n.drop(c)
	}
}

func (n *node) dial(ctx context.Context) (*conn, error) {
	c, err := n.meet(ctx)
	if err != nil {
		n.check()
	}
	if fault.Of(err) == fault.Locked { // nobody proved it: for a call it is a node that is away
		err = fault.Unavailable.At("agent: connect to a node that is locked")
	}
	return c, err
}

func (n *node) meet(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	stream, err := n.agent.connector.Dial(ctx, n.address)
	if err != nil {
		return nil, err
	}
	c := &conn{stream: stream, node: n, used: time.Now()}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.removed {
		stream.Close()
		return nil, fault.Unavailable.At("agent: connect to a node that was removed")
	}
	n.open[c] = struct{}{}
	return c, nil
}

// drop closes a connection.
func (n *node) drop(c *conn) {
	n.mu.Lock()
	delete(n.open, c)
	n.mu.Unlock()
	c.close()
}

// back takes a connection on which no application was named.
func (n *node) back(c *conn) {
	c.wipe()
	n.mu.Lock()
	if !c.over && !n.removed && len(n.spare) < 4*spares {
		c.used = time.Now()
		n.spare = append(n.spare, c)
		n.mu.Unlock()
		return
	}
	n.mu.Unlock()
	n.drop(c)
}

// refill makes spare connections in the background.
func (n *node) refill() {
	n.mu.Lock()
	want := n.health == healthUp && !n.removed && len(n.spare)+n.making < spares && !n.agent.young()
	if want {
		n.making++
	}
	n.mu.Unlock()
	if !want {
		return
	}
	n.agent.work.Go(func() {
		c, err := n.dial(n.agent.ctx)
		n.mu.Lock()
		n.making--
		n.mu.Unlock()
		if err == nil {
			n.back(c)
			n.refill()
		}
	})
}

// check asks for a health check now.
func (n *node) check() {
	select {
	case n.probe <- struct{}{}:
	default:
	}
}

// becomes notes a change of health. Whoever waits for a suspect node is woken, to ask another.
func (n *node) becomes(h health, why string) {
	n.mu.Lock()
	old := n.health
	n.health, n.why = h, why
	n.suspect.Store(h == healthSuspect || h == healthDown)
	var wake []*conn
	if h != old && h == healthSuspect {
		for c := range n.open {
			wake = append(wake, c)
		}
	}
	n.mu.Unlock()
	for _, c := range wake {
		c.prod()
	}
	if h == old {
		return
	}
	level := slog.LevelInfo
	if h != healthUp {
		level = slog.LevelWarn
	}
	n.agent.log.Log(n.agent.ctx, level, "node is "+h.String(), "node", n.label(), "address", n.address, "why", why)
	if h == healthUp {
		n.refill()
	}
	n.agent.changed()
}

// refuses notes that the node said of itself that it cannot serve now.
func (n *node) refuses(code fault.Code) {
	n.mu.Lock()
	n.refused = time.Now().Add(refusedFor)
	n.why = code.String()
	n.mu.Unlock()
	n.check()
}

// cut closes every connection, so that whatever waits there ends.
func (n *node) cut() {
	n.mu.Lock()
	list := n.open
	n.open, n.spare = make(map[*conn]struct{}), nil
	n.mu.Unlock()
	for c := range list {
		c.stream.Close() // its buffers are its owner's
	}
}

// remove ends a node that is no member any more.
func (n *node) remove() {
	n.mu.Lock()
	n.removed = true
	n.mu.Unlock()
	n.stop()
	n.cut()
}
