// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const (
	label   = "demo"
	userPIN = "1234"
)

// status is what the tests read of genbu cluster status --json.
type status struct {
	Writable bool
	Voters   int
	Nodes    []member
}

type member struct {
	Name, Node, Role, Core string
	Healthy                bool
	LeaseMS                int64 `json:"lease_left_ms"` // 0: it does not count yet
}

func (m *machine) status() (s status) {
	m.t.Helper()
	must(m.t, json.Unmarshal([]byte(m.run("cluster", "status", "--json")), &s))
	return s
}

// look is status that may fail.
func (m *machine) look() (s status, err error) {
	out, err := m.try("cluster", "status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	return s, err
}

// stands waits until n voters are well.
func (m *machine) stands(n int) {
	m.t.Helper()
	eventually(m.t, fmt.Sprint(n, " voters that are well"), func() bool {
		s, err := m.look()
		if err != nil || s.Voters != n || len(s.Nodes) != n || !s.Writable {
			return false
		}
		for _, node := range s.Nodes {
			if !node.Healthy || node.Core != "operational" || node.LeaseMS == 0 {
				return false
			}
		}
		return true
	})
}

// token makes a join token and answers its text.
func (m *machine) token(args ...string) string {
	m.t.Helper()
	var made struct {
		JoinToken string `json:"join_token"`
	}
	must(m.t, json.Unmarshal([]byte(m.run(append(args, "--json")...)), &made))
	return made.JoinToken
}

// load signs and creates at a node until it is stopped, and answers what went wrong.
type load struct {
	t       *testing.T
	stop    context.CancelFunc
	done    chan struct{}
	mu      sync.Mutex
	faults  []string      // guarded by mu
	created []string      // guarded by mu: labels of the keys that were acknowledged
	signed  int           // guarded by mu
	slowest time.Duration // guarded by mu
}

func login(t *testing.T, socket string) *client.Session {
	t.Helper()
	s, err := tryLogin(t, socket)
	must(t, err)
	return s
}

// tryLogin is login that may be refused; PartitionUnknown says that there is no such token.
func tryLogin(t *testing.T, socket string) (*client.Session, error) {
	t.Helper()
	conn, err := client.Dial(socket)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	slots, err := conn.Slots()
	must(t, err)
	for _, s := range slots {
		if s.Label == label {
			session, err := conn.Open(s.Slot, true)
			must(t, err)
			_, err = session.Login(client.User, "", []byte(userPIN))
			return session, err
		}
	}
	return nil, fault.PartitionUnknown.At("find token " + label)
}

var p256 = []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}

func pair(s *client.Session, name string) (uint64, error) {
	_, private, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen),
		client.Template{client.Bytes(key.AttrECParams, p256), client.Bool(key.AttrToken, true), client.Bytes(key.AttrLabel, []byte(name))},
		client.Template{client.Bool(key.AttrToken, true), client.Bytes(key.AttrLabel, []byte(name))})
	return private.Handle, err
}

func sign(s *client.Session, handle uint64) error {
	_, err := s.Sign(client.Mech(key.MechECDSASHA256), handle, []byte("x"))
	return err
}

