// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/agent"
	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// relay is the way to a node's door: it can be cut without a word to either end.
type relay struct {
	net.Listener
	to  string
	cut atomic.Bool
}

func newRelay(t *testing.T, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{Listener: l, to: to}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.carry(c)
		}
	}()
	return r
}

func (r *relay) carry(near net.Conn) {
	defer near.Close()
	for r.cut.Load() {
		time.Sleep(10 * time.Millisecond)
	}
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		defer far.Close()
		r.copy(far, near)
	}()
	r.copy(near, far)
}

// copy holds what comes while the way is cut.
func (r *relay) copy(to io.Writer, from io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		for r.cut.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// freePort is an address that nobody listens on. It lies below those that the kernel gives out by itself, which somebody else would
// have before it is used.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port from 10000 to 30000")
	return ""
}

// agentOf enrols an agent at a node and starts it. The answer stops it.
func agentOf(t *testing.T, n *node) (dir string, stop func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "g")
	must(t, err)
	t.Cleanup(func() {
		if b, err := os.ReadFile(filepath.Join(dir, "log")); t.Failed() && err == nil {
			t.Logf("end of the agent's log:\n%s", tail(string(b), 4000))
		}
		os.RemoveAll(dir)
	})
	made, _, _ := strings.Cut(n.run("token", "create", "apps", "--agent"), "\n")
	enroll := exec.Command(program, "agent", "enroll", "-", "--dir", dir)
	enroll.Env, enroll.Stdin = environ(), strings.NewReader(made)
	if said, err := enroll.CombinedOutput(); err != nil {
		t.Fatalf("enrol: %v: %s", err, said)
	}
	return dir, startAgent(t, dir)
}

// startAgent runs the agent of a directory. The answer stops it.
func startAgent(t *testing.T, dir string) (stop func()) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	cmd := exec.Command(program, "agent", "--dir", dir)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(), log, log
	must(t, cmd.Start())
	must(t, os.WriteFile(filepath.Join(dir, "pid"), strconv.AppendInt(nil, int64(cmd.Process.Pid), 10), 0o600))
	stop = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the agent ended with %v", err)
		}
		log.Close()
	})
	t.Cleanup(stop)
	return stop
}

func agentPID(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	must(t, err)
	pid, err := strconv.Atoi(string(b))
	must(t, err)
	return pid
}

// wellNodes is how many nodes an agent finds well.
func wellNodes(dir string) (well int) {
	c, err := client.Dial(filepath.Join(dir, "genbu.sock"))
	if err != nil {
		return 0
	}
	defer c.Close()
	text, err := c.AgentStatus()
	var s agent.Status
	if err != nil || json.Unmarshal(text, &s) != nil {
		return 0
	}
	for _, n := range s.Nodes {
		if n.Health == "up" {
			well++
		}
	}
	return well
}

// signings are what a client that signs on and on has seen.
type signings struct {
	mu    sync.Mutex
	at    []time.Time     // guarded by mu
	took  []time.Duration // guarded by mu
	fails []string        // guarded by mu
}

