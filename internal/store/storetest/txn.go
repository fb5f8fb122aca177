// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

func allOrNothing(t *testing.T, s store.Store) {
	a := put(t, s, "a", "1")
	b := put(t, s, "b", "1")
	before := list(t, s, store.Range{})
	for name, compares := range map[string][]store.Compare{
		"an old revision":     {{Path: "a", Revision: a}, {Path: "b", Revision: b - 1}},
		"a future revision":   {{Path: "a", Revision: a}, {Path: "b", Revision: b + 10}},
		"absent, though here": {{Path: "a", Revision: a}, {Path: "b", Revision: 0}},
		"here, though absent": {{Path: "a", Revision: a}, {Path: "c", Revision: b}},
	} {
		_, err := s.Txn(ctx(t), store.Txn{
			Compares: compares,
			Puts:     []store.Put{{Path: "a", Value: []byte("2")}, {Path: "c", Value: []byte("2")}},
			Deletes:  []string{"b"},
		})
		wantFault(t, name, err, fault.Conflict)
		same(t, "after "+name, list(t, s, store.Range{}), before)
	}
	revision := commit(t, s, store.Txn{
		Compares: []store.Compare{{Path: "a", Revision: a}, {Path: "b", Revision: b}, {Path: "c", Revision: 0}},
		Puts:     []store.Put{{Path: "a", Value: []byte("2")}, {Path: "c", Value: []byte("2")}},
		Deletes:  []string{"b"},
	})
	same(t, "after success", list(t, s, store.Range{}),
		[]string{fmt.Sprintf("a=2@%d", revision), fmt.Sprintf("c=2@%d", revision)})
}

func compareAbsent(t *testing.T, s store.Store) {
	create := store.Txn{
		Compares: []store.Compare{{Path: "a", Revision: 0}},
		Puts:     []store.Put{{Path: "a", Value: []byte("v")}},
	}
	commit(t, s, create)
	_, err := s.Txn(ctx(t), create)
	wantFault(t, "second create", err, fault.Conflict)
	remove(t, s, "a")
	commit(t, s, create)
}

func deleted(t *testing.T, s store.Store) {
	first := put(t, s, "a", "1")
	remove(t, s, "a")
	_, err := s.Get(ctx(t), "a")
	wantFault(t, "get", err, fault.RecordUnknown)
	_, err = s.Txn(ctx(t), store.Txn{
		Compares: []store.Compare{{Path: "a", Revision: first}},
		Puts:     []store.Put{{Path: "a", Value: []byte("late")}},
	})
	wantFault(t, "change of what was deleted meanwhile", err, fault.Conflict)
	again := put(t, s, "a", "2")
	if r, err := s.Get(ctx(t), "a"); err != nil || r.Revision != again || again <= first {
		t.Errorf("came back as %+v, %v", r, err)
	}
}

func nothingChanged(t *testing.T, s store.Store) {
	now := put(t, s, "a", "1")
	if revision := remove(t, s, "absent"); revision != now {
		t.Errorf("revision %d, want %d", revision, now)
	}
}

func limits(t *testing.T, s store.Store) {
	value := bytes.Repeat([]byte{7}, store.MaxBytes-4)
	commit(t, s, store.Txn{Puts: []store.Put{{Path: "full", Value: value}}})
	if r, err := s.Get(ctx(t), "full"); err != nil || !bytes.Equal(r.Value, value) {
		t.Errorf("the largest value: %d bytes, %v", len(r.Value), err)
	}
	var many store.Txn
	for i := range store.MaxOps {
		many.Puts = append(many.Puts, store.Put{Path: fmt.Sprint("many/", i), Value: []byte("v")})
		many.Compares = append(many.Compares, store.Compare{Path: fmt.Sprint("many/", i)})
	}
	commit(t, s, many)
	longest := strings.Repeat("p", store.MaxPath)
	put(t, s, longest, "v")
	before := len(list(t, s, store.Range{}))

	many.Compares = nil
	onePut := func(path string, value []byte) store.Txn {
		return store.Txn{Puts: []store.Put{{Path: path, Value: value}}}
	}
	for _, c := range []struct {
		name string
		txn  store.Txn
		want fault.Code
	}{
		{"a value too large", onePut("large", bytes.Repeat([]byte{7}, store.MaxBytes)), fault.TooLarge},
		{"too many operations", store.Txn{Puts: many.Puts, Deletes: []string{"full"}}, fault.TooLarge},
		{"a path too long", onePut(longest+"p", nil), fault.TooLarge},
		{"an empty path", onePut("", nil), fault.ArgumentsBad},
		{"a path with a space", onePut("a b", nil), fault.ArgumentsBad},
		{"a path with a zero byte", onePut("a\x00", nil), fault.ArgumentsBad},
		{"an empty txn", store.Txn{}, fault.ArgumentsBad},
		{"a path put twice", store.Txn{Puts: []store.Put{{Path: "x"}, {Path: "x"}}}, fault.ArgumentsBad},
		{"a path put and deleted", store.Txn{Puts: []store.Put{{Path: "x"}}, Deletes: []string{"x"}}, fault.ArgumentsBad},
		{"a bad path compared", store.Txn{Compares: []store.Compare{{}}, Deletes: []string{"x"}}, fault.ArgumentsBad},
		{"a negative revision", store.Txn{Compares: []store.Compare{{Path: "x", Revision: -1}}, Deletes: []string{"x"}}, fault.ArgumentsBad},
	} {
		_, err := s.Txn(ctx(t), c.txn)
		wantFault(t, c.name, err, c.want)
	}
	if after := len(list(t, s, store.Range{})); after != before {
		t.Errorf("%d records, want %d", after, before)
	}
}

