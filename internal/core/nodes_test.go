// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestCoresThatAreRestartedKnowWhatWasAnswered(t *testing.T) {
	herding(t, 3, func(h *herd) {
		a, b := h.nodes[0].user(), h.nodes[1].user()
		k, kept := newKey(t, a, "k"), newKey(t, a, "kept")
		want(t, "use", use(b, k), fault.OK)
		h.nodes[2].restart()
		want(t, "destroy while C starts", a.Destroy(k), fault.OK)
		h.leased()
		c := h.nodes[2].user()
		want(t, "on C", use(c, k), fault.KeyUnknown)
		want(t, "on C, another", use(c, kept), fault.OK)

		k = newKey(t, a, "k2")
		want(t, "use", use(b, k), fault.OK)
		want(t, "destroy", a.Destroy(k), fault.OK)
		for _, g := range h.nodes { // all forget at once
			g.kill()
		}
		for _, g := range h.nodes {
			g.restart()
		}
		h.leased()
		for _, g := range h.nodes {
			want(t, "after all were restarted", use(g.user(), k), fault.KeyUnknown)
			want(t, "another", use(g.user(), kept), fault.OK)
		}
		h.nodes[0].kill() // two of three go on
		time.Sleep(2 * leaseTime)
		want(t, "without A", use(h.nodes[1].user(), kept), fault.OK)
		h.nodes[1].restart()
		h.leased()
		want(t, "without A, and B restarted", use(h.nodes[2].user(), kept), fault.OK)
	})
}

// A restarted node whose host answers as of yesterday gets no lease while the others are there.
func TestACapturedHostGainsNothingByRestartingItsCore(t *testing.T) {
	herding(t, 3, func(h *herd) {
		a, c := h.nodes[0].user(), h.nodes[2]
		k := newKey(t, a, "k")
		want(t, "use", use(c.user(), k), fault.OK)
		c.frozen()
		want(t, "destroy", a.Destroy(k), fault.OK)
		c.restart()
		time.Sleep(10 * leaseTime)
		if err := c.core.Leased(); fault.Of(err) != fault.LeaseExpired {
			t.Errorf("the core that was set back: %v", err)
		}
		want(t, "the others", use(h.nodes[1].user(), newKey(t, a, "k2")), fault.OK)
	})
}

func TestAKeyThatANodeHoldsCausesNoTraffic(t *testing.T) {
	herding(t, 3, func(h *herd) {
		s := h.nodes[1].user()
		k := newKey(t, h.nodes[0].user(), "k")
		want(t, "use", use(s, k), fault.OK)
		began, calls, loads := time.Now(), h.calls.Load(), h.loads.Load()
		for range 2000 {
			if err := use(s, k); err != nil {
				t.Fatal(err)
			}
		}
		// Leases go on meanwhile, if the bubble's time does: six questions in a quarter of a lease.
		allowed := 6 * (int64(time.Since(began)/(leaseTime/4)) + 1)
		if n := h.calls.Load() - calls; n > allowed {
			t.Errorf("2000 signatures made %d calls between nodes in %v", n, time.Since(began))
		}
		if n := h.loads.Load() - loads; n != 0 {
			t.Errorf("2000 signatures asked the host %d times", n)
		}
	})
}

func TestWithoutAMajorityAChangeIsInForceLater(t *testing.T) {
	herding(t, 3, func(h *herd) {
		a := h.nodes[0].user()
		k := newKey(t, a, "k")
		h.cut(1)
		h.cut(2)
		want(t, "destroy", a.Destroy(k), fault.InForceLater)
		h.heal()
		h.leased()
		for _, g := range h.nodes {
			want(t, "it is done", use(g.user(), k), fault.KeyUnknown)
		}
	})
}

func TestNodesComeAndGoWhileKeysAreUsed(t *testing.T) {
	herding(t, 1, func(h *herd) {
		s := h.nodes[0].user()
		k := newKey(t, s, "k")
		done := make(chan struct{})
		failed := 0
		go func() {
			defer close(done)
			for len(h.all()) < 4 {
				if err := use(s, k); err != nil {
					failed++
					t.Errorf("use while nodes join: %v", err)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		h.join()
		h.join()
		h.join()
		<-done
		// One is removed, as core/member's removal does.
		first, last := h.nodes[0].core, h.nodes[3]
		home, err := first.tenant(0)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "remove", home.vault.Remove(first.members()[last.id].entry), fault.OK)
		want(t, "refresh", first.refreshNodes(), fault.OK)
		for end := time.Now().Add(time.Minute); first.coherence.members() != 3; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the roster still has it")
			}
		}
		h.mu.Lock()
		h.nodes = h.nodes[:3]
		h.mu.Unlock()
		h.leased()
		time.Sleep(2 * leaseTime)
		want(t, "the removed node", last.core.Leased(), fault.LeaseExpired)
		last.kill()
	})
}

func TestAnActThatIsDoneButNotInTheLogIsOfUnknownOutcome(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	slot := n.partition("p", 0)
	s, err := n.client().Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte("user-pin"))
	}
	want(t, "log in", err, fault.OK)
	o, err := s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.ULong(key.AttrValueLen, uint64(32))})
	want(t, "a key", err, fault.OK)
	c := n.admin()
	n.logFails(0)
	_, err = s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.ULong(key.AttrValueLen, uint64(32))})
	want(t, "create", err, fault.OutcomeUnknown)
	want(t, "destroy", s.Destroy(o.Handle), fault.OutcomeUnknown)
	want(t, "disable", c.OperatorSet(slot, "user", client.Disable, nil), fault.OutcomeUnknown)
	want(t, "nothing was done", c.AuditNote("x"), fault.AuditUnavailable)
	n.accident.Store(nil)
	if s := wire.State(n.core.state.Load()); s != wire.StateOperational {
		t.Errorf("state %v", s)
	}
}
