// SPDX-License-Identifier: Apache-2.0

// Package cluster runs nodes as on machines of their own: each in a network namespace with one interface, joined by a bridge,
// and each with a directory of its own. What an operator would type is typed. It takes root and iproute2.
package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 120 * time.Second

// program is a copy of the program that no rebuild changes under a running test.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "g")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Chmod(dir, 0o755)
		from := os.Getenv("GENBU_TEST_BIN")
		if from == "" {
			from = "../../bin"
		}
		if b, err := os.ReadFile(filepath.Join(from, "genbu")); err == nil {
			program = filepath.Join(dir, "genbu")
			if err := os.WriteFile(program, b, 0o755); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return m.Run()
	}())
}

// network is a bridge in a namespace of its own, to which machines are plugged.
type network struct {
	t      *testing.T
	name   string
	plugs  int
	prefix string // of addresses: "10.77."
	run    string // the program of its machines
}

var networks atomic.Int32

func newNetwork(t *testing.T) *network {
	t.Helper()
	if program == "" {
		t.Skip("no genbu in GENBU_TEST_BIN or ../../bin: make build")
	}
	if os.Getuid() != 0 {
		t.Skip("network namespaces take root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("no ip (iproute2)")
	}
	n := &network{t: t, name: fmt.Sprintf("genbu-%d-%d-net", os.Getpid(), networks.Add(1)), prefix: "10.77.", run: program}
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %s", out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", n.name).Run() })
	n.ip("-n", n.name, "link", "add", "bridge", "type", "bridge")
	n.ip("-n", n.name, "link", "set", "bridge", "up")
	return n
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// machine is a namespace with an interface, and a directory for a node.
type machine struct {
	t       *testing.T
	net     *network
	name    string // of the namespace
	node    string // its node's name in the cluster, where the test keeps count
	address string
	dir     string
	env     []string
}

func (n *network) machine() *machine {
	n.t.Helper()
	n.plugs++
	m := &machine{t: n.t, net: n, name: fmt.Sprintf("%s-%d", strings.TrimSuffix(n.name, "-net"), n.plugs), address: fmt.Sprintf("%s%d.%d", n.prefix, n.plugs/250, n.plugs%250+1)}
	n.ip("netns", "add", m.name)
	n.t.Cleanup(func() { exec.Command("ip", "netns", "del", m.name).Run() })
	n.ip("link", "add", "eth0", "netns", m.name, "type", "veth", "peer", "name", m.plug(), "netns", n.name)
	n.ip("-n", m.name, "addr", "add", m.address+"/16", "dev", "eth0")
	n.ip("-n", m.name, "link", "set", "lo", "up")
	n.ip("-n", m.name, "link", "set", "eth0", "up")
	n.ip("-n", n.name, "link", "set", m.plug(), "master", "bridge", "up")
	dir, err := os.MkdirTemp("", "g") // short: a unix socket's path has 107 bytes
	must(n.t, err)
	m.dir = filepath.Join(dir, "n")
	n.t.Cleanup(func() {
		m.try("down")
		if n.t.Failed() {
			log, _ := os.ReadFile(filepath.Join(m.dir, "genbu.log"))
			n.t.Logf("end of the log of %s:\n%s", m.address, log[max(0, len(log)-4000):])
		}
		os.RemoveAll(dir)
	})
	return m
}

func (m *machine) plug() string { return "plug" + m.name[strings.LastIndexByte(m.name, '-')+1:] }

// unplug takes the machine's cable out, and plugs it in again.
func (m *machine) unplug() { m.net.ip("-n", m.net.name, "link", "set", m.plug(), "down") }
func (m *machine) replug() { m.net.ip("-n", m.net.name, "link", "set", m.plug(), "up") }

// run types a command on the machine and answers what it printed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%s: genbu %s: %v", m.address, strings.Join(args, " "), err)
	}
	return out
}

// try is run that may fail; the error holds what the command said.
func (m *machine) try(args ...string) (string, error) { return m.attempt(patience, args...) }

// attempt is try for so long.
func (m *machine) attempt(within time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", m.name, m.net.run}, append(args, "--dir", m.dir)...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C.UTF-8", "TMPDIR=" + os.TempDir()}, m.env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return out.String(), err
}

func (m *machine) socket() string { return filepath.Join(m.dir, "genbu.sock") }

// kill ends the host, and with it the core, as a power cut would. The function it answers waits until both are gone.
func (m *machine) kill() (gone func()) {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "run", "host.pid"))
	must(m.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(m.t, err)
	must(m.t, syscall.Kill(pid, syscall.SIGKILL))
	return func() {
		eventually(m.t, "the end of "+m.address, func() bool { return syscall.Kill(pid, 0) != nil })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("not within %v: %s", patience, what)
}