func endedContext(t *testing.T, s store.Store) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Txn(ended, store.Txn{Puts: []store.Put{{Path: "a"}}})
	wantFault(t, "txn", err, fault.Timeout)
	_, err = s.Get(ended, "a")
	wantFault(t, "get", err, fault.Timeout)
	_, err = s.Get(ctx(t), "a")
	wantFault(t, "get after", err, fault.RecordUnknown)
}

// noLostUpdate lets many callers count up one record: each success must have seen the one before.
func noLostUpdate(t *testing.T, s store.Store) {
	const callers, each = 16, 10
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if err := increment(ctx(t), s, "counter"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r, err := s.Get(ctx(t), "counter")
	if err != nil || string(r.Value) != strconv.Itoa(callers*each) {
		t.Errorf("counted to %q, %v; want %d", r.Value, err, callers*each)
	}
}

func increment(ctx context.Context, s store.Store, path string) error {
	for {
		r, err := s.Get(ctx, path)
		if err != nil && !errors.Is(err, fault.RecordUnknown) {
			return err
		}
		n, _ := strconv.Atoi(string(r.Value))
		_, err = s.Txn(ctx, store.Txn{
			Compares: []store.Compare{{Path: path, Revision: r.Revision}},
			Puts:     []store.Put{{Path: path, Value: []byte(strconv.Itoa(n + 1))}},
		})
		if !errors.Is(err, fault.Conflict) {
			return err
		}
	}
}

// A register's history as porcupine reads it: state is the revision of the one record, 0 while it is absent.
type (
	registerIn  struct{ swapFrom int64 } // -1: read
	registerOut struct {
		revision int64 // read: seen; swap: given
		conflict bool
	}
)

var register = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, in, out any) (bool, any) {
		now, i, o := state.(int64), in.(registerIn), out.(registerOut)
		switch {
		case i.swapFrom < 0:
			return o.revision == now, now
		case o.conflict:
			return i.swapFrom != now, now
		}
		return i.swapFrom == now && o.revision > now, o.revision
	},
}

// linearizable records reads and swaps of one record by several callers and asks porcupine for an order that explains
// all of their answers.
func linearizable(t *testing.T, s store.Store) {
	const callers, each = 6, 25
	var mu sync.Mutex
	var history []porcupine.Operation
	start := time.Now()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			seen := int64(0)
			for i := range each {
				op := porcupine.Operation{ClientId: caller, Call: int64(time.Since(start))}
				var out registerOut
				if i%3 == 0 {
					op.Input = registerIn{-1}
					r, err := s.Get(ctx(t), "register")
					if err != nil && !errors.Is(err, fault.RecordUnknown) {
						t.Error(err)
						return
					}
					seen = r.Revision
					out.revision = r.Revision
				} else {
					op.Input = registerIn{seen}
					revision, err := s.Txn(ctx(t), store.Txn{
						Compares: []store.Compare{{Path: "register", Revision: seen}},
						Puts:     []store.Put{{Path: "register", Value: []byte{byte(i)}}},
					})
					if err != nil && !errors.Is(err, fault.Conflict) {
						t.Error(err)
						return
					}
					out = registerOut{revision, err != nil}
					if err == nil {
						seen = revision
					}
				}
				op.Output, op.Return = out, int64(time.Since(start))
				mu.Lock()
				history = append(history, op)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if result := porcupine.CheckOperationsTimeout(register, history, 10*time.Second); result != porcupine.Ok {
		t.Errorf("the history of %d operations is %s", len(history), result)
	}
}

// confirmed holds for engines that can lag behind: 0 says that this one cannot.
func confirmed(t *testing.T, s store.Store) {
	c, ok := s.(store.Confirmer)
	if !ok {
		t.Skip("this engine never lags behind")
	}
	for i := range 20 {
		at := put(t, s, "a", string(rune('a'+i)))
		if got, err := c.Confirm(ctx(t)); err != nil || got != 0 && got < at {
			t.Fatalf("confirmed %d, %v after %d was acknowledged", got, err, at)
		}
	}
}
