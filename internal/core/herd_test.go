// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/lease"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// herd is several whole cores, each with a real service, over one store, and a network between them that can be cut. It runs
// in a bubble whose time goes on when everybody waits, so that leases run out to the nanosecond.
type herd struct {
	t     *testing.T
	store store.Store
	nodes []*goat
	slot  uint64

	mu   sync.Mutex
	cuts map[[2]int]bool                                 // guarded by mu: from, to
	drop func(from, to int, op uint16, body []byte) bool // guarded by mu

	over  atomic.Bool
	calls atomic.Int64 // between cores
	loads atomic.Int64 // of cores from their hosts
}

// goat is one node of a herd.
type goat struct {
	*node
	herd *herd
	i    int
	down atomic.Bool
	now  atomic.Pointer[Core]                                               // the core that runs
	lies atomic.Pointer[func(op uint16, body []byte) ([]byte, error, bool)] // what its host does instead of its duty
}

// line is a core's end of the network.
type line struct {
	goat *goat
	core *Core
}

func (l *line) Members() []key.ID {
	var list []key.ID
	for id := range l.core.members() {
		list = append(list, id)
	}
	return list
}

func (l *line) Call(id key.ID, op uint16, body []byte, within int64) ([]byte, error) {
	h, from := l.goat.herd, l.goat.i
	to := int(id[1])
	h.calls.Add(1)
	type result struct {
		body []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		time.Sleep(time.Millisecond)
		all, runs := h.all(), l.goat.now.Load()
		if to >= len(all) || runs != nil && runs != l.core || all[to].down.Load() || h.lost(from, to, op, body) {
			return
		}
		target := all[to].now.Load()
		if target == nil {
			return
		}
		var r result
		switch op {
		case lease.OpAsk:
			r.body, r.err = target.asked(l.goat.id, bytes.Clone(body))
		case lease.OpTell:
			r.body, r.err = target.told(l.goat.id, bytes.Clone(body))
		case lease.OpSettled:
			r.body, r.err = target.settled(l.goat.id, bytes.Clone(body))
		}
		time.Sleep(time.Millisecond)
		if !h.lost(to, from, 0, nil) {
			done <- r
		}
	}()
	select {
	case r := <-done:
		return r.body, r.err
	case <-time.After(time.Duration(within)):
		return nil, fault.Timeout
	}
}

func (h *herd) lost(from, to int, op uint16, body []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cuts[[2]int{from, to}] || h.drop != nil && h.drop(from, to, op, body)
}

// cut parts a node from all others, both ways.
func (h *herd) cut(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for j := range h.nodes {
		h.cuts[[2]int{i, j}], h.cuts[[2]int{j, i}] = true, true
	}
}

func (h *herd) heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.cuts)
	h.drop = nil
}

func (h *herd) dropping(f func(from, to int, op uint16, body []byte) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop = f
}

// herding runs f with a herd of so many nodes, all with leases, and one partition.
func herding(t *testing.T, size int, f func(h *herd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &herd{t: t, store: memory.New(), cuts: map[[2]int]bool{}}
		first := h.goat()
		first.begin()
		first.initialize("file", 0, 0)
		for len(h.nodes) < size {
			h.join()
		}
		h.slot = first.partition("p", 0)
		h.leased()
		go h.tick()
		f(h)
		h.end()
	})
}

func (h *herd) goat() *goat {
	i := len(h.nodes)
	g := &goat{node: &node{t: h.t, dir: h.t.TempDir(), store: h.store, machine: &machineDouble{exits: make(chan int, 16)}}, herd: h, i: i}
	g.id = key.ID{0xf, byte(i)}
	rand.Read(g.id[8:])
	g.network = func(c *Core) network { return &line{g, c} }
	g.outside = func(op uint16, body []byte) ([]byte, error, bool) {
		if lie := g.lies.Load(); lie != nil {
			return (*lie)(op, body)
		}
		if op == wire.OpLoad || op == wire.OpList || op == wire.OpFind {
			h.loads.Add(1)
		}
		return nil, nil, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes = append(h.nodes, g)
	return g
}

func (h *herd) all() []*goat {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.nodes)
}

