// SPDX-License-Identifier: Apache-2.0

// Package systemtest runs whole nodes, as an operator would, and holds them to what issue and design pages promise: that
// kills lose and revive nothing, that what somebody changed on disk is refused by name, that a PIN has ten tries in all.
//
// The nodes are processes of the real binary (GENBU_TEST_BIN, or ../bin), each in a directory of its own. GENBU_SOAK=1
// makes the long runs; GENBU_SEED replays a schedule of kills.
package systemtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// patience bounds every wait for a node: on two busy processors a start takes half a second.
const patience = 60 * time.Second

const (
	tokenLabel = "conf"
	adminPIN   = "admin-pin"
	soPIN      = "87654321"
	userPIN    = "1234"
)

// program is a copy of the program that no rebuild changes under a running test.
var program string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[0] == "genbu" && os.Args[1] == "core" {
		core.Main()
	}
	if len(os.Args) > 1 && os.Args[0] == "client" {
		os.Exit(clientMain(os.Args[1:]))
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "g")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Chmod(dir, 0o755) // nodes of other users start from here as well
		from := os.Getenv("GENBU_TEST_BIN")
		if from == "" {
			from = "../bin"
		}
		for _, name := range []string{"genbu", "libgenbu-pkcs11.so"} {
			if b, err := os.ReadFile(filepath.Join(from, name)); err == nil {
				err = os.WriteFile(filepath.Join(dir, name), b, 0o755)
				if err == nil && name == "genbu" {
					program = filepath.Join(dir, name)
				}
			}
		}
		return m.Run()
	}())
}

// needBinary skips the test where the program was not built.
func needBinary(t *testing.T) {
	t.Helper()
	if program == "" {
		t.Skip("no genbu in GENBU_TEST_BIN or ../bin: make build")
	}
}

// module is the PKCS #11 library beside the program; empty when it was not built.
func module() string {
	path := filepath.Join(filepath.Dir(program), "libgenbu-pkcs11.so")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// node is a node in a directory, running or not.
type node struct {
	t    *testing.T
	dir  string
	user *syscall.Credential // nil: as this process
	env  []string            // for the command line
	host *exec.Cmd           // nil: not started by us, or ended
	gone chan struct{}       // closed when host has ended
}

// newNode makes a directory for a node, with lines for its genbu.yaml.
func newNode(t *testing.T, config ...string) *node {
	t.Helper()
	needBinary(t)
	dir, err := os.MkdirTemp("", "g") // short: a unix socket's path has 107 bytes
	must(t, err)
	n := &node{t: t, dir: dir}
	if len(config) > 0 {
		must(t, os.WriteFile(filepath.Join(dir, "genbu.yaml"), []byte(strings.Join(config, "\n")+"\n"), 0o644))
	}
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("end of %s:\n%s", n.path("genbu.log"), tail(n.log(), 4000))
		}
		os.RemoveAll(dir)
	})
	return n
}

// ready is a node that serves, with a root key in a file and one token.
func ready(t *testing.T, config ...string) *node {
	t.Helper()
	n := newNode(t, config...)
	n.serve()
	conn := n.dial()
	defer conn.Close()
	_, err := conn.Init("file", 0, 0, []byte(adminPIN))
	must(t, err)
	s, err := conn.Open(0, true)
	must(t, err)
	_, err = s.Login(client.Officer, "", []byte(adminPIN))
	must(t, err)
	_, _, err = conn.PartitionCreate(tokenLabel, []byte(soPIN), []byte(userPIN), client.InitAllowed|client.UIDLogin)
	must(t, err)
	n.env = []string{"GENBU_ADMIN_PIN=" + adminPIN}
	return n
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }
func (n *node) socket() string          { return n.path("genbu.sock") }

