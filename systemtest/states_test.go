// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// wantState asks for the module's state until it is the one wanted.
func (n *node) wantState(want wire.State) wire.Status {
	n.t.Helper()
	var s wire.Status
	eventually(n.t, "state "+want.String(), func() bool {
		conn := n.dial()
		defer conn.Close()
		now, err := conn.Status()
		s = now
		return err == nil && s.State == want
	})
	return s
}

// closed holds that a core that is not operational gives nothing away.
func (n *node) closed(want fault.Code) {
	n.t.Helper()
	conn := n.dial()
	defer conn.Close()
	list, err := conn.Slots()
	if len(list) != 0 {
		n.t.Errorf("%d tokens are listed (%v)", len(list), err)
	}
	_, err = conn.Open(1, true)
	wantCode(n.t, "open a session", err, want)
	_, err = conn.AuditHead()
	wantCode(n.t, "audit head", err, want)
	_, err = conn.Partitions()
	wantCode(n.t, "partitions", err, want)
}

// A lock replaces the core, and outlives core and host until somebody unlocks.
func TestALockStaysUntilSomebodyUnlocks(t *testing.T) {
	n := ready(t)
	s := n.userSession()
	x := pair(t, s, "x")
	pid := n.corePID()
	n.run("lock")
	n.newCore(pid)
	n.wantState(wire.StateLocked)
	if _, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); err == nil {
		t.Error("a session outlived the lock")
	}
	n.closed(fault.Locked)
	pid = n.corePID()
	n.killCore()
	n.newCore(pid)
	n.wantState(wire.StateLocked)
	n.restart()
	n.wantState(wire.StateLocked)
	n.closed(fault.Locked)
	n.run("unlock")
	n.wantState(wire.StateOperational)
	x.works(t, n.userSession(), "unlocked")
	n.restart()
	x.works(t, n.userSession(), "unlocked, after a restart")
}

// Zeroization, by command and by signal, destroys what is in memory at once; what is at rest stays.
func TestZeroizeForgetsUntilSomebodyUnlocks(t *testing.T) {
	n := ready(t)
	x := pair(t, n.userSession(), "x")
	for name, zeroize := range map[string]func(){
		"command": func() { n.run("zeroize") },
		"signal":  func() { must(t, syscall.Kill(n.corePID(), syscall.SIGUSR1)) },
	} {
		pid := n.corePID()
		s := n.userSession()
		zeroize()
		n.newCore(pid)
		n.wantState(wire.StateLocked)
		n.closed(fault.Locked)
		if _, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); err == nil {
			t.Errorf("%s: a session outlived it", name)
		}
		n.restart()
		n.wantState(wire.StateLocked)
		n.run("unlock")
		x.works(t, n.userSession(), "after "+name)
	}
	if log := n.log(); !strings.Contains(log, "exit=4") || !strings.Contains(log, "zeroized by signal") {
		t.Error("the log does not tell of both zeroizations")
	}
}

// With the domain's id as confirmation the sealed root goes, and with it every key for ever.
func TestADestroyedRootMakesTheStoreNoise(t *testing.T) {
	n := ready(t)
	x := pair(t, n.userSession(), "x")
	n.stop()
	before := newNode(t) // a thief's copy
	copyTree(t, n.dir, before.dir)
	n.serve()
	id := n.wantState(wire.StateOperational).Domain.String()
	if _, err := n.try("", "zeroize", "--destroy-root", strings.Repeat("0", 32)); err == nil {
		t.Error("another id was taken for a confirmation")
	}
	x.works(t, n.userSession(), "after a wrong confirmation")
	pid := n.corePID()
	n.run("zeroize", "--destroy-root", id)
	n.newCore(pid)
	n.wantState(wire.StateZeroized)
	n.closed(fault.Zeroized)
	if _, err := n.try("", "unlock"); err == nil {
		t.Error("a destroyed root was unlocked")
	}
	if _, err := n.dial().Init("file", 0, 0, []byte(adminPIN)); codeOf(err) != fault.Zeroized {
		t.Errorf("a zeroized module is initialized anew over its old store: %v", err)
	}
	n.restart()
	n.wantState(wire.StateZeroized)
	must(t, filepath.WalkDir(n.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("GBS1")) {
			t.Errorf("%s still holds a sealed root", path)
		}
		return err
	}))

	must(t, os.Rename(before.path("root"), before.path("root.away"))) // keeper file and store, but no root
	before.serve()
	before.wantState(wire.StateZeroized)
	before.stop()
	other := ready(t) // another node's root, even with its keeper
	other.stop()
	copyTree(t, other.path("root"), before.path("root"))
	keeper, err := os.ReadFile(other.path("keeper.key"))
	must(t, err)
	mine, err := os.ReadFile(before.path("keeper.key"))
	must(t, err)
	must(t, os.WriteFile(before.path("keeper.key"), keeper, 0o600))
	before.serve()
	eventually(t, "the log to say why", func() bool { return strings.Contains(before.log(), "does not unlock the module") })
	before.wantState(wire.StateLocked)
	before.stop()

	must(t, os.RemoveAll(before.path("root"))) // the negative control: the root was what was missing
	must(t, os.Rename(before.path("root.away"), before.path("root")))
	must(t, os.WriteFile(before.path("keeper.key"), mine, 0o600))
	before.serve()
	x.works(t, before.userSession(), "with its own root")
}
