// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// impostor answers at a house's door in place of its core, with an identity of its own. heard counts the requests that it got
// to read.
func (w *town) impostor(show process.Identity, heard *atomic.Int32) {
	f := func(_ uint8, raw *process.Stream) bool {
		conn, err := process.Accept(raw, show, nil, 10*second)
		if err != nil {
			return true
		}
		wire.AnswerDoor(conn, func(uint8, []byte) ([]byte, error) {
			heard.Add(1)
			return nil, fault.Denied
		})
		conn.Close()
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.between = f; show.Key == nil {
		w.between = nil
	}
}

// TestAHostInBetweenLearnsAndReplacesNothing: whoever sits between a newcomer and the core it was sent to, a captured host of
// that very node included, gets no request to read. The control is the same join without him.
func TestAHostInBetweenLearnsAndReplacesNothing(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	agent := a.enrolled("agent")
	token, forAgent := a.token("b", wire.JoinNode), a.token("c", wire.JoinAgent)
	own, spki := agentKey(t)
	transport, _, err := membership.IssueTransport(a.core.cluster.ca, a.core.domain, a.id, spki, []string{"a.example"}, nil, a.core.Now())
	want(t, "transport certificate", err, fault.OK)
	strange := newTown(t).house(true)
	strange.initialize("file", 0, 0)
	theirs, err := strange.core.identity()
	want(t, "identity", err, fault.OK)
	b := w.house(false)
	var heard atomic.Int32
	for _, c := range []struct {
		name string
		show process.Identity
	}{
		{"a core of another domain", theirs},
		{"the host with its node's transport certificate", process.Identity{Certificate: transport, CA: a.core.cluster.caDER, Key: own}},
		{"an agent", process.Identity{Certificate: agent.Certificate, CA: agent.CA, Key: agent.Key}},
	} {
		w.impostor(c.show, &heard)
		if s, err := b.joins(token, "file"); err == nil {
			t.Errorf("%s: the newcomer joined: %+v", c.name, s)
		}
		if _, _, _, err := client.Enroll(context.Background(), bytes.Clone(forAgent), own); err == nil {
			t.Errorf("%s: an agent enrolled", c.name)
		}
		if _, err := a.remote(agent); err == nil {
			t.Errorf("%s: an agent has a channel", c.name)
		}
	}
	if n := heard.Load(); n != 0 {
		t.Errorf("%d requests were read in between", n)
	}
	w.impostor(process.Identity{}, nil)
	s, err := b.joins(token, "file")
	if err != nil || !s.Admitted {
		t.Errorf("the control: %+v, %v", s, err)
	}
}

// TestARequestIsGoodInItsOwnConnectionOnly: a join, an unlock and a renewal that were heard elsewhere and come again, or with
// anything exchanged, are refused; and the same request made for this connection is answered.
func TestARequestIsGoodInItsOwnConnectionOnly(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	want(t, "policy", a.admin().ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)
	b := a.member(w, "b", "peers")
	text := a.token("c", wire.JoinNode)
	token, err := wire.ParseJoinToken(text)
	want(t, "parse", err, fault.OK)
	thief := w.house(false)
	own, err := newIdentity()
	want(t, "identity", err, fault.OK)
	join := func(exporter [32]byte, change func(*wire.JoinRequest), after func([]byte)) ([]byte, error) {
		ask := wire.JoinRequest{Token: token.ID, Node: thief.id, TLS: own.tls.SPKI(), KEM: own.kem.Public(), Peer: "https://x", Keeper: "file"}
		change(&ask)
		var m wire.Writer
		ask.Encode(&m)
		signed := wire.Authenticate(token.Key(), wire.JoinAsks, exporter, m.B)
		after(signed)
		return signed, nil
	}
	proof := func(house *house, ask uint8, exporter [32]byte) ([]byte, error) {
		digest := wire.ProofDigest(ask, b.id, exporter)
		signature, err := house.core.cluster.own.tls.Sign(nil, digest[:], nil)
		var m wire.Writer
		(&wire.ProofRequest{ID: b.id, Signature: signature}).Encode(&m)
		return m.B, err
	}
	nothing := func(*wire.JoinRequest) {}
	untouched := func([]byte) {}
	other := [32]byte{1}
	for _, c := range []struct {
		name string
		ask  uint8
		make func(exporter [32]byte) ([]byte, error)
		want fault.Code
	}{
		{"a join that was heard in another connection", wire.AskJoin, func([32]byte) ([]byte, error) { return join(other, nothing, untouched) }, fault.TokenRefused},
		{"a join whose key was exchanged", wire.AskJoin, func(x [32]byte) ([]byte, error) {
			return join(x, nothing, func(m []byte) { m[60] ^= 1 })
		}, fault.TokenRefused},
		{"an enrolment with a join's token", wire.AskEnrol, func(x [32]byte) ([]byte, error) {
			var m wire.Writer
			(&wire.EnrolRequest{Token: token.ID, TLS: own.tls.SPKI()}).Encode(&m)
			return wire.Authenticate(token.Key(), wire.EnrolAsks, x, m.B), nil
		}, fault.TokenRefused},
		{"a key that is none", wire.AskJoin, func(x [32]byte) ([]byte, error) {
			return join(x, func(r *wire.JoinRequest) { r.KEM = r.KEM[:20] }, untouched)
		}, fault.ArgumentsBad},
		{"another member's id", wire.AskJoin, func(x [32]byte) ([]byte, error) {
			return join(x, func(r *wire.JoinRequest) { r.Node = b.id }, untouched)
		}, fault.MemberExists},
		{"an unlock that was heard in another connection", wire.AskUnlock, func([32]byte) ([]byte, error) { return proof(b, wire.AskUnlock, other) }, fault.Denied},
		{"an unlock with another member's key", wire.AskUnlock, func(x [32]byte) ([]byte, error) { return proof(a, wire.AskUnlock, x) }, fault.Denied},
		{"a renewal's proof for an unlock", wire.AskUnlock, func(x [32]byte) ([]byte, error) { return proof(b, wire.AskRenew, x) }, fault.Denied},
		{"a renewal by a node", wire.AskRenew, func(x [32]byte) ([]byte, error) { return proof(b, wire.AskRenew, x) }, fault.Denied},
		{"an ask that there is not", 9, func([32]byte) ([]byte, error) { return nil, nil }, fault.Unsupported},
		{"no request", wire.AskJoin, func([32]byte) ([]byte, error) { return nil, nil }, fault.Malformed},
		{"the control: an unlock", wire.AskUnlock, func(x [32]byte) ([]byte, error) { return proof(b, wire.AskUnlock, x) }, fault.OK},
		{"the control: a join", wire.AskJoin, func(x [32]byte) ([]byte, error) { return join(x, nothing, untouched) }, fault.OK},
		{"the same join again, which its sender may", wire.AskJoin, func(x [32]byte) ([]byte, error) { return join(x, nothing, untouched) }, fault.OK},
		{"the same token for another", wire.AskJoin, func(x [32]byte) ([]byte, error) {
			return join(x, func(r *wire.JoinRequest) { r.Node = drawID() }, untouched)
		}, fault.TokenRefused},
	} {
		_, _, err := thief.core.askDoor(a.door, a.core.domain, process.Trust{CA: a.core.cluster.caDER}, c.ask, c.make)
		want(t, c.name, err, c.want)
	}
	if n := len(a.core.members()); n != 3 {
		t.Errorf("%d members", n)
	}
}

// TestTheRootKeyLeavesACoreSealedOnly looks at everything that cores ask of their hosts while a node joins and is unlocked. What
// goes over sockets is TLS. At the end a core is made to tell, to show that it would have been seen.
func TestTheRootKeyLeavesACoreSealedOnly(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	root := a.peek()
	var seen atomic.Int32
	watch := func(n *house) {
		inner := n.outside
		n.outside = func(op uint16, body []byte) ([]byte, error, bool) {
			if bytes.Contains(body, root) {
				seen.Add(1)
			}
			return inner(op, body)
		}
	}
	watch(a)
	text := a.token("b", wire.JoinNode)
	b := w.house(false)
	watch(b)
	want(t, "policy", a.admin().ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)
	_, err := b.joins(text, "peers")
	want(t, "join", err, fault.OK)
	if !bytes.Equal(b.peek(), root) {
		t.Error("the newcomer has another root key")
	}
	b.start(wire.Config{})
	until(t, "it is unlocked", func() bool { b.core.Tick(); return b.core.State() == wire.StateOperational })
	if n := seen.Load(); n != 0 {
		t.Errorf("the root key was in %d requests to a host", n)
	}
	b.core.host.Log(wire.LogDebug, 0, string(root))
	until(t, "the control is seen", func() bool { return seen.Load() == 1 })
}

func TestAnAgentEnrolsOnceRenewsAndEnds(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	ctx := context.Background()
	text := a.token("web-1", wire.JoinAgent)
	k, err := client.EnrollKey()
	want(t, "key", err, fault.OK)
	id, name, members, err := client.Enroll(ctx, bytes.Clone(text), k)
	if err != nil || name != "web-1" || len(members) != 1 || members[0].Door != a.door {
		t.Fatalf("enrol: %q %+v %v", name, members, err)
	}
	if _, err := a.remote(id); err != nil {
		t.Errorf("a channel: %v", err)
	}
	again, _, _, err := client.Enroll(ctx, bytes.Clone(text), k)
	if err != nil || again.Agent != id.Agent {
		t.Errorf("the same key again, after a lost answer: %v", err)
	}
	thief, err := client.EnrollKey()
	want(t, "key", err, fault.OK)
	_, _, _, err = client.Enroll(ctx, bytes.Clone(text), thief)
	want(t, "another key with a used token", err, fault.TokenRefused)
	_, _, _, err = client.Enroll(ctx, a.token("b", wire.JoinNode), k)
	want(t, "a node's token", err, fault.TokenRefused)

	next, _, err := client.Renew(ctx, a.door, id)
	want(t, "renew", err, fault.OK)
	if bytes.Equal(next.Certificate, id.Certificate) {
		t.Error("the certificate is the same")
	}
	stolen := *id
	stolen.Key = thief
	_, _, err = client.Renew(ctx, a.door, &stolen)
	want(t, "renew with another key", err, fault.Denied)

	c, err := a.remote(next)
	want(t, "a channel with the next certificate", err, fault.OK)
	want(t, "disable", a.admin().AgentSet("web-1", true), fault.OK)
	until(t, "its channel ends", func() bool { _, err := c.Slots(); return err != nil })
	if _, err := a.remote(next); err == nil {
		t.Error("a disabled agent has a channel")
	}
	_, _, err = client.Renew(ctx, a.door, next)
	want(t, "renew while disabled", err, fault.Denied)
	want(t, "enable", a.admin().AgentSet(id.Agent.String(), false), fault.OK)
	if _, err := a.remote(next); err != nil {
		t.Errorf("enabled again: %v", err)
	}
	want(t, "remove", a.admin().AgentRemove("web-1"), fault.OK)
	if _, err := a.remote(next); err == nil {
		t.Error("a removed agent has a channel")
	}
	list, err := a.admin().Agents()
	if err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestACertificateThatHasExpiredIsNoneUntilItIsRenewed(t *testing.T) {
	w := newTown(t)
	a, _ := first(w)
	k, err := client.EnrollKey()
	want(t, "key", err, fault.OK)
	a.machine.skew.Store(-int64(8 * 24 * time.Hour)) // the core's clock, by which it issues
	id, _, _, err := client.Enroll(context.Background(), a.token("web-1", wire.JoinAgent), k)
	want(t, "enrol", err, fault.OK)
	a.machine.skew.Store(0)
	if _, err := a.remote(id); err == nil {
		t.Error("a channel with a certificate of last week")
	}
	next, _, err := client.Renew(context.Background(), a.door, id)
	want(t, "renew with the same key", err, fault.OK)
	if _, err := a.remote(next); err != nil {
		t.Errorf("a channel: %v", err)
	}
}
