// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// shelf is a store with one partition: what the host keeps, and may exchange.
type shelf map[string][]byte

func (s shelf) put(puts ...LedgerPut) {
	for _, p := range puts {
		s[p.Path] = p.Value
	}
}

func (s shelf) changes(from uint64) (list [][]byte) {
	for n := from; s[ChangePath(partition, n)] != nil; n++ {
		list = append(list, s[ChangePath(partition, n)])
	}
	return list
}

func (s shelf) load(t testing.TB, l *Ledger) error {
	t.Helper()
	return l.Load(s.changes(0), s[HeadPath(partition)])
}

func (s shelf) clone() shelf {
	c := shelf{}
	for k, v := range s {
		c[k] = v
	}
	return c
}

func begin(t testing.TB) (*Ledger, shelf) {
	t.Helper()
	l, s := NewLedger(domain, partition, held(t, 1)), shelf{}
	s.put(must(l.Start()))
	return l, s
}

func (s shelf) advance(t testing.TB, l *Ledger, changes ...Change) {
	t.Helper()
	m, err := l.Advance(changes)
	if err != nil {
		t.Fatal(err)
	}
	s.put(m.Puts...)
	m.Commit()
}

var a, b, c = key.ID{1}, key.ID{2}, key.ID{3}

func TestLedgerKnowsEarlierVersionsAndTheDead(t *testing.T) {
	l, s := begin(t)
	s.advance(t, l, Change{ID: a, Version: 2}, Change{ID: b, Destroyed: true})
	s.advance(t, l, Change{ID: a, Version: 3})
	again := NewLedger(domain, partition, held(t, 1))
	if err := s.load(t, again); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*Ledger{"as it grew": l, "loaded": again} {
		wantFault(t, name+": present version", l.Check(a, 3), fault.OK)
		wantFault(t, name+": set back by one", l.Check(a, 2), fault.RecordOld)
		wantFault(t, name+": set back to the first", l.Check(a, 1), fault.RecordOld)
		wantFault(t, name+": newer than the head", l.Check(a, 4), fault.HeadOld)
		wantFault(t, name+": destroyed", l.Check(b, 1), fault.RecordRevived)
		wantFault(t, name+": never changed", l.Check(c, 1), fault.OK)
		wantFault(t, name+": never changed, yet newer", l.Check(c, 2), fault.HeadOld)
		if v, gone := l.Expect(b); v != 0 || !gone || l.Counter() != 2 {
			t.Errorf("%s: %d %v %d", name, v, gone, l.Counter())
		}
	}
}

// TestLedgerRefusesEveryAttackOnItsLog alters, drops, swaps and sets back what the store holds of the log.
func TestLedgerRefusesEveryAttackOnItsLog(t *testing.T) {
	l, s := begin(t)
	empty := s.clone()
	s.advance(t, l, Change{ID: a, Version: 2})
	before := s.clone()
	s.advance(t, l, Change{ID: b, Destroyed: true})
	head, c0, c1 := HeadPath(partition), ChangePath(partition, 0), ChangePath(partition, 1)
	for what, attack := range map[string]struct {
		do   func(s shelf)
		code fault.Code
	}{
		"nothing done":          {func(s shelf) {}, fault.OK},
		"head altered":          {func(s shelf) { s[head] = append([]byte{}, s[head]...); s[head][50] ^= 1 }, fault.HeadInvalid},
		"head removed":          {func(s shelf) { delete(s, head) }, fault.HeadInvalid},
		"a change for the head": {func(s shelf) { s[head] = s[c0] }, fault.HeadInvalid},
		"change altered":        {func(s shelf) { s[c1] = append([]byte{}, s[c1]...); s[c1][50] ^= 1 }, fault.ChangeLogBroken},
		"last change removed":   {func(s shelf) { delete(s, c1) }, fault.ChangeLogBroken},
		"all changes removed":   {func(s shelf) { delete(s, c0); delete(s, c1) }, fault.ChangeLogBroken},
		"changes swapped":       {func(s shelf) { s[c0], s[c1] = s[c1], s[c0] }, fault.ChangeLogBroken},
		"change doubled":        {func(s shelf) { s[ChangePath(partition, 2)] = s[c1] }, fault.ChangeLogBroken},
		"head set back":         {func(s shelf) { s[head] = before[head] }, fault.HeadOld},
		"all set back by one":   {func(s shelf) { s[head] = before[head]; delete(s, c1) }, fault.HeadOld},
		"all set back to empty": {func(s shelf) { s[head] = empty[head]; delete(s, c0); delete(s, c1) }, fault.HeadOld},
	} {
		now := s.clone()
		attack.do(now)
		wantFault(t, what, now.load(t, l), attack.code)
		wantFault(t, what+": the ledger is as it was", l.Check(b, 1), fault.RecordRevived)
	}
	fresh := NewLedger(domain, partition, held(t, 1))
	if err := before.load(t, fresh); err != nil {
		t.Errorf("a core that has seen nothing cannot tell (SECURITY.md): %v", err)
	}
	fresh = NewLedger(domain, partition, held(t, 1))
	fresh.Saw(2)
	wantFault(t, "set back, but a peer has seen more", before.load(t, fresh), fault.HeadOld)
	wantFault(t, "other partition's key", s.load(t, NewLedger(domain, partition, held(t, 2))), fault.HeadInvalid)
	wantFault(t, "other partition", s.load(t, NewLedger(domain, key.ID{9}, held(t, 1))), fault.HeadInvalid)
}

