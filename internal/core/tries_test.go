// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// as logs in to the herd's partition as an operator that is named.
func (g *goat) as(name, pin string) error {
	s, err := g.client().Open(g.herd.slot, true)
	if err == nil {
		_, err = s.Login(client.User, name, []byte(pin))
	}
	return err
}

// guess tries wrong PINs on all nodes at once, of one operator on each, and answers how often a node said that a PIN is wrong.
func (h *herd) guess(names ...string) (told int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, g := range h.nodes {
		wg.Go(func() {
			for range 12 {
				if fault.Of(g.as(names[i%len(names)], "wrong")) == fault.PINIncorrect {
					mu.Lock()
					told++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return told
}

// An application that starts after a node has died finds its PIN checked at once, although changes wait for the dead node's lease.
func TestALoginDoesNotWaitForANodeThatIsLost(t *testing.T) {
	herding(t, 3, func(h *herd) {
		admin, lost := h.nodes[0].admin(), h.nodes[2]
		h.cut(2)
		lost.parted()
		until := lost.core.coherence.until.Load()
		for i, pin := range []string{"user-pin", "wrong", "user-pin"} {
			for _, g := range h.nodes[:2] {
				began := time.Now()
				err := g.as("", pin)
				if took := time.Since(began); took > leaseTime/10 {
					t.Errorf("login %d on node %d took %v", i, g.i, took)
				}
				if want := map[string]fault.Code{"user-pin": fault.OK, "wrong": fault.PINIncorrect}[pin]; fault.Of(err) != want {
					t.Errorf("login %d on node %d: %v, want %v", i, g.i, err, want)
				}
			}
		}
		if lost.core.Leased() != nil {
			t.Error("the lost node had no lease any more: this shows nothing")
		}
		began := time.Now()
		want(t, "a change", admin.OperatorSet(0, "admin", client.SetUIDs, nil, 1), fault.OK)
		if took := time.Since(began); took < leaseTime/2 || lost.core.system.Boot() < until {
			t.Errorf("a change took %v and did not wait for the lease of the node that was lost", took)
		}
	})
}

// Wrong PINs of one operator are ten, on whatever nodes and however fast they come, also while a node is cut off from the others, from
// its store, or from both, and does not hear what is charged elsewhere.
func TestWrongPINsAreTenWhateverIsCut(t *testing.T) {
	for _, x := range []struct {
		what string
		soak bool
		cut  func(h *herd)
	}{
		{"nothing", false, func(h *herd) {}},
		{"a node from both", false, func(h *herd) { h.cut(2); h.nodes[2].parted() }},
		{"a node from the others", true, func(h *herd) { h.cut(2) }},
		{"a node's host from the cluster", true, func(h *herd) { h.nodes[2].parted() }},
		{"a node hears the others, who do not hear it", true, func(h *herd) {
			h.dropping(func(from, _ int, _ uint16, _ []byte) bool { return from == 2 })
		}},
	} {
		t.Run(x.what, func(t *testing.T) {
			if x.soak && os.Getenv("GENBU_SOAK") == "" {
				t.Skip("GENBU_SOAK=1 cuts in more ways")
			}
			herding(t, 3, func(h *herd) {
				for _, g := range h.nodes { // every node knows the right one, and one of them has credit
					want(t, "the right one", g.as("", "user-pin"), fault.OK)
				}
				x.cut(h)
				if n := h.guess("user"); n < 8 || n > 10 { // who was right last may lose its credit

					t.Errorf("%d wrong PINs were told to be wrong", n)
				}
				for _, g := range h.nodes[:2] {
					want(t, "the right one afterwards", g.as("", "user-pin"), fault.PINLocked)
				}
				if h.nodes[2].as("", "user-pin") == nil {
					t.Error("the right one afterwards, at the third node")
				}
			})
		})
	}
}

// The control: three operators have ten each, so the count above can be more than ten.
func TestThreeOperatorsHaveTenWrongPINsEach(t *testing.T) {
	herding(t, 3, func(h *herd) {
		var names []string
		for i := range h.nodes {
			name := fmt.Sprint("o", i)
			names = append(names, name)
			want(t, "operator", h.nodes[0].admin().OperatorCreate(h.slot, name, client.CryptoUser, []byte("user-pin")), fault.OK)
		}
		if n := h.guess(names...); n != 30 {
			t.Errorf("%d wrong PINs of three operators were told to be wrong", n)
		}
	})
}

// A node that cannot charge tells nothing by accepting what it knows: neither to a guesser nor to its own host.
func TestANodeThatCannotChargeIsNoOracle(t *testing.T) {
	herding(t, 3, func(h *herd) {
		c := h.nodes[2]
		want(t, "the right one", c.as("", "user-pin"), fault.OK)
		h.cut(2)
		c.parted()
		want(t, "the right one, cut off, before anybody guesses", c.as("", "user-pin"), fault.OK)
		wrong, right := c.as("", "wrong"), c.as("", "user-pin")
		if c.core.Leased() != nil {
			t.Error("its lease was over: this shows nothing")
		}
		if wrong == nil || fault.Of(wrong) != fault.Of(right) {
			t.Errorf("a wrong PIN hears %v, the right one %v", wrong, right)
		}
	})
}
