// SPDX-License-Identifier: Apache-2.0

// Package jail runs programs with another root directory, as a container runtime or a package manager would, so that what is
// to be shipped can be installed and started without touching the machine. For tests, as root.
//
//	func TestMain(m *testing.M) { jail.Main(m) }     // the test runs in a mount namespace of its own
//	j := jail.Overlay(t)                             // this machine's files, and what is written gone afterwards
//	j := jail.Folder(t, dir)                         // a root of our own
//	cmd := j.Command(jail.As{UID: 1000}, "/usr/bin/genbu", "serve")
package jail

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// variable carries what the process in between is to do.
const variable = "GENBU_JAIL"

// As is who a program runs as. A program without Capable has none of root's capabilities and gets none by exec.
type As struct {
	UID, GID int
	Capable  bool
	Chroot   bool // by chroot alone, which keeps the kernel from making user namespaces, as container runtimes do by other means
	Env      []string
	Limits   map[int]uint64 // RLIMIT_* to their values
	Umask    int
}

type order struct {
	Root string
	As   As
	Args []string
}

// Main runs the tests in a mount namespace of their own, or is the process in between. Tests that cannot are skipped by Root.
func Main(m *testing.M) {
	if text := os.Getenv(variable); text != "" {
		fmt.Fprintln(os.Stderr, "jail:", enter(text))
		os.Exit(126)
	}
	if os.Getuid() == 0 && os.Getenv("GENBU_JAILED") == "" {
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Env = append(os.Environ(), "GENBU_JAILED=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		if err := cmd.Run(); err == nil || cmd.ProcessState != nil {
			os.Exit(cmd.ProcessState.ExitCode())
		}
	}
	os.Exit(m.Run())
}

// Jail is a root directory.
type Jail struct{ Root string }

// Overlay is the machine's own root, with everything that is written kept apart and forgotten at the end of the test.
func Overlay(t *testing.T) *Jail {
	t.Helper()
	return furnished(t, Bare(t).Root)
}

// Bare is Overlay without the mounts that a running system has, for who makes them.
func Bare(t *testing.T) *Jail {
	t.Helper()
	top := space(t)
	for _, name := range []string{"up", "work", "root"} {
		must(t, os.Mkdir(filepath.Join(top, name), 0o755))
	}
	root := filepath.Join(top, "root")
	if err := unix.Mount("overlay", root, "overlay", 0, "lowerdir=/,upperdir="+top+"/up,workdir="+top+"/work"); err != nil {
		t.Skip("this kernel has no overlay:", err)
	}
	t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	return &Jail{Root: root}
}

// Folder is a root made of a copy of dir.
func Folder(t *testing.T, dir string) *Jail {
	t.Helper()
	root := filepath.Join(space(t), "root")
	if out, err := exec.Command("cp", "-a", dir, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, unix.Mount(root, root, "", unix.MS_BIND, ""))
	t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	return furnished(t, root)
}

// space is a tmpfs for one test.
func space(t *testing.T) string {
	t.Helper()
	if os.Getenv("GENBU_JAILED") == "" {
		t.Skip("not root: nothing can be mounted")
	}
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir, err := os.MkdirTemp("", "j")
	must(t, err)
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"))
	t.Cleanup(func() {
		unix.Unmount(dir, unix.MNT_DETACH)
		os.Remove(dir)
	})
	return dir
}

// furnished mounts what every root has.
func furnished(t *testing.T, root string) *Jail {
	t.Helper()
	for _, m := range []struct {
		to, kind string
		bind     bool
	}{{"proc", "/proc", true}, {"dev", "/dev", true}, {"sys", "/sys", true}, {"run", "tmpfs", false}, {"tmp", "tmpfs", false}} {
		to := filepath.Join(root, m.to)
		must(t, os.MkdirAll(to, 0o755))
		var err error
		if m.bind {
			err = unix.Mount(m.kind, to, "", unix.MS_BIND|unix.MS_REC, "")
		} else {
			err = unix.Mount(m.kind, to, m.kind, 0, map[string]string{"run": "mode=0755", "tmp": "mode=1777"}[m.to])
		}
		must(t, err)
	}
	return &Jail{Root: root}
}

// Path is a path of the jail as it is seen from outside.
func (j *Jail) Path(name string) string { return filepath.Join(j.Root, name) }

// Command is a program in the jail.
func (j *Jail) Command(as As, args ...string) *exec.Cmd {
	text, err := json.Marshal(order{j.Root, as, args})
	if err != nil {
		panic(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{variable + "=" + string(text)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Run runs a program as root and answers what it printed.
func (j *Jail) Run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := j.Command(As{Capable: true, Env: Env}, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// Env is an environment as a service manager gives it.
var Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
