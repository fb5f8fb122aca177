// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"bytes"
	"math"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// town is a few machines on one clock, by hand.
type town struct {
	t    *testing.T
	now  int64
	m    map[key.ID]*Machine
	held map[key.ID]State
}

var p = key.ID{0xa}

// newTown makes machines that began long ago and have leases; all know counter 1.
func newTown(t *testing.T, size int) *town {
	w := &town{t: t, now: 1000 * second, m: map[key.ID]*Machine{}, held: map[key.ID]State{}}
	for i := range size {
		w.held[nodeID(i)] = State{p: 1}
		w.start(i, size)
	}
	w.now += 2 * margin(length)
	w.all()
	w.all()
	for i := range size {
		if !w.m[nodeID(i)].valid(w.now) {
			t.Fatalf("node %d has no lease", i)
		}
	}
	return w
}

func (w *town) start(i, size int) {
	r := Roster{Length: length, Longest: length}
	for j := range size {
		r.Members = append(r.Members, nodeID(j))
	}
	w.m[nodeID(i)] = New(nodeID(i), key.ID{byte(w.now / second), byte(i)}, birth, w.now)
	w.m[nodeID(i)].SetRoster(w.now, r)
}

// ask lets one node ask another, who answers at once.
func (w *town) ask(from, to int) (a Answer, behind []Count) {
	w.t.Helper()
	q := w.m[nodeID(from)].Ask(w.now, w.held[nodeID(from)])
	a, _, err := w.m[nodeID(to)].Asked(w.now, nodeID(from), q, w.held[nodeID(to)])
	if err != nil {
		w.t.Fatal(err)
	}
	return a, w.m[nodeID(from)].Answered(w.now, w.now, nodeID(to), q, a)
}

func (w *town) all() {
	for i := range len(w.m) {
		for j := range len(w.m) {
			if i != j {
				w.ask(i, j)
			}
		}
	}
}

func (w *town) leased(i int, want bool) {
	w.t.Helper()
	if got := w.m[nodeID(i)].valid(w.now); got != want {
		w.t.Errorf("node %d: lease %t", i, got)
	}
}

// told makes a node take in counter n and acknowledge it to node 0.
func (w *town) told(b *Barrier, by int) {
	w.held[nodeID(by)] = State{p: b.counter}
	w.m[nodeID(0)].Acked(w.now, w.now, nodeID(by), b, w.m[nodeID(by)].Heard(w.now, p, b.counter))
}

func (w *town) change() *Barrier {
	w.held[nodeID(0)] = State{p: w.held[nodeID(0)][p] + 1}
	return w.m[nodeID(0)].Begin(w.now, p, w.held[nodeID(0)][p])
}

func (w *town) done(b *Barrier, want bool) {
	w.t.Helper()
	if got := w.m[nodeID(0)].Progress(w.now, b).Done; got != want {
		w.t.Errorf("done %t", got)
	}
}

func TestALoneNodeNeedsNobody(t *testing.T) {
	m := New(nodeID(0), key.ID{1}, birth, 5)
	if m.Until() != 0 {
		t.Error("a lease before there is a roster")
	}
	m.SetRoster(5, Roster{Members: []key.ID{nodeID(0)}, Length: length, Longest: length})
	if m.Until() != math.MaxInt64 || !m.Informed() || len(m.Audience(5)) != 0 {
		t.Errorf("until %d, informed %t", m.Until(), m.Informed())
	}
	b := m.Begin(6, p, 2)
	if !m.Progress(6, b).Done {
		t.Error("a change waits for nobody")
	}
	m.SetRoster(7, Roster{Members: []key.ID{nodeID(1)}, Length: length, Longest: length})
	if m.Until() != 0 {
		t.Error("a node that was taken out of the roster has a lease")
	}
}

func TestWhoIsBehindGetsNothingUntilItHasCaughtUp(t *testing.T) {
	w := newTown(t, 3)
	b := w.change()
	w.told(b, 1)
	a, behind := w.ask(2, 1)
	if a.Granted || len(behind) != 1 || behind[0] != (Count{p, 2}) {
		t.Errorf("granted %t, behind %v", a.Granted, behind)
	}
	w.held[nodeID(2)] = State{p: 2}
	if a, behind = w.ask(2, 1); !a.Granted || len(behind) != 0 {
		t.Errorf("afterwards: granted %t, behind %v", a.Granted, behind)
	}
	q := w.m[nodeID(2)].Ask(w.now, w.held[nodeID(2)])
	q.Birth = key.ID{9}
	if _, _, err := w.m[nodeID(1)].Asked(w.now, nodeID(2), q, w.held[nodeID(1)]); fault.Of(err) != fault.Denied {
		t.Errorf("of another incarnation: %v", err)
	}
	if a, _, _ := w.m[nodeID(1)].Asked(w.now, key.ID{7}, w.m[nodeID(2)].Ask(w.now, w.held[nodeID(2)]), w.held[nodeID(1)]); a.Granted {
		t.Error("a stranger got a lease")
	}
}

func TestABarrierWaitsForAcksThatAreFresh(t *testing.T) {
	w := newTown(t, 3)
	b := w.change()
	w.told(b, 1)
	w.done(b, false)
	w.now += Fresh // node 2 answers late: node 1's word is old by then, and may have been forgotten
	w.told(b, 2)
	w.done(b, false)
	if tell := w.m[nodeID(0)].Progress(w.now, b).Tell; len(tell) != 1 || tell[0] != nodeID(1) {
		t.Errorf("to be told again: %v", tell)
	}
	w.told(b, 1)
	w.done(b, true)
}

