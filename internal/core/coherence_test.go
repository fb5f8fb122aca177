// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/lease"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const leaseTime = membership.DefaultLease * time.Millisecond

func TestAKeyIsUsableEverywhereOnceItsCreationIsAnswered(t *testing.T) {
	herding(t, 3, func(h *herd) {
		a, b, c := h.nodes[0].user(), h.nodes[1].user(), h.nodes[2].user()
		n := 300
		if os.Getenv("GENBU_SOAK") != "" {
			n = 10_000
		}
		for i := range n {
			k := newKey(t, a, "k")
			if err := use(b, k); err != nil {
				t.Fatalf("use %d on B: %v", i, err)
			}
			if i%10 == 0 {
				want(t, "use on C", use(c, k), fault.OK)
			}
		}
		found, err := b.FindAll(client.Template{client.Text(key.AttrLabel, "k")})
		if err != nil || len(found) != n {
			t.Errorf("found %d, %v", len(found), err)
		}
	})
}

// subject is something that may be taken away: an operator of its own with a session on each node, and a key that all of
// them have cached.
type subject struct {
	h        *herd
	slot     uint64
	id       key.ID // of the partition
	operator string
	uid      uint32
	key      uint64
	sessions []*client.Session
}

func (x *subject) use(i int) error { return use(x.sessions[i], x.key) }

func (x *subject) login(i int) error {
	_, err := x.h.nodes[i].byUID(x.slot, x.uid)
	return err
}

// revocations are what may be taken away on node 0, and what then must fail on every other.
var revocations = []struct {
	name  string
	act   func(x *subject, admin *client.Conn) error
	then  func(x *subject, i int) error
	after fault.Code
}{
	{"a key is destroyed", func(x *subject, _ *client.Conn) error { return x.sessions[0].Destroy(x.key) },
		(*subject).use, fault.KeyUnknown},
	{"a key is suspended", func(x *subject, _ *client.Conn) error { return x.sessions[0].KeyState(x.key, key.StateSuspended) },
		(*subject).use, fault.KeyDisabled},
	{"a use is taken from a key", func(x *subject, _ *client.Conn) error {
		return x.sessions[0].Set(x.key, client.Template{client.Bool(key.AttrSign, false)})
	}, (*subject).use, fault.KeyUsageForbidden},
	{"an operator is disabled", func(x *subject, admin *client.Conn) error {
		return admin.OperatorSet(x.slot, x.operator, client.Disable, nil)
	}, (*subject).use, fault.NotLoggedIn},
	{"an operator is destroyed", func(x *subject, admin *client.Conn) error { return admin.OperatorDestroy(x.slot, x.operator) },
		(*subject).use, fault.NotLoggedIn},
	{"a uid is taken from an operator", func(x *subject, admin *client.Conn) error {
		return admin.OperatorSet(x.slot, x.operator, client.SetUIDs, nil, 1)
	}, (*subject).login, fault.Denied},
	{"a PIN is changed", func(x *subject, admin *client.Conn) error {
		return admin.OperatorSet(x.h.slot, "user", client.SetPINOf, []byte("another-pin"))
	}, func(x *subject, i int) error {
		_, err := x.h.nodes[i].session()
		return err
	}, fault.PINIncorrect},
	{"a policy is changed", func(x *subject, admin *client.Conn) error {
		return admin.PartitionSet(client.SetFlags, client.Partition{ID: x.id, Flags: client.InitAllowed})
	}, (*subject).login, fault.Denied},
	{"a partition is destroyed", func(x *subject, admin *client.Conn) error { return admin.PartitionDestroy(x.id, x.operator) },
		(*subject).use, fault.SessionUnknown},
}

// subject makes one: a partition without PINs, whose operator logs in by uid.
func (h *herd) subject(i int, admin *client.Conn) *subject {
	h.t.Helper()
	x := &subject{h: h, operator: fmt.Sprint("o", i), uid: uint32(2000 + i)}
	var err error
	if x.id, x.slot, err = admin.PartitionCreate(x.operator, nil, nil, client.InitAllowed|client.UIDLogin); err != nil {
		h.t.Fatal(err)
	}
	want(h.t, "operator", admin.OperatorCreate(x.slot, x.operator, client.CryptoUser, nil, uint64(x.uid)), fault.OK)
	for j, g := range h.nodes {
		s, err := g.byUID(x.slot, x.uid)
		if err != nil {
			h.t.Fatal(err)
		}
		x.sessions = append(x.sessions, s)
		if j == 0 {
			x.key = newKey(h.t, s, "k")
		}
		want(h.t, "before", revocations[i].then(x, j), fault.OK)
	}
	return x
}

