// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// state asks for the module's state until it is the one wanted.
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
	if _, err := s.Sign(client.Mech(0x1044), x.half[0].handle, probe); err == nil {
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
		if _, err := s.Sign(client.Mech(0x1044), x.half[0].handle, probe); err == nil {
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

// custodians is a node whose root key three people hold, and their shares.
func custodians(t *testing.T) (*node, []string) {
	t.Helper()
	n := newNode(t)
	n.serve()
	out, err := n.try(adminPIN, "init", "--keeper", "custodians:2of3", "--pin-file", "-", "--json")
	must(t, err)
	var answer struct{ Shares []string }
	must(t, json.Unmarshal([]byte(out), &answer))
	if len(answer.Shares) != 3 {
		t.Fatalf("%d shares of 3", len(answer.Shares))
	}
	conn := n.operational()
	s, err := conn.Open(0, true)
	must(t, err)
	_, err = s.Login(client.Officer, "", []byte(adminPIN))
	must(t, err)
	freshToken(t, conn, tokenLabel)
	return n, answer.Shares
}

// unlock gives a share and answers how many are missing then.
func (n *node) unlock(share string) (uint64, error) {
	n.t.Helper()
	conn := n.dial()
	defer conn.Close()
	return conn.Unlock([]byte(share))
}

func TestAnyTwoOfThreeCustodiansUnlock(t *testing.T) {
	n, shares := custodians(t)
	x := pair(t, n.userSession(), "x")
	for _, two := range [][2]int{{0, 1}, {2, 0}, {1, 2}} {
		n.restart()
		n.wantState(wire.StateLocked)
		n.closed(fault.Locked)
		if out, err := n.try(shares[two[0]], "unlock", "--share-file", "-"); err != nil || !strings.Contains(out, "1 more") {
			t.Errorf("first share: %q, %v", out, err)
		}
		if s := n.wantState(wire.StateLocked); s.Shares != 1 || s.Threshold != 2 || s.Keeper != "custodians" {
			t.Errorf("status: %d shares of %d, keeper %q", s.Shares, s.Threshold, s.Keeper)
		}
		if out, err := n.try(shares[two[1]], "unlock", "--share-file", "-"); err != nil || !strings.Contains(out, "unlocked") {
			t.Errorf("second share: %q, %v", out, err)
		}
		x.works(t, n.userSession(), fmt.Sprint("unlocked by shares ", two))
	}
}

func TestAWrongDamagedOrRepeatedShareChangesNothing(t *testing.T) {
	n, shares := custodians(t)
	x := pair(t, n.userSession(), "x")
	_, others := custodians(t)
	n.restart()
	given := func(want uint32) {
		t.Helper()
		if s := n.wantState(wire.StateLocked); s.Shares != want {
			t.Errorf("%d shares count as given, want %d", s.Shares, want)
		}
	}
	bad := func(what, share string) {
		t.Helper()
		_, err := n.unlock(share)
		wantCode(t, what, err, fault.ShareBad)
	}
	damaged := []byte(shares[0])
	damaged[len(damaged)-4] ^= 1
	for range 2 { // before a share was given, and after
		bad("a damaged share", string(damaged))
		bad("a share cut short", shares[0][:len(shares[0])-2])
		bad("no share at all", "open sesame")
		bad("a share of another node", others[1])
		if _, err := n.unlock(""); err == nil {
			t.Error("custodians' root was unlocked without a share")
		}
		missing, err := n.unlock(shares[0])
		if missing != 1 && codeOf(err) != fault.ShareBad {
			t.Errorf("the first share: %d missing, %v", missing, err)
		}
		given(1)
		bad("the same share again", strings.ToUpper(shares[0]))
		given(1)
	}
	missing, err := n.unlock(shares[2])
	if missing != 0 || err != nil {
		t.Errorf("the second share: %d missing, %v", missing, err)
	}
	x.works(t, n.userSession(), "unlocked")

	n.restart() // shares given are forgotten with the core
	if missing, err := n.unlock(shares[1]); missing != 1 || err != nil {
		t.Errorf("first share: %d missing, %v", missing, err)
	}
	pid := n.corePID()
	n.killCore()
	n.newCore(pid)
	given(0)
	if missing, err := n.unlock(shares[2]); missing != 1 || err != nil {
		t.Errorf("first share of another core: %d missing, %v", missing, err)
	}
}

// After the keeper was changed the old shares are worth nothing.
func TestNewSharesReplaceTheOld(t *testing.T) {
	n, old := custodians(t)
	x := pair(t, n.userSession(), "x")
	conn := n.operational()
	s, err := conn.Open(0, true)
	must(t, err)
	_, err = s.Login(client.Officer, "", []byte(adminPIN))
	must(t, err)
	fresh, err := conn.Rekeep("custodians", 2, 2)
	must(t, err)
	n.restart()
	for _, share := range old {
		_, err := n.unlock(share)
		wantCode(t, "an old share", err, fault.ShareBad)
	}
	for _, share := range fresh {
		_, err := n.unlock(string(share))
		must(t, err)
	}
	x.works(t, n.userSession(), "unlocked by new shares")
}

// Nodes with directories of their own do not meet, whoever runs them.
func TestNodesOfSeveralUsersRunSideBySide(t *testing.T) {
	var nodes []*node
	uids := []uint32{0, 0, 64000, 64001}
	if os.Getuid() != 0 {
		uids = []uint32{uint32(os.Getuid()), uint32(os.Getuid())}
	}
	for _, uid := range uids {
		n := newNode(t)
		if int(uid) != os.Getuid() {
			n.user = &syscall.Credential{Uid: uid, Gid: uid}
			must(t, os.Chown(n.dir, int(uid), int(uid)))
		}
		nodes = append(nodes, n)
	}
	keys := make([]*thing, len(nodes))
	for i, n := range nodes {
		n.run("up", "--token", tokenLabel, "--so-pin", soPIN, "--pin", userPIN)
		defer n.try("", "down")
		keys[i] = pair(t, n.userSession(), fmt.Sprint("of node ", i))
	}
	for i, n := range nodes {
		keys[i].works(t, n.userSession(), fmt.Sprint("node ", i))
		for j, x := range keys {
			if j != i {
				useless(t, fmt.Sprintf("node %d with the key of node %d", i, j), n.userSession(), x)
			}
		}
		out := n.run("env")
		var host, core int
		for line := range strings.Lines(out) {
			fmt.Sscanf(line, "export GENBU_HOST_PID='%d'", &host)
			fmt.Sscanf(line, "export GENBU_CORE_PID='%d'", &core)
		}
		hostUID, coreUID := owner(t, host), owner(t, core)
		if n.user == nil && os.Getuid() == 0 && hostUID == coreUID || n.user != nil && (hostUID != n.user.Uid || coreUID != n.user.Uid) {
			t.Errorf("node %d: host runs as %d, core as %d", i, hostUID, coreUID)
		}
		if n.run("up") == "" || !strings.Contains(n.run("status"), "operational") {
			t.Errorf("node %d is not found running", i)
		}
	}
	nodes[0].run("down")
	if _, err := nodes[0].try("", "status"); err == nil {
		t.Error("a node that was stopped answers")
	}
	for i, n := range nodes[1:] {
		keys[i+1].works(t, n.userSession(), "after another was stopped")
		n.run("down")
	}
	for i, n := range nodes { // and they come back
		n.run("up")
		keys[i].works(t, n.userSession(), "started again")
	}
}

// owner is the uid of a process: the second word of a line in /proc/PID/status.
func owner(t *testing.T, pid int) uint32 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(b), "\nUid:")
	var uid uint32
	_, err = fmt.Sscan(rest, &uid)
	must(t, err)
	return uid
}