// TestAnotherHistoryOfEqualLengthIsRefused: the store forks before a change, and shows the core the other branch.
func TestAnotherHistoryOfEqualLengthIsRefused(t *testing.T) {
	l, s := begin(t)
	s.advance(t, l, Change{ID: a, Version: 2})
	fork := s.clone()
	s.advance(t, l, Change{ID: b, Destroyed: true})
	other := NewLedger(domain, partition, held(t, 1))
	if err := fork.load(t, other); err != nil {
		t.Fatal(err)
	}
	fork.advance(t, other, Change{ID: c, Destroyed: true})
	wantFault(t, "as long", fork.load(t, l), fault.HeadInvalid)
	fork.advance(t, other, Change{ID: a, Version: 3})
	wantFault(t, "longer", fork.load(t, l), fault.HeadInvalid)
	wantFault(t, "as an extension", extend(l, fork.changes(2), fork[HeadPath(partition)]), fault.ChangeLogBroken)
}

func TestExtendFollowsAnotherNode(t *testing.T) {
	l, s := begin(t)
	other := NewLedger(domain, partition, held(t, 1))
	if err := s.load(t, other); err != nil {
		t.Fatal(err)
	}
	s.advance(t, l, Change{ID: a, Version: 2})
	s.advance(t, l, Change{ID: b, Destroyed: true})
	if err := extend(other, s.changes(other.Counter()), s[HeadPath(partition)]); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "followed", other.Check(b, 1), fault.RecordRevived)
	s.advance(t, other, Change{ID: a, Version: 3})
	if err := s.load(t, l); err != nil {
		t.Error(err)
	}
}

func TestMoveUndoneLeavesNothing(t *testing.T) {
	l, s := begin(t)
	m := must(l.Advance([]Change{{ID: a, Version: 2}, {ID: b, Destroyed: true}}))
	wantFault(t, "under way: before", l.Check(a, 1), fault.OK)
	wantFault(t, "under way: after", l.Check(a, 2), fault.OK)
	wantFault(t, "under way: stopped first", l.Check(b, 1), fault.Conflict)
	_, err := l.Advance([]Change{{ID: c, Version: 2}})
	wantFault(t, "a second move", err, fault.Busy)
	wantFault(t, "loading meanwhile", s.load(t, l), fault.Busy)
	m.Undo()
	wantFault(t, "undone: before", l.Check(a, 1), fault.OK)
	wantFault(t, "undone: after", l.Check(a, 2), fault.HeadOld)
	wantFault(t, "undone: lives on", l.Check(b, 1), fault.OK)
	m.Commit() // too late: the move is over
	wantFault(t, "committed after undo", l.Check(b, 1), fault.OK)
	s.advance(t, l, Change{ID: a, Version: 2})
	wantFault(t, "the store agrees", s.load(t, NewLedger(domain, partition, held(t, 1))), fault.OK)
}

// TestUnknownOutcomeStopsItsRecordsUntilRead covers both outcomes.
func TestUnknownOutcomeStopsItsRecordsUntilRead(t *testing.T) {
	for _, happened := range []bool{true, false} {
		l, s := begin(t)
		m := must(l.Advance([]Change{{ID: a, Version: 2}, {ID: b, Destroyed: true}}))
		if happened {
			s.put(m.Puts...)
		}
		m.Unknown()
		wantFault(t, "its records", l.Check(a, 1), fault.OutcomeUnknown)
		wantFault(t, "its records", l.Check(b, 1), fault.OutcomeUnknown)
		wantFault(t, "others", l.Check(c, 1), fault.OK)
		_, err := l.Advance([]Change{{ID: c, Version: 2}})
		wantFault(t, "the next move", err, fault.OutcomeUnknown)
		m.Undo() // a guess does not settle it
		if !l.Unsettled() {
			t.Error("settled by a guess")
		}
		if err := s.load(t, l); err != nil || l.Unsettled() {
			t.Fatal(err)
		}
		want := fault.OK
		if happened {
			want = fault.RecordRevived
		}
		wantFault(t, "after reading", l.Check(b, 1), want)
	}
}

