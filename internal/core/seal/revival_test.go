// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// step makes one change and commits it.
func step(t *testing.T, l *Ledger, c Change) error {
	t.Helper()
	m, err := l.Advance([]Change{c})
	if err == nil {
		m.Commit()
	}
	return err
}

// TestARevivedRecordGetsAVersionThatItNeverHad: whatever its life before, and however often it is destroyed.
func TestARevivedRecordGetsAVersionThatItNeverHad(t *testing.T) {
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	l := NewLedger(key.ID{1}, key.ID{2}, k)
	if _, err := l.Start(); err != nil {
		t.Fatal(err)
	}
	id := key.ID{3}
	had := map[uint64]bool{1: true}
	version := uint64(1)
	for life := range 4 {
		for range life * 2 {
			version = l.Next(version)
			if err := step(t, l, Change{ID: id, Version: version}); err != nil {
				t.Fatal(err)
			}
			had[version] = true
		}
		if life < 2 {
			step(t, l, Change{ID: key.ID{4, byte(life)}, Version: 2})
		}
		if err := step(t, l, Change{ID: id, Destroyed: true}); err != nil {
			t.Fatal(err)
		}
		for v := range had {
			if got := fault.Of(l.Check(id, v)); got != fault.RecordRevived {
				t.Errorf("version %d of a destroyed record: %v", v, got)
			}
		}
		next := l.Revival()
		if had[next] {
			t.Fatalf("version %d was had before", next)
		}
		if got := fault.Of(l.Check(id, next)); got != fault.HeadOld {
			t.Errorf("a revival that others know of: %v", got)
		}
		for what, c := range map[string]Change{"an earlier version": {ID: id, Version: next - 1, Revived: true}, "a later one": {ID: id, Version: next + 1, Revived: true},
			"without saying so": {ID: id, Version: next}, "of what is there": {ID: key.ID{9}, Version: next, Revived: true}} {
			if got := fault.Of(step(t, l, c)); got != fault.Conflict {
				t.Errorf("revive %s: %v", what, got)
			}
		}
		if err := step(t, l, Change{ID: id, Version: next, Revived: true}); err != nil {
			t.Fatal(err)
		}
		for v := range had {
			if got := fault.Of(l.Check(id, v)); got != fault.RecordOld {
				t.Errorf("version %d after the revival as %d: %v", v, next, got)
			}
		}
		version = next
		had[version] = true
	}
}
