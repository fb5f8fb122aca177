// SPDX-License-Identifier: Apache-2.0

package democore

import (
	"os"

	"golang.org/x/sys/unix"
)

// acts are what a captured core would like to do. Each must fail.
var acts = map[string]func() error{
	"open file":      func() error { _, err := os.Open("/etc/passwd"); return err },
	"open itself":    func() error { _, err := os.Open("/proc/self/maps"); return err },
	"create file":    func() error { return os.WriteFile("/tmp/genbu-core-was-here", nil, 0o600) },
	"list directory": func() error { _, err := os.ReadDir("/"); return err },
	"tcp socket":     func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); return err },
	"unix socket":    func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
	"netlink socket": func() error { _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0); return err },
	"exec":           func() error { return unix.Exec("/bin/true", []string{"true"}, nil) },
	"fork": func() error {
		pid, _, e := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if e != 0 {
			return e
		}
		if pid == 0 {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	},
	"new namespace":     func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"ptrace":            func() error { return unix.PtraceAttach(1) },
	"kill":              func() error { return unix.Kill(1, 0) },
	"mount":             func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") },
	"executable memory": func() error { _, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, anonymous); return err },
	"make memory executable": func() error {
		mem, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, anonymous)
		if err != nil {
			return nil // that should have worked; the caller reports "allowed"
		}
		return unix.Mprotect(mem, unix.PROT_READ|unix.PROT_EXEC)
	},
	"dumpable again":     func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	"core limit":         func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 30, Max: 1 << 30}) },
	"io_uring":           func() error { _, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, 0, 0); return e },
	"memfd":              func() error { _, err := unix.MemfdCreate("x", 0); return err },
	"keyring":            func() error { _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true); return err },
	"set time":           func() error { return unix.Settimeofday(&unix.Timeval{Sec: 1}) },
	"duplicate fd":       func() error { _, err := unix.Dup(3); return err },
	"terminal injection": func() error { return unix.IoctlSetInt(2, unix.TIOCSTI, 'x') },
}

const anonymous = unix.MAP_ANONYMOUS | unix.MAP_PRIVATE

// Acts are their names.
func Acts() (names []string) {
	for n := range acts {
		names = append(names, n)
	}
	return names
}
