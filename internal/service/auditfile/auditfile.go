// SPDX-License-Identifier: Apache-2.0

// Package auditfile keeps the audit log's bytes: the entries and checkpoints that the core hands over, in files that only
// ever grow, one pair for each segment (one run of a core).
//
//	NNNNNN-<segment id>.log          frames, each u32 length (little-endian) and so many bytes of one entry
//	NNNNNN-<segment id>.checkpoint   the newest signed note over the entries, replaced atomically
//
// NNNNNN counts the segments in the order in which they were begun. What is in an entry or a note, and whether it is
// authentic, this package does not know: the core makes and signs them, and package auditlog reads and verifies them
// (docs/design/audit.md). Open takes the directory over for one process, Append adds, Last gives the newest checkpoint.
//
// # What a crash leaves
//
// A killed process leaves all that Append wrote, since the kernel has it; a power cut leaves all that was synced, and of
// the rest a beginning. Either may end within a frame. Such an end belongs to an Append that was never answered, or to one
// without Sync, whose sender was promised nothing; so Open cuts it off and says so in the log. An end that cannot come
// about this way is left as it is, for the verifier to name. Whole frames at the end are kept, answered or not: the
// core did emit them. A checkpoint is written after the entries under it were synced, so it never names more than is there;
// and the first one of a segment before further entries, since those carry its signature, and a signature without any
// checkpoint is what the verifier takes for a checkpoint that somebody removed.
package auditfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	// MaxEntry bounds one entry: far above what an act needs, so a greater length in a file is damage.
	MaxEntry = 1 << 16

	// gapWait is how long an Append waits for the entries before its own: requests travel side by side and overtake each
	// other by microseconds.
	gapWait = 5 * time.Second

	// recentEntries is how many entries back a repeated one is recognised without reading the file.
	recentEntries = 1024

	// idleSync bounds how long entries written without Sync, and their checkpoint, stay unsynced.
	idleSync = time.Second
)

// Log is the open log of one node.
type Log struct {
	dir string
	log *slog.Logger
	gap time.Duration // gapWait, but for a test

	closing sync.Once
	quit    chan struct{}  // closed by closing
	idle    sync.WaitGroup // syncWhenIdle

	mu       sync.Mutex
	moved    *sync.Cond      // mu: any of the fields below changed
	known    map[key.ID]bool // guarded by mu: every segment there is a file of
	sequence int             // guarded by mu: of the newest segment
	segment  key.ID          // guarded by mu: the one that is open
	file     *os.File        // guarded by mu; nil before the first Append
	entries  uint64          // guarded by mu: in the open segment
	recent   [][32]byte      // guarded by mu: SHA-256 of the last of them
	size     int64           // guarded by mu: of file
	written  int64           // guarded by mu: bytes since Open, over all segments
	synced   int64           // guarded by mu: of these, on disk
	note     checkpoint      // guarded by mu: newest received in the open segment
	noted    bool            // guarded by mu: the open segment has one on disk
	saved    []byte          // guarded by mu: newest on disk, over all segments
	syncing  bool            // guarded by mu: somebody is syncing, without mu
	broken   bool            // guarded by mu: a sync failed, so nobody knows what is on disk
	closed   bool            // guarded by mu
}

type checkpoint struct {
	text    []byte
	entries uint64 // of the segment that it covers
	count   int64  // how many came since Open, this one included
	saved   int64  // how many of them are on disk
}

// Open takes over dir, making it if need be.
func Open(dir string, log *slog.Logger) (*Log, error) {
	if err := durable.Mkdir(dir); err != nil {
		return nil, err
	}
	if err := durable.Sweep(dir); err != nil {
		return nil, err
	}
	l := &Log{dir: dir, log: log, gap: gapWait, quit: make(chan struct{}), known: map[key.ID]bool{}}
	l.moved = sync.NewCond(&l.mu)
	segments, err := list(dir)
	if err != nil {
		return nil, err
	}
	for i, s := range segments {
		l.known[s.id] = true
		l.sequence = s.sequence
		if len(s.checkpoint) > 0 {
			l.saved = s.checkpoint
		}
		if i == len(segments)-1 {
			if err := repair(s, log); err != nil {
				return nil, err
			}
		}
	}
	l.idle.Go(l.syncWhenIdle)
	return l, nil
}

