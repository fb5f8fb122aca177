// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/wire"
)

type crash struct {
	name   string
	host   bool
	signal unix.Signal
}

var crashes = []crash{
	{"core, SIGSEGV", false, unix.SIGSEGV}, {"core, SIGABRT", false, unix.SIGABRT}, {"core, SIGSYS", false, unix.SIGSYS},
	{"host, SIGSEGV", true, unix.SIGSEGV}, {"host, SIGABRT", true, unix.SIGABRT},
}

// crashUnderLoad sends a signal that dumps core, with the limit on dumps raised, in the middle of signatures. What comes
// of it lies in the process's working directory or where kernel.core_pattern says; a dump in the node's directory is
// searched later, of the core there must be none.
func crashUnderLoad(t *testing.T, n *node, p planted, c crash) {
	pid := n.Core
	if c.host {
		pid = n.Host
	}
	dirs := []string{n.dir, workingDirectory(pid), patternDirectory()}
	before := files(dirs)
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, &unlimited, nil); err != nil { // a root without CAP_SYS_RESOURCE may not
		t.Log("the limit on core dumps stays as it is:", err)
	}
	underLoad(t, n, p, func([]int) {
		time.Sleep(100 * time.Millisecond)
		must(t, unix.Kill(pid, c.signal))
		for end := time.Now().Add(time.Minute); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the process goes on")
			}
		}
	})
	if c.host {
		n.up() // which finds the directory, and starts a node
	} else {
		n.await(wire.StateOperational, pid)
	}
	for _, f := range files(dirs) {
		if name := filepath.Base(f); !slices.Contains(before, f) && (name == "core" || len(name) > 5 && name[:5] == "core.") {
			t.Errorf("a dump was made: %s", f)
		}
	}
}

func workingDirectory(pid int) string {
	dir, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return "/"
	}
	return dir
}

func patternDirectory() string {
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || pattern[0] != '/' {
		return "/"
	}
	return filepath.Dir(string(pattern))
}

func files(dirs []string) (all []string) {
	for _, d := range dirs {
		list, _ := filepath.Glob(filepath.Join(d, "*"))
		all = append(all, list...)
	}
	return all
}
