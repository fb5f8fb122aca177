// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// fakeCore seals nothing: a record is its Meta in clear. One that does not decode is refused, as a forged one would be.
type fakeCore struct {
	mu        sync.Mutex
	state     wire.State
	down      bool          // calls fail
	gate      chan struct{} // if not nil, Describe waits for it
	described int
	changed   []string
}

func seal(m *wire.Meta) []byte {
	var w wire.Writer
	m.Encode(&w)
	return w.B
}

func (c *fakeCore) Call(op uint16, body []byte) ([]byte, error) {
	c.mu.Lock()
	gate := c.gate
	c.mu.Unlock()
	if op == wire.OpDescribe && gate != nil {
		<-gate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return nil, fault.Unavailable
	}
	r := wire.NewReader(body)
	var w wire.Writer
	switch op {
	case wire.OpStatus:
		(&wire.Status{State: c.state}).Encode(&w)
	case wire.OpChanged:
		var v wire.ChangedRequest
		v.Decode(&r)
		c.changed = append(c.changed, v.Paths...)
	case wire.OpDescribe:
		var v wire.DescribeRequest
		v.Decode(&r)
		var reply wire.DescribeReply
		for _, record := range v.Records {
			c.described++
			m, r := new(wire.Meta), wire.NewReader(record.Value)
			if m.Decode(&r); r.End() != nil {
				reply.Items = append(reply.Items, wire.Described{Fault: fault.RecordInvalid})
				continue
			}
			reply.Items = append(reply.Items, wire.Described{Meta: m})
		}
		reply.Encode(&w)
	}
	return w.B, r.End()
}

type fixture struct {
	*testing.T
	*Service
	store *memory.Store
	core  *fakeCore
	log   *logBuffer
	dir   string
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, store: memory.New(), core: &fakeCore{state: wire.StateOperational}, log: new(logBuffer), dir: t.TempDir()}
	s, err := New(f.store, f.dir, slog.New(slog.NewTextHandler(f.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	f.Service = s
	t.Cleanup(func() { s.Close() })
	return f
}

func (f *fixture) rebuild() {
	f.Helper()
	if err := f.Rebuild(f.Context(), f.core, nil); err != nil {
		f.Fatal(err)
	}
}

// ask goes through Handle, as the core's requests do.
func (f *fixture) ask(op uint16, request encoder, reply interface{ Decode(*wire.Reader) }) error {
	var w wire.Writer
	request.Encode(&w)
	body, err := f.Handle(op, w.B)
	if err != nil || reply == nil {
		return err
	}
	r := wire.NewReader(body)
	reply.Decode(&r)
	return r.End()
}

func (f *fixture) put(m *wire.Meta) int64 {
	f.Helper()
	var reply wire.CommitReply
	path := objectPath(m.Partition, m.Object)
	if err := f.ask(wire.OpCommit, &wire.Txn{Puts: []wire.Put{{Path: path, Value: seal(m), Meta: m}}}, &reply); err != nil {
		f.Fatal(err)
	}
	return reply.Revision
}

// elsewhere is a change by another node.
func (f *fixture) elsewhere(m *wire.Meta) {
	f.Helper()
	if _, err := f.store.Txn(f.Context(), store.Txn{Puts: []store.Put{{Path: objectPath(m.Partition, m.Object), Value: seal(m)}}}); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) find(q wire.Query) (ids []key.ID) {
	f.Helper()
	var reply wire.FindReply
	if err := f.ask(wire.OpFind, &wire.FindRequest{Query: q}, &reply); err != nil {
		f.Fatal(err)
	}
	return reply.IDs
}

// settles waits for what comes through the watch from elsewhere, of which there is no answer to wait for.
func (f *fixture) settles(what string, ok func() bool) {
	f.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			f.Fatalf("%s: not so after five seconds; log:\n%s", what, f.log)
		}
	}
}

var tenant = key.ID{1}