// eachRevocation runs f for every kind, in one herd.
func eachRevocation(t *testing.T, f func(h *herd, i int, x *subject, admin *client.Conn)) {
	herding(t, 3, func(h *herd) {
		admin := h.nodes[0].admin()
		for i, r := range revocations {
			before := h.t.Failed()
			x := h.subject(i, admin)
			f(h, i, x, admin)
			if h.t.Failed() && !before {
				h.t.Logf("that was: %s", r.name)
			}
			if r.name == "a PIN is changed" { // for the next
				h.heal()
				h.leased()
				want(t, "the PIN as it was", admin.OperatorSet(h.slot, "user", client.SetPINOf, []byte("user-pin")), fault.OK)
			}
		}
	})
}

func TestWhatIsTakenAwayIsGoneEverywhereBeforeTheAnswer(t *testing.T) {
	eachRevocation(t, func(h *herd, i int, x *subject, admin *client.Conn) {
		r, began := revocations[i], time.Now()
		want(h.t, "act on A", r.act(x, admin), fault.OK)
		if took := time.Since(began); took > leaseTime/4 {
			h.t.Errorf("it took %v although all nodes are there", took)
		}
		for j := range h.nodes[1:] {
			want(h.t, fmt.Sprintf("on node %d", j+1), r.then(x, j+1), r.after)
		}
	})
}

