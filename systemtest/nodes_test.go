// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

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