func newLoad(t *testing.T, socket, name string) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{t: t, stop: stop, done: make(chan struct{})}
	s := login(t, socket)
	first, err := pair(s, name)
	must(t, err)
	go func() {
		defer close(l.done)
		for i := 0; ctx.Err() == nil; i++ {
			name, began := fmt.Sprint(name, "-", i), time.Now()
			handle, err := pair(s, name)
			took := time.Since(began)
			l.mu.Lock()
			l.slowest = max(l.slowest, took)
			if err != nil {
				l.faults = append(l.faults, fmt.Sprintf("create %d: %v", i, err))
			} else {
				l.created = append(l.created, name)
			}
			for _, h := range []uint64{first, handle} {
				if err := sign(s, h); err != nil {
					l.faults = append(l.faults, fmt.Sprintf("sign %d: %v", i, err))
				}
				l.signed++
			}
			l.mu.Unlock()
			time.Sleep(50 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { stop(); <-l.done })
	return l
}

// end stops the load and holds it to no faults.
func (l *load) end() []string {
	l.t.Helper()
	l.stop()
	<-l.done
	l.t.Logf("%d keys created, %d signatures, slowest creation %v, %d faults", len(l.created), l.signed, l.slowest, len(l.faults))
	for i, f := range l.faults {
		if i == 10 {
			break
		}
		l.t.Error(f)
	}
	return l.created
}

// TestNodesOfSeveralMachinesJoinFailAndLeaveUnderLoad is a cluster's life: one machine, three (in the long run five), one of them
// dead and replaced, and back to one, while a client of the first signs and creates without one error.
func TestNodesOfSeveralMachinesJoinFailAndLeaveUnderLoad(t *testing.T) {
	net := newNetwork(t)
	most := 3
	if os.Getenv("GENBU_SOAK") != "" {
		most = 5
	}
	first := net.machine()
	first.run("up", "--token", label, "--pin", userPIN)
	work := newLoad(t, first.socket(), "growing")
	machines := []*machine{first}
	names := []string{"node1"}
	join := func(name, token string) *machine {
		m := net.machine()
		if out := m.run("join", token, "--keeper", "file"); !strings.Contains(out, name) {
			t.Errorf("join prints %q", out)
		}
		machines, names = append(machines, m), append(names, name)
		return m
	}
	for i := 2; i <= most; i++ {
		name := fmt.Sprint("node", i)
		join(name, first.token("token", "create", name))
	}
	first.stands(most)

	// Every node serves every key, and says the same of the cluster.
	for i, m := range machines {
		s := login(t, m.socket())
		found, err := s.FindAll(client.Template{client.Bytes(key.AttrLabel, []byte("growing")), client.ULong(key.AttrClass, key.ClassPrivate)})
		if err != nil || len(found) != 1 {
			t.Errorf("node %d finds %d keys of the first, %v", i+1, len(found), err)
			continue
		}
		if err := sign(s, found[0].Handle); err != nil {
			t.Errorf("node %d signs with a key of the first: %v", i+1, err)
		}
		m.stands(most)
	}

	// A machine that is cut off says so, makes nothing, and comes back with the cable.
	created := work.end()
	session := login(t, first.socket())
	first.unplug()
	eventually(t, "the word of the one that is cut off", func() bool { return !first.status().Writable })
	if out := first.run("cluster", "status"); !strings.Contains(out, "NO MAJORITY") {
		t.Errorf("cut off, it says %s", out)
	}
	if _, err := pair(session, "cut-off"); err == nil {
		t.Error("a machine that is cut off makes a key")
	}
	eventually(t, "the word of the others", func() bool { return machines[1].status().Writable })
	first.replug()
	first.stands(most)
	work = newLoad(t, first.socket(), "shrinking")

	// A machine dies: the others go on, and another takes its place.
	dead := machines[len(machines)-1]
	dead.kill()()
	eventually(t, "notice of the machine that died", func() bool {
		s := first.status()
		for _, n := range s.Nodes {
			if !n.Healthy {
				return s.Writable
			}
		}
		return false
	})
	name := names[len(names)-1]
	machines, names = machines[:len(machines)-1], names[:len(names)-1]
	var replaced struct{ Token, Name string }
	must(t, json.Unmarshal([]byte(first.run("cluster", "replace", name, "--as", "spare", "--json")), &replaced))
	join("spare", replaced.Token)
	first.stands(most)
	if out, err := dead.try("up"); err == nil || !strings.Contains(err.Error(), "removed from the cluster") {
		t.Errorf("the machine that was replaced comes back: %s, %v", out, err)
	}

	// And back to one.
	for len(names) > 1 {
		last := len(names) - 1
		first.run("cluster", "remove", names[last])
		eventually(t, "the end of a node that was removed", func() bool { _, err := machines[last].try("status"); return err != nil })
		machines, names = machines[:last], names[:last]
		first.stands(len(names))
	}
	created = append(created, work.end()...)
	s := login(t, first.socket())
	for _, name := range created {
		found, err := s.FindAll(client.Template{client.Bytes(key.AttrLabel, []byte(name)), client.ULong(key.AttrClass, key.ClassPrivate)})
		if err != nil || len(found) != 1 {
			t.Errorf("%s, whose creation was answered, is found %d times, %v", name, len(found), err)
		}
	}
}
