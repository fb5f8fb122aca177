// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

func snapshot(t *testing.T, s store.Store) ([]byte, int64) {
	t.Helper()
	var b bytes.Buffer
	revision, err := s.Snapshot(ctx(t), &b)
	if err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	return b.Bytes(), revision
}

func restore(t *testing.T, s store.Store, b []byte) {
	t.Helper()
	if err := s.Restore(ctx(t), bytes.NewReader(b)); err != nil {
		t.Fatalf("restore: %v", err)
	}
}

func snapshotRestores(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "1")
	put(t, s, "gone", "1")
	remove(t, s, "gone")
	remove(t, s, "b")
	want := put(t, s, "c", string(bytes.Repeat([]byte{0xA5}, 100<<10)))
	before := list(t, s, store.Range{})
	b, revision := snapshot(t, s)
	if revision != want {
		t.Errorf("snapshot is of revision %d, want %d", revision, want)
	}
	put(t, s, "a", "2", "b", "2", "later", "2")
	remove(t, s, "c")
	restore(t, s, b)
	same(t, "restored", list(t, s, store.Range{}), before)
	put(t, s, "after", "3")
	restore(t, s, b)
	same(t, "restored again", list(t, s, store.Range{}), before)
}

func restoreBumps(t *testing.T, s store.Store) {
	old := put(t, s, "a", "1")
	b, _ := snapshot(t, s)
	last := old
	for i := range 50 {
		last = put(t, s, "a", fmt.Sprint(i))
	}
	restore(t, s, b)
	now, err := s.List(ctx(t), store.Range{}, func(store.Record) error { return nil })
	if err != nil || now <= last {
		t.Errorf("revision after restore is %d, %v; %d was given before", now, err, last)
	}
	_, err = s.Txn(ctx(t), store.Txn{Compares: []store.Compare{{Path: "a", Revision: last}}, Deletes: []string{"a"}})
	wantFault(t, "a compare with a revision from before the restore", err, fault.Conflict)
	if next := put(t, s, "b", "1"); next <= now {
		t.Errorf("revision %d after %d", next, now)
	}
	for _, from := range []int64{old, last, last + 1} {
		if err := s.Watch(ctx(t), "", from, func(b store.Batch) error {
			t.Errorf("watch from %d was shown %s", from, showBatch(b))
			return errEnough
		}); err != store.ErrCompacted {
			t.Errorf("watch from %d, which is older than the restore: %v", from, err)
		}
	}
}

func restoreEndsWatches(t *testing.T, s store.Store) {
	at := put(t, s, "a", "1")
	b, _ := snapshot(t, s)
	ended := make(chan error)
	go func() { ended <- s.Watch(ctx(t), "", at+1, func(store.Batch) error { return nil }) }()
	time.Sleep(20 * time.Millisecond)
	restore(t, s, b)
	if err := <-ended; err != store.ErrCompacted {
		t.Errorf("a watch that was running: %v", err)
	}
}

func damagedSnapshot(t *testing.T, s store.Store) {
	put(t, s, "a", "1")
	b, _ := snapshot(t, s)
	put(t, s, "a", "2")
	before := list(t, s, store.Range{})
	for name, bad := range map[string][]byte{
		"empty":    {},
		"noise":    bytes.Repeat([]byte("noise"), 1000),
		"cut":      b[:len(b)-40],
		"altered":  append(append(bytes.Clone(b[:len(b)/2]), b[len(b)/2]^1), b[len(b)/2+1:]...),
		"extended": append(bytes.Clone(b), 0),
	} {
		wantFault(t, name, s.Restore(ctx(t), bytes.NewReader(bad)), fault.RecordInvalid)
	}
	same(t, "unchanged", list(t, s, store.Range{}), before)
}
