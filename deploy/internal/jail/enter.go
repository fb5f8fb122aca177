// SPDX-License-Identifier: Apache-2.0

package jail

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// enter is the process in between: it takes the root, becomes who it is to be, and then the program. It returns only an error.
func enter(text string) error {
	runtime.LockOSThread()
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	if err := os.Chdir(o.Root); err != nil {
		return err
	}
	if o.As.Chroot {
		if err := unix.Chroot("."); err != nil {
			return err
		}
	} else if err := pivot(); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	for limit, n := range o.As.Limits {
		var have unix.Rlimit
		if err := unix.Getrlimit(limit, &have); err != nil {
			return err
		}
		n = min(n, have.Max) // root without CAP_SYS_RESOURCE raises none
		if err := unix.Setrlimit(limit, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("limit %d to %d: %w", limit, n, err)
		}
	}
	unix.Umask(o.As.Umask)
	if !o.As.Capable {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		for c := 0; c <= unix.CAP_LAST_CAP; c++ {
			unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0) // one that this kernel lacks is no loss
		}
	}
	if o.As.UID != 0 {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
		if err := syscall.Setgid(o.As.GID); err != nil {
			return err
		}
		if err := syscall.Setuid(o.As.UID); err != nil {
			return err
		}
	}
	for _, v := range o.As.Env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			os.Setenv("PATH", path)
		}
	}
	program, err := exec.LookPath(o.Args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("execute %s: %w", program, unix.Exec(program, o.Args, o.As.Env))
}

// pivot makes the working directory the root, as container runtimes do: pivot_root(".", "."), pivot_root(2).
func pivot() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	return unix.Unmount(".", unix.MNT_DETACH)
}
