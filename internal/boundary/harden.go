// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Names of the host's own limits, beside those of the core in Config.Accepted and `genbu doctor`.
const (
	HostDumpable     = "host-dumpable"     // no core dump of the host; not traceable by its user
	HostNoNewPrivs   = "host-no_new_privs" // no privilege through exec
	HostLandlock     = "host-landlock"     // no /proc of others, no raw memory or disk device
	HostCapabilities = "host-capabilities" // as root: only what serving files and sockets takes
	HostSeccomp      = "host-seccomp"      // no call that reads or enters another process
)

// Report says which of the host's limits are in force and which are not.
type Report struct {
	Sandbox []string
	Missing []string
}

// Harden limits this process, for good and with all its threads and children, so that a captured host does not reach into
// the core: no ptrace, process_vm_*, pidfd_getfd or setns, and no /proc of others. It must come before the first Start. A limit
// that this kernel lacks is an error unless accepted names it; the report holds in both cases.
//
// Each limit stands alone: any one of seccomp, capabilities and the core's image keeps a captured host out by itself. What
// they do not stop: a captured root host can still leave through the rest of the machine (a cron entry, another service).
func Harden(accepted []string) (Report, error) {
	if started.Load() {
		return Report{}, fault.Internal.At("harden the host after a core was started") // its thread has another uid
	}
	var r Report
	var why []error
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{HostDumpable, func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }},
		{HostNoNewPrivs, func() error {
			return errno(syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0))
		}},
		{HostLandlock, hideOthers},
		{HostCapabilities, keepFewCapabilities},
		{HostSeccomp, forbidCalls},
	} {
		err := step.do()
		if err == nil {
			r.Sandbox = append(r.Sandbox, step.name)
			continue
		}
		r.Missing = append(r.Missing, step.name)
		if !slices.Contains(accepted, step.name) {
			why = append(why, errors.New(step.name+": "+err.Error()))
		}
	}
	if len(why) > 0 {
		return r, errors.Join(append([]error{fault.Denied.At("harden the host")}, why...)...)
	}
	return r, nil
}

// kept are root's capabilities that a server of files and sockets uses: the data directory of any owner, ports below 1024,
// and the core's other uid, which it must be able to take on and to kill.
var kept = []uint{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
	unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_NET_BIND_SERVICE}

// keepFewCapabilities gives up the others, CAP_SYS_PTRACE first of all, also for what is executed later.
func keepFewCapabilities() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have, keep [2]unix.CapUserData
	if err := unix.Capget(&head, &have[0]); err != nil {
		return err
	}
	setpcap := have[0].Effective&(1<<unix.CAP_SETPCAP) != 0
	for c := range uint(unix.CAP_LAST_CAP + 1) {
		if slices.Contains(kept, c) {
			keep[c/32].Permitted |= have[c/32].Permitted & (1 << (c % 32))
		} else if setpcap {
			syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c), 0) // one that this kernel lacks is no loss
		}
	}
	for i := range keep {
		keep[i].Effective = keep[i].Permitted
	}
	return errno(syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&keep[0])), 0))
}

func errno(_, _ uintptr, e syscall.Errno) error {
	if e == unix.ENOTSUP {
		return errors.New(strings.ToLower(e.Error()) + ": built with cgo")
	}
	if e != 0 {
		return e
	}
	return nil
}