func object(n int, label string) *wire.Meta {
	return &wire.Meta{Partition: tenant, Object: key.ID{byte(n >> 8), byte(n), 1}, Class: key.ClassPrivate, KeyType: key.TypeEC, Label: []byte(label), ID: []byte{byte(n)}}
}

func byLabel(label string) wire.Query { return wire.Query{Partition: tenant, Label: []byte(label)} }

func wantFault(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestRecordsAreCommittedLoadedAndListed(t *testing.T) {
	f := setUp(t)
	var reply wire.CommitReply
	txn := &wire.Txn{
		Compares: []wire.Compare{{Path: "p/1"}},
		Puts:     []wire.Put{{Path: "p/1", Value: []byte("a")}, {Path: "p/2", Value: []byte("b")}},
	}
	if err := f.ask(wire.OpCommit, txn, &reply); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "second commit", f.ask(wire.OpCommit, txn, nil), fault.Conflict)
	var record wire.Record
	if err := f.ask(wire.OpLoad, &wire.LoadRequest{Path: "p/2"}, &record); err != nil || string(record.Value) != "b" || record.Revision != reply.Revision || record.Path != "p/2" {
		t.Errorf("loaded %+v, %v", record, err)
	}
	wantFault(t, "load", f.ask(wire.OpLoad, &wire.LoadRequest{Path: "p/3"}, nil), fault.RecordUnknown)
	wantFault(t, "load of no path", f.ask(wire.OpLoad, &wire.LoadRequest{}, nil), fault.ArgumentsBad)
	if err := f.ask(wire.OpCommit, &wire.Txn{Deletes: []string{"p/2"}}, nil); err != nil {
		t.Error(err)
	}
	var list wire.ListReply
	if err := f.ask(wire.OpList, &wire.ListRequest{Prefix: "p/"}, &list); err != nil || len(list.Records) != 1 || list.More {
		t.Errorf("listed %+v, %v", list, err)
	}
	wantFault(t, "meta of another record", f.ask(wire.OpCommit, &wire.Txn{Puts: []wire.Put{{Path: "p/1", Meta: object(1, "a")}}}, nil), fault.ArgumentsBad)
}