// Append adds the entries of a. It returns nil once they are in the file, and with a.Sync once they and the checkpoint
// are on disk. AuditUnavailable: the entries were not added, or it is not known whether they are on disk; the sender sends
// them again, and what came since behind them; entries that are here already are compared and skipped. AuditInvalid: they
// do not follow what is there, or differ from it.
func (l *Log) Append(a *wire.Audit) error {
	for _, e := range a.Entries {
		if len(e) == 0 || len(e) > MaxEntry {
			return fault.AuditInvalid.At("append entry: bad length")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.turn(a); err != nil {
		return err
	}
	if err := l.write(a.Entries[min(l.entries-a.First, uint64(len(a.Entries))):]); err != nil {
		l.log.Error("audit log cannot be written", "segment", a.Segment, "reason", err)
		return fault.AuditUnavailable.At("append entries")
	}
	if covers := a.First + uint64(len(a.Entries)); len(a.Checkpoint) > 0 && covers >= l.note.entries {
		l.note.text, l.note.entries = append([]byte(nil), a.Checkpoint...), covers
		l.note.count++
	}
	l.moved.Broadcast()
	if !a.Sync {
		return nil
	}
	return l.sync(l.written, l.note.count)
}

// turn waits until the entries before a's have come, and opens a's segment.
func (l *Log) turn(a *wire.Audit) error {
	late := time.AfterFunc(l.gap, func() {
		l.mu.Lock() // so that nobody is between looking at the clock and waiting
		defer l.mu.Unlock()
		l.moved.Broadcast()
	})
	defer late.Stop()
	end := time.Now().Add(l.gap)
	for {
		isOpen := l.file != nil && l.segment == a.Segment
		switch {
		case l.broken || l.closed:
			return fault.AuditUnavailable.At("append entries: log is closed")
		case !isOpen && l.known[a.Segment]:
			return fault.AuditInvalid.At("append entries: segment is closed")
		case !isOpen && a.First == 0 && (l.synced < l.written || l.note.saved < l.note.count):
			if err := l.sync(l.written, l.note.count); err != nil {
				return err
			}
			continue // others may have come meanwhile
		case !isOpen && a.First == 0:
			return l.begin(a.Segment)
		case isOpen && !l.noted && l.note.saved < l.note.count:
			if err := l.sync(l.written, l.note.count); err != nil {
				return err
			}
			continue
		case isOpen && a.First <= l.entries && l.held(a):
			return nil
		case isOpen && a.First <= l.entries:
			return fault.AuditInvalid.At("append entries: another entry has this index")
		case !time.Now().Before(end):
			return fault.AuditInvalid.At("append entries: those before did not come")
		}
		l.moved.Wait()
	}
}

// held tells whether the entries of a that are already here are the same ones. The core sends again what it got no answer
// for, perhaps with more behind it; it may not put others in their place.
func (l *Log) held(a *wire.Audit) bool {
	again := a.Entries[:min(l.entries-a.First, uint64(len(a.Entries)))]
	first := l.entries - uint64(len(l.recent)) // index of recent[0]
	if a.First >= first {
		for i, e := range again {
			if l.recent[a.First-first+uint64(i)] != sha256.Sum256(e) {
				return false
			}
		}
		return true
	}
	s, index, same := segment{path: logPath(l.dir, l.sequence, l.segment)}, uint64(0), uint64(0)
	err := s.each(func(e []byte) error {
		if index >= a.First && same < uint64(len(again)) && bytes.Equal(e, again[same]) {
			same++
		}
		index++
		return nil
	})
	return err == nil && same == uint64(len(again))
}

// begin closes the open segment, all of which is synced, and makes the file of the next.
func (l *Log) begin(segment key.ID) error {
	path := logPath(l.dir, l.sequence+1, segment)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = durable.SyncDir(l.dir)
	}
	if err != nil {
		if f != nil {
			f.Close()
			os.Remove(path)
		}
		l.log.Error("audit segment cannot be made", "segment", segment, "reason", err)
		return fault.AuditUnavailable.At("begin segment")
	}
	if l.file != nil {
		l.file.Close()
	}
	l.sequence++
	l.known[segment] = true
	l.segment, l.file, l.entries, l.size, l.recent = segment, f, 0, 0, nil
	l.note.text, l.note.entries, l.noted = nil, 0, false
	return nil
}

// write adds all entries by one write, or none: what a failed write left is cut off.
func (l *Log) write(entries [][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	var frames []byte
	for _, e := range entries {
		frames = binary.LittleEndian.AppendUint32(frames, uint32(len(e)))
		frames = append(frames, e...)
	}
	if _, err := l.file.Write(frames); err != nil {
		if terr := l.file.Truncate(l.size); terr != nil {
			l.broken = true
			err = errors.Join(err, terr)
		}
		return err
	}
	l.size += int64(len(frames))
	l.written += int64(len(frames))
	l.entries += uint64(len(entries))
	for _, e := range entries {
		l.recent = append(l.recent, sha256.Sum256(e))
	}
	if n := len(l.recent); n > 2*recentEntries {
		l.recent = append(l.recent[:0], l.recent[n-recentEntries:]...)
	}
	return nil
}

// sync returns when so many bytes and checkpoints are on disk. Of those who wait, one syncs for all.
func (l *Log) sync(size, notes int64) error {
	for l.synced < size || l.note.saved < notes {
		if l.broken {
			return fault.AuditUnavailable.At("sync entries")
		}
		if l.syncing {
			l.moved.Wait()
			continue
		}
		l.syncing = true
		file, written, unsynced, note := l.file, l.written, l.synced < l.written, l.note
		path := notePath(l.dir, l.sequence, l.segment)
		l.mu.Unlock()
		var serr, nerr error
		if unsynced {
			serr = file.Sync()
		}
		if serr == nil && note.saved < note.count {
			nerr = durable.WriteFile(path, note.text, 0o600)
		}
		l.mu.Lock()
		l.syncing = false
		l.moved.Broadcast()
		if serr != nil {
			// The kernel may have dropped the pages it could not write, and a second sync would then succeed without them.
			l.broken = true
			l.log.Error("audit log cannot be synced; it stays closed until the restart", "reason", serr)
			return fault.AuditUnavailable.At("sync entries")
		}
		l.synced = written
		if nerr != nil {
			l.log.Error("audit checkpoint cannot be written", "reason", nerr)
			return fault.AuditUnavailable.At("write checkpoint")
		}
		if note.saved < note.count {
			l.note.saved, l.saved, l.noted = note.count, note.text, true // begin waits for this, so it is the same segment
		}
	}
	return nil
}

func (l *Log) syncWhenIdle() {
	t := time.NewTicker(idleSync)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			l.mu.Lock()
			if !l.broken && !l.closed {
				l.sync(l.written, l.note.count) // an error is in the log, and the next Append meets it
			}
			l.mu.Unlock()
		case <-l.quit:
			return
		}
	}
}

// Last is the newest checkpoint of the log, for the next segment to name; nil for a new log.
func (l *Log) Last() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sync(l.written, l.note.count) != nil && len(l.note.text) > 0 {
		return l.note.text
	}
	return l.saved
}

// Close syncs what is left.
func (l *Log) Close() error {
	l.closing.Do(func() { close(l.quit) })
	l.idle.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	err := l.sync(l.written, l.note.count)
	if l.file != nil {
		l.file.Close()
	}
	l.closed = true
	l.moved.Broadcast()
	return err
}

func logPath(dir string, sequence int, segment key.ID) string {
	return filepath.Join(dir, fmt.Sprintf("%06d-%s.log", sequence, segment))
}

func notePath(dir string, sequence int, segment key.ID) string {
	return filepath.Join(dir, fmt.Sprintf("%06d-%s.checkpoint", sequence, segment))
}
