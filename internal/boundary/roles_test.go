// SPDX-License-Identifier: Apache-2.0

package boundary_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/systemtest/democore"
)

func init() {
	roles["dies"] = startAndWait
	roles["hardened"] = hardened
	roles["degraded"] = degraded
}

func background(accepted ...string) (*boundary.Core, error) {
	return boundary.Start(context.Background(), boundary.Options{Args: democore.Args(), Config: wire.Config{Accepted: accepted}})
}

// startAndWait prints the core's pid and waits to be killed.
func startAndWait() (any, error) {
	core, err := background()
	if err != nil {
		return nil, err
	}
	json.NewEncoder(os.Stdout).Encode(core.Pid())
	return nil, core.Wait()
}

func TestCoreDiesWithItsHost(t *testing.T) {
	for name, uid := range users() {
		host := role("dies", uid)
		out, _ := host.StdoutPipe()
		if err := host.Start(); err != nil {
			t.Fatal(err)
		}
		var pid int
		line, _ := bufio.NewReader(out).ReadBytes('\n')
		if err := json.Unmarshal(line, &pid); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if ended(pid) {
			t.Errorf("%s: control: the core is not running", name)
		}
		host.Process.Kill()
		host.Wait()
		gone := false
		for range 200 {
			if gone = ended(pid); gone {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !gone {
			t.Errorf("%s: the core outlived its host", name)
		}
	}
}

// ended says that a process is gone, or dead and only not yet buried by its new parent.
func ended(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, _ := strings.Cut(string(b), ") ")
	return err != nil || strings.HasPrefix(state, "Z")
}

// hardening is what a hardened host finds it can still do, and can no more.
type hardening struct {
	Report   boundary.Report
	Work     string   // what failed of a server's work
	Can      []string // forbidden acts that went through
	Restarts int
}

// hardened limits itself and then works as a server does: files, threads, sockets, child processes, cores one after another.
func hardened() (any, error) {
	dir, err := os.MkdirTemp("", "genbu")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var h hardening
	if h.Report, err = boundary.Harden(nil); err != nil {
		return nil, err
	}
	work := func(what string, err error) {
		if err != nil {
			h.Work += what + ": " + err.Error() + "\n"
		}
	}
	for range 3 {
		core, err := background()
		if err != nil {
			return nil, err
		}
		h.Restarts++
		core.Stop()
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			runtime.LockOSThread() // each on a new thread
			p := filepath.Join(dir, "f"+string(rune('a'+i)))
			work("write", os.WriteFile(p, []byte("x"), 0o600))
			work("rename", os.Rename(p, p+"2"))
			_, err := os.ReadFile(p + "2")
			work("read", err)
		})
	}
	wg.Wait()
	_, err = os.ReadFile("/proc/self/status")
	work("own status", err)
	_, err = os.ReadDir("/proc/self/fd")
	work("own descriptors", err)
	_, err = os.ReadFile("/proc/meminfo")
	work("meminfo", err)
	work("child", exec.Command("/bin/true").Run())
	f, err := os.Open(filepath.Join(dir, "fa2"))
	work("open", err)
	work("lock", syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	_, err = unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ, unix.MAP_SHARED)
	work("map", err)

	// Every thread is bound, not only the one that asked.
	for range 8 {
		wg.Go(func() {
			runtime.LockOSThread()
			for name, act := range map[string]func() error{
				"open /proc/1/status": func() error { _, err := os.ReadFile("/proc/1/status"); return err },
				"open parent's maps":  func() error { _, err := os.Open("/proc/" + ppid() + "/maps"); return err },
				"list /proc":          func() error { _, err := os.ReadDir("/proc"); return err },
				"set core_pattern": func() error {
					f, err := os.OpenFile("/proc/sys/kernel/core_pattern", os.O_WRONLY, 0)
					if err == nil {
						f.Close()
					}
					return err
				},
				"open /dev/mem":    func() error { _, err := os.Open("/dev/mem"); return err },
				"open /proc/kcore": func() error { _, err := os.Open("/proc/kcore"); return err },
				"mount":            func() error { return unix.Mount("proc", dir, "proc", 0, "") },
				"ptrace":           func() error { return unix.PtraceAttach(os.Getppid()) },
				"setns":            func() error { return unix.Setns(0, 0) },
				"raise a capability": func() error {
					head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
					data := [2]unix.CapUserData{{Permitted: 1 << unix.CAP_SYS_PTRACE, Effective: 1 << unix.CAP_SYS_PTRACE}}
					return unix.Capset(&head, &data[0])
				},
			} {
				err := act()
				if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
					mu.Lock()
					h.Can = append(h.Can, name)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return h, nil
}

var mu sync.Mutex

func ppid() string {
	b, _ := os.ReadFile("/proc/self/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)[1]
}

func TestHardenedHostStillServesAndReachesNobody(t *testing.T) {
	for name, uid := range users() {
		var h hardening
		run(t, "hardened", uid, &h)
		if len(h.Report.Missing) != 0 || len(h.Report.Sandbox) != 5 {
			t.Errorf("%s: %+v", name, h.Report)
		}
		if h.Work != "" || h.Restarts != 3 {
			t.Errorf("%s: a server cannot do its work: %s", name, h.Work)
		}
		if len(h.Can) != 0 {
			t.Errorf("%s: it could still %v", name, h.Can)
		}
	}
}

// degraded runs where no user namespace can be made.
func degraded() (any, error) {
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return nil, err
	}
	_, refused := background()
	core, err := background("userns", "namespaces")
	if err != nil {
		return nil, err
	}
	defer core.Stop()
	return []any{refused.Error(), core.Status().Missing}, nil
}

func TestCoreRefusesToStartWithoutWhatNobodyAccepted(t *testing.T) {
	cmd := role("degraded", 0)
	// A user namespace in which the role is root, so that the limit it sets is its own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}, {ContainerID: 65528, HostID: 65528, Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}, {ContainerID: 65528, HostID: 65528, Size: 1}},
		GidMappingsEnableSetgroups: true}
	if os.Getuid() != 0 {
		t.Skip("mapping a second uid takes root")
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer []any
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if s := answer[0].(string); !strings.Contains(s, "start without userns, namespaces") {
		t.Errorf("refused with %q", s)
	}
	if missing := answer[1].([]any); len(missing) != 2 {
		t.Errorf("accepted, and missing are %v", missing)
	}
}

func TestHardenComesBeforeTheFirstCore(t *testing.T) {
	start(t, nil)
	if _, err := boundary.Harden(nil); err == nil {
		t.Error("hardened with a core's thread of another uid about")
	}
}