func (n *node) log() string {
	b, err := os.ReadFile(n.path("genbu.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// serve starts the node in this process's care, and waits until its core answers.
func (n *node) serve() {
	n.t.Helper()
	n.spawn()
	n.dial().Close()
}

// spawn starts the node and waits for nothing.
func (n *node) spawn() {
	n.t.Helper()
	log, err := os.OpenFile(n.path("genbu.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(n.t, err)
	defer log.Close()
	cmd := exec.Command(program, "serve", "--dir", n.dir)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: n.user}
	must(n.t, cmd.Start())
	gone := make(chan struct{})
	n.host, n.gone = cmd, gone
	go func() {
		cmd.Wait()
		close(gone)
	}()
}

// environ is what programs get: nothing that points them at another node.
func environ() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C.UTF-8", "TMPDIR=" + os.TempDir()}
}

// kill ends the host with SIGKILL, and with it the core, and waits for both.
func (n *node) kill() {
	if n.host == nil {
		return
	}
	core := n.corePID()
	n.host.Process.Kill()
	<-n.gone
	n.host = nil
	for end := time.Now().Add(patience); core > 0 && parent(core) != 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// stop ends the node in order.
func (n *node) stop() {
	n.t.Helper()
	n.host.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.gone:
		n.host = nil
	case <-time.After(patience):
		n.t.Fatal("the node does not end")
	}
}

func (n *node) restart() {
	n.t.Helper()
	n.kill()
	n.serve()
}

// corePID is the core that runs now; 0 when there is none. A number in the pid file is believed only of a child of our
// host, so that nobody else's process is hit.
func (n *node) corePID() int {
	b, err := os.ReadFile(n.path("run/core.pid"))
	if err != nil || n.host == nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || parent(pid) != n.host.Process.Pid {
		return 0
	}
	return pid
}

// parent is the fourth word of /proc/PID/stat; the second is a name in parentheses. It is 0 for a process that has ended,
// whether or not somebody has taken note of that.
func parent(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if err != nil || !ok || len(f) < 2 || f[0] == "Z" {
		return 0
	}
	ppid, _ := strconv.Atoi(f[1])
	return ppid
}

// killCore ends the core with SIGKILL and says whether there was one.
func (n *node) killCore() bool {
	pid := n.corePID()
	return pid > 0 && syscall.Kill(pid, syscall.SIGKILL) == nil
}

// newCore waits until another core than pid has taken over.
func (n *node) newCore(pid int) {
	n.t.Helper()
	eventually(n.t, "another core", func() bool { now := n.corePID(); return now != 0 && now != pid })
	n.dial().Close()
}

// dial connects, waiting for a node that is just starting.
func (n *node) dial() *client.Conn {
	n.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var c *client.Conn
		if c, err = client.Dial(n.socket()); err == nil {
			return c
		}
		select {
		case <-n.gone:
			n.t.Fatalf("the node has ended:\n%s", tail(n.log(), 2000))
		default:
		}
	}
	n.t.Fatalf("the node does not answer: %v", err)
	return nil
}

// operational is dial for a node that unlocks itself, waiting until it has.
func (n *node) operational() *client.Conn {
	n.t.Helper()
	var conn *client.Conn
	eventually(n.t, "an operational core", func() bool {
		conn = n.dial()
		if s, err := conn.Status(); err == nil && s.State == wire.StateOperational {
			return true
		}
		conn.Close()
		return false
	})
	n.t.Cleanup(func() { conn.Close() })
	return conn
}

// run runs the command line on this node and answers what it printed.
func (n *node) run(args ...string) string {
	n.t.Helper()
	out, err := n.try("", args...)
	if err != nil {
		n.t.Fatalf("genbu %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// try is run with standard input, and may fail; the error holds what the command said.
func (n *node) try(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append(args, "--dir", n.dir)...)
	cmd.Env, cmd.Stdin = append(environ(), n.env...), strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.user}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return out.String(), err
}

// removeLog lets a test look only at what the node says from here on.
func removeLog(n *node) error { return os.Remove(n.path("genbu.log")) }