func (s *signings) run(session *client.Session, k uint64, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		start := time.Now()
		_, err := session.Sign(client.Mech(key.MechECDSASHA256), k, []byte("message"))
		s.mu.Lock()
		s.at, s.took = append(s.at, start), append(s.took, time.Since(start))
		if err != nil {
			s.fails = append(s.fails, err.Error())
		}
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// within is how long calls took that were under way or began in the time after from.
func (s *signings) within(from time.Time, span time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []time.Duration
	for i, at := range s.at {
		if at.Add(s.took[i]).After(from) && at.Before(from.Add(span)) {
			list = append(list, s.took[i])
		}
	}
	if len(list) == 0 {
		return "no calls"
	}
	slices.Sort(list)
	at := func(q float64) time.Duration { return list[int(q*float64(len(list)-1))].Round(100 * time.Microsecond) }
	return fmt.Sprintf("%d calls: p50 %v, p99 %v, longest %v", len(list), at(0.5), at(0.99), at(1))
}

func TestNoCallFailsBehindAnAgentWhileNodesAreKilledStoppedAndCutOff(t *testing.T) {
	nodes, relays := make([]*node, 3), make([]*relay, 3)
	for i := range nodes {
		door, peer := freePort(t), freePort(t)
		relays[i] = newRelay(t, door)
		config := []string{"mode: fast", "cluster:", "  listen: " + door, "  advertise: " + relays[i].Addr().String(), "  peer_listen: " + peer,
			"  peer_advertise: " + peer}
		if i == 0 {
			nodes[0] = ready(t, config...)
			continue
		}
		nodes[i] = newNode(t, append(config, "  first: another")...) // it waits to be joined, however soon it begins
		made, _, _ := strings.Cut(nodes[0].run("token", "create", fmt.Sprintf("node%d", i+1)), "\n")
		nodes[i].spawn()
		if _, err := nodes[i].try(made, "join", "-", "--keeper", "file"); err != nil {
			t.Fatal(err)
		}
	}
	dir, stopAgent := agentOf(t, nodes[0])
	eventually(t, "the agent finds three nodes", func() bool { return wellNodes(dir) == 3 })

	seen, stop, k := &signings{}, make(chan struct{}), uint64(0)
	var clients sync.WaitGroup
	for i := range 4 {
		c, err := client.Dial(filepath.Join(dir, "genbu.sock"))
		must(t, err)
		defer c.Close()
		list, err := c.Slots()
		must(t, err)
		s, err := c.Open(list[0].Slot, true)
		must(t, err)
		_, err = s.Login(client.User, "", []byte(userPIN))
		must(t, err)
		if i == 0 {
			_, private, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bool(key.AttrToken, true),
				client.Bytes(key.AttrECParams, []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})}, client.Template{client.Bool(key.AttrToken, true)})
			must(t, err)
			k = private.Handle
		}
		clients.Go(func() { seen.run(s, k, stop) })
	}
	time.Sleep(2 * time.Second)
	t.Logf("before: %s", seen.within(time.Now().Add(-time.Second), time.Second))

	fail := func(what string, begin, end func()) {
		began := time.Now()
		begin()
		time.Sleep(1500 * time.Millisecond)
		t.Logf("%s: %s", what, seen.within(began, 1500*time.Millisecond))
		end()
		eventually(t, "the agent finds three nodes again", func() bool { return wellNodes(dir) == 3 })
		time.Sleep(time.Second) // leases, and mirrors on the node that is back
	}
	// One fault for each node; in a long run each node has each.
	each := func(one int, f func(i int)) {
		for i := range nodes {
			if i == one || os.Getenv("GENBU_SOAK") != "" {
				f(i)
			}
		}
	}
	each(0, func(i int) { fail(fmt.Sprintf("node %d killed", i+1), nodes[i].kill, nodes[i].serve) })
	signal := func(n *node, s syscall.Signal) func() {
		return func() {
			if pid := n.corePID(); pid > 0 { // to the system call 0 would be this process's own group
				syscall.Kill(pid, s)
			}
			n.host.Process.Signal(s)
		}
	}
	each(1, func(i int) {
		fail(fmt.Sprintf("node %d stopped", i+1), signal(nodes[i], syscall.SIGSTOP), signal(nodes[i], syscall.SIGCONT))
	})
	each(2, func(i int) {
		fail(fmt.Sprintf("way to node %d cut", i+1), func() { relays[i].cut.Store(true) }, func() { relays[i].cut.Store(false) })
	})
	close(stop)
	clients.Wait()
	if len(seen.fails) > 0 {
		t.Errorf("%d of %d calls failed, the first: %s", len(seen.fails), len(seen.at), seen.fails[0])
	}
	t.Logf("%d signatures, %d failed", len(seen.at), len(seen.fails))
	stopAgent()

	// A short-lived function: an agent that has just been started; at last while one node answers nothing.
	for round := range 4 {
		relays[2].cut.Store(round == 3)
		began := time.Now()
		end := startAgent(t, dir)
		t.Logf("from the agent's start: %s", firstSignature(t, dir, k, began))
		end()
	}
}

// firstSignature signs as soon as the agent's socket is there, and says what took how long.
func firstSignature(t *testing.T, dir string, k uint64, began time.Time) (told string) {
	t.Helper()
	step := func(what string) { told += fmt.Sprintf("%s %v; ", what, time.Since(began).Round(time.Millisecond)) }
	var c *client.Conn
	eventually(t, "the agent's socket", func() (there bool) {
		var err error
		c, err = client.Dial(filepath.Join(dir, "genbu.sock"))
		return err == nil
	})
	defer c.Close()
	step("socket")
	list, err := c.Slots()
	must(t, err)
	step("first answer of a node")
	s, err := c.Open(list[0].Slot, false)
	must(t, err)
	step("session")
	_, err = s.Login(client.User, "", []byte(userPIN))
	must(t, err)
	step("login")
	_, err = s.Sign(client.Mech(key.MechECDSASHA256), k, []byte("message"))
	must(t, err)
	step("signature")
	return told
}
