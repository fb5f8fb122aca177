// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// first makes a town's first node, with a partition.
func first(w *town) (h *house, slot uint64) {
	w.t.Helper()
	h = w.house(true)
	h.initialize("file", 0, 0)
	return h, h.partition("p", 0)
}

func (h *house) token(name string, kind uint8) []byte {
	h.t.Helper()
	text, err := h.admin().TokenCreate(name, kind, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func (h *house) joins(token []byte, keeper string) (client.JoinState, error) {
	h.t.Helper()
	return h.client().JoinDomain(bytes.Clone(token), keeper)
}

// member makes another node and lets it in.
func (h *house) member(w *town, name, keeper string) *house {
	h.t.Helper()
	n := w.house(false)
	s, err := n.joins(h.token(name, wire.JoinNode), keeper)
	if err != nil || !s.Admitted || s.Name != name {
		h.t.Fatalf("join: %+v, %v", s, err)
	}
	return n
}

// uses tells whether a node can sign with the key of a handle.
func (h *house) uses(slot, handle uint64) error {
	if h.core.State() == wire.StateOperational {
		h.leased()
	}
	s, err := h.client().Open(slot, true)
	if err != nil {
		return err
	}
	if _, err := s.Login(client.User, "", []byte("user-pin")); err != nil {
		return err
	}
	_, err = s.Sign(client.Mech(key.MechECDSASHA256), handle, []byte("x"))
	return err
}

func (h *house) signingKey(slot uint64) uint64 {
	h.t.Helper()
	s, err := h.client().Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte("user-pin"))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	_, prv, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}), client.Bool(key.AttrToken, true)},
		client.Template{client.Bool(key.AttrToken, true)})
	if err != nil {
		h.t.Fatal(err)
	}
	return prv.Handle
}

func TestANodeJoinsWithATokenAndServesEveryKey(t *testing.T) {
	w := newTown(t)
	a, slot := first(w)
	handle := a.signingKey(slot)
	b := a.member(w, "b", "file")
	b.leased()
	if s := b.core.State(); s != wire.StateOperational {
		t.Fatalf("the newcomer is %v", s)
	}
	want(t, "a key of the other node", b.uses(slot, handle), fault.OK)
	c := b.member(w, "c", "peers") // any member lets others in
	want(t, "a key of the other node", c.uses(slot, handle), fault.OK)
	if len(w.members) != 2 || w.members[0].Verb != wire.MemberAdd || w.members[0].Name != "b" || w.members[0].Peer != "https://"+b.door {
		t.Errorf("the stores' membership: %+v", w.members)
	}
	if len(w.joined) != 2 || w.joined[0].Initial != "initial b" || len(w.joined[0].Members) != 2 {
		t.Errorf("the newcomers' hosts heard: %+v", w.joined)
	}
	for _, h := range []*house{a, b, c} {
		until(t, "all are linked", func() bool {
			for _, other := range []*house{a, b, c} {
				other.core.Tick()
			}
			list, err := h.client().Members()
			if err != nil || len(list) != 3 {
				return false
			}
			for _, m := range list {
				if !m.Self && !m.Linked {
					return false
				}
			}
			return true
		})
	}
}

func TestALoneNodeOpensItsDoorForItsFirstNewcomer(t *testing.T) {
	w := newTown(t)
	a := w.house(true)
	a.core.cluster.address = wire.NodeAddress{} // as a node that nobody wanted yet
	a.initialize("file", 0, 0)
	if door := a.core.members()[a.id].Door; door != "" {
		t.Fatalf("its door is %q", door)
	}
	b := w.house(false)
	_, err := b.joins(a.token("b", wire.JoinNode), "file")
	want(t, "join", err, fault.OK)
	until(t, "its own record names the door", func() bool { return a.core.members()[a.id].Door == a.door })
}

