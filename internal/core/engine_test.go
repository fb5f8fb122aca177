// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
)

// The host's engine (internal/backup), with a real core behind it.

// hostCalls is the core as the host calls it.
type hostCalls struct{ n *node }

func (h hostCalls) Call(op uint16, body []byte) ([]byte, error) { return h.n.core.Handle(op, body) }

func (n *node) engine() *backup.Engine {
	n.t.Helper()
	return &backup.Engine{Store: n.store, Core: hostCalls{n}, Spool: n.t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Scratch: func(context.Context) (store.Store, func(), error) { return memory.New(), func() {}, nil }}
}

func backupPlace(t *testing.T) (backup.Place, string) {
	t.Helper()
	dir := t.TempDir()
	p, err := backup.OpenPlace(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

func make1(t *testing.T, e *backup.Engine, p backup.Place) *backup.Info {
	t.Helper()
	info, err := e.Create(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestAFlippedBitIsRefusedWithItsPlace flips bits all over a backup's file, and cuts it everywhere.
func TestAFlippedBitIsRefusedWithItsPlace(t *testing.T) {
	n := filled(t)
	e := n.engine()
	p, dir := backupPlace(t)
	info := make1(t, e, p)
	path := filepath.Join(dir, info.Name)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tries := func(what string, at int, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := e.Verify(t.Context(), p, info.Name, nil)
		if code := fault.Of(err); code != fault.BackupInvalid && code != fault.DomainOther {
			t.Fatalf("%s at %d of %d: %v", what, at, len(good), err)
		}
		if !strings.Contains(err.Error(), "bytes ") && !strings.Contains(err.Error(), "the file") {
			t.Errorf("%s at %d: no place is told: %v", what, at, err)
		}
	}
	for at := 0; at < len(good); at++ {
		if at > 120 && at < len(good)-400 && at%53 != 0 { // everywhere where the form is, and here and there within a chunk
			continue
		}
		bad := append([]byte{}, good...)
		bad[at] ^= 1 << (at % 8)
		tries("a bit", at, bad)
	}
	for at := 0; at < len(good); at += 61 {
		tries("cut", at, good[:at])
	}
	tries("a byte more", len(good), append(append([]byte{}, good...), 0))
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Verify(t.Context(), p, info.Name, nil); err != nil {
		t.Errorf("as it was made: %v", err)
	}
}

func TestARestoreThroughTheHostBringsEverythingBack(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	n := filled(t)
	n.secret(1, "k")
	file := n.download(2, a, b)
	before := withoutNodes(n.content())
	p, _ := backupPlace(t)
	info := make1(t, n.engine(), p)
	bare := bareNode(t)
	e := bare.engine()
	_, err := e.Restore(t.Context(), p, info.Name, nil)
	want(t, "before the domain was brought", err, fault.Denied)
	want(t, "upload", bare.bring(file, holder.Statement{}, true, a, b), fault.OK)
	done, err := e.Restore(t.Context(), p, info.Name, nil)
	if err != nil || done.Backup.Records != info.Records {
		t.Fatalf("%v, %+v", err, done)
	}
	sameContent(t, "restored", before, withoutNodes(bare.content()))
	if _, err := e.Verify(t.Context(), p, info.Name, nil); err != nil {
		t.Errorf("the clone reads the backup: %v", err)
	}
}

// forgetful is a store whose history is gone in the middle of a list, some times.
type forgetful struct {
	store.Store
	times atomic.Int32
}

func (f *forgetful) List(ctx context.Context, r store.Range, visit func(store.Record) error) (int64, error) {
	seen := 0
	return f.Store.List(ctx, r, func(rec store.Record) error {
		if seen++; seen > 5 && f.times.Add(-1) >= 0 {
			return store.ErrCompacted
		}
		return visit(rec)
	})
}

func TestABackupThatCompactionCutsBeginsAnew(t *testing.T) {
	n := filled(t)
	e := n.engine()
	f := &forgetful{Store: n.store}
	e.Store = f
	p, _ := backupPlace(t)
	f.times.Store(2)
	info := make1(t, e, p)
	if _, err := e.Verify(t.Context(), p, info.Name, nil); err != nil {
		t.Error(err)
	}
	f.times.Store(100)
	if _, err := e.Create(t.Context(), p, nil); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("for ever: %v", err)
	}
	if list, err := p.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("what is there: %v, %v", list, err)
	}
}

// TestABackupUnderLoadIsOfOneMoment: keys are made, changed and destroyed, and PINs set, all the while.
func TestABackupUnderLoadIsOfOneMoment(t *testing.T) {
	n := filled(t)
	e := n.engine()
	p, _ := backupPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	s, first := n.secret(1, "first")
	admin := n.admin()
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			o := generateAES(t, s, "more")
			rename(t, s, first, "renamed")
			s.Destroy(o)
			admin.OperatorSet(2, "user", 1, []byte("another-pin"))
		}
	}()
	for range 5 {
		info := make1(t, e, p)
		if _, err := e.Verify(t.Context(), p, info.Name, nil); err != nil {
			t.Error(err)
		}
	}
	cancel()
	<-done
}

