// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

func listOrder(t *testing.T, s store.Store) {
	at := put(t, s, "r/b", "1", "r/a", "2", "q", "3", "r", "4", "r0", "5", "r/~", "6", "r/a/x", "7")
	want := []string{"r/a=2", "r/a/x=7", "r/b=1", "r/~=6"}
	for i := range want {
		want[i] += fmt.Sprintf("@%d", at)
	}
	same(t, "r/", list(t, s, store.Range{Prefix: "r/"}), want)
	same(t, "after r/a", list(t, s, store.Range{Prefix: "r/", After: "r/a"}), want[1:])
	same(t, "after a path that is not there", list(t, s, store.Range{Prefix: "r/", After: "r/aa"}), want[2:])
	same(t, "after a path below the prefix", list(t, s, store.Range{Prefix: "r/", After: "a"}), want)
	same(t, "after the last", list(t, s, store.Range{Prefix: "r/", After: "r/~"}), nil)
	same(t, "nothing there", list(t, s, store.Range{Prefix: "x"}), nil)
	if n := len(list(t, s, store.Range{})); n != 7 {
		t.Errorf("%d records in all, want 7", n)
	}
}

// listPieces reads 5,000 records a hundred at a time.
func listPieces(t *testing.T, s store.Store) {
	const n = 5000
	for i := 0; i < n; i += 100 {
		var txn store.Txn
		for j := range 100 {
			txn.Puts = append(txn.Puts, store.Put{Path: fmt.Sprintf("l/%06d", i+j), Value: []byte("v")})
		}
		commit(t, s, txn)
	}
	put(t, s, "k", "before", "m", "behind")
	after, seen := "", 0
	for {
		piece := 0
		_, err := s.List(ctx(t), store.Range{Prefix: "l/", After: after}, func(r store.Record) error {
			if piece == 100 {
				return store.ErrStop
			}
			if want := fmt.Sprintf("l/%06d", seen); r.Path != want {
				t.Fatalf("record %d is %s, want %s", seen, r.Path, want)
			}
			after = r.Path
			piece++
			seen++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if piece == 0 {
			break
		}
	}
	if seen != n {
		t.Errorf("saw %d records, want %d", seen, n)
	}
}

func listOld(t *testing.T, s store.Store) {
	put(t, s, "a", "1")
	old := put(t, s, "b", "1")
	before := list(t, s, store.Range{})
	put(t, s, "a", "2", "c", "2")
	remove(t, s, "b")
	same(t, "the old revision", list(t, s, store.Range{Revision: old}), before)
	at, err := s.List(ctx(t), store.Range{Revision: old}, func(store.Record) error { return nil })
	if err != nil || at != old {
		t.Errorf("says it is of revision %d, %v; want %d", at, err, old)
	}
	_, err = s.List(ctx(t), store.Range{Revision: old + 1000}, func(store.Record) error { return nil })
	wantFault(t, "a revision still to come", err, fault.ArgumentsBad)
}

func listVisit(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "1", "c", "1")
	visited := 0
	if _, err := s.List(ctx(t), store.Range{}, func(r store.Record) error {
		visited++
		put(t, s, r.Path, "2")
		_, err := s.Get(ctx(t), r.Path)
		return err
	}); err != nil || visited != 3 {
		t.Errorf("visited %d, %v", visited, err)
	}
	mine := errors.New("mine")
	visited = 0
	for _, want := range []error{mine, store.ErrStop} {
		_, err := s.List(ctx(t), store.Range{}, func(store.Record) error {
			visited++
			return want
		})
		if want == mine && err != mine || want == store.ErrStop && err != nil {
			t.Errorf("visit's %v came back as %v", want, err)
		}
	}
	if visited != 2 {
		t.Errorf("went on after the visitor had ended it: %d visits", visited)
	}
}
