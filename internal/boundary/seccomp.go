// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// forbidden are the calls that reach into another process or into the kernel. The host is a large program, so this is a
// list of what it may not do; the core's (core/process) is one of what it may. The two share no code, as no package of
// ours lies on both sides of the boundary.
var forbidden = append(archForbidden,
	// Another process.
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
	unix.SYS_SETNS, unix.SYS_PERF_EVENT_OPEN,
	// The kernel, from where every process can be read.
	unix.SYS_BPF, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
	// Ways around Landlock and around this list.
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSMOUNT,
	unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR)

// What a filter answers (linux/seccomp.h).
const (
	seccompRetErrno = 0x00050000 | uint32(unix.EPERM)
	seccompRetAllow = 0x7fff0000
)

// forbidCalls puts the list over every thread.
func forbidCalls() error {
	const number, arch = 0, 4 // offsets in struct seccomp_data
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: arch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1}, // the 32-bit ABI has other numbers: none of it
		bpf.RetConstant{Val: seccompRetErrno},
		bpf.LoadAbsolute{Off: number, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 1 << 30, SkipTrue: 1}, // x32
		bpf.RetConstant{Val: seccompRetErrno},
	}
	for _, n := range forbidden {
		code = append(code, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: n, SkipTrue: 1}, bpf.RetConstant{Val: seccompRetErrno})
	}
	raw, err := bpf.Assemble(append(code, bpf.RetConstant{Val: seccompRetAllow}))
	if err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	stuck, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if e == 0 && stuck != 0 { // the id of a thread that could not be brought along
		e = unix.ESRCH
	}
	if e != 0 {
		return e
	}
	return nil
}
