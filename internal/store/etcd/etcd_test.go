// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/storetest"
)

func open(t testing.TB, dir string) *Engine {
	t.Helper()
	e, err := Start(context.Background(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func write(t testing.TB, e *Engine, path, value string) int64 {
	t.Helper()
	revision, err := e.Txn(context.Background(), store.Txn{Puts: []store.Put{{Path: path, Value: []byte(value)}}})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestEtcdKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
}

func TestWhatWasAcknowledgedSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	last := int64(0)
	for round := range 3 {
		e := open(t, dir)
		for i := range round {
			r, err := e.Get(context.Background(), fmt.Sprint("k", i))
			if err != nil || string(r.Value) != fmt.Sprint(i) {
				t.Errorf("round %d: k%d is %q, %v", round, i, r.Value, err)
			}
		}
		revision := write(t, e, fmt.Sprint("k", round), fmt.Sprint(round))
		if revision <= last {
			t.Errorf("revision %d after %d", revision, last)
		}
		last = revision
		e.Close()
	}
}

func TestARestoreSurvivesARestartAndLeavesOneGeneration(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	write(t, e, "a", "1")
	var b bytes.Buffer
	if _, err := e.Snapshot(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	last := write(t, e, "a", "2")
	if err := e.Restore(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e = open(t, dir)
	r, err := e.Get(context.Background(), "a")
	if err != nil || string(r.Value) != "1" {
		t.Errorf("a is %q, %v", r.Value, err)
	}
	if next := write(t, e, "b", "1"); next <= last {
		t.Errorf("revision %d after %d", next, last)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

func TestAnInterruptedRestoreIsSwept(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	write(t, e, "a", "1")
	e.Close()
	os.MkdirAll(filepath.Join(dir, "data-2", "member"), 0o700)
	os.WriteFile(filepath.Join(dir, incoming), []byte("half"), 0o600)
	e = open(t, dir)
	if _, err := e.Get(context.Background(), "a"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"data-2", incoming} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestADirectoryWithoutItsGenerationIsNotTakenForNew(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	os.Remove(filepath.Join(dir, "current"))
	if e, err := Start(context.Background(), Config{Dir: dir}); err == nil {
		e.Close()
		t.Error("started an empty store over data that is there")
	}
}

func TestAClosedEngineIsUnavailable(t *testing.T) {
	e := open(t, t.TempDir())
	ended := make(chan error)
	go func() {
		ended <- e.Watch(context.Background(), "", 1, func(store.Batch) error { return nil })
	}()
	write(t, e, "a", "1")
	e.Close()
	if err := <-ended; !errors.Is(err, fault.Unavailable) {
		t.Errorf("watch: %v", err)
	}
	if _, err := e.Get(context.Background(), "a"); !errors.Is(err, fault.Unavailable) {
		t.Errorf("get: %v", err)
	}
	if _, err := e.Txn(context.Background(), store.Txn{Deletes: []string{"a"}}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("txn: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestAFullStoreRefusesWritesAndComesBackAfterDeletes(t *testing.T) {
	e, err := Start(context.Background(), Config{Dir: t.TempDir(), Quota: 3 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	value := strings.Repeat("v", 256<<10)
	n := 0
	for ; n < 100 && err == nil; n++ {
		_, err = e.Txn(context.Background(), store.Txn{Puts: []store.Put{{Path: fmt.Sprint("k", n), Value: []byte(value)}}})
	}
	if !errors.Is(err, fault.StoreFull) {
		t.Fatalf("after %d writes: %v", n, err)
	}
	if _, err := e.Get(context.Background(), "k0"); err != nil {
		t.Errorf("read of a full store: %v", err)
	}
	for i := range n {
		if _, err := e.Txn(context.Background(), store.Txn{Deletes: []string{fmt.Sprint("k", i)}}); err != nil {
			t.Fatalf("delete in a full store: %v", err)
		}
	}
	if err := e.Reclaim(context.Background()); err != nil {
		t.Fatal(err)
	}
	write(t, e, "again", value)
	if u, err := e.Usage(context.Background()); err != nil || u.Full || u.File >= u.Quota {
		t.Errorf("usage %+v, %v", u, err)
	}
}

func TestAnEndedWaitForAWriteIsOutcomeUnknown(t *testing.T) {
	e := open(t, t.TempDir())
	unknown := 0
	for i := range 200 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		path := fmt.Sprint("k", i)
		_, err := e.Txn(ctx, store.Txn{Puts: []store.Put{{Path: path, Value: []byte("v")}}})
		switch fault.Of(err) {
		case fault.OutcomeUnknown:
			unknown++
		case fault.OK:
		case fault.Timeout:
			if _, err := e.Get(context.Background(), path); !errors.Is(err, fault.RecordUnknown) {
				t.Errorf("a Txn that said nothing was done: %v", err)
			}
		default:
			t.Fatalf("txn: %v", err)
		}
	}
	if unknown == 0 {
		t.Error("no wait was cut short, so nothing was shown")
	}
}

func TestWarningsReachOurLogAndClosingIsQuiet(t *testing.T) {
	var b bytes.Buffer
	logger, quiet := newLogger(slog.New(slog.NewTextHandler(&b, nil)), func() {}, nil)
	logger.Info("not this")
	logger.Named("x").With().Warn("this one")
	quiet()
	logger.Error("nor this")
	if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="this one" part=etcd`) {
		t.Errorf("log: %s", got)
	}
	b.Reset()
	e, err := Start(context.Background(), Config{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&b, nil))})
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	if strings.Contains(b.String(), "ERROR") { // a slow disk may well be warned of
		t.Errorf("a plain start and stop logged %s", b.String())
	}
}
