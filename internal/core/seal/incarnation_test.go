// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// reborn restores a shelf into a new incarnation and answers its ledger.
func reborn(t *testing.T, s shelf) (*Ledger, shelf, key.ID) {
	t.Helper()
	l, s := NewLedger(domain, partition, held(t, 1)), s.clone()
	if err := s.load(t, l); err != nil {
		t.Fatal(err)
	}
	next := must(NextIncarnation(l.Incarnation()))
	s.put(must(l.Reborn(next)))
	return l, s, next
}

func TestAHeadOfAnotherIncarnationIsRefused(t *testing.T) {
	l, s := begin(t)
	s.advance(t, l, Change{ID: a, Version: 2})
	clone, cs, next := reborn(t, s)
	wantFault(t, "the clone takes its own head", cs.load(t, clone), fault.OK)
	wantFault(t, "the clone takes the original's head", s.load(t, clone), fault.HeadInvalid)
	wantFault(t, "the original takes the clone's head", cs.load(t, l), fault.HeadInvalid)

	bound := NewLedger(domain, partition, held(t, 1))
	bound.Bind(next)
	wantFault(t, "bound to the clone's incarnation, the original's head", s.load(t, bound), fault.HeadInvalid)
	wantFault(t, "bound to the clone's incarnation, its own head", cs.load(t, bound), fault.OK)
}

// TestVersionsOfTwoIncarnationsAreNeverTheSame: both change the same record as their next step.
func TestVersionsOfTwoIncarnationsAreNeverTheSame(t *testing.T) {
	l, s := begin(t)
	s.advance(t, l, Change{ID: a, Version: l.Next(1)})
	one, os, _ := reborn(t, s)
	two, ts, _ := reborn(t, s)
	next := map[*Ledger]uint64{l: l.Next(2), one: one.Next(2), two: two.Next(2)}
	s.advance(t, l, Change{ID: a, Version: next[l]})
	os.advance(t, one, Change{ID: a, Version: next[one]})
	ts.advance(t, two, Change{ID: a, Version: next[two]})
	for of, version := range next {
		for at := range next {
			if err := at.Check(a, version); (err == nil) != (of == at) {
				t.Errorf("version %x of one incarnation in another: %v", version, err)
			}
		}
	}
	if next[l] != 3 || one.Next(next[one]) != next[one]+1 {
		t.Errorf("versions %x, %x", next[l], next[one])
	}
	wantFault(t, "a step that the incarnation does not take", func() error { _, err := one.Advance([]Change{{ID: b, Version: 2}}); return err }(), fault.Conflict)
	wantFault(t, "one that it takes", func() error { _, err := one.Advance([]Change{{ID: b, Version: one.Next(1)}}); return err }(), fault.OK)

	again := NewLedger(domain, partition, held(t, 1))
	if err := os.load(t, again); err != nil || again.Check(a, next[one]) != nil || again.Next(next[one]) != next[one]+1 {
		t.Errorf("loaded anew: %v", err)
	}
}

func TestGenerationsGrowAndEnd(t *testing.T) {
	i, last := key.ID{}, uint64(1)
	for range maxGeneration {
		next := must(NextIncarnation(i))
		v := nextVersion(last, eraOf(next))
		if v <= last || v == destroyed {
			t.Fatalf("version %x after %x", v, last)
		}
		i, last = next, v
	}
	_, err := NextIncarnation(i)
	wantFault(t, "one more", err, fault.TooLarge)
}
