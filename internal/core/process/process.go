// SPDX-License-Identifier: Apache-2.0

// Package process is the core's one hatch to the system: its sandbox, descriptors, clock, log, signals and end. No other
// package of the core imports os, net, time or the like.
//
// The role "core" of the binary calls, in this order and before anything else runs:
//
//	defer process.LastWords()                     // here, in the handler, and in every goroutine: says why it panicked
//	report, err := process.Seal()                 // sandbox first; err: not started by a host, so stop
//	mux := wire.NewMux(process.Host(), handle)
//	process.Collect()                             // erases what ssp.Do left on the heap, within 1 s of use
//	process.OnZeroize(zeroize)                    // SIGUSR1: forget every secret
//	go intake: for { p, err := process.Intake() } // channels and keepers the host passes
//	err = mux.Serve()                             // until the host goes; then process.Exit(0)
//
// The first request is Configure. Its handler calls report.Check(cfg.Accepted): an error means that a protection is
// missing which the operator did not accept, and the core answers with that error and ends. Enter does Seal and Check in one
// step, where the accepted names are known beforehand.
//
// What it promises: after Seal no thread can open a file, make a socket, run a program, trace a process, map executable
// memory, or gain a privilege; a call outside the list ends the process.
package process

import (
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
)

// Names of the protections, as they stand in Report, in Config.Accepted, and in `genbu doctor`.
const (
	UserNamespace = "userns"       // own user namespace, without a mapping to anybody
	Namespaces    = "namespaces"   // own pid, net, ipc, mnt and uts namespaces
	Image         = "image"        // started from an image it may not read: memory closed to the namespace's creator
	OtherUID      = "uid"          // not uid 0
	Dumpable      = "dumpable"     // no core dump, no tracing by the same user
	Limits        = "limits"       // RLIMIT_CORE 0
	NoNewPrivs    = "no_new_privs" // no privilege through exec
	Capabilities  = "capabilities" // none
	Landlock      = "landlock"     // no file, no TCP, no abstract unix socket
	Seccomp       = "seccomp"      // a list of system calls
	SecretMemory  = "memfd_secret" // see internal/ssp
)

// Report says which protections are in force and which are not.
type Report struct {
	Sandbox []string
	Missing []string
}

// Check refuses a report in which something is missing that accepted does not name.
func (r Report) Check(accepted []string) error {
	var refused []string
	for _, m := range r.Missing {
		if !slices.Contains(accepted, m) {
			refused = append(refused, m)
		}
	}
	if len(refused) > 0 {
		return fault.Denied.At("start without " + strings.Join(refused, ", "))
	}
	return nil
}

// Option changes how Seal works.
type Option func(*settings)

type settings struct {
	deny   uint32
	traces bool
}

// DenyWithErrno makes forbidden system calls fail with EPERM instead of ending the process, for tests that try them.
func DenyWithErrno() Option {
	return func(s *settings) { s.deny = seccompRetErrno | uint32(unix.EPERM) }
}

// ShowTraces leaves Go's stack traces on. They show arguments and registers, parts of keys among them, to whoever reads
// the host's log: for debugging without real keys only.
func ShowTraces() Option { return func(s *settings) { s.traces = true } }

// Enter is Seal and Check.
func Enter(accepted []string, options ...Option) (Report, error) {
	r, err := Seal(options...)
	if err == nil {
		err = r.Check(accepted)
	}
	return r, err
}

// Seal puts the process into its sandbox. A step that fails is in Report.Missing and its reason in the log; the other
// steps are taken all the same. An error means that descriptors 3 and 4 are not a host's.
func Seal(options ...Option) (Report, error) {
	// The first time that is written out in the local zone would open /etc/localtime, which kills: crypto/x509 does so to say
	// that a certificate has expired, and anybody can show one.
	time.Local = time.UTC
	set := settings{deny: seccompRetKillProcess}
	for _, o := range options {
		o(&set)
	}
	if err := openDescriptors(); err != nil {
		return Report{}, err
	}
	if !set.traces {
		if err := muteRuntime(); err != nil {
			return Report{}, err
		}
	}
	var r Report
	for _, step := range []struct {
		name string
		do   func() error
	}{
		// What the parent did is looked at first, while /proc can still be read.
		{Image, checkImage}, {UserNamespace, checkUserNamespace}, {Namespaces, checkNamespaces}, {OtherUID, checkUID},
		// memfd_secret is not on the list of system calls: the arena is made now or never.
		{SecretMemory, checkSecretMemory},
		{Dumpable, setUndumpable}, {Limits, setLimits}, {NoNewPrivs, setNoNewPrivs}, {Capabilities, dropCapabilities},
		{Landlock, landlock}, {Seccomp, func() error { return seccomp(set.deny) }},
	} {
		if err := step.do(); err != nil {
			r.Missing = append(r.Missing, step.name)
			Log("sandbox: " + step.name + ": " + err.Error())
		} else {
			r.Sandbox = append(r.Sandbox, step.name)
		}
	}
	return r, nil
}

// Exit forgets every secret and ends the process. Nothing else of the core ends it.
func Exit(code int) {
	Ending(code)
	ssp.ZeroizeAll()
	os.Exit(int(ending.Load()) - 1)
}

// ending is one more than the code with which the process ends; 0 while it does not.
var ending atomic.Int64

// Ending says with which code the process is about to end. The first to say so is right: a goroutine that meets a secret which
// is erased already panics, and must not make a crash of a lock, after which the host would let a keeper unlock.
func Ending(code int) { ending.CompareAndSwap(0, int64(code)+1) }
