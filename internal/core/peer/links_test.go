// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"crypto/rand"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// clock is the real one.
type clock struct{}

func (clock) Boot() int64             { return time.Now().UnixNano() }
func (clock) After(d int64, f func()) { time.AfterFunc(time.Duration(d), f) }
func drawID() (id key.ID)             { rand.Read(id[:]); return id }
func pair(t *testing.T) (a, b *process.Stream) {
	t.Helper()
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []**process.Stream{&a, &b} {
		if *s, err = process.NewStream(fd[i]); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

// world is a domain with its CA, and a network that joins the nodes by their addresses.
type world struct {
	t      *testing.T
	domain key.ID
	ca     *member.SigningKey
	caDER  []byte

	mu    sync.Mutex
	nodes map[string]*Links // by address
	cut   map[string]bool   // addresses that cannot be reached
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, domain: drawID(), nodes: map[string]*Links{}, cut: map[string]bool{}}
	w.ca = signingKey(t)
	der, err := member.NewCA(w.ca, w.domain, time.Now().Unix())
	if err != nil {
		t.Fatal(err)
	}
	w.caDER = der
	return w
}

func signingKey(t *testing.T) *member.SigningKey {
	t.Helper()
	k, err := member.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// identity is what a holder of k shows, as this domain's CA certifies it.
func (w *world) identity(kind member.Kind, id key.ID, k *member.SigningKey) process.Identity {
	w.t.Helper()
	der, err := member.Issue(w.ca, w.domain, kind, id, k.SPKI(), time.Now().Unix())
	if err != nil {
		w.t.Fatal(err)
	}
	return process.Identity{Certificate: der, CA: w.caDER, Key: k}
}

// node makes a node that answers op 16 with who asked.
func (w *world) node(address string) (*Links, *member.SigningKey, Member) {
	w.t.Helper()
	k, id := signingKey(w.t), drawID()
	var l *Links
	l = New(id, clock{}, func(to key.ID, address string) error {
		w.mu.Lock()
		other, cut := w.nodes[address], w.cut[address]
		w.mu.Unlock()
		if other == nil || cut {
			return fault.Unavailable
		}
		go w.carry(func(raw *process.Stream) { l.Dialled(to, raw) }, other)
		return nil
	})
	own := w.identity(member.KindNode, id, k)
	l.Handle(16, func(from key.ID, body []byte) ([]byte, error) { return append(from[:], body...), nil })
	l.Start(w.domain, func() process.Identity { return own })
	w.mu.Lock()
	w.nodes[address] = l
	w.mu.Unlock()
	w.t.Cleanup(l.Stop)
	return l, k, Member{id, address, k.SPKI()}
}

// carry joins a dialler to a node's door, as the two hosts do.
func (w *world) carry(dialled func(*process.Stream), to *Links) {
	a, b := pair(w.t)
	go dialled(a)
	preface := make([]byte, 5)
	if _, err := io.ReadFull(b, preface); err != nil || string(preface[:4]) != wire.Preface {
		b.Close()
		return
	}
	to.Accept(b)
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

// linked ticks a until it has a link to b.
func linked(t *testing.T, a, b *Links) {
	t.Helper()
	eventually(t, "there is a link", func() bool { a.Tick(); return a.Linked(b.Self()) })
}

func TestMembersCallEachOtherAndKnowWhoAsks(t *testing.T) {
	w := newWorld(t)
	a, _, ma := w.node("a")
	b, _, mb := w.node("b")
	c, _, mc := w.node("c")
	all := []Member{ma, mb, mc}
	for _, l := range []*Links{a, b, c} {
		l.SetMembers(all)
	}
	if len(a.Members()) != 3 {
		t.Fatalf("members: %v", a.Members())
	}
	for _, from := range []*Links{a, b, c} {
		for _, to := range []*Links{a, b, c} {
			if from == to {
				continue
			}
			linked(t, from, to)
			self := from.Self()
			answer, err := from.Call(to.Self(), 16, []byte("x"), 10*second)
			if err != nil || string(answer) != string(self[:])+"x" {
				t.Errorf("call: %x %v", answer, err)
			}
		}
	}
	_, err := a.Call(b.Self(), 17, nil, 10*second)
	if fault.Of(err) != fault.Unsupported {
		t.Errorf("an op nobody answers: %v", err)
	}
}

func TestACallEndsWhenItsTimeIsOverAndLaterOnesGoOn(t *testing.T) {
	w := newWorld(t)
	a, _, ma := w.node("a")
	b, _, mb := w.node("b")
	release := make(chan struct{})
	b.Handle(17, func(key.ID, []byte) ([]byte, error) { <-release; return nil, nil })
	a.SetMembers([]Member{ma, mb})
	b.SetMembers([]Member{ma, mb})
	linked(t, a, b)
	if _, err := a.Call(b.Self(), 17, nil, second/20); fault.Of(err) != fault.Timeout {
		t.Errorf("a call without an answer: %v", err)
	}
	if _, err := a.Call(b.Self(), 16, nil, 10*second); err != nil {
		t.Errorf("the next call: %v", err)
	}
	close(release)
}

func TestALinkComesBackAfterTheOtherEndRestarts(t *testing.T) {
	w := newWorld(t)
	a, _, ma := w.node("a")
	b, k, mb := w.node("b")
	a.SetMembers([]Member{ma, mb})
	b.SetMembers([]Member{ma, mb})
	linked(t, a, b)
	b.Stop()
	eventually(t, "the link is gone", func() bool { return !a.Linked(b.Self()) })
	if _, err := a.Call(b.Self(), 16, nil, second); fault.Of(err) != fault.Unavailable {
		t.Errorf("a call without a link: %v", err)
	}
	own := w.identity(member.KindNode, mb.Node, k)
	b.Start(w.domain, func() process.Identity { return own })
	linked(t, a, b)
}

func TestARemovedMemberIsHeardNoMore(t *testing.T) {
	w := newWorld(t)
	a, _, ma := w.node("a")
	b, _, mb := w.node("b")
	a.SetMembers([]Member{ma, mb})
	b.SetMembers([]Member{ma, mb})
	linked(t, b, a)
	called := 0
	a.OnMembersChanged(func() { called++ })
	a.SetMembers([]Member{ma})
	if called != 1 {
		t.Errorf("the change was told %d times", called)
	}
	eventually(t, "its link ended", func() bool { return !b.Linked(a.Self()) })
	refused := make(chan string, 8)
	a.OnLog(func(text string) { refused <- text })
	eventually(t, "it was refused", func() bool { b.Tick(); return len(refused) > 0 })
	if a.Linked(mb.Node) {
		t.Error("a removed member has a link")
	}
}

// TestWhoIsNoMemberGetsNoLink tries every certificate but the right one. The control is the right one.
func TestWhoIsNoMemberGetsNoLink(t *testing.T) {
	w, strange := newWorld(t), newWorld(t)
	strange.domain = w.domain // a CA of the same name, with another key
	a, _, ma := w.node("a")
	k, id := signingKey(t), drawID()
	kb, other := signingKey(t), drawID()
	a.SetMembers([]Member{ma, {id, "", k.SPKI()}, {other, "", kb.SPKI()}})
	transport, _, err := member.IssueTransport(w.ca, w.domain, id, k.SPKI(), []string{"a.example"}, nil, time.Now().Unix())
	if err != nil {
		t.Fatal(err)
	}
	foreign := newWorld(t)
	for _, c := range []struct {
		name string
		show process.Identity
		want bool
	}{
		{"the member itself", w.identity(member.KindNode, id, k), true},
		{"a certificate of another CA", strange.identity(member.KindNode, id, k), false},
		{"another domain's node", foreign.identity(member.KindNode, id, k), false},
		{"an agent's certificate with the same id and key", w.identity(member.KindAgent, id, k), false},
		{"the host's transport certificate", process.Identity{Certificate: transport, CA: w.caDER, Key: k}, false},
		{"a member's certificate with another key than its record has", w.identity(member.KindNode, id, signingKey(t)), false},
		{"a member's key under another member's id", w.identity(member.KindNode, other, k), false},
		{"a node that is no member", w.identity(member.KindNode, drawID(), signingKey(t)), false},
		{"the node's own id", w.identity(member.KindNode, ma.Node, k), false},
	} {
		x, y := pair(t)
		go a.Accept(y)
		conn, err := process.Connect(x, &c.show, process.Trust{CA: w.caDER}, 10*second)
		heard := false
		if err == nil {
			m := wire.NewMux(conn, func(uint16, []byte) ([]byte, error) { return nil, nil })
			go m.Serve()
			_, err = m.Call(16, nil)
			heard = err == nil
		}
		if heard != c.want {
			t.Errorf("%s: heard %t, %v", c.name, heard, err)
		}
		x.Close()
		eventually(t, "the link is gone", func() bool { return !a.Linked(id) })
	}
}

// TestAHostCannotAnswerForACore: who dials a member takes no other's answer, not even another member's.
func TestAHostCannotAnswerForACore(t *testing.T) {
	w, strange := newWorld(t), newWorld(t)
	a, _, ma := w.node("a")
	b, kb, mb := w.node("b")
	_, kc, mc := w.node("c")
	a.SetMembers([]Member{ma, mb, mc})
	b.SetMembers([]Member{ma, mb, mc})
	transport, _, err := member.IssueTransport(w.ca, w.domain, mb.Node, kb.SPKI(), []string{"b.example"}, nil, time.Now().Unix())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		show process.Identity
		want bool
	}{
		{"the node that was dialled", w.identity(member.KindNode, mb.Node, kb), true},
		{"another member", w.identity(member.KindNode, mc.Node, kc), false},
		{"a host with the node's transport certificate", process.Identity{Certificate: transport, CA: w.caDER, Key: kb}, false},
		{"a CA of the host's own", strange.identity(member.KindNode, mb.Node, kb), false},
	} {
		a.mu.Lock()
		a.dials[mb.Node] = &attempt{under: true}
		a.mu.Unlock()
		x, y := pair(t)
		done := make(chan struct{})
		go func() {
			a.Dialled(mb.Node, x)
			close(done)
		}()
		if _, err := io.ReadFull(y, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if conn, err := process.Accept(y, c.show, nil, 10*second); err == nil {
			go wire.NewMux(conn, func(uint16, []byte) ([]byte, error) { return nil, nil }).Serve()
		}
		if c.want {
			eventually(t, c.name, func() bool { return a.Linked(mb.Node) })
		} else if <-done; a.Linked(mb.Node) {
			t.Errorf("%s: it has a link", c.name)
		}
		y.Close()
		eventually(t, "the link is gone", func() bool { return !a.Linked(mb.Node) })
	}
}

func TestSilentHandshakesDoNotKeepOthersOut(t *testing.T) {
	w := newWorld(t)
	a, _, ma := w.node("a")
	b, _, mb := w.node("b")
	a.SetMembers([]Member{ma, mb})
	b.SetMembers([]Member{ma, mb})
	for range maxHandshakes + 40 {
		x, y := pair(t)
		defer x.Close()
		go a.Accept(y)
	}
	eventually(t, "the door is full", func() bool {
		a.hands.mu.Lock()
		defer a.hands.mu.Unlock()
		return len(a.hands.list) == maxHandshakes
	})
	linked(t, b, a)
}
