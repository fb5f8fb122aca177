// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/audit"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var node = key.ID{0x0d}

// disk is a host that keeps one segment as docs/design/audit.md says.
type disk struct {
	dir  string
	seq  int
	path string
}

func (d *disk) Audit(b wire.Audit) error {
	d.path = filepath.Join(d.dir, fmt.Sprintf("%06d-%s", d.seq, b.Segment))
	f, err := os.OpenFile(d.path+logSuffix, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, e := range b.Entries {
		f.Write(frame(e))
	}
	if len(b.Checkpoint) > 0 {
		return os.WriteFile(d.path+checkpointSuffix, b.Checkpoint, 0o600)
	}
	return nil
}

func frame(e []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(e))), e...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func signer(seed byte) (k *audit.Key) {
	ssp.Do(func() { k = must(audit.KeyFromSeed(bytes.Repeat([]byte{seed}, 32))) })
	return k
}

var ourKey = signer(5)

// run is one life of a core: it appends so many entries in batches of one, the first few before unlock, and ends as by
// kill -9, or never unlocks when k is nil. It answers the segment's path.
func run(t *testing.T, dir string, seq int, last []byte, k *audit.Key, entries int) string {
	t.Helper()
	d := &disk{dir: dir, seq: seq}
	l := audit.New(audit.Config{Sink: d, Node: node, Last: last, Now: int64(seq) * 1e9, Version: "test"})
	for n := range entries {
		if n == 2 && k != nil {
			l.SetSigner(k, 1)
			must(l.Checkpoint()) // so that the next entry carries a signature over the three before
		}
		e := wire.AuditEntry{Kind: wire.AuditLogin, Time: int64(seq)*1e9 + int64(n), Request: uint64(n), Text: "entry"}
		if err := l.Append(e, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	return d.path
}

const perSegment = 12 // entries of each segment below, the opening included

// three makes an honest log of three segments.
func three(t *testing.T) (dir string, paths []string) {
	dir = t.TempDir()
	var last []byte
	for seq := 1; seq <= 3; seq++ {
		paths = append(paths, run(t, dir, seq, last, ourKey, perSegment-1))
		last = must(os.ReadFile(paths[seq-1] + checkpointSuffix))
	}
	return dir, paths
}

func verify(t *testing.T, dir string, witness []byte) *Report {
	t.Helper()
	r, err := Verify(dir, ourKey.Public(), witness)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantFirst checks kind, segment and index of the first fault.
func wantFirst(t *testing.T, what string, r *Report, kind FaultKind, path string, index uint64) {
	t.Helper()
	f := r.First()
	if f == nil {
		t.Errorf("%s: nothing found", what)
	} else if f.Kind != kind || !strings.HasSuffix(path, f.Segment.String()) || f.Index != index {
		t.Errorf("%s: %v; want %s at %s/%d", what, f, kind, filepath.Base(path), index)
	}
}

func wantWhole(t *testing.T, what string, r *Report) {
	t.Helper()
	if f := r.First(); f != nil {
		t.Errorf("%s: %v", what, f)
	}
}

func frames(path string) (list [][]byte) {
	b := must(os.ReadFile(path + logSuffix))
	for len(b) > 0 {
		n := 4 + binary.LittleEndian.Uint32(b)
		list, b = append(list, b[4:n]), b[n:]
	}
	return list
}

func store(path string, list [][]byte) {
	var b []byte
	for _, e := range list {
		b = append(b, frame(e)...)
	}
	if err := os.WriteFile(path+logSuffix, b, 0o600); err != nil {
		panic(err)
	}
}

func TestHonestLogVerifies(t *testing.T) {
	dir, _ := three(t)
	r := verify(t, dir, nil)
	wantWhole(t, "control", r)
	if len(r.Segments) != 3 || r.Tail() != 0 {
		t.Errorf("%+v", r.Segments)
	}
	for _, s := range r.Segments {
		if s.Entries != perSegment || s.Signed != perSegment || s.Torn || s.Start != int64(s.Seq)*1e9 {
			t.Errorf("%+v", s)
		}
	}
}

// TestEveryAlteredEntryIsNamed flips a bit in every fifth byte of every entry, one at a time, and in others of the next.
func TestEveryAlteredEntryIsNamed(t *testing.T) {
	dir, paths := three(t)
	path := paths[1]
	honest := frames(path)
	for i := range honest {
		for at := i % 5; at < len(honest[i]); at += 5 {
			list := bytes.Clone(honest[i])
			list[at] ^= 0x10
			changed := append([][]byte{}, honest...)
			changed[i] = list
			store(path, changed)
			r := verify(t, dir, nil)
			f := r.First()
			if last := len(honest) - 1; i == last && at >= len(honest[i])-64 {
				// The signature that the last entry carries: nothing follows that would tell it from the entry before.
				if f == nil || f.Kind != Altered || f.Index != uint64(last-1) || f.Until != uint64(last) {
					t.Errorf("entry %d, byte %d: %v", i, at, f)
				}
				continue
			}
			wantFirst(t, fmt.Sprintf("entry %d, byte %d", i, at), r, Altered, path, uint64(i))
			if f != nil && f.Until != f.Index {
				t.Errorf("entry %d, byte %d: %v is not one entry", i, at, f)
			}
		}
	}
	store(path, honest)
	wantWhole(t, "put back", verify(t, dir, nil))
}

func TestEveryMissingEntryIsNamed(t *testing.T) {
	dir, paths := three(t)
	honest := frames(paths[1])
	for i := 1; i < len(honest)-1; i++ {
		store(paths[1], append(append([][]byte{}, honest[:i]...), honest[i+1:]...))
		wantFirst(t, fmt.Sprintf("without entry %d", i), verify(t, dir, nil), Missing, paths[1], uint64(i))
	}
	store(paths[1], honest[1:])
	wantFirst(t, "without the opening", verify(t, dir, nil), Missing, paths[1], 0)
	for i := range honest { // one too many
		store(paths[1], append(append(append([][]byte{}, honest[:i+1]...), honest[i]), honest[i+1:]...))
		wantFirst(t, fmt.Sprintf("entry %d twice", i), verify(t, dir, nil), Altered, paths[1], uint64(i+1))
	}
	swapped := append([][]byte{}, honest...)
	swapped[4], swapped[5] = swapped[5], swapped[4]
	store(paths[1], swapped)
	if f := verify(t, dir, nil).First(); f == nil || f.Index < 4 || f.Index > 5 {
		t.Errorf("swapped: %v", f)
	}
}

func TestCutTailIsNamed(t *testing.T) {
	dir, paths := three(t)
	for n, path := range paths {
		whole := must(os.ReadFile(path + logSuffix))
		honest := frames(path)
		for keep := range honest {
			store(path, honest[:keep])
			wantFirst(t, fmt.Sprintf("segment %d cut to %d", n, keep), verify(t, dir, nil), Cut, path, uint64(keep))
		}
		os.WriteFile(path+logSuffix, whole[:len(whole)-3], 0o600)
		r := verify(t, dir, nil)
		wantFirst(t, "cut within the last frame", r, Cut, path, perSegment-1)
		os.WriteFile(path+logSuffix, whole, 0o600)
	}
	// with an older checkpoint put in its place, the next segment tells
	honest, note := frames(paths[0]), must(os.ReadFile(paths[0]+checkpointSuffix))
	older := resign(paths[0], 6)
	store(paths[0], honest[:6])
	os.WriteFile(paths[0]+checkpointSuffix, older, 0o600)
	wantFirst(t, "cut, with the older checkpoint", verify(t, dir, nil), Cut, paths[0], 6)
	store(paths[0], honest)
	wantFirst(t, "only the older checkpoint", verify(t, dir, nil), CheckpointInvalid, paths[0], 6)
	os.WriteFile(paths[0]+checkpointSuffix, note, 0o600)
	wantWhole(t, "put back", verify(t, dir, nil))
}

// resign makes the checkpoint that the core once signed over the first n entries.
func resign(path string, n int) []byte {
	var tree wire.Tree
	for _, e := range frames(path)[:n] {
		tree.Append(wire.LeafHash(e))
	}
	_, id, _ := strings.Cut(filepath.Base(path), "-")
	segment, _ := key.ParseID(id)
	cp := wire.Checkpoint{Node: node, Segment: segment, Size: uint64(n), Root: tree.Root()}
	return cp.Note(ourKey.Public(), must(ourKey.Sign(cp.Text())))
}

// TestRedoneLinksAreFound: an attacker without the key alters an entry and recomputes every link behind it. Signatures
// within bound the place from both sides.
func TestRedoneLinksAreFound(t *testing.T) {
	dir, paths := three(t)
	honest := frames(paths[1])
	for i := 3; i < len(honest)-1; i++ {
		changed := append([][]byte{}, honest...)
		var prev wire.Hash
		for j := i; j < len(honest); j++ {
			e := must(decode(honest[j]))
			if j == i {
				e.Text = "ENTRY"
			} else {
				copy(e.Prev[:], prev[:])
			}
			var w wire.Writer
			e.Encode(&w)
			changed[j], prev = w.B, wire.LeafHash(w.B)
		}
		store(paths[1], changed)
		f := verify(t, dir, nil).First()
		if f == nil || f.Kind != Altered || f.Index > uint64(i) || f.Until < uint64(i) || f.Until-f.Index > 1 {
			t.Errorf("entry %d: %v", i, f)
		}
	}
}

func TestRemovedSegmentIsNamed(t *testing.T) {
	dir, paths := three(t)
	for n := range 2 {
		b := must(os.ReadFile(paths[n] + logSuffix))
		os.Remove(paths[n] + logSuffix)
		wantFirst(t, "removed", verify(t, dir, nil), SegmentMissing, paths[n], 0)
		os.WriteFile(paths[n]+logSuffix, b, 0o600)
	}
	wantWhole(t, "put back", verify(t, dir, nil))
	empty := verify(t, t.TempDir(), nil)
	if f := empty.First(); f == nil || f.Kind != SegmentMissing {
		t.Errorf("empty folder: %v", f)
	}
}

// TestWitnessShowsWhatALoneNodeCannot: the last segment is removed, with all that named it. Nothing on the node tells.
func TestWitnessShowsWhatALoneNodeCannot(t *testing.T) {
	dir, paths := three(t)
	newest := must(os.ReadFile(paths[2] + checkpointSuffix))
	wantWhole(t, "control", verify(t, dir, newest))
	wantWhole(t, "an older copy", verify(t, dir, resign(paths[1], 5)))
	log := must(os.ReadFile(paths[2] + logSuffix))
	os.Remove(paths[2] + logSuffix)
	wantWhole(t, "without a witness", verify(t, dir, nil))
	wantFirst(t, "with one", verify(t, dir, newest), SegmentMissing, paths[2], 0)

	os.WriteFile(paths[2]+logSuffix, log, 0o600)
	os.WriteFile(paths[2]+checkpointSuffix, resign(paths[2], 7), 0o600)
	store(paths[2], frames(paths[2])[:7])
	wantWhole(t, "set back, without a witness", verify(t, dir, nil))
	wantFirst(t, "set back, with one", verify(t, dir, newest), Cut, paths[2], 7)

	if _, err := Verify(dir, ourKey.Public(), []byte("x")); err == nil {
		t.Error("a witness that is no checkpoint is of no use, and should be said")
	}
}

func TestForkIsNamed(t *testing.T) {
	dir, paths := three(t)
	last := must(os.ReadFile(paths[0] + checkpointSuffix))
	second := run(t, dir, 4, last, ourKey, 5) // the core was started again with the checkpoint of segment 1
	wantFirst(t, "two follow one", verify(t, dir, nil), Forked, second, 0)
	remove(second)
	wantWhole(t, "control", verify(t, dir, nil))

	another := run(t, dir, 5, nil, ourKey, 5)
	wantFirst(t, "a second beginning", verify(t, dir, nil), Forked, another, 0)
	remove(another)

	early := run(t, dir, 6, resign(paths[2], 5), ourKey, 5)
	wantFirst(t, "it went on after its successor began", verify(t, dir, nil), Forked, paths[2], 5)
	remove(early)

	// the same segment with two ends, both signed: only the successor's word tells
	cp, _, _ := wire.ParseCheckpoint(must(os.ReadFile(paths[2] + checkpointSuffix)))
	cp.Root[0] ^= 1
	other := run(t, dir, 7, cp.Note(ourKey.Public(), must(ourKey.Sign(cp.Text()))), ourKey, 5)
	wantFirst(t, "another end", verify(t, dir, nil), Forked, paths[2], 0)
	remove(other)

	copied := filepath.Join(dir, strings.Replace(filepath.Base(paths[1]), "000002", "000009", 1))
	os.WriteFile(copied+logSuffix, must(os.ReadFile(paths[1]+logSuffix)), 0o600)
	wantFirst(t, "one segment twice", verify(t, dir, nil), Forked, paths[1], 0)
}

func remove(path string) {
	os.Remove(path + logSuffix)
	os.Remove(path + checkpointSuffix)
}

func TestCheckpointFaultsAreNamed(t *testing.T) {
	dir, paths := three(t)
	file := paths[1] + checkpointSuffix
	note := must(os.ReadFile(file))
	for at := range note {
		b := bytes.Clone(note)
		b[at] ^= 1
		os.WriteFile(file, b, 0o600)
		if f := verify(t, dir, nil).First(); f == nil || f.Kind != CheckpointInvalid || f.Seq != 2 {
			t.Errorf("byte %d: %v", at, f)
		}
	}
	os.WriteFile(file, must(os.ReadFile(paths[0]+checkpointSuffix)), 0o600)
	if f := verify(t, dir, nil).First(); f == nil || f.Kind != CheckpointInvalid || f.Seq != 2 {
		t.Errorf("another segment's: %v", f)
	}
	os.Remove(file)
	if f := verify(t, dir, nil).First(); f == nil || f.Kind != CheckpointMissing || f.Seq != 2 {
		t.Errorf("removed: %v", f)
	}
	os.WriteFile(file, note, 0o600)
	wantWhole(t, "put back", verify(t, dir, nil))

	r := must(Verify(dir, signer(6).Public(), nil))
	if f := r.First(); f == nil || f.Kind != CheckpointInvalid || f.Seq != 1 || r.Segments[0].Signed != 0 {
		t.Errorf("other key: %v", f)
	}
	forged := run(t, dir, 4, must(os.ReadFile(paths[2]+checkpointSuffix)), signer(6), 5)
	if f := verify(t, dir, nil).First(); f == nil || f.Kind != CheckpointInvalid || f.Seq != 4 {
		t.Errorf("a segment by another key: %v", f)
	}
	remove(forged)
	garbage := run(t, dir, 4, []byte("x"), ourKey, 5)
	wantFirst(t, "started with garbage", verify(t, dir, nil), CheckpointInvalid, garbage, 0)
	if _, err := Verify(dir, ed25519.PublicKey{1}, nil); err == nil {
		t.Error("a public key of one byte")
	}
}

// TestCrashesAreNoFaults: what a power cut or an early kill leaves is reported, but not as an attack.
func TestCrashesAreNoFaults(t *testing.T) {
	dir, paths := three(t)
	last := must(os.ReadFile(paths[2] + checkpointSuffix))
	locked1 := run(t, dir, 4, last, nil, 3) // never unlocked, twice
	locked2 := run(t, dir, 5, last, nil, 1)
	lastPath := run(t, dir, 6, last, ourKey, 5)
	r := verify(t, dir, nil)
	wantWhole(t, "cores that were never unlocked", r)
	if r.Tail() != 4+2 || r.Segments[3].Signed != 0 || locked1 == locked2 {
		t.Errorf("%+v", r.Segments)
	}

	whole := must(os.ReadFile(lastPath + logSuffix))
	os.WriteFile(lastPath+logSuffix, append(bytes.Clone(whole), 200, 0, 0, 0, 1, 2), 0o600)
	r = verify(t, dir, nil)
	wantWhole(t, "a torn frame behind the checkpoint", r)
	if s := r.Segments[5]; !s.Torn || s.Entries != 6 || s.Tail() != 0 {
		t.Errorf("%+v", s)
	}
	os.WriteFile(lastPath+logSuffix, whole, 0o600)

	os.WriteFile(lastPath+checkpointSuffix, resign(lastPath, 4), 0o600) // the newest checkpoint did not reach the disk
	r = verify(t, dir, nil)
	wantWhole(t, "an older checkpoint", r)
	if s := r.Segments[5]; s.Signed != 5 || s.Tail() != 1 { // entry 5 carries the signature over 0 to 4
		t.Errorf("%+v", s)
	}
}

// TestTailIsCheckedAsFarAsItGoes: entries behind the checkpoint are not signed, but their links are looked at.
func TestTailIsCheckedAsFarAsItGoes(t *testing.T) {
	dir, paths := three(t)
	honest := frames(paths[2])
	e := must(decode(honest[perSegment-1]))
	e.Index, e.Seal = perSegment, nil
	leaf := wire.LeafHash(honest[perSegment-1])
	copy(e.Prev[:], leaf[:])
	var w wire.Writer
	e.Encode(&w)
	store(paths[2], append(append([][]byte{}, honest...), w.B))
	r := verify(t, dir, nil)
	wantWhole(t, "an unsigned tail", r)
	if r.Tail() != 1 || r.Segments[2].Signed != perSegment {
		t.Errorf("%+v", r.Segments[2])
	}
	w.B[10] ^= 1
	store(paths[2], append(append([][]byte{}, honest...), w.B))
	wantFirst(t, "altered in the tail", verify(t, dir, nil), Altered, paths[2], perSegment)
}

// held is a disk that waits for a word before it takes the first batch, so that the entries after it share one.
type held struct {
	disk
	word chan struct{}
}

func (h *held) Audit(b wire.Audit) error {
	<-h.word
	return h.disk.Audit(b)
}

// TestEntriesWithinABatchAreNamed: 30 entries share a signature, so only their links tell which was altered or taken out.
func TestEntriesWithinABatchAreNamed(t *testing.T) {
	dir := t.TempDir()
	h := &held{disk: disk{dir: dir, seq: 1}, word: make(chan struct{})}
	l := audit.New(audit.Config{Sink: h, Node: node})
	l.SetSigner(ourKey, 1)
	for n := range 30 {
		if err := l.Append(wire.AuditEntry{Kind: wire.AuditUse, Time: int64(n), Count: 1}, false); err != nil {
			t.Fatal(err)
		}
	}
	close(h.word)
	must(l.Checkpoint())
	l.Append(wire.AuditEntry{Kind: wire.AuditLogin}, true)
	honest := frames(h.path)
	wantWhole(t, "control", verify(t, dir, nil))
	for i := 1; i < 30; i++ {
		changed := append([][]byte{}, honest...)
		changed[i] = bytes.Clone(honest[i])
		changed[i][20] ^= 1
		store(h.path, changed)
		wantFirst(t, fmt.Sprintf("entry %d", i), verify(t, dir, nil), Altered, h.path, uint64(i))
		store(h.path, append(append([][]byte{}, honest[:i]...), honest[i+1:]...))
		wantFirst(t, fmt.Sprintf("without entry %d", i), verify(t, dir, nil), Missing, h.path, uint64(i))
	}
}
