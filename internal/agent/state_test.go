// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestAnOperationEndsWithItsNode(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	digest := func(parts ...string) ([]byte, error) {
		if err := s.Begin(client.UseDigest, client.Mech(2), 0); err != nil {
			return nil, err
		}
		for _, p := range parts {
			if _, err := s.Update(client.UseDigest, []byte(p)); err != nil {
				return nil, err
			}
		}
		return s.Final(client.UseDigest, nil)
	}
	if _, err := digest("one", "two"); err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(client.UseDigest, client.Mech(2), 0); err != nil {
		t.Fatal(err)
	}
	h := homeOf(t, list)
	h.kill()
	if _, err := s.Final(client.UseDigest, nil); fault.Of(err) != fault.Unavailable && fault.Of(err) != fault.OutcomeUnknown {
		t.Errorf("an operation whose node died: %v", err)
	}
	if _, err := digest("three"); err != nil {
		t.Errorf("the next operation: %v", err)
	}
}

func TestSessionObjectsAreUsedWhereTheyAreAndEndThere(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	o, err := s.Create(client.Template{})
	if err != nil || o.Handle&key.SessionHandle == 0 {
		t.Fatal(o, err)
	}
	for n := range 30 {
		data := fmt.Appendf(nil, "held %d", n)
		if got, err := s.Sign(client.Mech(1), o.Handle, data); err != nil || !bytes.Equal(got, signature(data)) {
			t.Fatal(err)
		}
		if err := sign(s, n); err != nil {
			t.Fatal(err)
		}
	}
	h := homeOf(t, list)
	h.kill()
	if _, err := s.Sign(client.Mech(1), o.Handle, nil); fault.Of(err) != fault.KeyUnknown {
		t.Errorf("a session object whose node died: %v", err)
	}
	if err := sign(s, 1); err != nil {
		t.Errorf("a token object: %v", err)
	}
	if _, err := s.Create(client.Template{}); err != nil {
		t.Errorf("the next session object: %v", err)
	}
}

func TestASearchGoesOnElsewhereWhenItsNodeDies(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	whole := func() []client.Summary {
		all, err := s.FindAll(nil)
		if err != nil || len(all) != fakeObjects {
			t.Fatalf("%d objects, %v", len(all), err)
		}
		return all
	}
	for range 10 {
		whole()
	}
	for _, between := range []func(){
		func() {},
		func() { // every node is another one than it was
			for _, h := range list {
				h.kill()
				h.start()
			}
		},
	} {
		all, more, err := s.Find(nil, 1)
		for err == nil && more {
			between()
			var next []client.Summary
			next, more, err = s.FindNext(1)
			all = append(all, next...)
		}
		if err != nil || !slices.Equal(all, whole()) {
			t.Errorf("found %v, %v", all, err)
		}
	}
	if _, _, err := s.FindNext(1); fault.Of(err) != fault.OperationNotActive {
		t.Errorf("a search that is over: %v", err)
	}
	if _, more, err := s.Find(nil, 1); err != nil || !more {
		t.Fatal(more, err)
	}
	for _, h := range list {
		h.kill()
		h.start()
	}
	if err := s.FindEnd(); err != nil {
		t.Errorf("the end of a search whose node died: %v", err)
	}
}

