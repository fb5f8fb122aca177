// SPDX-License-Identifier: Apache-2.0

package boundary_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/systemtest/democore"
)

// roles are what this test binary can be started as, besides a demo core: a host of its own, hardened or of another user.
var roles = map[string]func() (any, error){}

func TestMain(m *testing.M) {
	democore.Main()
	if len(os.Args) == 2 && os.Args[0] == "role" {
		out, err := roles[os.Args[1]]()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		json.NewEncoder(os.Stdout).Encode(out)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// role is a command that runs a role as a user: 0 for this process's own.
func role(name string, uid uint32) *exec.Cmd {
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"role", name}, Dir: "/", Env: []string{}, Stderr: os.Stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	return cmd
}

// users are those that a host may run as here: root, if we are, and a plain user.
func users() map[string]uint32 {
	if os.Getuid() == 0 {
		return map[string]uint32{"root": 0, "plain user": 1000}
	}
	return map[string]uint32{"plain user": 0}
}

// run runs a role and takes its answer.
func run(t *testing.T, name string, uid uint32, answer any) {
	t.Helper()
	out, err := role(name, uid).Output()
	if err != nil {
		t.Fatalf("role %s: %v", name, err)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatalf("role %s: %v: %q", name, err, out)
	}
}