func TestAListComesInPagesThatFitAMessage(t *testing.T) {
	f := setUp(t)
	for i := range 12 {
		if _, err := f.store.Txn(t.Context(), store.Txn{Puts: []store.Put{{Path: fmt.Sprintf("big/%02d", i), Value: make([]byte, 900<<10)}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []uint32{0, 2, 100} {
		after, seen, pages := "", 0, 0
		for more := true; more; pages++ {
			var list wire.ListReply
			if err := f.ask(wire.OpList, &wire.ListRequest{Prefix: "big/", After: after, Limit: limit}, &list); err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, r := range list.Records {
				if want := fmt.Sprintf("big/%02d", seen); r.Path != want {
					t.Fatalf("%s, want %s", r.Path, want)
				}
				after, seen, size = r.Path, seen+1, size+len(r.Value)
			}
			if size > wire.MaxMessage-(1<<20) || limit == 2 && len(list.Records) > 2 {
				t.Errorf("limit %d: a page of %d bytes, %d records", limit, size, len(list.Records))
			}
			more = list.More
		}
		if seen != 12 || pages < 3 {
			t.Errorf("limit %d: %d records in %d pages", limit, seen, pages)
		}
	}
}

func TestSealedRootsAreKeptPerKeeperAndDestroyed(t *testing.T) {
	f := setUp(t)
	get := func(keeper string) (string, error) {
		var reply wire.RootReply
		err := f.ask(wire.OpRoot, &wire.RootRequest{Verb: wire.RootGet, Keeper: keeper}, &reply)
		return string(reply.Value), err
	}
	_, err := get("file")
	wantFault(t, "get", err, fault.RecordUnknown)
	for _, value := range []string{"first", "second"} {
		if err := f.ask(wire.OpRoot, &wire.RootRequest{Verb: wire.RootPut, Keeper: "file", Value: []byte(value)}, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := get("file"); got != value {
			t.Errorf("got %q, %v", got, err)
		}
	}
	_, err = get("custodians")
	wantFault(t, "another keeper's", err, fault.RecordUnknown)
	for range 2 {
		if err := f.ask(wire.OpRoot, &wire.RootRequest{Verb: wire.RootDestroy, Keeper: "file"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err = get("file")
	wantFault(t, "get of a destroyed one", err, fault.RecordUnknown)
	for _, bad := range []string{"", "..", "a/b", "A", "file\x00", strings.Repeat("a", 33)} {
		wantFault(t, "keeper "+bad, f.ask(wire.OpRoot, &wire.RootRequest{Verb: wire.RootPut, Keeper: bad, Value: []byte("v")}, nil), fault.ArgumentsBad)
	}
	wantFault(t, "an empty root", f.ask(wire.OpRoot, &wire.RootRequest{Verb: wire.RootPut, Keeper: "file"}, nil), fault.ArgumentsBad)
	wantFault(t, "no verb", f.ask(wire.OpRoot, &wire.RootRequest{Keeper: "file"}, nil), fault.Unsupported)
	os.RemoveAll(filepath.Join(f.dir, "root"))
	wantFault(t, "a directory that is gone", f.ask(wire.OpRoot, &wire.RootRequest{Verb: wire.RootPut, Keeper: "file", Value: []byte("v")}, nil), fault.Unavailable)
}

func TestAuditEntriesAreKeptAndTheLastCheckpointComesBack(t *testing.T) {
	f := setUp(t)
	a := &wire.Audit{Segment: key.ID{5}, Entries: [][]byte{[]byte("entry")}, Checkpoint: []byte("note"), Sync: true}
	if err := f.ask(wire.OpAudit, a, nil); err != nil {
		t.Fatal(err)
	}
	a.Entries[0] = []byte("fork!")
	wantFault(t, "fork", f.ask(wire.OpAudit, a, nil), fault.AuditInvalid)
	f.Close()
	wantFault(t, "after close", f.ask(wire.OpAudit, &wire.Audit{Segment: key.ID{6}}, nil), fault.AuditUnavailable)
	again, err := New(f.store, f.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := string(again.AuditLast()); got != "note" {
		t.Errorf("last checkpoint is %q", got)
	}
}

func TestTheCoresWordsReachTheLogWithTheirRequest(t *testing.T) {
	f := setUp(t)
	if err := f.ask(wire.OpLog, &wire.LogLine{Level: wire.LogWarn, Request: 77, Text: "pin is locked"}, nil); err != nil {
		t.Fatal(err)
	}
	if got := f.log.String(); !strings.Contains(got, `level=WARN msg="pin is locked" part=core request=77`) {
		t.Errorf("log: %s", got)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	f := setUp(t)
	_, err := f.Handle(99, nil)
	wantFault(t, "unknown op", err, fault.Unsupported)
	for op := wire.OpLoad; op <= wire.OpState; op++ {
		_, err := f.Handle(op, bytes.Repeat([]byte{0xFF}, 30))
		wantFault(t, fmt.Sprint("op ", op), err, fault.Malformed)
	}
}

func FuzzHandle(f *testing.F) {
	findWait = time.Millisecond
	for op := wire.OpLoad; op <= wire.OpLog; op++ {
		f.Add(op, []byte{})
	}
	var w wire.Writer
	(&wire.FindRequest{}).Encode(&w)
	f.Add(wire.OpFind, w.B)
	w.B = nil
	(&wire.Txn{Puts: []wire.Put{{Path: "a"}}}).Encode(&w)
	f.Add(wire.OpCommit, w.B)
	s, err := New(memory.New(), f.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	if err := s.Rebuild(context.Background(), &fakeCore{}, nil); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, op uint16, body []byte) {
		if op == wire.OpAudit && len(body) > 24 && body[20] != 0 { // an index with a gap before it is waited for
			return
		}
		s.Handle(op, body)
	})
}
