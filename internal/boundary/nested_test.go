// SPDX-License-Identifier: Apache-2.0

package boundary_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/boundary"
)

func init() {
	roles["outer"] = outer
	roles["inner"] = inner
}

// nested is what a host that a hardened host started says of itself.
type nested struct {
	Sandbox []string
	Parent  string // what opening its parent's memory says
	State   string // of a core that it starts
}

// outer is a hardened host that starts another, as a scheduled drill does.
func outer() (any, error) {
	if _, err := boundary.Harden(nil); err != nil {
		return nil, err
	}
	out, err := (&exec.Cmd{Path: "/proc/self/exe", Args: []string{"role", "inner"}, Dir: "/", Env: []string{}, Stderr: os.Stderr}).Output()
	if err != nil {
		return nil, err
	}
	var n nested
	err = json.Unmarshal(out, &n)
	return n, err
}

func inner() (any, error) {
	r, err := boundary.Harden(nil)
	if err != nil {
		return nil, err
	}
	n := nested{Sandbox: r.Sandbox, Parent: "open"}
	if f, err := os.Open("/proc/" + strconv.Itoa(os.Getppid()) + "/mem"); errors.Is(err, unix.EACCES) {
		n.Parent = "hidden"
	} else if err == nil {
		f.Close()
	}
	core, err := background()
	if err != nil {
		return nil, err
	}
	defer core.Stop()
	n.State = core.Status().State.String()
	return n, nil
}

func TestAHostThatAHardenedHostStartsIsAsLimitedAndServes(t *testing.T) {
	for name, uid := range users() {
		var n nested
		run(t, "outer", uid, &n)
		if len(n.Sandbox) != 5 || n.Parent != "hidden" || n.State == "" {
			t.Errorf("%s: %+v", name, n)
		}
	}
}