// What a core acknowledged before it was started anew it has forgotten: it neither asks nor grants for as long as it may be
// counted for it.
func TestACoreThatForgotDoesNotVoteWhileItIsCountedForWhatItForgot(t *testing.T) {
	w := newTown(t, 5)
	w.now += length / 2
	w.all()
	b := w.change()
	w.told(b, 1)
	w.told(b, 2)
	w.start(2, 5) // with what its host gives it
	w.held[nodeID(2)] = State{p: 1}
	for range 9 { // within the time that its word counts
		w.now += Fresh / 10
		w.ask(2, 3)
		w.ask(2, 4)
		if a, _ := w.ask(3, 2); a.Granted {
			t.Fatal("it grants")
		}
		w.leased(2, false)
	}
}

func TestACoreThatForgotIsInformedByAHolderOnly(t *testing.T) {
	w := newTown(t, 3)
	w.held[nodeID(0)], w.held[nodeID(1)] = State{p: 2}, State{p: 2} // node 2 did not hear of it
	w.m[nodeID(0)].learn(State{p: 2})
	w.m[nodeID(1)].learn(State{p: 2})
	w.now += 2 * length // and has no lease any more
	w.start(1, 3)
	w.held[nodeID(1)] = State{p: 1} // its host says
	w.now += settling
	w.ask(1, 2)
	if a, _ := w.ask(2, 1); a.Granted || w.m[nodeID(1)].Informed() {
		t.Error("informed by a node without a lease")
	}
	w.leased(1, false) // its own vote counts no more than what it knows
	w.leased(2, false)
	w.ask(0, 2) // node 2 is behind, but its vote for others counts
	w.leased(0, true)
	if _, behind := w.ask(1, 0); len(behind) != 1 || w.m[nodeID(1)].Informed() {
		t.Error("informed before it has caught up")
	}
	w.held[nodeID(1)] = State{p: 2}
	w.ask(1, 0)
	if !w.m[nodeID(1)].Informed() {
		t.Error("not informed by a holder who knows no more")
	}
	w.leased(1, true)
}

func TestAMajorityThatForgotBeginsAgainOnceNobodyCanHoldALease(t *testing.T) {
	w := newTown(t, 3)
	w.now += 10 * length
	w.start(0, 3)
	w.start(1, 3)
	w.held[nodeID(1)] = State{p: 2} // only its store shows the last change
	began := w.now
	for w.now-began < margin(length) {
		w.ask(0, 1)
		w.ask(1, 0)
		w.leased(0, false)
		w.leased(1, false)
		w.now += length / 10
	}
	w.ask(0, 1)
	w.leased(0, false)
	w.held[nodeID(0)] = State{p: 2}
	w.ask(0, 1)
	w.ask(1, 0)
	w.ask(0, 1)
	w.leased(0, true)
	w.leased(1, true)
}

func TestOneWhoForgotAloneWaits(t *testing.T) {
	w := newTown(t, 3)
	w.now += 10 * length
	w.start(0, 3)
	w.now += 10 * length
	w.leased(0, false)
	if w.m[nodeID(0)].Informed() {
		t.Error("informed by nobody")
	}
}

func TestARestartedCoreSpeaksForWhatItMayHaveGranted(t *testing.T) {
	w := newTown(t, 3)
	w.start(1, 3)
	b := w.change()
	w.told(b, 1)
	w.done(b, false) // node 2 may have a lease of the run before
	for range 40 {
		w.now += Fresh / 2
		w.told(b, 1)
		w.m[nodeID(0)].Acked(w.now, w.now, nodeID(1), b, w.m[nodeID(1)].Heard(w.now, p, 2))
	}
	w.done(b, false) // not being informed yet, it does not know how long leases were
}

func TestAShorterPolicyEndsLongerLeases(t *testing.T) {
	w := newTown(t, 3)
	m := w.m[nodeID(0)]
	w.all()
	short := Roster{Members: m.roster.Members, Length: length / 3, Longest: length}
	m.SetRoster(w.now, short)
	w.now += length/3 + 1
	w.leased(0, false)
}

func FuzzMessages(f *testing.F) {
	add := func(e interface{ Encode(*wire.Writer) }, kind uint8) {
		var w wire.Writer
		e.Encode(&w)
		f.Add(kind, w.B)
	}
	add(&Ask{Epoch: key.ID{1}, Birth: birth, Want: true, State: State{p: 3, birth: 4}}, 0)
	add(&Answer{Epoch: key.ID{1}, Granted: true, Length: length, Holds: true, State: State{p: 3}}, 1)
	add(&Tell{Partition: p, Counter: 9, Revision: 7, Changes: [][]byte{{1}, {2}}, Head: []byte{3}, Records: []Record{{"r/x", []byte{4}}, {"r/y", nil}}}, 2)
	add(&Ack{Epoch: key.ID{1}, Floor: 5, Left: []Left{{key.ID{2}, 6}}}, 3)
	add(&Count{Partition: p, Counter: 9}, 4)
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		r := wire.NewReader(b)
		var w, again wire.Writer
		var e, o interface {
			Encode(*wire.Writer)
			Decode(*wire.Reader)
		}
		switch kind % 5 {
		case 0:
			e, o = &Ask{}, &Ask{}
		case 1:
			e, o = &Answer{}, &Answer{}
		case 2:
			e, o = &Tell{}, &Tell{}
		case 3:
			e, o = &Ack{}, &Ack{}
		case 4:
			e, o = &Count{}, &Count{}
		}
		if e.Decode(&r); r.End() != nil {
			return
		}
		e.Encode(&w)
		r = wire.NewReader(w.B)
		if o.Decode(&r); r.End() != nil {
			t.Fatal("what was encoded is not decoded")
		}
		if o.Encode(&again); !bytes.Equal(w.B, again.B) {
			t.Error("another form the second time")
		}
	})
}
