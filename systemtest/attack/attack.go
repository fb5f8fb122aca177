// SPDX-License-Identifier: Apache-2.0

// Package attack tries, with the rights of the process that calls it, every way we know to read or enter another process.
//
//	for _, r := range attack.Try(pid, address) { if r.Succeeded { ... } }
//
// It harms nothing, but a ptrace that succeeds stops the victim for a moment. The test of this package holds the core
// against it, run by the core's own host, hardened, as root and as a plain user; and its negative control shows that each
// way works on a process that is not protected.
package attack

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Result is one way and how it went.
type Result struct {
	Way       string
	Succeeded bool
	Error     string
}

// Try attacks a process. Address is one that is mapped and readable in it, for the ways that cannot look one up: of a
// process of the same binary, the address of any global variable.
func Try(pid int, address uintptr) []Result {
	runtime.LockOSThread() // ptrace belongs to a thread
	defer runtime.UnlockOSThread()
	a := target{pid: pid, proc: "/proc/" + strconv.Itoa(pid), address: address}
	var all []Result
	for _, w := range ways {
		err := w.do(a)
		r := Result{Way: w.name, Succeeded: err == nil}
		if err != nil {
			r.Error = err.Error()
		}
		all = append(all, r)
	}
	return all
}

// Names lists the ways.
func Names() (names []string) {
	for _, w := range ways {
		names = append(names, w.name)
	}
	return names
}

type target struct {
	pid     int
	proc    string
	address uintptr
}

var ways = []struct {
	name string
	do   func(target) error
}{
	{"read /proc/PID/mem", func(a target) error { return a.readMem(a.proc + "/mem") }},
	{"read /proc/PID/task/TID/mem", func(a target) error {
		tasks, err := filepath.Glob(a.proc + "/task/*/mem")
		if err != nil || len(tasks) == 0 {
			return unix.EACCES
		}
		return a.readMem(tasks[len(tasks)-1])
	}},
	{"write /proc/PID/mem", func(a target) error {
		f, err := os.OpenFile(a.proc+"/mem", os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		return err
	}},
	{"read /proc/PID/maps", func(a target) error { return readSome(a.proc + "/maps") }},
	{"read /proc/PID/environ", func(a target) error { return readSome(a.proc + "/environ") }},
	{"read /proc/PID/auxv", func(a target) error { return readSome(a.proc + "/auxv") }},
	{"list /proc/PID/fd", func(a target) error { _, err := os.ReadDir(a.proc + "/fd"); return err }},
	{"open /proc/PID/fd/0", func(a target) error { return readLinkAndOpen(a.proc + "/fd/0") }},
	{"enter /proc/PID/root", func(a target) error { _, err := os.ReadDir(a.proc + "/root/"); return err }},
	{"read /proc/PID/pagemap", func(a target) error { return readSome(a.proc + "/pagemap") }},
	{"ptrace attach", func(a target) error {
		err := unix.PtraceAttach(a.pid)
		if err == nil {
			var s unix.WaitStatus
			unix.Wait4(a.pid, &s, unix.WALL, nil)
			unix.PtraceDetach(a.pid)
		}
		return err
	}},
	{"ptrace seize", func(a target) error {
		err := unix.PtraceSeize(a.pid)
		if err == nil {
			unix.PtraceInterrupt(a.pid)
			var s unix.WaitStatus
			unix.Wait4(a.pid, &s, unix.WALL, nil)
			unix.PtraceDetach(a.pid)
		}
		return err
	}},
	{"process_vm_readv", func(a target) error {
		var buf [8]byte
		local := []unix.Iovec{{Base: &buf[0], Len: 8}}
		_, err := unix.ProcessVMReadv(a.pid, local, []unix.RemoteIovec{{Base: a.address, Len: 8}}, 0)
		return err
	}},
	{"process_vm_writev", func(a target) error { // zero bytes: the right is checked, nothing is written
		var buf [1]byte
		local := []unix.Iovec{{Base: &buf[0], Len: 1}}
		_, err := unix.ProcessVMWritev(a.pid, local, []unix.RemoteIovec{{Base: ^uintptr(0) &^ 4095, Len: 1}}, 0)
		if err == unix.EFAULT {
			return nil
		}
		return err
	}},
	{"pidfd_getfd", func(a target) error {
		p, err := unix.PidfdOpen(a.pid, 0)
		if err != nil {
			return err
		}
		defer unix.Close(p)
		fd, err := unix.PidfdGetfd(p, 0, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{"kcmp", func(a target) error {
		_, _, e := unix.Syscall6(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(a.pid), 0 /* KCMP_FILE */, 0, 0, 0)
		return errno(e)
	}},
	{"open its namespaces", func(a target) error {
		f, err := os.Open(a.proc + "/ns/user")
		if err == nil {
			f.Close()
		}
		return err
	}},
	{"perf_event_open", func(a target) error {
		attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK, Bits: unix.PerfBitDisabled | unix.PerfBitExcludeKernel,
			Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
		fd, err := unix.PerfEventOpen(&attr, a.pid, -1, -1, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{"raise its core limit", func(a target) error {
		return unix.Prlimit(a.pid, unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}, nil)
	}},
}

// Setns enters namespaces through a pidfd. It stands apart because success changes the calling thread for good.
func Setns(pid int) error {
	runtime.LockOSThread() // and never unlocks: the thread ends with its goroutine
	p, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	return unix.Setns(p, unix.CLONE_NEWUTS)
}

// Crash makes the process dump core, if it can, and returns the files that appeared in dir, which is where
// kernel.core_pattern puts them. The process is dead afterwards.
func Crash(pid int, dir string) ([]string, error) {
	before, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Kill(pid, unix.SIGABRT); err != nil {
		return nil, err
	}
	for range 500 {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		_, state, _ := strings.Cut(string(b), ") ")
		if err != nil || strings.HasPrefix(state, "Z") {
			break
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 10e6}, nil)
	}
	after, err := os.ReadDir(dir)
	var files []string
	for _, f := range after {
		if !slices.ContainsFunc(before, func(b os.DirEntry) bool { return b.Name() == f.Name() }) {
			files = append(files, filepath.Join(dir, f.Name()))
		}
	}
	return files, err
}

// readMem reads at the target's known address.
func (a target) readMem(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(make([]byte, 8), int64(a.address))
	return err
}

func readSome(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 64))
	if err == io.EOF { // allowed, and empty
		err = nil
	}
	return err
}

func readLinkAndOpen(path string) error {
	if _, err := os.Readlink(path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err
}

func errno(e syscall.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}
