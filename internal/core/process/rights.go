// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Privileges belong to threads, and the Go runtime has started several by now: AllThreadsSyscall makes a call on each of
// them. It exists only without cgo, which is one reason why the binary is built so.

// setUndumpable keeps the kernel from writing a core dump and other processes of this user from reading our memory.
func setUndumpable() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// setLimits says no core dump once more, for a kernel.core_pattern that a later setting might make ask for one.
func setLimits() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }

func setNoNewPrivs() error {
	return errno(syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0))
}

// dropCapabilities empties every set of every thread. As a uid other than 0 exec has emptied them before; this holds it.
func dropCapabilities() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none, have [2]unix.CapUserData
	if err := errno(syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&none[0])), 0)); err != nil {
		return err
	}
	if err := unix.Capget(&head, &have[0]); err != nil {
		return err
	}
	if have != none {
		return errors.New("capabilities are left")
	}
	return nil
}

func errno(_, _ uintptr, e syscall.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}
