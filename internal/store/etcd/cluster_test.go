// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/storetest"
)

// patience bounds every wait; nothing here is slow on a machine of its own.
const patience = 60 * time.Second

// cluster is members in one process, each with a directory, a port and a certificate of its own.
type cluster struct {
	t       *testing.T
	ca      *authority
	engines []*Engine
	configs []Config
	ids     []uint64
	next    int
	slow    bool // elections: for who must not see any
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newCluster has n members, grown from one as a node grows: alone first, then with a listener, then with learners.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, ca: newAuthority(t)}
	c.fill(n)
	return c
}

func (c *cluster) fill(n int) {
	t := c.t
	t.Helper()
	config := Config{Dir: t.TempDir(), Name: "node-1"}
	e, err := Start(soon(t), config)
	must(t, err)
	c.keep(e, config)
	config.Peer = c.peer(1)
	must(t, e.Reopen(soon(t), config.Peer))
	must(t, e.SetPeerURL(soon(t), config.Peer.Advertise))
	c.configs[0] = config
	for len(c.engines) < n { // two learners at a time: a second voter would have to be connected for five seconds first
		c.learn(0)
	}
	for _, id := range c.ids[1:] {
		c.promote(0, id)
	}
}

func (c *cluster) keep(e *Engine, config Config) {
	c.engines, c.configs = append(c.engines, e), append(c.configs, config)
	p, err := e.Progress(soon(c.t))
	must(c.t, err)
	c.ids = append(c.ids, p.ID)
	c.t.Cleanup(func() { e.Close() })
}

func (c *cluster) peer(i int) *Peer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(c.t, err)
	defer l.Close()
	at := l.Addr().String()
	p := &Peer{Listen: at, Advertise: "https://" + at, TLS: c.ca.issue(fmt.Sprint("node-", i), time.Hour),
		Tick: 20 * time.Millisecond, Election: 300 * time.Millisecond}
	if c.slow {
		p.Tick, p.Election = 100*time.Millisecond, 3*time.Second
	}
	return p
}

// grow adds a member through the one at index by, and makes it a voter.
func (c *cluster) grow(by int) *Engine {
	c.t.Helper()
	e := c.learn(by)
	c.promote(by, c.ids[len(c.ids)-1])
	return e
}

func (c *cluster) learn(by int) *Engine {
	c.t.Helper()
	c.next = max(c.next, 1) + 1
	p := c.peer(c.next)
	name := fmt.Sprint("node-", c.next)
	_, err := c.engines[by].Add(soon(c.t), name, p.Advertise)
	must(c.t, err)
	config := Config{Dir: c.t.TempDir(), Name: name, Peer: p, Join: []string{c.configs[by].Peer.Advertise}}
	e, err := Start(soon(c.t), config)
	must(c.t, err)
	must(c.t, e.CatchUp(soon(c.t)))
	c.keep(e, config)
	return e
}

func (c *cluster) promote(by int, id uint64) {
	c.t.Helper()
	eventually(c.t, "a promotion", func() bool {
		err := c.engines[by].Promote(soon(c.t), id)
		if err != nil && fault.Of(err) != fault.Busy {
			c.t.Fatal(err)
		}
		return err == nil
	})
}

func (c *cluster) restart(i int) {
	c.t.Helper()
	e, err := Start(soon(c.t), c.configs[i])
	must(c.t, err)
	c.engines[i] = e
	c.t.Cleanup(func() { e.Close() })
}

func (c *cluster) leader() int {
	c.t.Helper()
	at := -1
	eventually(c.t, "a leader", func() bool {
		for i, e := range c.engines {
			if p, err := e.Progress(soon(c.t)); err == nil && p.Leader == p.ID {
				at = i
				return true
			}
		}
		return false
	})
	return at
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("no %s within %v", what, patience)
}

// create writes a new record, as a Txn that may safely be proposed twice.
func create(t testing.TB, e *Engine, path, value string) {
	t.Helper()
	if _, err := e.Txn(soon(t), store.Txn{Compares: []store.Compare{{Path: path}}, Puts: []store.Put{{Path: path, Value: []byte(value)}}}); err != nil {
		t.Fatalf("create %s: %v", path, err)
	}
}

func reads(t testing.TB, e *Engine, path, want string) {
	t.Helper()
	r, err := e.Get(soon(t), path)
	if err != nil || string(r.Value) != want {
		t.Errorf("%s is %q, %v; want %q", path, r.Value, err, want)
	}
}

func TestThreeMembersKeepTheContractAsOne(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, ca: newAuthority(t), slow: true} // a change of leaders may leave the outcome of a plain put unknown
	c.fill(3)
	var all []store.Store
	for _, e := range c.engines {
		all = append(all, e)
	}
	storetest.RunCluster(t, all)
}

