// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// books is a store with the operators of a partition, shared by the gates of all nodes. It refuses what was changed since.
type books struct {
	mu      sync.Mutex
	ops     map[key.ID]*Operator
	commits int
	fail    fault.Code
	log     []uint32 // tries charged, in order
}

func newBooks(ops ...*Operator) *books {
	b := &books{ops: map[key.ID]*Operator{}}
	for _, op := range ops {
		b.ops[op.ID] = op
	}
	return b
}

func (b *books) Operator(id key.ID) (*Operator, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if op := b.ops[id]; op != nil {
		return op, nil
	}
	return nil, fault.UserUnknown
}

func (b *books) Charge(op *Operator, used uint32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != fault.OK {
		return b.fail
	}
	if b.ops[op.ID] != op {
		return fault.Conflict
	}
	b.ops[op.ID] = op.WithTries(used)
	b.commits++
	b.log = append(b.log, used)
	return nil
}

func (b *books) set(op *Operator) { b.ops[op.ID] = op }

func gate(t *testing.T, b *books) *Gate {
	t.Helper()
	g := must(NewGate(b))
	g.decoy.iterations = fastIterations
	t.Cleanup(g.Close)
	return g
}

var id = key.ID{7}

// login is one try at time 0 and answers the fault and the tries left.
func login(g *Gate, pin string) (fault.Code, int) {
	_, err := g.VerifyPIN(id, []byte(pin), 0)
	if e, ok := err.(*fault.Error); ok {
		return e.Code, e.Left
	}
	return fault.Of(err), -1
}

func expect(t *testing.T, g *Gate, pin string, code fault.Code) {
	t.Helper()
	if got, _ := login(g, pin); got != code {
		t.Errorf("pin %s: %v, want %v", pin, got, code)
	}
}

func TestSteadyLoginsCostNoCommit(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	for range 50 {
		expect(t, g, "right", fault.OK)
	}
	if b.commits != 1 {
		t.Errorf("%d commits", b.commits)
	}
	g = gate(t, b) // a restart: what was charged counts as used, so one more is charged, and given back
	for range 50 {
		expect(t, g, "right", fault.OK)
	}
	if b.commits != 3 || b.ops[id].Tries != 1 {
		t.Errorf("%d commits, %d charged", b.commits, b.ops[id].Tries)
	}
}

// slowBooks lets something happen while a try is charged, which is as good as while it is checked.
type slowBooks struct {
	*books
	meanwhile func()
}

func (b *slowBooks) Charge(op *Operator, used uint32) error {
	b.meanwhile()
	return b.books.Charge(op, used)
}

func TestAskingForTheStateOfAPINDoesNotWaitForACheck(t *testing.T) {
	b := &slowBooks{books: newBooks(withPIN("right")), meanwhile: func() {}}
	g := must(NewGate(b))
	defer g.Close()
	for range 3 {
		expect(t, g, "wrong", fault.PINIncorrect)
	}
	asked := 0
	b.meanwhile = func() {
		if s := g.PINState(b.ops[id]); s.Left != MaxTries-3 || !s.Low {
			t.Errorf("during the fourth try: %+v", s)
		}
		asked++
	}
	expect(t, g, "wrong", fault.PINIncorrect)
	if s := g.PINState(b.ops[id]); asked != 1 || s.Left != MaxTries-4 {
		t.Errorf("asked %d times; after the fourth try: %+v", asked, s)
	}
}

func TestTenWrongPINsLock(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	expect(t, g, "right", fault.OK)
	for n := 1; n <= MaxTries; n++ {
		code, left := login(g, "wrong")
		if code != fault.PINIncorrect || left != MaxTries-n {
			t.Errorf("try %d: %v, %d left", n, code, left)
		}
		if b.ops[id].Tries < uint32(n) {
			t.Errorf("try %d was told with %d charged", n, b.ops[id].Tries)
		}
		s := g.PINState(b.ops[id])
		if !s.Low || s.Final != (n == MaxTries-1) || s.Locked != (n == MaxTries) || s.Left != uint32(MaxTries-n) {
			t.Errorf("after try %d: %+v", n, s)
		}
	}
	expect(t, g, "right", fault.PINLocked) // the cached verifier opens nothing either
	expect(t, gate(t, b), "right", fault.PINLocked)
	b.set(b.ops[id].WithTries(0)) // an admin unlocks it
	expect(t, g, "right", fault.OK)
}