// C is cut off: it goes on until its lease is over, and the answer comes no earlier than that.
func TestTheAnswerWaitsForTheLeaseOfANodeThatIsCutOff(t *testing.T) {
	eachRevocation(t, func(h *herd, i int, x *subject, admin *client.Conn) {
		r, c := revocations[i], h.nodes[2]
		h.cut(2)
		c.parted()
		var over atomic.Bool
		began, done := time.Now(), make(chan time.Duration, 1)
		go func() {
			want(h.t, "act on A", r.act(x, admin), fault.OK)
			over.Store(true)
			done <- time.Since(began)
		}()
		served := 0
		for !over.Load() {
			late := over.Load()
			if r.then(x, 2) == nil {
				served++
				if late {
					h.t.Error("C went on after the answer")
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
		if took := <-done; took > 2*leaseTime {
			h.t.Errorf("the answer took %v", took)
		}
		want(h.t, "C afterwards", r.then(x, 2), fault.LeaseExpired)
		want(h.t, "B afterwards", r.then(x, 1), r.after)
		if served < 50 {
			h.t.Errorf("C served only %d times within its lease", served)
		}
		began = time.Now()
		want(h.t, "the next act need not wait", admin.OperatorSet(0, "admin", client.SetUIDs, nil, 1), fault.OK)
		if took := time.Since(began); took > leaseTime/4 {
			h.t.Errorf("it took %v", took)
		}
		c.thaw()
		h.heal()
		h.leased()
		want(h.t, "C when it is back", r.then(x, 2), r.after)
	})
}

func TestANodeWithoutAMajorityGoesOnForItsLeaseAndNeverCreates(t *testing.T) {
	herding(t, 3, func(h *herd) {
		c := h.nodes[2]
		s := c.user()
		k := newKey(t, s, "k")
		h.cut(2)
		began := time.Now()
		for use(s, k) == nil {
			time.Sleep(time.Millisecond)
		}
		if served := time.Since(began); served < leaseTime/2 || served > leaseTime {
			t.Errorf("it went on for %v", served)
		}
		want(t, "use", use(s, k), fault.LeaseExpired)
		_, err := s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.ULong(key.AttrValueLen, uint64(32))})
		want(t, "create", err, fault.LeaseExpired)
		want(t, "destroy", s.Destroy(k), fault.LeaseExpired)
		_, _, err = s.Find(client.Template{}, 10)
		want(t, "find", err, fault.LeaseExpired)
		_, err = c.session()
		want(t, "log in", err, fault.LeaseExpired)
		if _, err := c.client().Status(); err != nil {
			t.Errorf("status: %v", err)
		}
		want(t, "the majority goes on", use(h.nodes[0].user(), k), fault.OK)
		h.heal()
		h.leased()
		want(t, "healed", use(s, k), fault.OK)
	})
}

// A captured host may withhold the watch, answer old heads and records, and keep barriers from its core or acknowledgements
// from the others: what was taken away is not used after the answer.
func TestACapturedHostMakesNobodyUseWhatWasTakenAway(t *testing.T) {
	for name, capture := range map[string]func(h *herd){
		"it answers as of yesterday": func(h *herd) {},
		"and drops what its core is told": func(h *herd) {
			h.dropping(func(_, to int, op uint16, _ []byte) bool { return op == lease.OpTell && to == 1 })
		},
		"and drops what its core answers": func(h *herd) {
			h.dropping(func(from, _ int, op uint16, _ []byte) bool { return op == 0 && from == 1 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachRevocation(t, func(h *herd, i int, x *subject, admin *client.Conn) {
				r := revocations[i]
				h.nodes[1].frozen()
				capture(h)
				want(h.t, "act on A", r.act(x, admin), fault.OK)
				if err := r.then(x, 1); err == nil {
					h.t.Error("B used it after the answer")
				}
				time.Sleep(3 * leaseTime)
				if err := r.then(x, 1); err == nil {
					h.t.Error("B used it later")
				}
				want(h.t, "C goes on", r.then(x, 2), r.after)
				h.nodes[1].thaw()
				h.heal()
				h.leased()
			})
		})
	}
}

func TestANodeThatWasAwayCatchesUp(t *testing.T) {
	herding(t, 3, func(h *herd) {
		a, c := h.nodes[0].user(), h.nodes[2].user()
		var gone, kept []uint64
		for range 100 {
			gone, kept = append(gone, newKey(t, a, "gone")), append(kept, newKey(t, a, "kept"))
			want(t, "use on C", use(c, gone[len(gone)-1]), fault.OK)
		}
		h.cut(2)
		h.nodes[2].deaf.Store(true)
		for _, k := range gone {
			if err := a.Destroy(k); err != nil {
				t.Fatal(err)
			}
		}
		slot := h.nodes[0].partition("q", 0)
		want(t, "an operator", h.nodes[0].admin().OperatorCreate(h.slot, "late", client.CryptoUser, []byte("late-pin")), fault.OK)
		h.heal()
		h.leased()
		for i := range gone {
			want(t, "destroyed while C was away", use(c, gone[i]), fault.KeyUnknown)
			want(t, "kept", use(c, kept[i]), fault.OK)
		}
		s, err := h.nodes[2].client().Open(slot, true)
		if err == nil {
			_, err = s.Login(client.User, "", []byte("user-pin"))
		}
		want(t, "a partition made while C was away", err, fault.OK)
		s, err = h.nodes[2].client().Open(h.slot, true)
		if err == nil {
			_, err = s.Login(client.User, "late", []byte("late-pin"))
		}
		want(t, "an operator made while C was away", err, fault.OK)
	})
}

func TestTwoCoresChangeOnePartitionAtOnce(t *testing.T) {
	herding(t, 3, func(h *herd) {
		var sessions []*client.Session
		for _, g := range h.nodes {
			sessions = append(sessions, g.user())
		}
		var own [3][]uint64
		shared := newKey(t, sessions[0], "shared")
		for i, s := range sessions {
			for range 40 {
				own[i] = append(own[i], newKey(t, s, "own"))
			}
		}
		var mu sync.Mutex
		won := map[fault.Code]int{}
		var wg sync.WaitGroup
		for i, s := range sessions {
			wg.Go(func() {
				for n, k := range own[i] {
					want(t, "destroy its own key", s.Destroy(k), fault.OK)
					if n%4 == 0 {
						err := s.Set(shared, client.Template{client.Text(key.AttrLabel, fmt.Sprint(i, n))})
						mu.Lock()
						won[fault.Of(err)]++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if won[fault.OK] == 0 || won[fault.OK]+won[fault.Conflict] != 30 {
			t.Errorf("outcomes of changes to one key: %v", won)
		}
		for i, s := range sessions {
			want(t, "the shared key", use(s, shared), fault.OK)
			for _, k := range own[(i+1)%3] {
				want(t, "another's key", use(s, k), fault.KeyUnknown)
			}
		}
		for _, g := range h.nodes {
			if err := g.core.byID[h.nodes[0].core.Tokens()[0].Partition].vault.LoadLedger(); err != nil {
				t.Errorf("the ledger of node %d: %v", g.i, err)
			}
		}
	})
}