func TestAStoreGrowsToFiveAndShrinksToOneWithAllItsRecords(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	create(t, c.engines[0], "first", "1")
	for range 2 {
		reads(t, c.learn(2), "first", "1") // a learner serves, and is added by one that does not lead
	}
	for i, id := range c.ids[1:] {
		c.promote(0, id)
		create(t, c.engines[i+1], fmt.Sprint("by-", i), "x")
	}
	members, err := c.engines[4].Members(soon(t))
	must(t, err)
	voters, leaders := 0, 0
	for _, m := range members {
		if !m.Learner && m.Name != "" {
			voters++
		}
		if m.Leader {
			leaders++
		}
	}
	if len(members) != 5 || voters != 5 || leaders != 1 {
		t.Errorf("members: %+v", members)
	}
	for len(c.engines) > 1 { // the eldest goes, so the leader among them
		gone, id := c.engines[0], c.ids[0]
		c.engines, c.configs, c.ids = c.engines[1:], c.configs[1:], c.ids[1:]
		must(t, c.engines[0].Remove(soon(t), id))
		select {
		case <-gone.Ended():
			if !errors.Is(gone.Err(), ErrRemoved) {
				t.Errorf("a removed member stops with %v", gone.Err())
			}
		case <-time.After(patience):
			t.Fatal("a removed member goes on")
		}
		create(t, c.engines[0], fmt.Sprint("left-", len(c.engines)), "x")
	}
	if err := c.engines[0].Remove(soon(t), c.ids[0]); fault.Of(err) != fault.ArgumentsBad {
		t.Errorf("removal of the last: %v", err)
	}
	for _, path := range []string{"by-0", "by-3", "left-4", "left-1"} {
		reads(t, c.engines[0], path, "x")
	}
	// And it may live alone again, without a listener.
	must(t, c.engines[0].Reopen(soon(t), nil))
	reads(t, c.engines[0], "first", "1")
	create(t, c.engines[0], "alone", "1")
}

func TestAMajorityThatIsLostAndReturns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	create(t, c.engines[0], "a", "1")
	c.engines[1].Close()
	c.engines[2].Close()
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := c.engines[0].Txn(short, store.Txn{Puts: []store.Put{{Path: "a", Value: []byte("2")}}}); err == nil {
		t.Error("one of three writes")
	}
	short, cancel = context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := c.engines[0].Get(short, "a"); err == nil {
		t.Error("one of three gives a confirmed read")
	}
	if all, err := c.engines[0].Members(soon(t)); err != nil || len(all) != 3 {
		t.Errorf("the members cannot be listed without a majority: %v, %v", all, err)
	}
	c.restart(1)
	create(t, c.engines[0], "b", "1")
	c.restart(2)
	for _, e := range c.engines {
		reads(t, e, "b", "1")
	}
}

func TestALeaderThatDiesCostsNoAnswerAndNoRecord(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	at := c.leader()
	other := c.engines[(at+1)%3]
	create(t, other, "before", "1")
	// etcd's own abrupt end: no office is handed over.
	c.engines[at].run.etcd.Server.HardStop()
	path := "after"
	revision, err := other.Txn(soon(t), store.Txn{Compares: []store.Compare{{Path: path}}, Puts: []store.Put{{Path: path, Value: []byte("1")}}})
	if err != nil || revision == 0 {
		t.Errorf("the write that met the leader's end: %d, %v", revision, err)
	}
	reads(t, other, "before", "1")
	reads(t, other, path, "1")
}

func TestADeadMemberIsReplacedWithoutAPause(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.engines[1].Close()
	create(t, c.engines[0], "without", "1")
	must(t, c.engines[0].Remove(soon(t), c.ids[1]))
	e := c.grow(0)
	reads(t, e, "without", "1")
	c.engines[2].Close() // the new one is a voter: with it a majority stands
	create(t, c.engines[0], "with", "1")
	// The dead one comes back from its disk and learns that it is no member any more.
	dead, err := Start(soon(t), c.configs[1])
	if err == nil {
		<-dead.Ended()
		err = dead.Err()
	}
	if !errors.Is(err, ErrRemoved) {
		t.Errorf("the member that was removed while it was down: %v", err)
	}
}

func TestWatchesGoOnOverAReopen(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	c := &cluster{t: t, ca: ca}
	e, err := Start(soon(t), Config{Dir: t.TempDir(), Name: "node-1"})
	must(t, err)
	defer e.Close()
	seen := make(chan string, 100)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan error)
	go func() {
		ended <- e.Watch(ctx, "", 1, func(b store.Batch) error {
			seen <- b.Events[0].Path
			return nil
		})
	}()
	writing := make(chan error)
	go func() { // calls wait for the new run; none fails
		var err error
		for i := 0; i < 200 && err == nil; i++ {
			_, err = e.Txn(soon(t), store.Txn{Puts: []store.Put{{Path: fmt.Sprint("k", i)}}})
		}
		writing <- err
	}()
	p := c.peer(1)
	must(t, e.Reopen(soon(t), p))
	must(t, e.Reopen(soon(t), nil))
	must(t, <-writing)
	for i := range 200 {
		if got := <-seen; got != fmt.Sprint("k", i) {
			t.Fatalf("change %d is %s", i, got)
		}
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
}