// TestAJoinTokenIsGoodOnceForOneAndNotForLong: each refusal changes nothing, which the join at the end shows.
func TestAJoinTokenIsGoodOnceForOneAndNotForLong(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	refused := func(what string, token []byte) {
		t.Helper()
		_, err := w.house(false).joins(token, "file")
		want(t, what, err, fault.TokenRefused)
	}
	used := a.token("b", wire.JoinNode)
	b := w.house(false)
	if _, err := b.joins(used, "file"); err != nil {
		t.Fatal(err)
	}
	refused("a token that was used", used)
	revoked := a.token("c", wire.JoinNode)
	want(t, "revoke", a.admin().TokenRevoke("c"), fault.OK)
	refused("a token that was revoked", revoked)
	refused("an agent's token", a.token("agent", wire.JoinAgent))
	old, err := a.admin().TokenCreate("d", wire.JoinNode, time.Minute)
	want(t, "create", err, fault.OK)
	a.machine.skew.Store(int64(2 * time.Minute))
	refused("a token that has expired", old)
	a.machine.skew.Store(0)
	good := a.token("e", wire.JoinNode)
	parsed, err := wire.ParseJoinToken(bytes.Clone(good))
	want(t, "parse", err, fault.OK)
	refused("a token with another secret", parsed.Text(make([]byte, 32)))
	if n := len(a.core.members()); n != 2 {
		t.Errorf("%d members", n)
	}
	_, err = w.house(false).joins(good, "file")
	want(t, "a good token", err, fault.OK)
	_, err = a.admin().TokenCreate("e", wire.JoinNode, time.Hour)
	want(t, "a token for a name that is taken", err, fault.MemberExists)
	b.leased()
	_, err = b.client().TokenCreate("f", wire.JoinNode, time.Hour)
	want(t, "a token without a login", err, fault.NotLoggedIn)
	_, err = b.joins(good, "file")
	want(t, "join by a node that is a member", err, fault.AlreadyInitialized)
}

func TestANewcomersAnswerThatWasLostIsGivenAgain(t *testing.T) {
	w := newTown(t)
	a, slot := first(w)
	handle := a.signingKey(slot)
	token := a.token("b", wire.JoinNode)
	b := w.house(false)
	failing := func(op uint16) error {
		if op == wire.OpRoot { // the newcomer cannot keep what it got
			return fault.Unavailable
		}
		return nil
	}
	b.accident.Store(&failing)
	if _, err := b.joins(token, "file"); err == nil {
		t.Fatal("it joined without a keeper")
	}
	if s := b.core.State(); s != wire.StateUninitialized || b.core.root.Len() != 0 {
		t.Errorf("after a failure it is %v", s)
	}
	b.accident.Store(nil)
	w.mu.Lock()
	w.refuseJoined = true // its host cannot start the store
	w.mu.Unlock()
	if _, err := b.joins(token, "file"); err == nil || b.core.root.Len() != 0 {
		t.Errorf("it joined without a store: %v", err)
	}
	w.mu.Lock()
	w.refuseJoined = false
	w.mu.Unlock()
	_, err := b.joins(token, "file")
	want(t, "again", err, fault.OK)
	want(t, "use", b.uses(slot, handle), fault.OK)
	_, err = w.house(false).joins(token, "file")
	want(t, "the same token by another", err, fault.TokenRefused)
	var long wire.Writer
	(&wire.NodeAddress{Door: strings.Repeat("x", 600)}).Encode(&long)
	_, err = b.core.Handle(wire.OpNodeAddress, long.B)
	want(t, "an address that no record has room for", err, fault.ArgumentsBad)
}

func TestAnAdminsApprovalIsWantedWhereThePolicySaysSo(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	admin := a.admin()
	want(t, "another admin", admin.OperatorCreate(0, "second", client.Admin, []byte("second-pin")), fault.OK)
	want(t, "policy", admin.ClusterSet(client.SetApprovals, client.ClusterPolicy{Approvals: 2}), fault.OK)
	token := a.token("b", wire.JoinNode)
	b, thief := w.house(false), w.house(false)
	s, err := b.joins(token, "file")
	if err != nil || s.Admitted || s.Wanted != 2 || s.Given != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	list, err := admin.Tokens()
	if err != nil || len(list) != 1 || list[0].Fingerprint != s.Fingerprint || s.Fingerprint == "" {
		t.Errorf("the two sides show: %+v, %+v, %v", list, s, err)
	}
	_, err = thief.joins(token, "file")
	want(t, "the same token with other keys", err, fault.TokenRefused)
	_, _, err = admin.Approve("b", wire.Fingerprint(thief.id, []byte("x"), []byte("y")))
	want(t, "approve other keys", err, fault.Denied)
	for range 2 { // an admin counts once
		given, wanted, err := admin.Approve("b", s.Fingerprint)
		if err != nil || given != 1 || wanted != 2 {
			t.Errorf("approve: %d of %d, %v", given, wanted, err)
		}
	}
	if s, err = b.joins(token, "file"); err != nil || s.Admitted || s.Given != 1 {
		t.Errorf("with one approval: %+v, %v", s, err)
	}
	other := a.client()
	session, err := other.Open(0, true)
	if err == nil {
		_, err = session.Login(client.Officer, "second", []byte("second-pin"))
	}
	want(t, "log in", err, fault.OK)
	_, _, err = other.Approve("b", s.Fingerprint)
	want(t, "the second approval", err, fault.OK)
	if s, err = b.joins(token, "file"); err != nil || !s.Admitted {
		t.Errorf("with both: %+v, %v", s, err)
	}
}

