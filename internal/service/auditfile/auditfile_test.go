// SPDX-License-Identifier: Apache-2.0

package auditfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t testing.TB, dir string, log *slog.Logger) *Log {
	t.Helper()
	l, err := Open(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func audit(segment byte, first int, sync bool, note string, entries ...string) *wire.Audit {
	a := &wire.Audit{Segment: key.ID{segment}, First: uint64(first), Sync: sync, Checkpoint: []byte(note)}
	for _, e := range entries {
		a.Entries = append(a.Entries, []byte(e))
	}
	return a
}

func add(t testing.TB, l *Log, a *wire.Audit) {
	t.Helper()
	if err := l.Append(a); err != nil {
		t.Fatal(err)
	}
}

// read shows each segment as "id: entries | checkpoint".
func read(t testing.TB, dir string) (all []string) {
	t.Helper()
	segments, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		line := fmt.Sprintf("%d/%d:", s.sequence, s.id[0])
		if err := s.each(func(e []byte) error { line += " " + string(e); return nil }); err != nil {
			line += " " + err.Error()
		}
		all = append(all, line+" | "+string(s.checkpoint))
	}
	return all
}

func same(t testing.TB, dir string, want ...string) {
	t.Helper()
	if got := read(t, dir); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func wantFault(t testing.TB, what string, err error, want fault.Code) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestEntriesAndCheckpointsAreOnDiskInOrder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	if l.Last() != nil {
		t.Error("a new log has a checkpoint")
	}
	add(t, l, audit(1, 0, true, "note 2", "a", "b"))
	same(t, dir, "1/1: a b | note 2")
	add(t, l, audit(1, 2, false, "", "c"))
	same(t, dir, "1/1: a b c | note 2")
	add(t, l, audit(1, 3, true, "note 3"))
	same(t, dir, "1/1: a b c | note 3")
	add(t, l, audit(1, 2, true, "note 2 again, late"))
	if got := string(l.Last()); got != "note 3" {
		t.Errorf("an older checkpoint took over: %s", got)
	}
	add(t, l, audit(9, 0, false, "", "x"))
	if got := string(l.Last()); got != "note 3" {
		t.Errorf("the newest checkpoint is %q", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, quiet)
	add(t, l, audit(5, 0, false, "note", "y"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, dir, "1/1: a b c | note 3", "2/9: x | ", "3/5: y | note")
	wantFault(t, "append after close", l.Append(audit(5, 1, false, "", "z")), fault.AuditUnavailable)
}

// Otherwise a kill between entries and checkpoint looks like a checkpoint that somebody removed.
func TestTheFirstCheckpointIsOnDiskBeforeEntriesThatCarryItsSignature(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	defer l.Close()
	add(t, l, audit(1, 0, false, "note 1", "a"))
	same(t, dir, "1/1: a | ")
	add(t, l, audit(1, 1, false, "note 2", "b"))
	same(t, dir, "1/1: a b | note 1")
	add(t, l, audit(2, 0, false, "", "locked"))
	add(t, l, audit(2, 1, false, "note 3", "c"))
	add(t, l, audit(2, 2, false, "note 4", "d"))
	same(t, dir, "1/1: a b | note 2", "2/2: locked c d | note 3")
}

func TestAnIndexIsGivenOnceAndAClosedSegmentStaysClosed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	defer l.Close()
	add(t, l, audit(1, 0, false, "", "a", "b"))
	wantFault(t, "taken index", l.Append(audit(1, 1, false, "", "fork")), fault.AuditInvalid)
	wantFault(t, "empty entry", l.Append(audit(1, 2, false, "", "")), fault.AuditInvalid)
	wantFault(t, "huge entry", l.Append(audit(1, 2, false, "", strings.Repeat("x", MaxEntry+1))), fault.AuditInvalid)
	add(t, l, audit(2, 0, false, "", "c"))
	wantFault(t, "closed segment", l.Append(audit(1, 2, false, "", "late")), fault.AuditInvalid)
	l.Close()
	l = open(t, dir, quiet)
	wantFault(t, "segment of an earlier process", l.Append(audit(2, 1, false, "", "late")), fault.AuditInvalid)
	same(t, dir, "1/1: a b | ", "2/2: c | ")
}

func TestRequestsThatOvertookEachOtherAreWrittenInOrder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	defer l.Close()
	const n = 200
	var wg sync.WaitGroup
	want := "1/1:"
	for i := range n {
		want += fmt.Sprint(" e", i)
		wg.Go(func() {
			if err := l.Append(audit(1, n-1-i, i%3 == 0, fmt.Sprint("note ", n-i), fmt.Sprint("e", n-1-i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l.Last()
	same(t, dir, want+fmt.Sprint(" | note ", n))
}

func TestAnEntryWhoseForerunnersNeverComeIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	defer l.Close()
	l.gap = 10 * time.Millisecond
	add(t, l, audit(1, 0, false, "", "a"))
	wantFault(t, "a gap", l.Append(audit(1, 2, false, "", "c")), fault.AuditInvalid)
	wantFault(t, "a segment without its beginning", l.Append(audit(2, 1, false, "", "c")), fault.AuditInvalid)
	same(t, dir, "1/1: a | ")
}

func TestATornEndIsCutOffAndTold(t *testing.T) {
	for cut := 1; cut <= 10; cut++ { // the last frame is 4 + 6 bytes
		dir := t.TempDir()
		l := open(t, dir, quiet)
		add(t, l, audit(1, 0, true, "note", "first", "second"))
		l.Close()
		segments, _ := list(dir)
		path := segments[0].path
		info, _ := os.Stat(path)
		os.Truncate(path, info.Size()-int64(cut))

		var log bytes.Buffer
		l = open(t, dir, slog.New(slog.NewTextHandler(&log, nil)))
		same(t, dir, "1/1: first | note")
		if told := strings.Contains(log.String(), "cut off"); told != (cut < 10) {
			t.Errorf("cut %d: log says %q", cut, log.String())
		}
		add(t, l, audit(2, 0, true, "", "next"))
		l.Close()
		same(t, dir, "1/1: first | note", "2/2: next | ")
	}
}

func TestADamagedFileIsLeftForTheVerifier(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	add(t, l, audit(1, 0, true, "", "first", "second"))
	l.Close()
	segments, _ := list(dir)
	b, _ := os.ReadFile(segments[0].path)
	b[9+3] = 0x7F // the second frame's length
	os.WriteFile(segments[0].path, b, 0o600)
	var log bytes.Buffer
	open(t, dir, slog.New(slog.NewTextHandler(&log, nil))).Close()
	if after, _ := os.ReadFile(segments[0].path); !bytes.Equal(after, b) || !strings.Contains(log.String(), "damaged") {
		t.Errorf("%d of %d bytes are left; log: %s", len(after), len(b), log.String())
	}
	same(t, dir, "1/1: first "+errDamaged.Error()+" | ")
}

func TestAFullDiskIsAuditUnavailableAndHealsWithoutAHole(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("cannot mount a small file system here: ", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	l := open(t, dir, quiet)
	big := strings.Repeat("x", 5000)
	n := 0
	var err error
	for ; n < 100 && err == nil; n++ {
		err = l.Append(audit(1, n, true, fmt.Sprint("note ", n+1), big))
	}
	wantFault(t, "append to a full disk", err, fault.AuditUnavailable)
	n-- // the entry that was refused
	wantFault(t, "and again", l.Append(audit(1, n, true, "note", big)), fault.AuditUnavailable)
	wantFault(t, "a new segment", l.Append(audit(2, 0, true, "", big)), fault.AuditUnavailable)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	l2 := audit(3, 0, true, "note of 3", "healed")
	if l.segment == (key.ID{1}) { // else the refused segment 2 was begun, and 1 is over
		add(t, l, audit(1, n, true, "note of 1", big))
		n++
	}
	add(t, l, l2)
	l.Close()
	segments, _ := list(dir)
	entries := 0
	if err := segments[0].each(func([]byte) error { entries++; return nil }); err != nil || entries != n {
		t.Errorf("%d entries, %v; want %d", entries, err, n)
	}
	if got := read(t, dir); got[len(got)-1] != fmt.Sprintf("%d/3: healed | note of 3", len(got)) {
		t.Errorf("last segment: %q", got[len(got)-1])
	}
}

func TestAFailedWriteLeavesNoPartOfItsEntries(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("cannot mount a small file system here: ", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	l := open(t, dir, quiet)
	defer l.Close()
	big := strings.Repeat("x", 5000)
	n := 0
	for l.Append(audit(1, n, false, "", big, big, big)) == nil { // no checkpoint, so it is the entries that find no room
		n += 3
	}
	segments, _ := list(dir)
	info, err := os.Stat(segments[0].path)
	if err != nil || n == 0 || info.Size() != int64(n)*5004 {
		t.Errorf("%d bytes for %d entries, %v", info.Size(), n, err)
	}
	add(t, l, audit(1, n, false, "", "small")) // what was cut off left room
	entries := 0
	if err := segments[0].each(func([]byte) error { entries++; return nil }); err != nil || entries != n+1 {
		t.Errorf("%d entries, %v; want %d", entries, err, n+1)
	}
}

func TestARepeatedEntryIsTakenOnceAndAnotherInItsPlaceIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet)
	defer l.Close()
	add(t, l, audit(1, 0, true, "note", "a", "b"))
	add(t, l, audit(1, 0, true, "note", "a", "b"))
	add(t, l, audit(1, 1, true, "note", "b"))
	wantFault(t, "another entry", l.Append(audit(1, 1, false, "", "x")), fault.AuditInvalid)
	wantFault(t, "another in an overlap", l.Append(audit(1, 0, false, "", "a", "x", "c")), fault.AuditInvalid)
	add(t, l, audit(1, 1, true, "note", "b", "2"))
	for i := 3; i < 3*recentEntries; i++ {
		add(t, l, audit(1, i, false, "", fmt.Sprint(i)))
	}
	add(t, l, audit(1, 3*recentEntries-2, false, "", fmt.Sprint(3*recentEntries-2)))
	add(t, l, audit(1, 0, false, "", "a", "b", "2"))
	wantFault(t, "another, long ago", l.Append(audit(1, 0, false, "", "a", "c")), fault.AuditInvalid)
	segments, _ := list(dir)
	n := 0
	if err := segments[0].each(func([]byte) error { n++; return nil }); err != nil || n != 3*recentEntries {
		t.Errorf("%d entries, %v", n, err)
	}
}

func TestAFailedSyncClosesTheLog(t *testing.T) {
	l := open(t, t.TempDir(), quiet)
	add(t, l, audit(1, 0, true, "", "a"))
	l.mu.Lock()
	l.file.Close() // so that nothing can be written or synced
	l.mu.Unlock()
	wantFault(t, "write", l.Append(audit(1, 1, true, "", "b")), fault.AuditUnavailable)
	wantFault(t, "a later one", l.Append(audit(2, 0, false, "", "c")), fault.AuditUnavailable)

	l = open(t, t.TempDir(), quiet)
	add(t, l, audit(1, 0, false, "", "a"))
	l.mu.Lock()
	l.file.Close()
	l.mu.Unlock()
	wantFault(t, "sync", l.Append(audit(1, 1, true, "note")), fault.AuditUnavailable)
	if !l.broken {
		t.Error("went on after a failed sync")
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00a\x02\x00\x00\x00bc"))
	f.Add([]byte("\x01\x00\x00\x00a\x02\x00\x00\x00b"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		whole, err := frames(bytes.NewReader(b), func(e []byte) error {
			again = append(again, byte(len(e)), byte(len(e)>>8), byte(len(e)>>16), byte(len(e)>>24))
			again = append(again, e...)
			return nil
		})
		if !bytes.Equal(again, b[:whole]) || err == nil && whole != int64(len(b)) || err == io.EOF {
			t.Errorf("%d of %d bytes, %v", whole, len(b), err)
		}
	})
}

func BenchmarkSyncedAppend(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			l := open(b, b.TempDir(), quiet)
			defer l.Close()
			entry := strings.Repeat("e", 200)
			next := make(chan int, b.N)
			for i := range b.N {
				next <- i
			}
			close(next)
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := range next {
						if err := l.Append(audit(1, i, true, "note", entry)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