func TestAdvanceTakesTheNextVersionOnly(t *testing.T) {
	l, s := begin(t)
	for what, c := range map[string][]Change{
		"the same":              {{ID: a, Version: 1}},
		"two ahead":             {{ID: a, Version: 3}},
		"after its destruction": {{ID: a, Destroyed: true}, {ID: a, Version: 2}},
		"destroyed twice":       {{ID: a, Destroyed: true}, {ID: a, Destroyed: true}},
		"marked by hand":        {{ID: a, Version: destroyed}},
	} {
		_, err := l.Advance(c)
		wantFault(t, what, err, fault.Conflict)
	}
	s.advance(t, l, Change{ID: c, Version: 1, First: true})
	_, err := l.Advance([]Change{{ID: c, Version: 1, First: true}})
	wantFault(t, "begun twice", err, fault.Conflict)
	_, err = l.Advance(nil)
	wantFault(t, "nothing", err, fault.ArgumentsBad)
	s.advance(t, l, Change{ID: a, Version: 2}, Change{ID: a, Version: 3}, Change{ID: a, Destroyed: true})
	_, err = l.Advance([]Change{{ID: a, Version: 4}})
	wantFault(t, "dead", err, fault.Conflict)
	_, err = NewLedger(domain, partition, held(t, 1)).Advance([]Change{{ID: a, Version: 2}})
	wantFault(t, "not loaded", err, fault.Unavailable)
}

func TestOldLogStillLoads(t *testing.T) {
	l, s := begin(t)
	s.advance(t, l, Change{ID: a, Version: 2}, Change{ID: b, Destroyed: true})
	s.advance(t, l, Change{ID: a, Version: 3})
	for name, path := range map[string]string{"head.gbr1": HeadPath(partition), "change-0.gbr1": ChangePath(partition, 0), "change-1.gbr1": ChangePath(partition, 1)} {
		s[path] = golden(t, name, s[path])
	}
	old := NewLedger(domain, partition, held(t, 1))
	if err := s.load(t, old); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "version", old.Check(a, 3), fault.OK)
	wantFault(t, "the dead", old.Check(b, 1), fault.RecordRevived)
}

// TestRandomHistoriesAgree lets a model and the ledger live through the same random changes, commits and undos.
func TestRandomHistoriesAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	l, s := begin(t)
	model := map[key.ID]uint64{}
	for range 400 {
		var list []Change
		next := map[key.ID]uint64{}
		for range 1 + rng.IntN(5) {
			id := key.ID{byte(rng.IntN(40))}
			v, ok := next[id]
			if !ok {
				v = max(model[id], 1)
			}
			if v == destroyed {
				continue
			}
			ch := Change{ID: id, Version: v + 1, Destroyed: rng.IntN(20) == 0}
			next[id] = v + 1
			if ch.Destroyed {
				next[id] = destroyed
			}
			list = append(list, ch)
		}
		if len(list) == 0 {
			continue
		}
		m := must(l.Advance(list))
		if rng.IntN(4) == 0 {
			m.Undo()
			continue
		}
		s.put(m.Puts...)
		m.Commit()
		for id, v := range next {
			model[id] = v
		}
	}
	again := NewLedger(domain, partition, held(t, 1))
	if err := s.load(t, again); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		id := key.ID{byte(i)}
		want := max(model[id], 1)
		for _, l := range []*Ledger{l, again} {
			if v, gone := l.Expect(id); gone != (want == destroyed) || !gone && v != want {
				t.Errorf("%v: %d %v, want %d", id, v, gone, want)
			}
		}
	}
}

// TestAMillionChangesFitInMemory prints what they take; the bound is generous, so that it only catches a blunder.
func TestAMillionChangesFitInMemory(t *testing.T) {
	l, _ := begin(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 0; n < 1_000_000; n += MaxChanges {
		list := make([]Change, MaxChanges)
		for i := range list {
			for b := range 8 {
				list[i].ID[b], list[i].ID[8+b] = byte(rng.Uint32()), byte(rng.Uint32())
			}
			list[i].Version = 2
		}
		must(l.Advance(list)).Commit()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%.1f MB for a million changes", float64(used)/1e6)
	if used > 200e6 {
		t.Errorf("%d bytes", used)
	}
	runtime.KeepAlive(l)
}

func FuzzChanges(f *testing.F) {
	f.Add(writeChanges([]Change{{ID: a, Version: 2}, {ID: b, Destroyed: true}}))
	f.Fuzz(func(t *testing.T, log []byte) {
		var list []Change
		if !readChanges(log, func(id key.ID, v uint64) { list = append(list, Change{ID: id, Version: v}) }) {
			return
		}
		if string(writeChanges(list)) != string(log) {
			t.Errorf("a second form of the same changes: %x", log)
		}
	})
}

func TestAChangePathIsReadBack(t *testing.T) {
	for _, n := range []uint64{0, 1, 15, 16, 1 << 40, ^uint64(0)} {
		if p, got, ok := ParseChangePath(ChangePath(partition, n)); !ok || p != partition || got != n {
			t.Errorf("%d: %v %d %t", n, p, got, ok)
		}
	}
	for _, path := range []string{"", HeadPath(partition), ChangePrefix(partition), ChangePath(partition, 10) + "0", "x" + ChangePath(partition, 10)[1:],
		ChangePrefix(partition) + "000000000000000A"} {
		if _, _, ok := ParseChangePath(path); ok {
			t.Errorf("%q is taken", path)
		}
	}
}
