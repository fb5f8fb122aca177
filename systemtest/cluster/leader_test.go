// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// TestTheNextKeyAfterALeadersDeathIsMadeByTheOthers kills the machine that leads, again and again, and asks another for a key and a
// signature at once. How long that took is printed.
func TestTheNextKeyAfterALeadersDeathIsMadeByTheOthers(t *testing.T) {
	rounds := 1
	if os.Getenv("GENBU_SOAK") != "" {
		rounds = 20
	}
	net := newNetwork(t)
	machines := map[string]*machine{"node1": net.machine()}
	first := machines["node1"]
	first.run("up", "--token", label, "--pin", userPIN)
	for _, name := range []string{"node2", "node3"} {
		m := net.machine()
		m.run("join", first.token("token", "create", name), "--keeper", "file")
		machines[name] = m
	}
	first.stands(3)
	var took []time.Duration
	for round := range rounds {
		leader, other := "", ""
		eventually(t, "a leader", func() bool {
			for _, n := range first.status().Nodes {
				if n.Role == "leader" {
					leader = n.Name
				} else {
					other = n.Name
				}
			}
			return leader != ""
		})
		s := login(t, machines[other].socket())
		known, err := pair(s, fmt.Sprint("before-", round))
		must(t, err)
		began := time.Now()
		gone := machines[leader].kill()
		if err := sign(s, known); err != nil {
			t.Errorf("round %d: the first signature after the death of %s: %v", round, leader, err)
		}
		signed := time.Since(began)
		handle, err := pair(s, fmt.Sprint("after-", round))
		if err != nil {
			t.Errorf("round %d: the first key after the death of %s: %v", round, leader, err)
		} else if err := sign(s, handle); err != nil {
			t.Errorf("round %d: its use: %v", round, err)
		}
		took = append(took, time.Since(began))
		t.Logf("%s died: a signature by %s after %v, a key after %v", leader, other, signed, took[round])
		gone()
		machines[leader].run("up")
		machines[other].stands(3)
	}
	slices.Sort(took)
	t.Logf("a key after a leader's death: half within %v, the slowest of %d %v", took[len(took)/2], len(took), took[len(took)-1])
}
