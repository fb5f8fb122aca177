// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/ssp"
)

// These steps were the parent's to do (internal/boundary); here the core looks whether they were done.

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

// checkUserNamespace expects a namespace that maps at most one id; every other one is the machine's or a container's.
func checkUserNamespace() error {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return err
	}
	if f := strings.Fields(string(b)); len(f) != 0 && !(len(f) == 3 && f[2] == "1") {
		return errors.New("not in a user namespace of its own")
	}
	return nil
}

// checkNamespaces looks at two that cannot be mistaken; the others are made by the same clone call.
func checkNamespaces() error {
	if os.Getpid() != 1 {
		return errors.New("not in a pid namespace of its own")
	}
	b, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		name, _, device := strings.Cut(line, ":")
		if device && strings.TrimSpace(name) != "lo" {
			return errors.New("a network device is in reach")
		}
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
