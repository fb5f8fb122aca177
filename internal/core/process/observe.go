// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/ssp"
)

// These steps were the parent's to do (internal/boundary); here the core looks whether they were done. It looks without
// /proc, since a hardened host and its children cannot read it.

// checkImage asks whether exec made the process undumpable, which it does when the process may not read the image. Only
// then does the memory belong to the user namespace in which the image's owner is known, that is the host's: the creator
// of the core's own namespace, though almighty there, cannot read it (kernel: would_dump in fs/exec.c).
func checkImage() error {
	d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err == nil && d == 1 {
		err = errors.New("the image is readable")
	}
	return err
}

// checkUserNamespace asks to be uid 0. Where there is a uid 0, that is permitted to root and refused to others; EINVAL
// says that this namespace knows no such user, as only one without mappings does.
func checkUserNamespace() error {
	const unchanged = ^uintptr(0)
	_, _, e := unix.RawSyscall(unix.SYS_SETRESUID, 0, unchanged, unchanged)
	if e != unix.EINVAL {
		return errors.New("not in a user namespace of its own")
	}
	return nil
}

// checkNamespaces looks at the one that cannot be mistaken; the others are made by the same clone call.
func checkNamespaces() error {
	if os.Getpid() != 1 {
		return errors.New("not in a pid namespace of its own")
	}
	return nil
}

func checkUID() error {
	if os.Getuid() == 0 || os.Geteuid() == 0 {
		return errors.New("running as uid 0")
	}
	return nil
}

func checkSecretMemory() error {
	if kind := ssp.Kind(); kind != "memfd_secret" {
		return errors.New("secret memory is " + kind)
	}
	return nil
}
