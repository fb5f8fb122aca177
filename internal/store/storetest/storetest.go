// SPDX-License-Identifier: Apache-2.0

// Package storetest is the contract of package store as tests. Every engine runs it:
//
//	storetest.Run(t, func(t *testing.T) store.Store { ... an empty store, closed by t.Cleanup ... })
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// Factory gives a new, empty store, which it closes when the test ends.
type Factory func(t *testing.T) store.Store

type claim struct {
	name  string
	prove func(t *testing.T, s store.Store)
}

// claims hold for every engine; claimsAlone for one that is not a member among others.
var (
	claims = []claim{
		{"AnAbsentRecordIsRecordUnknown", absent},
		{"APutIsRead", putIsRead},
		{"TheCallersSlicesAreCopied", slicesAreCopied},
		{"RevisionsOnlyGrow", revisionsGrow},
		{"ATxnIsAllOrNothing", allOrNothing},
		{"ACompareWithZeroMeansAbsent", compareAbsent},
		{"ADeletedRecordIsAbsentAndMayComeBack", deleted},
		{"ATxnThatChangesNothingAnswersTheRevision", nothingChanged},
		{"LimitsHoldAndWhatIsWithinThemIsAccepted", limits},
		{"CompareAndSwapIsLinearizable", linearizable},
		{"CompareAndSwapLosesNoUpdate", noLostUpdate},
		{"AnEndedContextDoesNothing", endedContext},
		{"ListIsOrderedAndKeepsToItsPrefix", listOrder},
		{"ListInPiecesSeesAllOfALargeSet", listPieces},
		{"ListShowsAnOldRevision", listOld},
		{"ListMayUseTheStoreAndEndsWithItsVisitor", listVisit},
		{"WatchSeesEveryChangeOnceAndInOrder", watchOrder},
		{"WatchFromAnOldRevisionSeesAllSince", watchOld},
		{"WatchSeesATxnAsOneBatch", watchBatch},
		{"WatchKeepsToItsPrefix", watchPrefix},
		{"WatchEndsWithItsContextOrItsVisitor", watchEnds},
		{"WatchSeesWhatListDidNot", listThenWatch},
		{"WhatIsCompactedCannotBeWatchedOrListed", compacted},
		{"AConfirmedRevisionCoversWhatWasAcknowledged", confirmed},
		{"ThereIsALeader", members},
	}
	claimsAlone = []claim{
		{"ASnapshotRestoresEverything", snapshotRestores},
		{"RestoreNeverGivesARevisionTwice", restoreBumps},
		{"RestoreEndsWatches", restoreEndsWatches},
		{"ADamagedSnapshotIsRefused", damagedSnapshot},
	}
)

// Run holds one engine to the contract. Each claim gets a store of its own.
func Run(t *testing.T, factory Factory) {
	for _, c := range append(slices.Clone(claims), claimsAlone...) {
		t.Run(c.name, func(t *testing.T) { c.prove(t, factory(t)) })
	}
}

// ctx ends before a hanging test would hold up everything else.
func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	t.Cleanup(cancel)
	return c
}

func put(t *testing.T, s store.Store, pairs ...string) int64 {
	t.Helper()
	var txn store.Txn
	for i := 0; i < len(pairs); i += 2 {
		txn.Puts = append(txn.Puts, store.Put{Path: pairs[i], Value: []byte(pairs[i+1])})
	}
	return commit(t, s, txn)
}

func remove(t *testing.T, s store.Store, paths ...string) int64 {
	t.Helper()
	return commit(t, s, store.Txn{Deletes: paths})
}

func commit(t *testing.T, s store.Store, txn store.Txn) int64 {
	t.Helper()
	revision, err := s.Txn(ctx(t), txn)
	if err != nil {
		t.Fatalf("txn: %v", err)
	}
	return revision
}

// list prints what a range holds as path=value@revision.
func list(t *testing.T, s store.Store, r store.Range) (all []string) {
	t.Helper()
	if _, err := s.List(ctx(t), r, func(r store.Record) error {
		all = append(all, show(r))
		return nil
	}); err != nil {
		t.Fatalf("list: %v", err)
	}
	return all
}

func show(r store.Record) string { return fmt.Sprintf("%s=%s@%d", r.Path, r.Value, r.Revision) }

func showBatch(b store.Batch) string {
	s := fmt.Sprintf("%d:", b.Revision)
	for _, e := range b.Events {
		if e.Deleted {
			s += " -" + e.Path
		} else {
			s += " " + e.Path + "=" + string(e.Value)
		}
	}
	return s
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func wantFault(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func absent(t *testing.T, s store.Store) {
	_, err := s.Get(ctx(t), "a")
	wantFault(t, "get", err, fault.RecordUnknown)
	put(t, s, "ab", "v")
	_, err = s.Get(ctx(t), "a")
	wantFault(t, "get of a path that only begins another", err, fault.RecordUnknown)
}

func putIsRead(t *testing.T, s store.Store) {
	binary := string([]byte{0, 1, 255, 0})
	for _, v := range []string{"first", "second", binary} {
		revision := put(t, s, "a", v)
		r, err := s.Get(ctx(t), "a")
		if err != nil || r.Path != "a" || string(r.Value) != v || r.Revision != revision {
			t.Errorf("got %q at %d, %v; want %q at %d", r.Value, r.Revision, err, v, revision)
		}
	}
	put(t, s, "empty", "")
	if r, err := s.Get(ctx(t), "empty"); err != nil || len(r.Value) != 0 {
		t.Errorf("an empty value: %q, %v", r.Value, err)
	}
}

func slicesAreCopied(t *testing.T, s store.Store) {
	value := []byte("value")
	commit(t, s, store.Txn{Puts: []store.Put{{Path: "a", Value: value}}})
	copy(value, "XXXXX")
	r, err := s.Get(ctx(t), "a")
	if err != nil || string(r.Value) != "value" {
		t.Errorf("the store kept the caller's slice: %q, %v", r.Value, err)
	}
	put(t, s, "a", "later")
	if string(r.Value) != "value" {
		t.Errorf("what was handed out changed to %q", r.Value)
	}
}

func revisionsGrow(t *testing.T, s store.Store) {
	last := int64(0)
	for i := range 20 {
		revision := put(t, s, fmt.Sprint(i%3), "v")
		if revision <= last {
			t.Fatalf("revision %d after %d", revision, last)
		}
		last = revision
	}
	at, err := s.List(ctx(t), store.Range{}, func(store.Record) error { return nil })
	if err != nil || at != last {
		t.Errorf("list is of revision %d, %v; want %d", at, err, last)
	}
}

func members(t *testing.T, s store.Store) {
	all, err := s.Members(ctx(t))
	if err != nil || !slices.ContainsFunc(all, func(m store.Member) bool { return m.Leader && !m.Learner }) {
		t.Errorf("%+v, %v", all, err)
	}
}
