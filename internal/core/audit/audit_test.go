// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var node = key.ID{0x0d}

const second = int64(1_000_000_000)

// host is a sink that behaves as docs/design/audit.md says, and can be told to fail.
type host struct {
	mu      sync.Mutex
	entries [][]byte
	note    []byte
	batches int
	syncs   int
	durable int // entries that were there when a sync was asked for
	down    error
	lose    bool          // take the batch, then answer an error
	gate    chan struct{} // when set, each batch waits for one token
}

func (h *host) Audit(b wire.Audit) error {
	if h.gate != nil {
		<-h.gate
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil && !h.lose {
		return h.down
	}
	if b.First > uint64(len(h.entries)) {
		return fault.AuditInvalid
	}
	for i, e := range b.Entries {
		at := int(b.First) + i
		if at < len(h.entries) {
			if !bytes.Equal(h.entries[at], e) {
				return fault.AuditInvalid
			}
			continue
		}
		h.entries = append(h.entries, bytes.Clone(e))
	}
	if len(b.Checkpoint) > 0 {
		h.note = bytes.Clone(b.Checkpoint)
	}
	h.batches++
	if b.Sync {
		h.syncs++
		h.durable = len(h.entries)
	}
	return h.down
}

func (h *host) set(down error, lose bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down, h.lose = down, lose
}

func (h *host) decoded(t *testing.T) (list []wire.AuditEntry) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var tree wire.Tree
	var prev [8]byte
	for i, raw := range h.entries {
		var e wire.AuditEntry
		r := wire.NewReader(raw)
		e.Decode(&r)
		if r.End() != nil || e.Index != uint64(i) || e.Prev != prev || e.Node != node {
			t.Fatalf("entry %d: %+v", i, e)
		}
		if e.Seal != nil { // all logs here are signed by the key of open
			segment := must(h.segment())
			cp := wire.Checkpoint{Node: node, Segment: segment, Size: tree.Size(), Root: tree.Root()}
			if !ed25519.Verify(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, 32)).Public().(ed25519.PublicKey), cp.Text(), e.Seal[:]) {
				t.Fatalf("entry %d carries a signature over something else", i)
			}
		}
		leaf := wire.LeafHash(raw)
		tree.Append(leaf)
		copy(prev[:], leaf[:])
		list = append(list, e)
	}
	if len(h.note) > 0 {
		cp, _, err := wire.ParseCheckpoint(h.note)
		if err != nil || cp.Size != tree.Size() || cp.Root != tree.Root() {
			t.Fatalf("checkpoint %q, %v: the tree has %d entries", h.note, err, tree.Size())
		}
	}
	return list
}

