// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/store"
)

var errEnough = errors.New("enough")

// watch collects batches until the one of revision `to`.
func watch(t *testing.T, s store.Store, prefix string, from, to int64) (seen []string) {
	t.Helper()
	err := s.Watch(ctx(t), prefix, from, func(b store.Batch) error {
		seen = append(seen, showBatch(b))
		if b.Revision >= to {
			return errEnough
		}
		return nil
	})
	if err != errEnough {
		t.Fatalf("watch: %v", err)
	}
	return seen
}

// watchOrder has a watcher running while four callers write.
func watchOrder(t *testing.T, s store.Store) {
	const callers, each = 4, 100
	from := put(t, s, "before", "0") + 1
	type change struct {
		revision int64
		text     string
	}
	changes := make(chan change, callers*each)
	for caller := range callers {
		go func() {
			for i := range each {
				path, value := fmt.Sprintf("w/%d", caller), fmt.Sprint(i)
				revision, err := s.Txn(ctx(t), store.Txn{Puts: []store.Put{{Path: path, Value: []byte(value)}}})
				if err != nil {
					t.Error(err)
				}
				changes <- change{revision, fmt.Sprintf("%d: %s=%s", revision, path, value)}
			}
		}()
	}
	var seen []string
	revisions := int64(0)
	err := s.Watch(ctx(t), "w/", from, func(b store.Batch) error {
		if b.Revision <= revisions {
			t.Errorf("revision %d after %d", b.Revision, revisions)
		}
		revisions = b.Revision
		seen = append(seen, showBatch(b))
		if len(seen) == callers*each {
			return errEnough
		}
		return nil
	})
	if err != errEnough {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for range callers * each {
		made[(<-changes).text] = true
	}
	for _, text := range seen {
		if !made[text] {
			t.Errorf("saw %q, which nobody did or which came twice", text)
		}
		delete(made, text)
	}
	if len(made) != 0 {
		t.Errorf("did not see %v", made)
	}
}

func watchOld(t *testing.T, s store.Store) {
	first := put(t, s, "a", "1")
	second := put(t, s, "a", "2")
	third := remove(t, s, "a")
	last := put(t, s, "a", "4")
	want := []string{
		fmt.Sprintf("%d: a=1", first), fmt.Sprintf("%d: a=2", second),
		fmt.Sprintf("%d: -a", third), fmt.Sprintf("%d: a=4", last),
	}
	same(t, "from the first", watch(t, s, "", first, last), want)
	same(t, "from the third", watch(t, s, "", third, last), want[2:])
}

func watchBatch(t *testing.T, s store.Store) {
	put(t, s, "gone", "1")
	revision := commit(t, s, store.Txn{
		Puts:    []store.Put{{Path: "b", Value: []byte("1")}, {Path: "a", Value: []byte("2")}},
		Deletes: []string{"gone", "never"},
	})
	same(t, "one batch", watch(t, s, "", revision, revision), []string{fmt.Sprintf("%d: b=1 a=2 -gone", revision)})
}

func watchPrefix(t *testing.T, s store.Store) {
	from := put(t, s, "x/1", "1")
	mixed := put(t, s, "x/2", "2", "y/2", "2")
	put(t, s, "y/3", "3", "x", "3", "x0", "3")
	last := put(t, s, "x/4", "4")
	same(t, "x/", watch(t, s, "x/", from, last),
		[]string{fmt.Sprintf("%d: x/1=1", from), fmt.Sprintf("%d: x/2=2", mixed), fmt.Sprintf("%d: x/4=4", last)})
}

func watchEnds(t *testing.T, s store.Store) {
	c, cancel := context.WithCancel(ctx(t))
	done := make(chan error)
	go func() { done <- s.Watch(c, "", 1, func(store.Batch) error { return nil }) }()
	time.Sleep(10 * time.Millisecond)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a watch whose context ended: %v", err)
	}
	at := put(t, s, "a", "1")
	if err := s.Watch(ctx(t), "", at, func(store.Batch) error { return errEnough }); err != errEnough {
		t.Errorf("a watch whose visitor had enough: %v", err)
	}
}

// listThenWatch is how an index starts: list, then watch from the next revision, while others write.
func listThenWatch(t *testing.T, s store.Store) {
	const n = 300
	written := make(chan struct{})
	defer func() { <-written }() // another member may show a change before it is answered
	go func() {
		defer close(written)
		for i := range n {
			if _, err := s.Txn(ctx(t), store.Txn{Puts: []store.Put{{Path: fmt.Sprintf("n/%d", i)}}}); err != nil {
				t.Error(err)
			}
		}
	}()
	have := map[string]int{}
	at, err := s.List(ctx(t), store.Range{Prefix: "n/"}, func(r store.Record) error {
		have[r.Path]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(have) < n {
		if err := s.Watch(ctx(t), "n/", at+1, func(b store.Batch) error {
			for _, e := range b.Events {
				have[e.Path]++
			}
			if len(have) == n {
				return errEnough
			}
			return nil
		}); err != errEnough {
			t.Fatal(err)
		}
	}
	for path, times := range have {
		if times != 1 {
			t.Errorf("%s came %d times", path, times)
		}
	}
}

func compacted(t *testing.T, s store.Store) {
	compactor, ok := s.(store.Compactor)
	if !ok {
		t.Skip("this engine's history is not cut by hand")
	}
	first := put(t, s, "a", "1")
	put(t, s, "a", "2")
	put(t, s, "gone", "1")
	remove(t, s, "gone")
	last := put(t, s, "b", "1")
	before := list(t, s, store.Range{})
	if err := compactor.Compact(ctx(t), last); err != nil {
		t.Fatal(err)
	}
	if err := s.Watch(ctx(t), "", first, func(store.Batch) error { return errEnough }); err != store.ErrCompacted {
		t.Errorf("watch of what is gone: %v", err)
	}
	_, err := s.List(ctx(t), store.Range{Revision: first}, func(store.Record) error { return nil })
	if err != store.ErrCompacted {
		t.Errorf("list of what is gone: %v", err)
	}
	same(t, "what counts now", list(t, s, store.Range{}), before)
	same(t, "from the compacted revision on", watch(t, s, "", last, last), []string{fmt.Sprintf("%d: b=1", last)})
	next := put(t, s, "c", "1")
	same(t, "a watch after it", watch(t, s, "", last+1, next), []string{fmt.Sprintf("%d: c=1", next)})
}