func TestARestartedNodeIsUnlockedByItsPeersIfPolicyOrAnAdminSaysSo(t *testing.T) {
	w := newTown(t)
	a, slot := first(w)
	handle := a.signingKey(slot)
	b := a.member(w, "b", "peers")
	b.start(wire.Config{})
	if s := b.core.State(); s != wire.StateLocked {
		t.Fatalf("restarted, it is %v", s)
	}
	_, err := b.client().Unlock(nil)
	want(t, "unlock against the policy", err, fault.UnlockRefused)
	want(t, "state", b.uses(slot, handle), fault.Locked)
	until(t, "it is shown as waiting", func() bool {
		list, err := a.client().Members()
		return err == nil && len(list) == 2 && (list[0].Waits || list[1].Waits)
	})
	want(t, "an admin's word", a.admin().NodeUnlock("b"), fault.OK)
	_, err = b.client().Unlock(nil)
	want(t, "unlock", err, fault.OK)
	want(t, "use", b.uses(slot, handle), fault.OK)
	b.start(wire.Config{})
	_, err = b.client().Unlock(nil)
	want(t, "the word was for once", err, fault.UnlockRefused)
	want(t, "another word", a.admin().NodeUnlock("b"), fault.OK)
	_, err = b.client().Unlock(nil)
	want(t, "unlock", err, fault.OK)
	b.leased()
	a.leased()
	want(t, "policy", a.admin().ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)
	b.start(wire.Config{})
	until(t, "it is unlocked by itself", func() bool { b.core.Tick(); return b.core.State() == wire.StateOperational })
	want(t, "use", b.uses(slot, handle), fault.OK)
	b.start(wire.Config{Hold: true})
	for range 20 {
		b.core.Tick()
		time.Sleep(10 * time.Millisecond)
	}
	if s := b.core.State(); s != wire.StateLocked {
		t.Errorf("held, it is %v", s)
	}
	want(t, "the last node with a root key of its own goes", b.adminAfter(a).MemberRemove("node1"), fault.ArgumentsBad)
}

// adminAfter unlocks a held node and logs in there.
func (h *house) adminAfter(a *house) *client.Conn {
	h.t.Helper()
	if _, err := h.client().Unlock(nil); err != nil {
		h.t.Fatal(err)
	}
	h.leased()
	return h.admin()
}

func TestARemovedNodeGetsNoLinkAndNoRoot(t *testing.T) {
	w := newTown(t)
	a, slot := first(w)
	handle := a.signingKey(slot)
	b := a.member(w, "b", "peers")
	want(t, "policy", a.admin().ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)
	until(t, "they are linked", func() bool { a.core.Tick(); b.core.Tick(); return a.core.Links().Linked(b.id) })
	want(t, "itself", a.admin().MemberRemove("node1"), fault.ArgumentsBad)
	until(t, "both have leases", func() bool {
		a.core.Tick()
		b.core.Tick()
		a.core.coherence.mu.Lock()
		defer a.core.coherence.mu.Unlock()
		return len(a.core.coherence.roster.nodes) == 2
	})
	want(t, "remove", a.admin().MemberRemove("b"), fault.OK)
	want(t, "use by the one that is left", a.uses(slot, handle), fault.OK)
	if last := w.members[len(w.members)-1]; last.Verb != wire.MemberRemove || last.Node != b.id {
		t.Errorf("its store: %+v", last)
	}
	until(t, "its link is gone", func() bool { return !a.core.Links().Linked(b.id) && !b.core.Links().Linked(a.id) })
	for range 10 {
		b.core.cluster.links.Tick()
		a.core.cluster.links.Tick()
		time.Sleep(20 * time.Millisecond)
	}
	if a.core.Links().Linked(b.id) {
		t.Error("a removed node has a link")
	}
	b.start(wire.Config{})
	_, err := b.client().Unlock(nil)
	want(t, "unlock a removed node", err, fault.MemberUnknown)
	// What it had under way when it was removed must not bring it into the roster: it would be missed in every majority.
	domain, err := a.core.tenant(0)
	want(t, "domain", err, fault.OK)
	a.core.coherence.mu.Lock()
	old := a.core.coherence.roster
	a.core.coherence.mu.Unlock()
	next := old
	next.nodes = append(slices.Clone(old.nodes), b.id)
	want(t, "a removed node enters the roster", a.core.changeRoster(domain, old, next, false), fault.Conflict)
	if n := a.core.coherence.members(); n != 1 {
		t.Errorf("the roster has %d nodes", n)
	}
	want(t, "again by id", a.admin().MemberRemove(b.id.String()), fault.OK)
	want(t, "a member that never was", a.admin().MemberRemove("x"), fault.MemberUnknown)
}