func TestAnAddressThatIsTakenCostsNoStore(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, ca: newAuthority(t)}
	e, err := Start(soon(t), Config{Dir: t.TempDir(), Name: "node-1"})
	must(t, err)
	defer e.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	p := c.peer(1)
	p.Listen = taken.Addr().String()
	if err := e.Reopen(soon(t), p); err == nil {
		t.Error("reopened at an address that is taken")
	}
	create(t, e, "a", "1")
}

func TestOnlyMembersSpeakToMembersAndEachAsItself(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	removed, third := c.configs[1].Peer.TLS, c.engines[2]
	must(t, third.Remove(soon(t), c.ids[1]))
	at := c.configs[0].Peer.Advertise
	ask := func(f Files, header ...string) int {
		request, _ := http.NewRequest(http.MethodGet, at+"/members", nil)
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		r, err := f.Client().Do(request)
		if err != nil {
			return 0
		}
		closeBody(r)
		return r.StatusCode
	}
	own := fmt.Sprintf("%x", c.ids[2])
	member := c.configs[2].Peer.TLS
	stranger := newAuthority(t).issue("node-3", time.Hour)
	stranger.CA = member.CA
	for _, x := range []struct {
		who  string
		got  int
		want int
	}{
		{"a member", ask(member), http.StatusOK},
		{"a member as itself", ask(member, "X-Server-From", own), http.StatusOK},
		{"a member as another", ask(member, "X-Server-From", fmt.Sprintf("%x", c.ids[0])), http.StatusForbidden},
		{"a member as nobody", ask(member, "X-Server-From", "zz"), http.StatusForbidden},
		{"a removed member", ask(removed), http.StatusForbidden},
		{"a removed member as itself", ask(removed, "X-Server-From", fmt.Sprintf("%x", c.ids[1])), http.StatusGone},
		{"a removed member as another", ask(removed, "X-Server-From", own), http.StatusForbidden},
		{"an agent, whose certificate is of the same CA", ask(c.ca.issue("agent-7", time.Hour)), http.StatusForbidden},
		{"a certificate without a name", ask(c.ca.issue("", time.Hour)), http.StatusForbidden},
		{"a certificate of another CA", ask(stranger), 0},
		{"a certificate that has run out", ask(c.ca.issue("node-3", -time.Minute)), 0},
		{"nobody", ask(Files{Cert: os.DevNull, Key: os.DevNull, CA: member.CA}), 0},
		{"the member again, renewed in place", ask(c.ca.issue("node-3", time.Hour)), http.StatusOK},
	} {
		if x.got != x.want {
			t.Errorf("%s is answered %d, want %d", x.who, x.got, x.want)
		}
	}
	create(t, third, "after", "1")
}

func TestCertificatesAreRenewedUnderLoad(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	for round := range 3 {
		for i := range 3 {
			c.ca.issue(fmt.Sprint("node-", i+1), time.Duration(round+1)*time.Hour)
		}
		c.engines[round].Close() // its new connections use the new certificate
		create(t, c.engines[(round+1)%3], fmt.Sprint("k", round), "1")
		c.restart(round)
		reads(t, c.engines[round], fmt.Sprint("k", round), "1")
	}
}

func TestAMemberWhoseDirectoryIsGoneDoesNotBeginAnew(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.engines[1].Close()
	config := c.configs[1]
	config.Dir = t.TempDir()
	if e, err := Start(soon(t), config); !errors.Is(err, ErrStarted) {
		t.Errorf("a member starts anew over an empty directory: %v", err)
		if err == nil {
			e.Close()
		}
	}
}

func TestSpaceIsReclaimedOnOneMemberAtATime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	for i := range 40 {
		write(t, c.engines[0], fmt.Sprint("k", i%2), strings.Repeat("v", 100<<10))
	}
	at := c.leader()
	if err := c.engines[at].Defragment(soon(t)); fault.Of(err) != fault.Busy {
		t.Errorf("the leader rewrites its database: %v", err)
	}
	last, err := c.engines[at].Get(soon(t), "k0")
	must(t, err)
	must(t, c.engines[at].Compact(soon(t), last.Revision))
	follower := c.engines[(at+1)%3]
	must(t, follower.CatchUp(soon(t)))
	before, err := follower.Usage(soon(t))
	must(t, err)
	must(t, follower.Defragment(soon(t)))
	after, err := follower.Usage(soon(t))
	must(t, err)
	if after.File >= before.File {
		t.Errorf("%d bytes before, %d after", before.File, after.File)
	}
	must(t, c.engines[at].Yield(soon(t), 0))
	eventually(t, "another leader", func() bool { return c.leader() != at })
	must(t, c.engines[at].Defragment(soon(t)))
}
