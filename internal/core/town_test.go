// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// town is several whole cores in this process over one store, each with a host that has a real door on loopback. Its hosts
// dial, accept and pass sockets as real ones do.
type town struct {
	t     *testing.T
	store store.Store

	houses []*house

	mu           sync.Mutex
	members      []wire.MemberRequest                           // guarded by mu: what hosts were asked to do to the store's membership
	joined       []wire.JoinedRequest                           // guarded by mu
	refuseJoined bool                                           // guarded by mu: hosts do not start their stores
	between      func(purpose uint8, conn *process.Stream) bool // guarded by mu: somebody in between, who may keep what comes; nil: nobody
}

// house is a node with its door.
type house struct {
	*node
	town   *town
	door   string
	joined chan wire.JoinedRequest
	live   bool // its store is there: a newcomer's is not, until it has joined
}

func newTown(t *testing.T) *town { return &town{t: t, store: memory.New()} }

// house makes a node. One that is not live answers loads as an empty host does.
func (w *town) house(live bool) *house {
	w.t.Helper()
	n := &node{t: w.t, dir: w.t.TempDir(), store: w.store, machine: &machineDouble{exits: make(chan int, 4)}}
	rand.Read(n.id[:])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	h := &house{node: n, town: w, door: l.Addr().String(), live: live}
	w.houses = append(w.houses, h)
	n.outside = h.answer(w)
	h.start(wire.Config{})
	go h.accept(w, l) // who comes before waits in the socket
	return h
}

func (h *house) start(config wire.Config) {
	if h.core != nil {
		h.core.cluster.links.Stop() // the process before is gone
	}
	h.node.start(config)
	var b wire.Writer
	(&wire.NodeAddress{Door: h.door, Peer: "https://" + h.door}).Encode(&b)
	if _, err := h.core.Handle(wire.OpNodeAddress, b.B); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) accept(w *town, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			preface := make([]byte, 5)
			if _, err := io.ReadFull(conn, preface); err != nil || string(preface[:4]) != wire.Preface {
				conn.Close()
				return
			}
			w.mu.Lock()
			between := w.between
			w.mu.Unlock()
			if s := stream(h.t, conn); between == nil || !between(preface[4], s) {
				h.core.Arrived(s, preface[4])
			}
		}()
	}
}

// stream is the core's end of a connection, handed over.
func stream(t *testing.T, conn net.Conn) *process.Stream {
	f, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	s, err := process.NewStream(fd)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what a cluster's host does for its core.
func (h *house) answer(w *town) func(op uint16, body []byte) ([]byte, error, bool) {
	return func(op uint16, body []byte) ([]byte, error, bool) {
		r := wire.NewReader(body)
		switch op {
		case wire.OpDial:
			var ask wire.DialRequest
			ask.Decode(&r)
			conn, err := net.DialTimeout("tcp", ask.Address, 5*time.Second)
			if err != nil {
				return nil, fault.Unavailable, true
			}
			go h.core.Dialled(stream(h.t, conn), ask.ID)
			return nil, nil, true
		case wire.OpMember:
			var ask wire.MemberRequest
			ask.Decode(&r)
			if ask.Verb != wire.MemberDoor {
				w.mu.Lock()
				w.members = append(w.members, ask)
				w.mu.Unlock()
			}
			initial := "initial " + ask.Name
			if ask.Verb == wire.MemberDoor {
				initial = h.door
			}
			var b wire.Writer
			(&wire.MemberReply{Initial: initial}).Encode(&b)
			return b.B, nil, true
		case wire.OpJoined:
			var ask wire.JoinedRequest
			ask.Decode(&r)
			w.mu.Lock()
			if w.refuseJoined {
				w.mu.Unlock()
				return nil, fault.Unavailable, true
			}
			w.joined = append(w.joined, ask)
			h.live = true
			w.mu.Unlock()
			return nil, nil, true
		case wire.OpLoad, wire.OpList, wire.OpCommit, wire.OpFind:
			w.mu.Lock()
			live := h.live
			w.mu.Unlock()
			switch {
			case live:
			case op == wire.OpLoad:
				return nil, fault.RecordUnknown, true
			default:
				return nil, fault.Unavailable, true
			}
		}
		return nil, nil, false
	}
}

// leased waits until a node has a lease, for which links must come up.
func (h *house) leased() {
	h.t.Helper()
	until(h.t, "it has a lease", func() bool {
		for _, other := range h.town.houses {
			other.core.Tick()
		}
		return h.core.Leased() == nil
	})
}

// until waits for a condition.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

func agentKey(t *testing.T) (crypto.Signer, []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k, spki
}

func drawID() (id key.ID) { rand.Read(id[:]); return id }

// peek is the root key of a house's core, for tests that look for it elsewhere.
func (h *house) peek() (root []byte) {
	h.core.mu.RLock()
	defer h.core.mu.RUnlock()
	h.core.root.Use(access.Token{}, func(p []byte) { root = append(root, p...) })
	return root
}
