// SPDX-License-Identifier: Apache-2.0

// Package cluster is the host's side of membership: it runs the store as one member among others, gives the core
// connections to other cores and takes those that come, and does what the core says about members. Who belongs to the
// domain the core decides (docs/design/cluster.md); this package moves sockets, files and the store (docs/design/members.md).
//
//	c, err := cluster.Open(ctx, config)          // the store answers; or, while the node is joining, there is none yet
//	boundary.Start(... Handle: c.Handle ...)     // for the ops of a cluster; the rest is the service's
//	c.Attach(core)                               // each core that starts is told where its node is reached
//	err = c.Run(ctx)                             // promotes, renews, keeps house, until ctx ends or the node was removed
//
// A lone node listens nowhere. It opens its door when its core wants to be found (a join token was made), and its peer port
// when the first member is to be added, and remembers both.
package cluster

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Config of the host's part in a cluster. Empty addresses are chosen and remembered (address.go).
type Config struct {
	Dir  string // the node's
	Node key.ID

	Listen, Advertise         string // of the door, where connections end in the core: host:port
	PeerListen, PeerAdvertise string // of the store's traffic between members: host:port

	Heartbeat, Election time.Duration // 0: etcd.Tick and etcd.Election

	Version string // of this program, for others to see

	Fatal func(error) // is told why the store ends the process (etcd.Config)
	Log   *slog.Logger
}

// Core is the core that runs now.
type Core interface {
	Call(op uint16, body []byte) ([]byte, error)
	PassArrived(socket *os.File, purpose uint8) error
}

// Dialler is the core that asked for a connection.
type Dialler interface {
	PassDialled(socket *os.File, id key.ID) error
}

// Cluster is one node's part. Make it with Open.
type Cluster struct {
	config Config
	log    *slog.Logger
	store  *Store
	files  etcd.Files

	change     sync.Mutex // held while members or listeners change
	certifying sync.Mutex // held while a certificate is asked for and put in place

	mu    sync.Mutex
	state state        // guarded by mu; written to disk before it counts
	core  Core         // guarded by mu: nil while none runs
	door  net.Listener // guarded by mu: nil while closed

	peerPort net.Listener // guarded by mu: holds the port where the store will listen; nil before it is chosen and from then on

	pending *ecdsa.PrivateKey // guarded by mu: a newcomer's key whose certificate comes with its admission
	ctx     context.Context
}

// ErrRemoved ends a node that the others have removed, ErrDamaged one whose disk has altered the store.
var (
	ErrRemoved = etcd.ErrRemoved
	ErrDamaged = etcd.ErrDamaged
)

// Open starts the store, waiting for a majority where the node is one of several. A node that is joining has none until its core
// says that it was admitted.
func Open(ctx context.Context, config Config) (*Cluster, error) {
	c, err := prepare(ctx, config)
	if err != nil {
		return nil, err
	}
	if c.state.Open {
		if err := c.openDoor(); err != nil {
			return nil, err
		}
	}
	if c.state.Joining {
		return c, c.choosePeer()
	}
	engine, err := etcd.Start(ctx, c.engineConfig())
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("store: %w", c.noteRemoved(err))
	}
	c.store.set(engine)
	return c, nil
}

// prepare reads what this host remembers.
func prepare(ctx context.Context, config Config) (*Cluster, error) {
	if err := durable.Mkdir(filepath.Join(config.Dir, "tls")); err != nil {
		return nil, err
	}
	if err := durable.Sweep(filepath.Join(config.Dir, "tls")); err != nil {
		return nil, err
	}
	s, err := readState(config.Dir)
	if err != nil {
		return nil, err
	}
	if s.Removed {
		return nil, ErrRemoved
	}
	identity := filepath.Join(config.Dir, identityFile)
	return &Cluster{config: config, log: config.Log, state: s, ctx: ctx, store: newStore(),
		files: etcd.Files{Cert: identity, Key: identity, CA: filepath.Join(config.Dir, caFile)}}, nil
}