func TestSuccessResetsTheCount(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	for range 2 {
		for range MaxTries - 1 {
			expect(t, g, "wrong", fault.PINIncorrect)
		}
		if s := g.PINState(b.ops[id]); !s.Final {
			t.Errorf("%+v", s)
		}
		expect(t, g, "right", fault.OK)
		if s := g.PINState(b.ops[id]); s.Low || s.Left != MaxTries || b.ops[id].Tries != 1 {
			t.Errorf("%+v, %d charged", s, b.ops[id].Tries)
		}
	}
}

// TestRestartYieldsNoFreshTries restarts the core after every wrong PIN: there are ten all the same.
func TestRestartYieldsNoFreshTries(t *testing.T) {
	b := newBooks(withPIN("right"))
	wrong := 0
	for {
		code, _ := login(gate(t, b), "wrong")
		if code == fault.PINLocked {
			break
		}
		if wrong++; wrong > MaxTries {
			t.Fatal("still not locked")
		}
	}
	if wrong != MaxTries {
		t.Errorf("%d tries", wrong)
	}
}

// TestSecondNodeYieldsNoFreshTries guesses on two nodes by turns, in between logins by the owner on both. Never may the
// wrong PINs since the last right one be more than were charged, nor more than ten.
func TestSecondNodeYieldsNoFreshTries(t *testing.T) {
	b := newBooks(withPIN("right"))
	nodes := []*Gate{gate(t, b), gate(t, b), gate(t, b)}
	wrong := uint32(0)
	script := []int{0, 1, 0, 1, 2, 9, 0, 0, 1, 10, 2, 2, 2, 11, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 { // and by chance, mostly wrong, with a restart now and then
		if s := rng.IntN(60); s < 57 {
			script = append(script, s%3)
		} else {
			script = append(script, s-57+9)
		}
	}
	locked := false
	for step, s := range script {
		if rng.IntN(40) == 0 {
			nodes[rng.IntN(3)] = gate(t, b)
		}
		if b.ops[id].Tries == MaxTries && rng.IntN(4) == 0 { // an admin unlocks it
			b.set(b.ops[id].WithTries(0))
			wrong = 0
		}
		if s >= 9 {
			if code, _ := login(nodes[s-9], "right"); code == fault.OK {
				wrong = 0
			} else if code != fault.PINLocked {
				t.Fatalf("step %d: %v", step, code)
			}
			continue
		}
		nodes[s].tries(id).bucket = bucket{} // time is another test's subject
		switch code, _ := login(nodes[s], "wrong"); code {
		case fault.PINIncorrect:
			wrong++
		case fault.PINLocked:
			locked = true
		default:
			t.Fatalf("step %d: %v", step, code)
		}
		if wrong > b.ops[id].Tries || wrong > MaxTries {
			t.Fatalf("step %d: %d wrong, %d charged", step, wrong, b.ops[id].Tries)
		}
	}
	if !locked {
		t.Error("never locked")
	}
}

// TestKilledBetweenChargeAndResultHasSpentTheTry: the commit is seen, the answer never.
func TestKilledBetweenChargeAndResultHasSpentTheTry(t *testing.T) {
	b := newBooks(withPIN("right"))
	for range MaxTries {
		g := gate(t, b)
		if err := g.charger.Charge(b.ops[id], b.ops[id].Tries+1); err != nil { // and the core is killed
			t.Fatal(err)
		}
	}
	expect(t, gate(t, b), "right", fault.PINLocked)
}

func TestNothingIsToldWithoutACharge(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	for _, code := range []fault.Code{fault.OutcomeUnknown, fault.Unavailable, fault.Conflict} {
		b.fail = code
		expect(t, g, "right", code)
		expect(t, g, "wrong", code)
	}
	b.fail = fault.OK
	expect(t, g, "right", fault.OK)
	b.fail = fault.Unavailable
	expect(t, g, "right", fault.OK) // known from before, so it needs no charge: losing the store stops no service
}

// TestWhoKeepsChargesAwayLearnsNothing: a captured host, or one that is cut off, takes no charge. Were the right PIN known all the
// same, every failure would tell that a PIN is wrong, as often as one likes.
func TestWhoKeepsChargesAwayLearnsNothing(t *testing.T) {
	for _, code := range []fault.Code{fault.OutcomeUnknown, fault.Unavailable, fault.Conflict, fault.InForceLater} {
		b := newBooks(withPIN("right"))
		g := gate(t, b)
		expect(t, g, "right", fault.OK)
		b.fail = code
		for range 3 * MaxTries {
			expect(t, g, "wrong", code)
			expect(t, g, "right", code)
		}
		b.fail = fault.OK
		told := 0
		for ; told <= MaxTries; told++ {
			if code, _ := login(g, "wrong"); code == fault.PINLocked {
				break
			}
		}
		if told != MaxTries-1 { // the first of those that were not charged told something, and counts
			t.Errorf("%v: then %d wrong PINs lock", code, told)
		}
	}
}

func TestWrongPINsBetweenRightOnesAreLimitedByTime(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	expect(t, g, "right", fault.OK)
	now := int64(1)
	guess := func(times int) (told int) {
		for range times {
			_, wrong := g.VerifyPIN(id, []byte("wrong"), now)
			if fault.Of(wrong) == fault.PINIncorrect {
				told++
			}
			_, right := g.VerifyPIN(id, []byte("right"), now)
			if fault.Of(wrong) == fault.RateLimited && fault.Of(right) != fault.RateLimited {
				t.Fatalf("beyond the limit a wrong PIN hears %v and the right one %v", wrong, right)
			}
		}
		return told
	}
	if n := guess(200); n != bucketSize {
		t.Errorf("%d guesses", n)
	}
	now += 2 * bucketRegain
	if n := guess(200); n != 2 {
		t.Errorf("%d guesses after the time of two", n)
	}
	_, err := g.VerifyPIN(id, []byte("wrong"), now-1_000_000*bucketRegain)
	wantFault(t, "a clock set back", err, fault.RateLimited)
	now += bucketRegain
	_, err = g.VerifyPIN(id, []byte("right"), now)
	wantFault(t, "the owner after the guesser has gone", err, fault.OK)
}

func TestChangedCredentialsEndTheCachedLogin(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	expect(t, g, "right", fault.OK)
	changed := b.ops[id].clone()
	changed.PIN, changed.Generation = must(newVerifier([]byte("fresh"), fastIterations)), changed.Generation+1
	b.set(changed)
	expect(t, g, "right", fault.PINIncorrect)
	expect(t, g, "fresh", fault.OK)
	b.set(b.ops[id].WithDisabled(true))
	before := b.commits
	code, left := login(g, "fresh")
	if code != fault.PINIncorrect || left != -1 || b.commits != before {
		t.Errorf("disabled: %v, %d left, %d commits", code, left, b.commits-before)
	}
	b.set(b.ops[id].WithDisabled(false))
	expect(t, g, "fresh", fault.OK)
	unset := b.ops[id].clone()
	unset.PIN = nil
	b.set(unset)
	expect(t, g, "fresh", fault.PINNotSet)
	delete(b.ops, id)
	expect(t, g, "fresh", fault.UserUnknown)
}

func TestStrangersLookLikeWrongPINs(t *testing.T) {
	g := gate(t, newBooks(withPIN("right")))
	err := g.VerifyStranger(partition, []byte("guess"), 0)
	_, wrong := g.VerifyPIN(id, []byte("guess"), 0)
	if err.Error() != Blind(wrong).Error() || fault.Of(err) != fault.PINIncorrect || err.(*fault.Error).Left != Blind(wrong).(*fault.Error).Left {
		t.Errorf("%v, %v", err, wrong)
	}
	limited := false
	for range 2 * bucketSize {
		limited = limited || fault.Of(g.VerifyStranger(partition, []byte("guess"), 0)) == fault.RateLimited
	}
	if !limited {
		t.Error("strangers may burn processor time for ever")
	}
	if must(NewGate(newBooks())).decoy.iterations != iterations {
		t.Error("a stranger is cheaper than an operator")
	}
}

func TestLengthIsCheckedBeforeATryIsCharged(t *testing.T) {
	b := newBooks(withPIN("right"))
	g := gate(t, b)
	for _, n := range []int{0, MinPIN - 1, MaxPIN + 1, 1 << 20} {
		_, err := g.VerifyPIN(id, make([]byte, n), 0)
		wantFault(t, "operator", err, fault.PINLength)
		wantFault(t, "stranger", g.VerifyStranger(partition, make([]byte, n), 0), fault.PINLength)
	}
	if b.commits != 0 {
		t.Error("charged")
	}
}

// TestManyAtOnce is for the race detector, and for the count under it: 60 wrong PINs from 20 goroutines on two nodes
// are ten tries.
func TestManyAtOnce(t *testing.T) {
	b := newBooks(withPIN("right"))
	nodes := []*Gate{gate(t, b), gate(t, b)}
	var mu sync.Mutex
	told := 0
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for range 3 {
				if code, _ := login(nodes[i%2], "wrong"); code == fault.PINIncorrect {
					mu.Lock()
					told++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if told > MaxTries {
		t.Errorf("%d wrong PINs were told to be wrong", told)
	}
}