func TestAForkedChildHasItsOwnCopy(t *testing.T) {
	_, list := three(t)
	k := hire(t, nil, list...)
	c, s := k.dial()
	o, err := s.Create(client.Template{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(client.UseDigest, client.Mech(2), 0); err != nil {
		t.Fatal(err)
	}
	child, err := client.Fork(k.socket, c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	if string(child.Secret) == string(c.Secret) {
		t.Error("the child has the parent's secret")
	}
	theirs := s.On(child)
	if err := sign(theirs, 1); err != nil {
		t.Errorf("the child's login: %v", err)
	}
	if _, err := theirs.Sign(client.Mech(1), o.Handle, nil); err != nil {
		t.Errorf("the child's session object: %v", err)
	}
	if _, err := theirs.Final(client.UseDigest, []byte("x")); err != nil {
		t.Errorf("the child's operation: %v", err)
	}
	if _, err := s.Final(client.UseDigest, []byte("x")); err != nil {
		t.Errorf("the parent's operation: %v", err)
	}
	if err := theirs.Logout(); err != nil {
		t.Fatal(err)
	}
	if err := sign(theirs, 2); fault.Of(err) != fault.NotLoggedIn {
		t.Errorf("the child after logout: %v", err)
	}
	if err := sign(s, 3); err != nil {
		t.Errorf("the parent after the child's logout: %v", err)
	}
	if _, err := client.Fork(k.socket, make([]byte, 32)); fault.Of(err) != fault.AppUnknown {
		t.Errorf("a copy of nothing: %v", err)
	}
}

func TestALogoutHoldsOnEveryNode(t *testing.T) {
	_, list := three(t)
	c, s := hire(t, nil, list...).dial()
	everywhere := func() bool {
		return list[0].count(wire.CallSign) > 0 && list[1].count(wire.CallSign) > 0 && list[2].count(wire.CallSign) > 0
	}
	signOn(t, s, "the login is known everywhere", everywhere)
	if err := s.Logout(); err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		if err := sign(s, n); fault.Of(err) != fault.NotLoggedIn {
			t.Fatalf("after logout: %v", err)
		}
	}
	if _, err := s.Login(client.User, "", []byte(fakePIN)); err != nil {
		t.Fatal(err)
	}
	signOn(t, s, "a few more were made", everywhere)
	other, err := c.Open(fakeSlot, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sign(other, 1); err != nil {
		t.Errorf("another session of the slot was left open: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	last, err := c.Open(fakeSlot, true)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		if err := sign(last, n); fault.Of(err) != fault.NotLoggedIn {
			t.Fatalf("after the last session was closed: %v", err)
		}
	}
}

func TestARestartedAgentTakesLoginsBackByTicket(t *testing.T) {
	_, list := three(t)
	k := hire(t, nil, list...)
	c, err := client.Dial(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(fakeSlot, true)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Login(client.User, "", []byte(fakePIN))
	if err != nil {
		t.Fatal(err)
	}
	k.stop()
	k.start()
	defer k.stop()
	if err := sign(s, 1); err == nil {
		t.Error("a channel outlived its agent")
	}
	if _, err := client.Join(k.socket, c.Secret); fault.Of(err) != fault.AppUnknown {
		t.Errorf("an application of another run: %v", err)
	}
	d, err := client.Dial(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Epoch == c.Epoch {
		t.Error("two runs of the agent have the same epoch")
	}
	if user, err := d.Resume(fakeSlot, ticket); err != nil || user != client.User {
		t.Fatal(user, err)
	}
	if _, err := d.Resume(fakeSlot, []byte("another")); fault.Of(err) != fault.TicketInvalid {
		t.Errorf("a ticket that nobody gave: %v", err)
	}
	again, err := d.OpenAs(fakeSlot, s.ID, true)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	signOn(t, again, "a few were made", func() bool { n++; return n > 5 })
}

func TestATicketThatNoNodeTakesEndsTheLogin(t *testing.T) {
	w, list := three(t)
	_, s := hire(t, nil, list...).dial()
	w.mu.Lock()
	clear(w.tickets)
	w.mu.Unlock()
	for n := range 30 { // the home still knows the login
		if err := sign(s, n); err != nil {
			t.Fatal(err)
		}
	}
	homeOf(t, list).kill()
	wait(t, "the login has ended", func() bool {
		err := sign(s, 1)
		if err != nil && fault.Of(err) != fault.NotLoggedIn && fault.Of(err) != fault.Unavailable {
			t.Fatal(err)
		}
		return fault.Of(err) == fault.NotLoggedIn
	})
	if _, err := s.Login(client.User, "", []byte(fakePIN)); err != nil {
		t.Errorf("the next login: %v", err)
	}
	if err := sign(s, 2); err != nil {
		t.Error(err)
	}
}

func TestALoginIsSentAgainOnceWhenItsNodeDies(t *testing.T) {
	_, list := three(t)
	k := hire(t, nil, list...)
	c, err := client.Dial(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Open(fakeSlot, true)
	if err != nil {
		t.Fatal(err)
	}
	var first *house
	for _, h := range list {
		if h.count(wire.CallSessionOpen) > 0 {
			first = h
		}
	}
	first.dies.Store(uint32(wire.CallLogin))
	if _, err := s.Login(client.User, "", []byte(fakePIN)); err != nil {
		t.Errorf("a login whose node died: %v", err)
	}
	if err := s.Logout(); err != nil {
		t.Fatal(err)
	}
	for _, h := range list {
		h.dies.Store(uint32(wire.CallLogin))
	}
	if _, err := s.Login(client.User, "", []byte(fakePIN)); fault.Of(err) != fault.OutcomeUnknown {
		t.Errorf("a login on which two nodes died: %v", err)
	}
}

func TestNeitherPINNorTicketNorDataIsLogged(t *testing.T) {
	w, list := three(t)
	k := hire(t, nil, list...)
	_, s := k.dial()
	n := 0
	signOn(t, s, "a few were made", func() bool { n++; return n > 5 })
	list[0].kill()
	signOn(t, s, "more were made", func() bool { n++; return n > 10 })
	s.Login(client.User, "", []byte("wrong-pin-5678"))
	k.stop()
	text := k.log.String()
	if len(text) < 200 {
		t.Errorf("control: only %q was logged", text)
	}
	for _, secret := range []string{fakePIN, "wrong-pin-5678", "message ", "ticket:"} {
		if bytes.Contains([]byte(text), []byte(secret)) {
			t.Errorf("the log has %q", secret)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for ticket := range w.tickets {
		if bytes.Contains([]byte(text), []byte(ticket)) {
			t.Error("the log has a ticket")
		}
	}
}