// Close ends the store and the door.
func (c *Cluster) Close() {
	c.mu.Lock()
	door := c.door
	c.door = nil
	c.mu.Unlock()
	if door != nil {
		door.Close()
	}
	c.releasePeer()
	c.store.Close()
}

// Store is the node's store; while the node is joining it is empty and takes nothing.
func (c *Cluster) Store() *Store { return c.store }

// Joining tells whether the node waits to be admitted.
func (c *Cluster) Joining() bool { return c.current().Joining }

func (c *Cluster) current() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// update writes the changed state to disk before it counts.
func (c *Cluster) update(change func(*state)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.state
	change(&next)
	if err := writeState(c.config.Dir, next); err != nil {
		return err
	}
	c.state = next
	return nil
}

// Attach gives the core that now runs; nil says that it has ended. A newcomer's core is told what it needs to ask for admission
// before Attach returns, and so before anybody has it join.
func (c *Cluster) Attach(core Core) {
	c.mu.Lock()
	c.core = core
	c.mu.Unlock()
	switch {
	case core == nil:
	case c.Joining():
		c.tellAddress()
		if err := c.certify(); err != nil {
			c.log.Warn("the core does not take the host's key", "error", err)
		}
	default:
		go c.tellAddress() // it may wait for a commit
	}
}

func (c *Cluster) attached() (Core, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.core == nil {
		return nil, fault.Unavailable.At("no core runs")
	}
	return c.core, nil
}

// engineConfig is how the store runs by the present state.
func (c *Cluster) engineConfig() etcd.Config {
	s := c.current()
	return etcd.Config{Dir: filepath.Join(c.config.Dir, "store"), Name: c.config.Node.String(), Logger: c.log, Fatal: c.config.Fatal,
		Peer: c.peer(&s), Join: s.Join}
}

func (c *Cluster) peer(s *state) *etcd.Peer {
	if !s.Peers {
		return nil
	}
	return &etcd.Peer{Listen: s.PeerListen, Advertise: "https://" + s.PeerAdvertise, TLS: c.files,
		Tick: c.config.Heartbeat, Election: c.config.Election, Handler: http.HandlerFunc(c.answerPeer)}
}

// Handle answers the ops of a cluster for the core that asks; known is false for all others.
func (c *Cluster) Handle(asker Dialler, op uint16, body []byte) (answer []byte, known bool, err error) {
	r := wire.NewReader(body)
	var w wire.Writer
	switch op {
	case wire.OpDial:
		var ask wire.DialRequest
		if ask.Decode(&r); r.End() != nil {
			return nil, true, fault.Malformed.At("dial")
		}
		err = c.dial(asker, &ask)
	case wire.OpMember:
		var ask wire.MemberRequest
		if ask.Decode(&r); r.End() != nil {
			return nil, true, fault.Malformed.At("member")
		}
		var reply *wire.MemberReply
		if reply, err = c.member(&ask); err == nil {
			reply.Encode(&w)
		}
	case wire.OpJoined:
		var ask wire.JoinedRequest
		if ask.Decode(&r); r.End() != nil {
			return nil, true, fault.Malformed.At("joined")
		}
		err = c.joined(&ask)
	default:
		return nil, false, nil
	}
	if err != nil && fault.Of(err) == fault.Internal {
		c.log.Error("cluster", "op", op, "error", err)
	}
	return w.B, true, err
}

// Run keeps the cluster's house until ctx ends (nil), or the store stops for good: ErrRemoved above all.
func (c *Cluster) Run(ctx context.Context) error {
	go c.keepCertificate(ctx)
	go c.keepDoor(ctx)
	if engine, err := c.store.wait(ctx); err == nil {
		go c.promote(ctx, engine)
		go c.reclaim(ctx, engine)
		select {
		case <-engine.Ended():
			return c.noteRemoved(engine.Err())
		case <-ctx.Done():
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// noteRemoved remembers that this node is no member any more, so that its next start says so at once.
func (c *Cluster) noteRemoved(err error) error {
	if errors.Is(err, ErrRemoved) {
		if err := c.update(func(s *state) { s.Removed = true }); err != nil {
			c.log.Error("cannot note that this node was removed", "error", err)
		}
	}
	return err
}