// join admits a node, as core/member's admission does, and starts it with the same keeper.
func (h *herd) join() *goat {
	h.t.Helper()
	first, g := h.nodes[0], h.goat()
	g.machine.keeper = first.machine.keeper
	home, err := first.core.tenant(0)
	if err != nil {
		h.t.Fatal(err)
	}
	own, err := newIdentity()
	if err != nil {
		h.t.Fatal(err)
	}
	n := &membership.Node{Node: g.id, Name: "node" + string(rune('1'+g.i)), TLS: own.tls.SPKI(), KEM: own.kem.Public(), Keeper: "file"}
	path := membership.NodePrefix + g.id.String()
	if _, err := home.vault.Introduce(path, membership.RecordID(path), n.Encode, nil, nil); err != nil {
		h.t.Fatal(err)
	}
	if err := first.core.refreshNodes(); err != nil {
		h.t.Fatal(err)
	}
	for _, name := range []string{"file"} {
		sealed, err := first.core.host.Root(wire.RootGet, name, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		g.seed(name, sealed)
	}
	g.begin()
	h.leased()
	return g
}

// begin starts a core; from now on the others reach it.
func (g *goat) begin() {
	g.now.Store(nil)
	g.start(wire.Config{})
	g.now.Store(g.core)
}

// seed puts a sealed root into the directory of a node that is not there yet.
func (g *goat) seed(keeper string, sealed []byte) {
	svc, err := service.New(g.store, g.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		g.t.Fatal(err)
	}
	defer svc.Close()
	var w wire.Writer
	(&wire.RootRequest{Verb: wire.RootPut, Keeper: keeper, Value: sealed}).Encode(&w)
	if _, err := svc.Handle(wire.OpRoot, w.B); err != nil {
		g.t.Fatal(err)
	}
}

// leased waits until all nodes that are up have leases.
func (h *herd) leased() {
	h.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		missing := -1
		for i, g := range h.nodes {
			if !g.down.Load() && (g.core.Leased() != nil || g.core.coherence.members() != len(h.nodes)) {
				missing = i
			}
		}
		if missing < 0 {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("node %d has no lease: %v, roster of %d", missing, h.nodes[missing].core.Leased(), h.nodes[missing].core.coherence.members())
		}
	}
}

// kill ends a node's core without a word.
func (g *goat) kill() {
	g.down.Store(true)
	g.core.endCoherence()
	g.core.log.Close(g.core.system.Now())
}

// restart starts the next core of a node.
func (g *goat) restart() {
	if !g.down.Load() {
		g.kill()
	}
	g.machine = &machineDouble{keeper: g.machine.keeper, exits: make(chan int, 16)}
	g.begin()
	g.down.Store(false)
}

// tick flushes the counts of uses, as Core.Tick does.
func (h *herd) tick() {
	for !h.over.Load() {
		for _, g := range h.all() {
			if c := g.now.Load(); c != nil && !g.down.Load() {
				c.log.Tick(c.system.Now())
			}
		}
		time.Sleep(time.Second)
	}
}

// end lets everything come to rest, so that the bubble can burst.
func (h *herd) end() {
	h.over.Store(true)
	h.heal()
	for _, g := range h.nodes {
		g.kill()
	}
	time.Sleep(time.Minute)
}

// user is a client of a node that is logged in to the herd's partition with a PIN.
func (g *goat) user() *client.Session {
	g.t.Helper()
	s, err := g.session()
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

func (g *goat) session() (*client.Session, error) {
	s, err := g.client().Open(g.herd.slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte("user-pin"))
	}
	return s, err
}

// byUID logs in to a slot as the operator of a uid, which costs no slow hash.
func (g *goat) byUID(slot uint64, uid uint32) (*client.Session, error) {
	ours, theirs := net.Pipe()
	go g.core.server.Serve(theirs, channel.Peer{UID: uid, PID: 1})
	c := client.New(ours)
	if err := c.Hello(); err != nil {
		return nil, err
	}
	g.t.Cleanup(func() { c.Close() })
	s, err := c.Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "uid", nil)
	}
	return s, err
}

var sha256MAC = client.Mech(key.MechSHA256HMAC)

// newKey makes a token key that signs.
func newKey(t *testing.T, s *client.Session, label string) uint64 {
	t.Helper()
	o, err := s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Bool(key.AttrSign, true),
		client.Text(key.AttrLabel, label), client.ULong(key.AttrValueLen, uint64(32))})
	if err != nil {
		t.Fatal(err)
	}
	return o.Handle
}

func use(s *client.Session, handle uint64) error {
	_, err := s.Sign(sha256MAC, handle, []byte("data"))
	return err
}

// frozen makes a host answer everything as it was at a moment, and keep the news to itself.
func (g *goat) frozen() {
	g.t.Helper()
	var b bytes.Buffer
	if _, err := g.store.Snapshot(context.Background(), &b); err != nil {
		g.t.Fatal(err)
	}
	old := memory.New()
	if err := old.Restore(context.Background(), &b); err != nil {
		g.t.Fatal(err)
	}
	svc, err := service.New(old, g.t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { svc.Close() })
	g.deaf.Store(true)
	lie := func(op uint16, body []byte) ([]byte, error, bool) {
		if op == wire.OpLoad || op == wire.OpList {
			answer, err := svc.Handle(op, body)
			return answer, err, true
		}
		return nil, nil, false
	}
	g.lies.Store(&lie)
}

// parted makes a host that cannot reach its store.
func (g *goat) parted() {
	g.deaf.Store(true)
	lie := func(op uint16, _ []byte) ([]byte, error, bool) {
		switch op {
		case wire.OpLoad, wire.OpList, wire.OpFind, wire.OpCommit:
			return nil, fault.Unavailable, true
		}
		return nil, nil, false
	}
	g.lies.Store(&lie)
}

// thaw makes an honest host of it again.
func (g *goat) thaw() {
	g.deaf.Store(false)
	g.lies.Store(nil)
}