func TestRetentionKeepsTheYoungAndTheNewestAndAlwaysTheLast(t *testing.T) {
	n := filled(t)
	e := n.engine()
	p, dir := backupPlace(t)
	day := int64(24 * time.Hour)
	var names []string
	for age := 40; age > 0; age -= 10 { // 40, 30, 20 and 10 days old
		n.machine.skew.Store(-int64(age) * day)
		names = append(names, make1(t, e, p).Name)
	}
	n.machine.skew.Store(0)
	forged := filepath.Join(dir, "genbu-00000000-20991231T000000.000Z-00000000.gbb")
	if err := os.WriteFile(forged, []byte("newer than all others"), 0o600); err != nil {
		t.Fatal(err)
	}
	left := func() string {
		var ages []string
		for i, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				ages = append(ages, []string{"40", "30", "20", "10"}[i])
			}
		}
		return strings.Join(ages, " ")
	}
	for _, c := range []struct {
		keep backup.Keep
		left string
	}{
		{backup.Keep{Days: 60, Count: 1}, "40 30 20 10"},
		{backup.Keep{Days: 5, Count: 4}, "40 30 20 10"},
		{backup.Keep{Days: 35, Count: 2}, "30 20 10"},
		{backup.Keep{Days: 0, Count: 2}, "20 10"},
		{backup.Keep{Days: 5, Count: 0}, "10"},
		{backup.Keep{Days: 5, Count: 0}, "10"},
	} {
		if _, err := e.Retain(t.Context(), p, c.keep, time.Now()); err != nil || left() != c.left {
			t.Errorf("%+v leaves %s, %v; want %s", c.keep, left(), err, c.left)
		}
	}
	if err := e.Delete(t.Context(), p, names[3]); !errors.Is(err, backup.ErrLast) {
		t.Errorf("deleting the last: %v", err)
	}
	if left() != "10" {
		t.Errorf("left: %s", left())
	}
}

func TestAScheduleMakesWhatIsDueAndAnotherNodesCounts(t *testing.T) {
	n := filled(t)
	p, _ := backupPlace(t)
	open := func(context.Context) (backup.Place, error) { return p, nil }
	also, _ := backupPlace(t)
	one := &backup.Schedule{Engine: n.engine(), Place: open, Every: time.Hour, Keep: backup.Keep{Count: 3},
		Also: func(context.Context) (backup.Place, error) { return also, nil }}
	two := &backup.Schedule{Engine: n.engine(), Place: open, Every: time.Hour, Keep: backup.Keep{Count: 3}}
	idle := &backup.Schedule{Engine: n.engine(), Place: open, Every: time.Hour, Mine: func(context.Context) bool { return false }}
	for _, s := range []*backup.Schedule{idle, one, two} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		for end := time.Now().Add(time.Minute); s != idle && s.State().Newest.IsZero() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		}
		cancel()
		<-done
	}
	if s := one.State(); s.Made != 1 || s.Failed != "" || s.Newest.IsZero() {
		t.Errorf("the first: %+v", s)
	}
	if s := two.State(); s.Made != 0 || !s.Newest.Equal(one.State().Newest) {
		t.Errorf("the second: %+v", s)
	}
	if s := idle.State(); s.Made != 0 || !s.Newest.IsZero() {
		t.Errorf("the one whose turn it is not: %+v", s)
	}
	for _, at := range []backup.Place{p, also} {
		if list, err := at.List(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%v: %v, %v", at, list, err)
		}
	}
}