// segment reads the id from the opening.
func (h *host) segment() (key.ID, error) {
	var e wire.AuditEntry
	r := wire.NewReader(h.entries[0])
	e.Decode(&r)
	if e.Open == nil {
		return key.ID{}, errors.New("no opening")
	}
	return e.Open.Segment, nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func wantFault(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.Of(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func open(t *testing.T, h *host, last []byte) (*Log, *Key) {
	t.Helper()
	var k *Key
	ssp.Do(func() { k = must(KeyFromSeed(bytes.Repeat([]byte{5}, 32))) })
	l := New(Config{Sink: h, Node: node, Last: last, MaxLag: 5 * second, Version: "test", Now: 1})
	t.Cleanup(func() { l.Close(9) })
	return l, k
}

func login(n uint64) wire.AuditEntry {
	return wire.AuditEntry{Kind: wire.AuditLogin, Time: int64(n), Request: n}
}

func TestDurableEntryIsOnDiskAndSignedWhenAppendReturns(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	if err := l.SetSigner(k, 1); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(20) {
		if err := l.Append(login(n), true); err != nil {
			t.Fatal(err)
		}
		h.mu.Lock()
		if h.durable != len(h.entries) || uint64(len(h.entries)) != n+2 {
			t.Fatalf("after %d: %d entries, %d durable", n, len(h.entries), h.durable)
		}
		h.mu.Unlock()
		cp, err := wire.OpenCheckpoint(h.note, k.Public())
		if err != nil || cp.Size != n+2 || cp.Segment != l.Segment() || cp.Node != node {
			t.Fatalf("checkpoint %+v, %v", cp, err)
		}
	}
	list := h.decoded(t)
	if list[0].Kind != wire.AuditOpen || list[0].Open.Segment != l.Segment() || list[0].Open.Last != nil || list[0].Text != "test" {
		t.Errorf("first entry %+v", list[0])
	}
}

// TestSignaturesWithinCoverEveryEarlierCheckpoint: each entry that carries one vouches for all before it.
func TestSignaturesWithinCoverEveryEarlierCheckpoint(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	for n := range uint64(10) {
		l.Append(login(n), true)
	}
	var tree wire.Tree
	seals := 0
	for i, e := range h.decoded(t) {
		if e.Seal != nil {
			seals++
			cp := wire.Checkpoint{Node: node, Segment: l.Segment(), Size: tree.Size(), Root: tree.Root()}
			if !ed25519.Verify(k.Public(), cp.Text(), e.Seal[:]) {
				t.Errorf("entry %d carries a wrong signature", i)
			}
		}
		tree.Append(wire.LeafHash(h.entries[i]))
	}
	if seals < 9 {
		t.Errorf("%d signatures within", seals)
	}
}

func TestEntriesBeforeUnlockAreCoveredByTheFirstCheckpoint(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	for n := range uint64(3) {
		if err := l.Append(login(n), true); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.note) != 0 || len(h.entries) != 4 {
		t.Fatalf("locked: %d entries, note %q", len(h.entries), h.note)
	}
	l.SetSigner(k, 1)
	note := must(l.Checkpoint())
	if cp, err := wire.OpenCheckpoint(note, k.Public()); err != nil || cp.Size != 4 {
		t.Errorf("%+v, %v", cp, err)
	}
	h.decoded(t)
}

func TestSegmentNamesTheCheckpointItWasGiven(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	l.Append(login(1), true)
	first := must(l.Checkpoint())
	cp, _, _ := wire.ParseCheckpoint(first)

	h2 := &host{}
	l2, _ := open(t, h2, first)
	l2.SetSigner(k, 1)
	l2.Append(login(2), true)
	list := h2.decoded(t)
	last := list[0].Open.Last
	if last == nil || last.Origin != cp.Origin() || last.Size != 2 || last.Root != cp.Root {
		t.Errorf("%+v", last)
	}
	for _, e := range list {
		if e.Kind == wire.AuditAlarm {
			t.Errorf("alarm: %s", e.Text)
		}
	}
	for what, bad := range map[string][]byte{
		"garbage":        []byte("x"),
		"another key":    cp.Note(ed25519.PublicKey(make([]byte, 32)), make([]byte, 64)),
		"another node's": otherNode(k),
	} {
		h3 := &host{}
		l3, _ := open(t, h3, bad)
		l3.SetSigner(k, 1)
		l3.Append(login(3), true)
		alarms := 0
		for _, e := range h3.decoded(t) {
			if e.Kind == wire.AuditAlarm {
				alarms++
			}
		}
		if alarms != 1 {
			t.Errorf("%s: %d alarms", what, alarms)
		}
	}
}

func otherNode(k *Key) []byte {
	cp := wire.Checkpoint{Node: key.ID{1}, Segment: key.ID{2}, Size: 1}
	return cp.Note(k.Public(), must(k.Sign(cp.Text())))
}

// TestManyWaitersShareOneWrite holds the host until 200 wait: they must go out in a few batches, in one order.
func TestManyWaitersShareOneWrite(t *testing.T) {
	h := &host{gate: make(chan struct{}, 1000)}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	var wg sync.WaitGroup
	for n := range uint64(200) {
		wg.Go(func() {
			if err := l.Append(login(n), true); err != nil {
				t.Error(err)
			}
		})
	}
	for {
		l.mu.Lock()
		waiting := len(l.queue) + l.unsent
		l.mu.Unlock()
		if waiting >= 200 {
			break
		}
		runtime.Gosched()
	}
	for range 1000 {
		h.gate <- struct{}{}
	}
	wg.Wait()
	list := h.decoded(t)
	seen := map[uint64]bool{}
	for _, e := range list[1:] {
		seen[e.Request] = true
	}
	if len(seen) != 200 || h.batches > 5 {
		t.Errorf("%d entries in %d batches", len(seen), h.batches)
	}
}

func TestRefusedEntriesAreKeptAndSentAgainUnchanged(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	l.Append(login(1), true)
	for _, lose := range []bool{false, true} { // refused, and taken with the answer lost
		h.set(errors.New("disk full"), lose)
		wantFault(t, "durable", l.Append(login(2), true), fault.AuditUnavailable)
		wantFault(t, "the next", l.Append(login(3), true), fault.AuditUnavailable)
		if _, err := l.Checkpoint(); fault.Of(err) != fault.AuditUnavailable {
			t.Errorf("checkpoint: %v", err)
		}
		h.set(nil, false)
		if err := l.Append(login(4), true); err != nil {
			t.Fatal(err)
		}
	}
	var order []uint64
	for _, e := range h.decoded(t)[1:] {
		order = append(order, e.Request)
	}
	if !slices.Equal(order, []uint64{1, 2, 3, 4, 2, 3, 4}) {
		t.Errorf("%v", order)
	}
}

func TestTickSendsAgain(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	l.Append(login(1), true)
	h.set(errors.New("disk full"), false)
	l.Append(login(2), true)
	h.set(nil, false)
	l.Tick(second)
	must(l.Checkpoint()) // after it everything before is written
	if n := len(h.decoded(t)); n != 3 {
		t.Errorf("%d entries", n)
	}
}

// TestQueueIsBounded: a host that takes nothing makes acts fail, rather than memory.
func TestQueueIsBounded(t *testing.T) {
	h := &host{down: errors.New("down")}
	l, _ := open(t, h, nil)
	refused := 0
	for n := range uint64(maxQueued + 100) {
		if err := l.Append(login(n), false); err != nil {
			wantFault(t, "full", err, fault.AuditUnavailable)
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("%d refused", refused)
	}
	h.set(nil, false)
	must(l.Checkpoint()) // there is room for who waits
	if n := len(h.decoded(t)); n < maxQueued-1 {
		t.Errorf("%d entries", n)
	}
}

// failing is a signer whose key is gone.
type failing struct{ Key }

func (f *failing) Sign([]byte) ([]byte, error) { return nil, fault.Zeroized }

func TestEntriesGoOutUnsignedWhenTheKeyIsGone(t *testing.T) {
	h := &host{}
	l, _ := open(t, h, nil)
	l.SetSigner(&failing{}, 1)
	if err := l.Append(wire.AuditEntry{Kind: wire.AuditState, Text: "zeroize"}, true); err != nil || len(h.note) != 0 {
		t.Errorf("%v, note %q", err, h.note)
	}
}

func TestLogMakesNoEntryWithoutAKind(t *testing.T) {
	l, _ := open(t, &host{}, nil)
	wantFault(t, "unknown", l.Append(wire.AuditEntry{}, true), fault.Internal)
	wantFault(t, "a second opening", l.Append(wire.AuditEntry{Kind: wire.AuditOpen}, true), fault.Internal)
	long := wire.AuditEntry{Kind: wire.AuditNote, Text: string(make([]byte, 5000))}
	wantFault(t, "a long text is cut", l.Append(long, true), fault.OK)
	if err := l.Close(2); err != nil {
		t.Error(err)
	}
	wantFault(t, "closed", l.Append(login(1), true), fault.AuditUnavailable)
}

func BenchmarkAppendEach(b *testing.B) {
	h := &host{}
	k := must(NewKey())
	l := New(Config{Sink: h, Node: node})
	l.SetSigner(k, 1)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Append(login(1), true)
		}
	})
	b.ReportMetric(float64(len(h.entries))/float64(h.batches), "entries/batch")
}
