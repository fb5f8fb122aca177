// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func TestNodesDoNotAllKeepTheRootForEachOther(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	_, err := a.client().Init("peers", 0, 0, []byte("admin-pin"))
	want(t, "initialize with keeper peers", err, fault.AlreadyInitialized)
	_, err = a.admin().Rekeep("peers", 0, 0)
	want(t, "keeper peers for a lone node", err, fault.ArgumentsBad)
	b := a.member(w, "b", "file")
	_, err = a.admin().Rekeep("peers", 0, 0)
	want(t, "keeper peers", err, fault.OK)
	if _, err := a.core.host.Root(wire.RootGet, "file", nil); fault.Of(err) != fault.RecordUnknown {
		t.Errorf("the root key's file is still there: %v", err)
	}
	until(t, "b knows", func() bool {
		b.core.refreshNodes()
		return b.core.members()[a.id].Keeper == "peers"
	})
	admin := b.admin()
	_, err = admin.Rekeep("peers", 0, 0)
	want(t, "keeper peers for the last other one", err, fault.ArgumentsBad)
	want(t, "policy", admin.ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)
	a.start(wire.Config{})
	until(t, "a is unlocked by b", func() bool { a.core.Tick(); return a.core.State() == wire.StateOperational })
}

// TestOfTwoNodesTheOneThatRunsLetsTheOtherIn: it has no lease meanwhile, so an admin can do this and little else there.
func TestOfTwoNodesTheOneThatRunsLetsTheOtherIn(t *testing.T) {
	w := newTown(t)
	a, slot := first(w)
	handle := a.signingKey(slot)
	b := a.member(w, "b", "peers")
	ticking := func(what string, f func() bool) {
		t.Helper()
		until(t, what, func() bool { a.core.Tick(); b.core.Tick(); return f() })
	}
	ticking("both have leases", func() bool {
		return len(a.core.Links().Members()) == 2 && a.core.coherence.until.Load() != math.MaxInt64 && a.core.Leased() == nil && b.core.Leased() == nil
	})
	b.start(wire.Config{})
	ticking("the lease is over", func() bool { return a.core.Leased() != nil })
	s, err := a.client().Open(slot, true)
	want(t, "open a session", err, fault.OK)
	_, err = s.Login(client.User, "", []byte("user-pin"))
	want(t, "log in as a user", err, fault.LeaseExpired)
	admin := a.admin()
	_, err = admin.TokenCreate("c", wire.JoinNode, time.Hour)
	want(t, "make a token", err, fault.LeaseExpired)
	_, err = admin.Rekeep("file", 0, 0)
	want(t, "give the root key away", err, fault.LeaseExpired)
	want(t, "let the other be unlocked", admin.NodeUnlock("b"), fault.OK)
	ticking("it is", func() bool { return b.core.State() == wire.StateOperational })
	ticking("leases are back", func() bool { return a.core.Leased() == nil && b.core.Leased() == nil })
	want(t, "use a key", a.uses(slot, handle), fault.OK)
	want(t, "and there", b.uses(slot, handle), fault.OK)
}

// TestTheOwnerOfTheFirstNodeUnlocksTheNextWithoutAnAdmin: only over the host's own door, only while no lease holds, and only where the
// host has the root key by itself.
func TestTheOwnerOfTheFirstNodeUnlocksTheNextWithoutAnAdmin(t *testing.T) {
	alone := func(a *house) *house {
		t.Helper()
		b := a.member(a.town, "b", "peers")
		until(t, "both have leases", func() bool {
			a.core.Tick()
			b.core.Tick()
			return len(a.core.Links().Members()) == 2 && a.core.coherence.until.Load() != math.MaxInt64 && a.core.Leased() == nil && b.core.Leased() == nil
		})
		want(t, "while the cluster works", a.through(wire.DoorControl).NodeUnlock("b"), fault.NotLoggedIn)
		b.start(wire.Config{})
		until(t, "no lease holds", func() bool { a.core.Tick(); return a.core.Leased() != nil })
		return b
	}
	a, _ := first(newTown(t))
	b := alone(a)
	for _, door := range []uint8{wire.DoorPKCS11, wire.DoorRemote, wire.DoorAzure} {
		want(t, "over another door", a.through(door).NodeUnlock("b"), fault.NotLoggedIn)
	}
	_, err := b.client().Unlock(nil)
	want(t, "unlock", err, fault.UnlockRefused)
	want(t, "over the host's door", a.through(wire.DoorControl).NodeUnlock("b"), fault.OK)
	_, err = b.client().Unlock(nil)
	want(t, "unlock", err, fault.OK)

	c := newTown(t).house(true)
	c.initialize("custodians", 1, 2)
	alone(c)
	want(t, "where custodians have the root key", c.through(wire.DoorControl).NodeUnlock("b"), fault.NotLoggedIn)
}

func TestCustodiansOpenANodeThatItsPeersDoNotUnlock(t *testing.T) {
	w := newTown(t)
	a := w.house(true)
	shares := a.initialize("custodians", 1, 2)
	b := a.member(w, "b", "peers")
	c := a.member(w, "c", "custodians")
	for _, h := range []*house{b, c} {
		h.start(wire.Config{})
		if s := h.core.State(); s != wire.StateLocked {
			t.Fatalf("restarted, it is %v", s)
		}
		missing, err := h.client().Unlock(bytes.Clone(shares[1]))
		if err != nil || missing != 0 || h.core.State() != wire.StateOperational {
			t.Errorf("a share: %d missing, %v, %v", missing, err, h.core.State())
		}
	}
	d := newTown(t)
	e, _ := first(d)
	_, err := d.house(false).joins(e.token("f", wire.JoinNode), "custodians")
	want(t, "keeper custodians in a domain without", err, fault.ArgumentsBad)
}

// TestAStrangersIdentityFileOpensNothing: what lies at a node whose keeper is its peers is of no use without the 32 bytes of its file.
func TestAStrangersIdentityFileOpensNothing(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	b := a.member(w, "b", "peers")
	want(t, "policy", a.admin().ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)
	b.machine.mu.Lock()
	held := b.machine.keeper
	b.machine.keeper = bytes.Repeat([]byte{1}, 32)
	b.machine.mu.Unlock()
	b.start(wire.Config{})
	_, err := b.client().Unlock(nil)
	want(t, "with another file", err, fault.KeeperRefused)
	b.machine.mu.Lock()
	b.machine.keeper = held
	b.machine.mu.Unlock()
	_, err = b.client().Unlock(nil)
	want(t, "with its own", err, fault.OK)
}
