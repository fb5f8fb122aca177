// SPDX-License-Identifier: Apache-2.0

package process

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The virtual machine of x/net/bpf reads words big-endian, so the test lays out struct seccomp_data that way; the kernel
// reads its own struct natively.
func verdict(t *testing.T, arch, number uint32, args ...uint64) uint32 {
	t.Helper()
	vm, err := bpf.NewVM(filter(calls, seccompRetErrno))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[0:], number)
	binary.BigEndian.PutUint32(data[4:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a)) // the low half stands first in the kernel's little-endian struct
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	v, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(v)
}

func TestFilterAllowsWhatACoreNeedsAndNothingElse(t *testing.T) {
	const rw, anon = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	for _, c := range []struct {
		name   string
		number uint32
		args   []uint64
		allow  bool
	}{
		{"read", unix.SYS_READ, nil, true},
		{"futex", unix.SYS_FUTEX, nil, true},
		{"exit_group", unix.SYS_EXIT_GROUP, nil, true},
		{"openat", unix.SYS_OPENAT, nil, false},
		{"socket", unix.SYS_SOCKET, nil, false},
		{"execve", unix.SYS_EXECVE, nil, false},
		{"x32 read", unix.SYS_READ | 1<<30, nil, false},
		{"memory", unix.SYS_MMAP, []uint64{0, 4096, rw, anon}, true},
		{"reserved memory", unix.SYS_MMAP, []uint64{0, 4096, 0, anon | unix.MAP_FIXED}, true},
		{"executable memory", unix.SYS_MMAP, []uint64{0, 4096, rw | unix.PROT_EXEC, anon}, false},
		{"a file", unix.SYS_MMAP, []uint64{0, 4096, rw, unix.MAP_PRIVATE, 5}, false},
		{"mprotect exec", unix.SYS_MPROTECT, []uint64{0, 4096, unix.PROT_EXEC}, false},
		{"mprotect", unix.SYS_MPROTECT, []uint64{0, 4096, unix.PROT_READ}, true},
		{"a thread", unix.SYS_CLONE, []uint64{thread}, true},
		{"a process", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, false},
		{"a thread in a namespace", unix.SYS_CLONE, []uint64{thread | unix.CLONE_NEWNET}, false},
		{"clone3", unix.SYS_CLONE3, nil, false},
		{"name of a mapping", unix.SYS_PRCTL, []uint64{unix.PR_SET_VMA}, true},
		{"dumpable", unix.SYS_PRCTL, []uint64{unix.PR_SET_DUMPABLE, 1}, false},
		{"get flags", unix.SYS_FCNTL, []uint64{3, unix.F_GETFL}, true},
		{"set flags", unix.SYS_FCNTL, []uint64{3, unix.F_SETFL, unix.O_NONBLOCK}, true},
		{"duplicate", unix.SYS_FCNTL, []uint64{3, unix.F_DUPFD}, false},
	} {
		want := uint32(seccompRetErrno)
		if c.allow {
			want = seccompRetAllow
		}
		if got := verdict(t, auditArch, c.number, c.args...); got != want {
			t.Errorf("%s: %#x, want %#x", c.name, got, want)
		}
	}
	for n := range uint32(600) {
		if verdict(t, auditArch^1, n) != seccompRetKillProcess {
			t.Errorf("call %d of another architecture is not killed", n)
		}
	}
}
