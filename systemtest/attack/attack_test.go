// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/systemtest/democore"
)

// mark is at the same address in every process of this test binary.
var mark = [8]byte{'g', 'e', 'n', 'b', 'u'}

func address() uintptr { return uintptr(unsafe.Pointer(&mark)) }

func TestMain(m *testing.M) {
	democore.Main()
	if os.Args[0] == "role" {
		play(os.Args[1], os.Args[2:])
	}
	os.Exit(m.Run())
}

// finding is what an attacker reports.
type finding struct {
	Results []Result
	Setns   string // error of Setns
	Pid     int
}

func play(name string, args []string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
	}
	tell := func(v any) { fail(json.NewEncoder(os.Stdout).Encode(v)) }
	switch name {
	case "victim": // a process without any protection
		debug.SetTraceback("crash")
		unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0) // any, where Yama would allow only a parent
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
		tell(finding{Pid: os.Getpid()})
		time.Sleep(time.Minute)
	case "stranger": // another process of the same user
		pid, err := strconv.Atoi(args[0])
		fail(err)
		tell(finding{Results: Try(pid, address()), Setns: setns(pid)})
	case "host", "unlimited host": // the core's own parent
		if name == "host" {
			_, err := boundary.Harden(nil)
			fail(err)
		}
		core, err := boundary.Start(context.Background(), boundary.Options{Args: democore.Args()})
		fail(err)
		tell(finding{Results: Try(core.Pid(), address()), Setns: setns(core.Pid())})
	case "keeping host": // leaves its core to be attacked by others
		_, err := boundary.Harden(nil)
		fail(err)
		core, err := boundary.Start(context.Background(), boundary.Options{Args: democore.Args("crash")})
		fail(err)
		tell(finding{Pid: core.Pid()})
		core.Wait()
	}
	os.Exit(0)
}

// setns runs on a goroutine of its own, whose thread ends with it.
func setns(pid int) string {
	result := make(chan string)
	go func() { result <- fmt.Sprint(Setns(pid)) }()
	return <-result
}

func role(uid uint32, dir string, words ...string) *exec.Cmd {
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"role"}, words...), Dir: dir, Env: []string{}, Stderr: os.Stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	return cmd
}

func report(t *testing.T, cmd *exec.Cmd) (f finding) {
	t.Helper()
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return f
}

// keep starts a role that stays until the test ends, and takes its first word.
func keep(t *testing.T, cmd *exec.Cmd) (f finding) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadBytes('\n')
	if err := json.Unmarshal(line, &f); err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return f
}

// users are those that a host may run as here: root, if we are, and a plain user.
func users() map[string]uint32 {
	if os.Getuid() == 0 {
		return map[string]uint32{"root": 0, "plain user": 1000}
	}
	return map[string]uint32{"plain user": 0}
}

func nothingWorked(t *testing.T, who string, f finding) {
	t.Helper()
	if len(f.Results) != len(ways) {
		t.Errorf("%s tried %d of %d ways", who, len(f.Results), len(ways))
	}
	for _, r := range f.Results {
		if r.Succeeded {
			t.Errorf("%s: %s worked on the core", who, r.Way)
		}
	}
	if f.Setns != unix.EPERM.Error() {
		t.Errorf("%s: setns: %s", who, f.Setns)
	}
}

func TestHostCannotReachIntoItsCore(t *testing.T) {
	for name, uid := range users() {
		f := report(t, role(uid, "/", "host"))
		nothingWorked(t, "hardened host as "+name, f)
	}
}

func TestACrashedCoreLeavesNoDump(t *testing.T) {
	for name, uid := range users() {
		core := keep(t, role(uid, "/", "keeping host"))
		if files, err := Crash(core.Pid, "/"); err != nil || len(files) != 0 {
			t.Errorf("%s: the crashed core left %v, %v", name, files, err)
		}
	}
}

// A plain user's other processes are not hardened: there the image alone must do it.
func TestAPlainUserCannotReachIntoItsCoreEvenUnhardened(t *testing.T) {
	uid := users()["plain user"]
	nothingWorked(t, "unhardened host", report(t, role(uid, "/", "unlimited host")))
	core := keep(t, role(uid, "/", "keeping host"))
	nothingWorked(t, "another process of its user", report(t, role(uid, "/", "stranger", strconv.Itoa(core.Pid))))
}

// Without its limits root reads everything: it is they that the first test shows.
func TestUnhardenedRootIsNotStopped(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root")
	}
	for _, r := range report(t, role(0, "/", "unlimited host")).Results {
		if r.Way == "read /proc/PID/mem" && !r.Succeeded {
			t.Errorf("control: %s: %s", r.Way, r.Error)
		}
	}
}

// The negative control: every way works on a process that has no protection.
func TestEveryWayWorksOnAnUnprotectedProcess(t *testing.T) {
	for name, uid := range users() {
		victim := keep(t, role(uid, "/", "victim"))
		f := report(t, role(uid, "/", "stranger", strconv.Itoa(victim.Pid)))
		for _, r := range f.Results {
			if !r.Succeeded && r.Error == unix.ENOSYS.Error() {
				t.Logf("%s: this kernel has no %s", name, r.Way)
			} else if !r.Succeeded && r.Way == "perf_event_open" {
				t.Logf("%s: perf_event_paranoid forbids %s", name, r.Way)
			} else if !r.Succeeded {
				t.Errorf("%s: %s failed: %s", name, r.Way, r.Error)
			}
		}
		if uid == 0 && os.Getuid() == 0 && f.Setns != fmt.Sprint(nil) {
			t.Errorf("%s: setns failed: %s", name, f.Setns)
		}
	}
}

func TestAnUnprotectedProcessDumpsCore(t *testing.T) {
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || bytes.ContainsAny(pattern, "|/") {
		t.Skipf("core dumps go elsewhere: %q", pattern)
	}
	dir := t.TempDir()
	cmd := role(0, dir, "victim")
	cmd.Stderr = nil // its last words are long
	victim := keep(t, cmd)
	files, err := Crash(victim.Pid, dir)
	if err != nil || len(files) != 1 {
		t.Errorf("control: dumps %v, %v (pattern %s)", files, err, strings.TrimSpace(string(pattern)))
	}
}
