// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// enrolled makes an agent's identity and record as enrolment does.
func (h *house) enrolled(name string) *client.Identity {
	h.t.Helper()
	k, spki := agentKey(h.t)
	id := drawID()
	a := &membership.Agent{ID: id, Name: name, TLS: spki}
	home, err := h.core.tenant(0)
	if err != nil {
		h.t.Fatal(err)
	}
	path := membership.AgentPrefix + id.String()
	if _, err := home.vault.Add(path, membership.RecordID(path), a.Encode); err != nil {
		h.t.Fatal(err)
	}
	cert, err := membership.Issue(h.core.cluster.ca, h.core.domain, membership.KindAgent, id, spki, h.core.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return &client.Identity{Domain: h.core.domain, Agent: id, Certificate: cert, CA: h.core.cluster.caDER, Key: k}
}

func (h *house) remote(id *client.Identity) (*client.Conn, error) {
	c, err := client.DialRemote(context.Background(), h.door, id)
	if err == nil {
		h.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func TestAnAgentUsesAKeyFromAfar(t *testing.T) {
	w := newTown(t)
	h := w.house(true)
	h.initialize("file", 0, 0)
	slot := h.partition("p", 0)
	c, err := h.remote(h.enrolled("web-1"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(slot, true)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Login(client.User, "", []byte("user-pin"))
	if err != nil {
		t.Fatal(err)
	}
	pub, prv, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}), client.Bool(key.AttrToken, true)},
		client.Template{client.Bool(key.AttrToken, true)})
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(client.Mech(key.MechECDSASHA256), prv.Handle, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(client.Mech(key.MechECDSASHA256), pub.Handle, []byte("x"), sig); err != nil {
		t.Error(err)
	}
	again, err := h.remote(h.enrolled("web-2"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Resume(slot, ticket); err != nil {
		t.Errorf("resume by a ticket: %v", err)
	}
}

func TestAnAgentIsNoLocalUser(t *testing.T) {
	w := newTown(t)
	h := w.house(true)
	h.initialize("file", 0, 0)
	slot := h.partition("p", client.UIDLogin)
	a, b := h.enrolled("a"), h.enrolled("b")
	want(t, "give the user a uid", h.admin().OperatorSet(slot, "user", client.SetUIDs, nil, uint64(agentPeer(a.Agent).UID)), fault.OK)
	c, err := h.remote(a)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(slot, true)
	want(t, "open", err, fault.OK)
	_, err = s.Login(client.User, "uid", nil)
	want(t, "log in by uid", err, fault.Denied)
	// The secret of an application is worth nothing on another machine.
	_, err = client.JoinRemote(context.Background(), h.door, b, c.Secret)
	want(t, "join from another agent", err, fault.Denied)
	joined, err := client.JoinRemote(context.Background(), h.door, a, c.Secret)
	want(t, "join from the same agent", err, fault.OK)
	joined.Close()
}

func TestSecretsFromAfarAreSealedToTheCore(t *testing.T) {
	w := newTown(t)
	h := w.house(true)
	h.initialize("file", 0, 0)
	slot := h.partition("p", 0)
	stream, err := client.ConnectRemote(context.Background(), h.door, h.enrolled("a"))
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(stream) // seals nothing
	defer c.Close()
	want(t, "hello", c.Hello(), fault.OK)
	s, err := c.Open(slot, true)
	want(t, "open", err, fault.OK)
	_, err = s.Login(client.User, "", []byte("user-pin"))
	want(t, "log in without sealing", err, fault.Denied)
	want(t, "manage without sealing", c.OperatorCreate(slot, "x", client.CryptoUser, []byte("1234")), fault.Denied)
}

// TestWhoIsNoAgentGetsNoChannel tries other certificates than an agent's own, and its own after it was disabled.
func TestWhoIsNoAgentGetsNoChannel(t *testing.T) {
	w, elsewhere := newTown(t), newTown(t)
	h, strange := w.house(true), elsewhere.house(true)
	h.initialize("file", 0, 0)
	strange.initialize("file", 0, 0)
	good := h.enrolled("a")
	if _, err := h.remote(good); err != nil {
		t.Fatal("the control: ", err)
	}
	other := strange.enrolled("a")
	node, spki := agentKey(t)
	id := drawID()
	asNode, err := membership.Issue(h.core.cluster.ca, h.core.domain, membership.KindNode, id, spki, h.core.Now())
	if err != nil {
		t.Fatal(err)
	}
	anyKey, spki2 := agentKey(t)
	withoutRecord, err := membership.Issue(h.core.cluster.ca, h.core.domain, membership.KindAgent, drawID(), spki2, h.core.Now())
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := membership.Issue(h.core.cluster.ca, h.core.domain, membership.KindAgent, good.Agent, spki2, h.core.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		show client.Identity
	}{
		{"an agent of another domain", client.Identity{Domain: good.Domain, Certificate: other.Certificate, CA: good.CA, Key: other.Key}},
		{"a node's certificate", client.Identity{Domain: good.Domain, Certificate: asNode, CA: good.CA, Key: node}},
		{"an agent without a record", client.Identity{Domain: good.Domain, Certificate: withoutRecord, CA: good.CA, Key: anyKey}},
		{"an agent's id with another key", client.Identity{Domain: good.Domain, Certificate: otherKey, CA: good.CA, Key: anyKey}},
	} {
		if conn, err := h.remote(&c.show); err == nil {
			t.Errorf("%s: it has a channel", c.name)
			conn.Close()
		}
	}
	// An agent does not take another domain's node for its own.
	wrong := *good
	wrong.CA = other.CA
	if _, err := h.remote(&wrong); fault.Of(err) != fault.Denied {
		t.Errorf("a node of another ca: %v", err)
	}
}

func TestALockedCoreAnswersNobodyAtItsDoor(t *testing.T) {
	w := newTown(t)
	h := w.house(true)
	h.initialize("file", 0, 0)
	id := h.enrolled("a")
	h.start(wire.Config{Hold: true})
	for range 20 {
		_, err := h.remote(id)
		want(t, "a channel of a locked core", err, fault.Locked)
	}
}
