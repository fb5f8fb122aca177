// SPDX-License-Identifier: Apache-2.0

package process

import (
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What a filter answers (linux/seccomp.h).
const (
	seccompRetKillProcess = 0x80000000
	seccompRetErrno       = 0x00050000
	seccompRetAllow       = 0x7fff0000
)

// call is a system call on the list; with checks, only when all of them hold.
type call struct {
	number uint32
	checks []check
}

// check holds when the low half of argument arg, masked, is one of the values. The flags looked at are in the low half.
type check struct {
	arg    uint32
	mask   uint32
	values []uint32
}

// seccomp puts the list over every thread of the process.
func seccomp(deny uint32) error {
	raw, err := bpf.Assemble(filter(calls, deny))
	if err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	// TSYNC answers with the id of a thread that could not be brought along.
	stuck, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if e == 0 && stuck != 0 {
		e = unix.ESRCH
	}
	if e != 0 {
		return e
	}
	return nil
}

// filter compiles the list. struct seccomp_data: nr at 0, arch at 4, args at 16, little-endian on both architectures.
func filter(list []call, deny uint32) []bpf.Instruction {
	const number, arch, args = 0, 4, 16
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: arch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1}, // numbers mean something else on another ABI
		bpf.RetConstant{Val: seccompRetKillProcess},
		bpf.LoadAbsolute{Off: number, Size: 4},
	}
	for _, c := range list {
		var body []bpf.Instruction
		for _, k := range c.checks {
			body = append(body, bpf.LoadAbsolute{Off: args + 8*k.arg, Size: 4}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: k.mask})
			for i, v := range k.values {
				left := uint8(len(k.values) - i) // the values after this one, and the refusal
				body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: left})
			}
			body = append(body, bpf.RetConstant{Val: deny})
		}
		body = append(body, bpf.RetConstant{Val: seccompRetAllow})
		code = append(code, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.number, SkipTrue: uint8(len(body))})
		code = append(code, body...)
	}
	return append(code, bpf.RetConstant{Val: deny})
}
