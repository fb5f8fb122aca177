// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// field is a cluster of three or five machines and an agent on one more, to which faults are done. Its program is the one whose
// clock can be set.
type field struct {
	t     *testing.T
	net   *network
	agent string // its socket

	access []byte // the PINs that genbu up has drawn

	mu       sync.Mutex
	machines []*machine // guarded by mu: who is in which place changes when one is replaced
	spare    *machine   // guarded by mu: the one more that has joined; nil while there is none
	made     int        // guarded by mu: nodes so far, for names that are used once
}

func newField(t *testing.T, size int) *field {
	t.Helper()
	net := newNetwork(t)
	net.run = movable(t)
	f := &field{t: t, net: net, made: 1}
	first := net.machine()
	first.node = "node1"
	first.run("up", "--token", label, "--pin", userPIN)
	f.machines = []*machine{first}
	var err error
	f.access, err = os.ReadFile(filepath.Join(first.dir, "access.json"))
	must(t, err)
	for len(f.machines) < size {
		m := f.newcomer(len(f.machines))
		m.run("join", first.token("token", "create", m.node), "--keeper", "file")
		f.entrust(m)
		f.machines = append(f.machines, m)
	}
	first.stands(size)
	apps := net.machine()
	apps.run("agent", "enroll", first.token("token", "create", "apps", "--agent"))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", apps.name, net.run, "agent", "--dir", apps.dir)
	log, err := os.Create(filepath.Join(filepath.Dir(apps.dir), "agent.log"))
	must(t, err)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, []string{"PATH=" + os.Getenv("PATH")}
	must(t, cmd.Start())
	t.Cleanup(func() { stop(); cmd.Wait(); log.Close() })
	f.agent = apps.socket()
	eventually(t, "the agent's socket", func() bool { _, err := os.Stat(f.agent); return err == nil })
	return f
}

// newcomer is a machine for a place, with a name of its own. The third has a small disk.
func (f *field) newcomer(place int) *machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	m := f.net.machine()
	m.node = fmt.Sprint("node", f.made)
	if place == smallDisk {
		m.small()
	}
	return m
}

// entrust gives a machine what its operator needs to speak for the domain there, too.
func (f *field) entrust(m *machine) {
	must(f.t, os.WriteFile(filepath.Join(m.dir, "access.json"), f.access, 0o600))
}

const smallDisk = 2

// all are the machines that are in their places now.
func (f *field) all() []*machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.machines)
}

func (f *field) at(place int) *machine { return f.all()[place] }

// small puts the machine's directory on a disk of its own, which a file can fill.
func (m *machine) small() {
	dir := filepath.Dir(m.dir)
	must(m.t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=400m,mode=0755"))
	m.t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

func (m *machine) pid(file string) int {
	text, err := os.ReadFile(filepath.Join(m.dir, "run", file))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

func (m *machine) signal(file string, s syscall.Signal) {
	if pid := m.pid(file); pid > 0 {
		syscall.Kill(pid, s)
	}
}

// die is the end of a host by its pid, if it runs.
func (m *machine) die() {
	pid := m.pid("host.pid")
	if pid <= 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
		return
	}
	eventually(m.t, "the end of a host", func() bool { return syscall.Kill(pid, 0) != nil })
}

// back starts the node again; it may take several attempts while its former self is being cleaned up. One that was removed
// meanwhile says so, and stays away.
func (m *machine) back() {
	m.t.Helper()
	eventually(m.t, "the return of "+m.address, func() bool {
		_, err := m.try("up")
		if err != nil && !left(err) {
			m.t.Logf("%s: up: %v", m.address, err)
		}
		return err == nil || left(err)
	})
}

// left tells whether a node says that it was removed.
func left(err error) bool {
	return err != nil && strings.Contains(err.Error(), "removed from the cluster")
}

// deaf makes the machine's packets to another vanish; the other's still come.
func (m *machine) deaf(to *machine) {
	m.quiet("-n", m.name, "route", "add", "blackhole", to.address+"/32")
}
func (m *machine) hears(to *machine) {
	m.quiet("-n", m.name, "route", "del", "blackhole", to.address+"/32")
}

func (m *machine) quiet(args ...string) { exec.Command("ip", args...).Run() }

func (m *machine) inside(name string, args ...string) error {
	out, err := exec.Command("ip", append([]string{"netns", "exec", m.name, name}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
