// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// field is a cluster of three machines and an agent on a fourth, to which faults are done.
type field struct {
	t        *testing.T
	machines []*machine
	agent    string // its socket
}

func newField(t *testing.T) *field {
	t.Helper()
	net := newNetwork(t)
	f := &field{t: t}
	first := net.machine()
	first.run("up", "--token", label, "--pin", userPIN)
	f.machines = []*machine{first}
	for i := 2; i <= 3; i++ {
		m := net.machine()
		if i == 3 {
			m.small()
		}
		m.run("join", first.token("token", "create", fmt.Sprint("node", i)), "--keeper", "file")
		f.machines = append(f.machines, m)
	}
	first.stands(3)
	apps := net.machine()
	apps.run("agent", "enroll", first.token("token", "create", "apps", "--agent"))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", apps.name, program, "agent", "--dir", apps.dir)
	log, err := os.Create(filepath.Join(filepath.Dir(apps.dir), "agent.log"))
	must(t, err)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, []string{"PATH=" + os.Getenv("PATH")}
	must(t, cmd.Start())
	t.Cleanup(func() { stop(); cmd.Wait(); log.Close() })
	f.agent = apps.socket()
	eventually(t, "the agent's socket", func() bool { _, err := os.Stat(f.agent); return err == nil })
	return f
}

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

// back starts the node again; it may take several attempts while its former self is being cleaned up.
func (m *machine) back() {
	m.t.Helper()
	eventually(m.t, "the return of "+m.address, func() bool {
		_, err := m.try("up")
		if err != nil {
			m.t.Logf("%s: up: %v", m.address, err)
		}
		return err == nil
	})
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

// misfortune is one kind of fault: how it begins, and how it ends.
type misfortune struct {
	name   string
	single bool // one node of three at most is lost by it
	begin  func(f *field, i int)
	end    func(f *field, i int)
}

func others(f *field, i int) (a, b *machine) { return f.machines[(i+1)%3], f.machines[(i+2)%3] }

var misfortunes = []misfortune{
	{"kill -9 of a host", true, func(f *field, i int) { f.machines[i].die() }, func(f *field, i int) { f.machines[i].back() }},
	{"kill -9 of a core", true, func(f *field, i int) { f.machines[i].signal("core.pid", syscall.SIGKILL) }, func(f *field, i int) {}},
	{"a host stands still", true, func(f *field, i int) { f.machines[i].signal("host.pid", syscall.SIGSTOP) },
		func(f *field, i int) { f.machines[i].signal("host.pid", syscall.SIGCONT) }},
	{"a core stands still", true, func(f *field, i int) { f.machines[i].signal("core.pid", syscall.SIGSTOP) },
		func(f *field, i int) { f.machines[i].signal("core.pid", syscall.SIGCONT) }},
	{"a machine is cut off", true, func(f *field, i int) { f.machines[i].unplug() }, func(f *field, i int) { f.machines[i].replug() }},
	{"two machines do not reach each other", true, func(f *field, i int) {
		a, _ := others(f, i)
		f.machines[i].deaf(a)
		a.deaf(f.machines[i])
	}, func(f *field, i int) {
		a, _ := others(f, i)
		f.machines[i].hears(a)
		a.hears(f.machines[i])
	}},
	{"packets vanish one way", true, func(f *field, i int) {
		a, b := others(f, i)
		f.machines[i].deaf(a)
		f.machines[i].deaf(b)
	}, func(f *field, i int) {
		a, b := others(f, i)
		f.machines[i].hears(a)
		f.machines[i].hears(b)
	}},
	{"a slow line", true, func(f *field, i int) {
		f.machines[i].inside("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "400kbit", "burst", "4k", "latency", "300ms")
	}, func(f *field, i int) { f.machines[i].inside("tc", "qdisc", "del", "dev", "eth0", "root") }},
	{"a line that loses packets", true, func(f *field, i int) {
		f.machines[i].inside("nft", "add table inet faults; add chain inet faults in { type filter hook input priority 0 ; }; add rule inet faults in iif eth0 numgen random mod 100 < 15 drop")
	}, func(f *field, i int) { f.machines[i].inside("nft", "delete table inet faults") }},
	{"a full disk", true, func(f *field, _ int) {
		out, err := os.Create(filepath.Join(filepath.Dir(f.machines[2].dir), "full"))
		if err != nil {
			return
		}
		defer out.Close()
		for b := make([]byte, 1<<20); err == nil; {
			_, err = out.Write(b)
		}
	}, func(f *field, _ int) {
		os.Remove(filepath.Join(filepath.Dir(f.machines[2].dir), "full"))
		f.machines[2].back()
	}},
	{"the majority is gone", false, func(f *field, i int) {
		a, b := others(f, i)
		a.die()
		b.die()
	}, func(f *field, i int) {
		a, b := others(f, i)
		done := make(chan struct{})
		go func() { defer close(done); a.back() }()
		b.back()
		<-done
	}},
	{"everybody is alone", false, func(f *field, _ int) {
		for _, m := range f.machines {
			m.unplug()
		}
	}, func(f *field, _ int) {
		for _, m := range f.machines {
			m.replug()
		}
	}},
}

// event is a misfortune at a point of the workload.
type event struct {
	misfortune
	machine  int
	from, to int64 // counts of operations
	leader   bool  // of whoever leads when it happens
}

// plan draws a schedule from its seed: which faults, to whom, and after how many operations.
func plan(seed uint64, operations int64) (list []event) {
	r := rand.New(rand.NewPCG(seed, 77))
	for at := int64(20 + r.IntN(20)); at < operations-60; {
		e := event{misfortune: misfortunes[r.IntN(len(misfortunes))], machine: r.IntN(3), leader: r.IntN(3) == 0, from: at}
		e.to = at + 25 + int64(r.IntN(50))
		list = append(list, e)
		at = e.to + 10 + int64(r.IntN(40))
	}
	return list
}

// leads is the index of the machine that leads, as the first of them to answer says; -1 when none does.
func (f *field) leads() int {
	for _, m := range f.machines {
		out, err := m.try("cluster", "status", "--json")
		var s status
		if err != nil || json.Unmarshal([]byte(out), &s) != nil {
			continue
		}
		for _, n := range s.Nodes {
			for i := range f.machines {
				if n.Role == "leader" && n.Name == fmt.Sprint("node", i+1) {
					return i
				}
			}
		}
	}
	return -1
}
