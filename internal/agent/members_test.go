// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"log/slog"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// inside is an agent without its socket, and an application in it.
func inside(t *testing.T, nodes ...*house) (*Agent, func(list ...*house)) {
	t.Helper()
	c := &Config{}
	if err := c.finish(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	a := newAgent(c, &Dialer{}, slog.New(slog.DiscardHandler))
	t.Cleanup(a.close)
	set := func(list ...*house) {
		var members []wire.ClusterMember
		for _, h := range list {
			members = append(members, wire.ClusterMember{Name: h.name, Door: h.address()})
		}
		a.learn(members)
	}
	set(nodes...)
	return a, set
}

func names(a *Agent) (list string) {
	for _, n := range a.members() {
		list += n.label()
	}
	return list
}

func TestMembersAreMetAndLeftAsTheClusterSays(t *testing.T) {
	_, list := three(t)
	a, set := inside(t, list[0])
	first := a.members()[0]
	set(list...)
	if names(a) != "abc" || a.members()[0] != first {
		t.Errorf("the members are %s; the first was met anew: %t", names(a), a.members()[0] != first)
	}
	wait(t, "the others are up", func() bool {
		return a.members()[1].condition() == healthUp && a.members()[2].condition() == healthUp
	})
	list[2].name = "renamed"
	third := a.members()[2]
	set(list[1], list[2])
	if names(a) != "brenamed" || a.members()[1] != third {
		t.Errorf("the members are %s", names(a))
	}
	a.learn(nil)
	a.learn([]wire.ClusterMember{{Name: "without a door"}})
	if len(a.members()) != 2 {
		t.Error("an answer without anybody in it was believed")
	}
}

func TestAMemberThatLeavesIsKeptWhileAnApplicationHasStateThere(t *testing.T) {
	_, list := three(t)
	a, set := inside(t, list...)
	x := newApp(a, 0, 0)
	if _, err := a.register(x); err != nil {
		t.Fatal(err)
	}
	ask := func(call wire.Call, put func(w *wire.Writer), what need) (*reply, error) {
		var w wire.Writer
		put(&w)
		q, err := parse(call, w.B)
		if err != nil {
			t.Fatal(err)
		}
		return x.atHome(t.Context(), what, q)
	}
	open := func(w *wire.Writer) { w.U64(fakeSlot); w.U64(9); w.U64(6) }
	got, err := ask(wire.CallSessionOpen, open, need{})
	if err != nil {
		t.Fatal(err)
	}
	got.done()
	x.sessions[9] = &session{id: 9, slot: fakeSlot, flags: 6, ops: 1 << useDigest}
	home := x.home.node
	var rest []*house
	for _, h := range list {
		if h.address() != home.address {
			rest = append(rest, h)
		}
	}
	set(rest...)
	if len(a.members()) != 2 || len(a.leaving) != 1 {
		t.Fatalf("%d members, %d leaving", len(a.members()), len(a.leaving))
	}
	begin := func(w *wire.Writer) { w.U64(9); w.U64(useDigest); w.U64(1); w.Bytes(nil); w.U64(0) }
	got, err = ask(wire.CallBegin, begin, need{session: 9})
	if err != nil || got.mirror.node != home {
		t.Fatalf("what goes on with state went elsewhere: %v", err)
	}
	got.done()
	x.mu.Lock()
	x.sessions[9].ops = 0
	x.mu.Unlock()
	a.shift()
	if len(a.leaving) != 0 || x.home != nil {
		t.Error("a node without state was not left")
	}
	got, err = ask(wire.CallBegin, begin, need{session: 9})
	if err != nil || got.mirror.node == home {
		t.Errorf("after it was left: %v", err)
	}
	got.done()
}

func TestPickPrefersWhatIsWellAndReadyAndSpreadsTheRest(t *testing.T) {
	a, _ := inside(t)
	defer a.nodes.Store(new([]*node))
	x := newApp(a, 0, 0)
	var nodes []*node
	for _, name := range []string{"a", "b", "c"} {
		n := newNode(a, name, name)
		n.health = healthUp
		nodes = append(nodes, n)
	}
	a.nodes.Store(&nodes)
	count := func() map[*node]int {
		m := map[*node]int{}
		for range 3000 {
			m[a.pick(x, need{}, healthDown, nil)]++
		}
		return m
	}
	if m := count(); m[nodes[0]] < 500 || m[nodes[1]] < 500 || m[nodes[2]] < 500 {
		t.Errorf("three alike: %v", m)
	}
	nodes[0].flight.Store(10)
	if m := count(); m[nodes[0]] != 0 {
		t.Errorf("the busiest of three got %d", m[nodes[0]])
	}
	nodes[1].health = healthSuspect
	nodes[2].health = healthDown
	if m := count(); m[nodes[0]] != 3000 {
		t.Errorf("the only one that is well got %d", m[nodes[0]])
	}
	nodes[0].health = healthDown
	if m := count(); m[nodes[1]] != 3000 {
		t.Errorf("a suspect one is better than none: %d", m[nodes[1]])
	}
	if a.pick(x, need{}, healthRefusing, nil) != nil {
		t.Error("a hedge went to a node that is not well")
	}
	nodes[0].health, nodes[1].health = healthUp, healthUp
	nodes[0].flight.Store(0)
	m := x.mirrorOn(nodes[1])
	m.secret = opaqueOf("s")
	if m := count(); m[nodes[1]] != 3000 {
		t.Errorf("the one where the application is known got %d", m[nodes[1]])
	}
	x.logins[fakeSlot] = &login{slot: fakeSlot}
	x.sessions[1] = &session{id: 1, slot: fakeSlot}
	m.opened[1] = fakeSlot
	m.refused[fakeSlot] = x.logins[fakeSlot]
	for range 100 {
		if a.pick(x, need{session: 1}, healthDown, nil) == nodes[1] {
			t.Fatal("the one that does not take the login was picked")
		}
	}
}

func TestAnAgentTellsHowItSeesItsNodes(t *testing.T) {
	_, list := three(t)
	list[1].kill()
	list[2].say(func(call wire.Call) fault.Code { return fault.Locked })
	k := hire(t, nil, list...)
	wait(t, "it has seen all", func() bool {
		c, err := client.Dial(k.socket)
		if err != nil {
			return false
		}
		defer c.Close()
		text, err := c.AgentStatus()
		if err != nil {
			t.Fatal(err)
		}
		s := string(text)
		return contains(s, `"up"`) && contains(s, `"down"`) && contains(s, `"refusing"`)
	})
}

func TestTwoAgentsDoNotServeOneSocket(t *testing.T) {
	_, list := three(t)
	k := hire(t, nil, list...)
	if err := Run(t.Context(), k.config, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("the second one started")
	}
	if _, err := client.Dial(k.socket); err != nil {
		t.Errorf("the first one does not serve any more: %v", err)
	}
}
