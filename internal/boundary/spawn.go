// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/clock"
	"github.com/genbu-hsm/genbu/internal/fault"
)

const zeroizeSignal = syscall.SIGUSR1

// sameUID is core/process's name of the protection that the core is another user than root.
const sameUID = "uid"

// namespaces of the core. Its user namespace stays without mappings: nobody outside is anybody inside, and the host needs
// to write nothing below the child's /proc (which it may not, once hardened).
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWNS | unix.CLONE_NEWUTS

// started says that a core was spawned: Harden comes too late then.
var started atomic.Bool

// spawn starts the process with the descriptors of docs/design/boundary.md and returns the host's end of descriptor 3.
func (c *Core) spawn(o *Options) (stream *os.File, err error) {
	started.Store(true)
	// What other parts of this process, or an ancestor, left open without close-on-exec is not for the core.
	unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)

	ours, theirs := [2]*os.File{}, [3]*os.File{}
	fail := func(err error) (*os.File, error) {
		for _, f := range append(ours[:], theirs[:]...) {
			f.Close() // nil files answer with an error, which is fine
		}
		return nil, err
	}
	for i, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		p, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fail(err)
		}
		ours[i], theirs[i] = os.NewFile(uintptr(p[0]), "core"), os.NewFile(uintptr(p[1]), "core")
	}
	var lines *os.File
	if lines, theirs[2], err = os.Pipe(); err != nil {
		return fail(err)
	}
	args := o.Args
	if args == nil {
		args = []string{"genbu", "core"}
	}
	go logLines(lines, o.Log)
	child, err := c.launch(o, func(namespaces uintptr) *exec.Cmd {
		return &exec.Cmd{
			Path: image(),
			Args: args,
			// No variable of ours. The runtime would keep files open to watch its processor quota: it takes our number instead.
			Env:        []string{"GODEBUG=containermaxprocs=0,updatemaxprocs=0", "GOMAXPROCS=" + strconv.Itoa(runtime.GOMAXPROCS(0))},
			Dir:        "/",
			Stderr:     theirs[2],
			ExtraFiles: append(theirs[:2:2], clock.Files()...),
			SysProcAttr: &syscall.SysProcAttr{
				Pdeathsig:  syscall.SIGKILL,
				Setsid:     true, // a terminal's signals are the host's to handle
				Cloneflags: namespaces,
			},
		}
	})
	if err != nil {
		return fail(err)
	}
	for _, f := range theirs {
		f.Close()
	}
	c.child, c.intake = child, ours[1]
	return ours[0], nil
}

// launch runs the command from a thread of its own, which waits until the process ends: the parent-death signal is sent when
// the thread dies that made the child. Where the host is root the thread becomes the core's user first, so that root's
// core and a plain user's are made in the same way. The thread is never used for anything else and ends with its goroutine.
func (c *Core) launch(o *Options, command func(namespaces uintptr) *exec.Cmd) (*os.Process, error) {
	var child *os.Process
	result := make(chan error)
	go onOwnThread(func() {
		if err := becomeCoreUser(o.UID, o.GID); err != nil {
			if !slices.Contains(o.Config.Accepted, sameUID) {
				result <- err
				return
			}
			c.sameUID = true
		}
		cmd := command(namespaces)
		err := cmd.Start()
		if namespacesOff(err) {
			// The core will see what is missing and refuse, unless the operator accepted it.
			cmd = command(0)
			err = cmd.Start()
		}
		child = cmd.Process
		result <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	})
	err := <-result
	return child, err
}

// onOwnThread calls f on a thread that ends afterwards. That is not the main thread, which stands for the process in
// /proc and would live on with what f did to it: while it is held here, the scheduler must take another.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	taken := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(taken)
		f()
	}()
	<-taken
	runtime.UnlockOSThread()
}

// namespacesOff is how kernels, containers and security modules answer where user namespaces are not to be had.
func namespacesOff(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSYS, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// becomeCoreUser changes this thread alone; the package syscall's functions would change all threads.
func becomeCoreUser(uid, gid uint32) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if uid == 0 {
		uid = DefaultUID
	}
	if gid == 0 {
		gid = DefaultUID
	}
	_, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
	if e == 0 {
		_, _, e = unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid))
	}
	if e == 0 {
		_, _, e = unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
	}
	if e != 0 {
		return errors.Join(fault.Unavailable.At("start core as another user"), e)
	}
	return nil
}

// logLines passes on what the core writes to descriptor 2, until all ends of the pipe are closed.
func logLines(from *os.File, log func(string)) {
	defer from.Close()
	for lines := bufio.NewReader(from); ; {
		line, err := lines.ReadString('\n')
		if line != "" && log != nil {
			log(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}
