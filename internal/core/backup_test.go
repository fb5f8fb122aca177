// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// ask sends one of the host's backup requests.
func (n *node) ask(op uint16, ask *wire.BackupRequest) (*wire.BackupReply, error) {
	n.t.Helper()
	var w wire.Writer
	ask.Encode(&w)
	body, err := n.core.Handle(op, w.B)
	if err != nil {
		return nil, err
	}
	reply := &wire.BackupReply{}
	r := wire.NewReader(body)
	reply.Decode(&r)
	if err := r.End(); err != nil {
		n.t.Fatal(err)
	}
	return reply, nil
}

// saved is a backup as a host would keep it.
type saved struct {
	id     key.ID
	chunks [][]byte
	head   []byte
}

// records lists a store.
func records(t *testing.T, s store.Store) (list []wire.Record) {
	t.Helper()
	if _, err := s.List(context.Background(), store.Range{}, func(r store.Record) error {
		list = append(list, wire.Record(r))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// save makes a backup of list with so many records a chunk.
func (n *node) save(list []wire.Record, size int) (*saved, error) {
	begun, err := n.ask(wire.OpBackup, &wire.BackupRequest{Verb: wire.BackupBegin})
	if err != nil {
		return nil, err
	}
	s := &saved{id: begun.Backup}
	for at := 0; at < len(list); at += size {
		end := min(at+size, len(list))
		r, err := n.ask(wire.OpBackup, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: s.id, Records: list[at:end], Last: end == len(list)})
		if err != nil {
			return nil, err
		}
		s.chunks = append(s.chunks, r.Bytes)
	}
	r, err := n.ask(wire.OpBackup, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: s.id, Revision: 7})
	if err == nil {
		s.head = r.Bytes
	}
	return s, err
}

// read goes through a backup by OpVerify or OpRestore and answers the records that come.
func (n *node) read(op uint16, s *saved) (list []wire.Record, undone []wire.Undone, err error) {
	if _, err = n.ask(op, &wire.BackupRequest{Verb: wire.BackupBegin, Bytes: s.head}); err != nil {
		return nil, nil, err
	}
	for i, c := range s.chunks {
		r, err := n.ask(op, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: s.id, Number: uint64(i), Last: i == len(s.chunks)-1, Bytes: c})
		if err != nil {
			return nil, nil, err
		}
		list = append(list, r.Records...)
	}
	r, err := n.ask(op, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: s.id})
	if err != nil {
		return nil, nil, err
	}
	return list, r.Undone, nil
}

func (s *saved) verify(n *node) error {
	_, _, err := n.read(wire.OpVerify, s)
	return err
}

func (s *saved) clone() *saved {
	c := &saved{id: s.id, head: append([]byte{}, s.head...)}
	for _, b := range s.chunks {
		c.chunks = append(c.chunks, append([]byte{}, b...))
	}
	return c
}

func filled(t *testing.T) *node {
	n := newNode(t)
	n.initialize("file", 0, 0)
	n.partition("one", 0)
	n.partition("two", 0)
	return n
}

func TestABackupThatWasTamperedWithIsRefused(t *testing.T) {
	n := filled(t)
	list := records(t, n.store)
	good, err := n.save(list, 3)
	if err != nil {
		t.Fatal(err)
	}
	other, err := n.save(list, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(good.chunks) < 3 {
		t.Fatalf("%d chunks", len(good.chunks))
	}
	want(t, "as it was made", good.verify(n), fault.OK)
	for what, attack := range map[string]func(s *saved){
		"a bit of a chunk":             func(s *saved) { s.chunks[1][40] ^= 4 },
		"a bit of a chunk's salt":      func(s *saved) { s.chunks[0][3] ^= 1 },
		"a bit of the head":            func(s *saved) { s.head[70] ^= 1 },
		"a bit of the head's mark":     func(s *saved) { s.head[len(s.head)-1] ^= 1 },
		"the last chunk cut":           func(s *saved) { s.chunks = s.chunks[:len(s.chunks)-1] },
		"the first chunk cut":          func(s *saved) { s.chunks = s.chunks[1:] },
		"two chunks exchanged":         func(s *saved) { s.chunks[0], s.chunks[1] = s.chunks[1], s.chunks[0] },
		"a chunk twice":                func(s *saved) { s.chunks[1] = s.chunks[0] },
		"a chunk of another backup":    func(s *saved) { s.chunks[1] = other.chunks[1] },
		"all chunks of another backup": func(s *saved) { s.chunks = other.chunks },
		"the head of another backup":   func(s *saved) { s.head = other.head; s.id = other.id },
	} {
		s := good.clone()
		attack(s)
		want(t, what, s.verify(n), fault.BackupInvalid)
	}
	want(t, "as it was made, afterwards", good.verify(n), fault.OK)

	stranger := filled(t)
	want(t, "in another domain", good.verify(stranger), fault.DomainOther)
}

// TestRecordsThatAreNotOfOneMomentMakeNoBackup: a host, or a store, that lists pieces of different revisions.
func TestRecordsThatAreNotOfOneMomentMakeNoBackup(t *testing.T) {
	n := filled(t)
	before := records(t, n.store)
	if err := n.admin().OperatorSet(1, "user", 1, []byte("new-pin")); err != nil {
		t.Fatal(err)
	}
	after := records(t, n.store)
	mix := func(from func(path string) bool) []wire.Record {
		var list []wire.Record
		for _, now := range after {
			for _, then := range before {
				if then.Path == now.Path && from(now.Path) {
					now = then
				}
			}
			list = append(list, now)
		}
		return list
	}
	changed := func(path string) bool { return len(path) > 36 && path[34:36] == "/u" }
	head := func(path string) bool { return path[len(path)-2:] == "/h" }
	if _, err := n.save(mix(func(string) bool { return false }), 100); err != nil {
		t.Errorf("all as they are now: %v", err)
	}
	_, err := n.save(mix(changed), 100)
	want(t, "operators of before", err, fault.BackupUnsound)
	_, err = n.save(mix(head), 100)
	want(t, "heads of before", err, fault.BackupUnsound)
	_, err = n.save(after[:len(after)/2], 100)
	want(t, "half of them", err, fault.BackupUnsound)
	reversed := append([]wire.Record{}, after...)
	reversed[3], reversed[4] = reversed[4], reversed[3]
	_, err = n.save(reversed, 100)
	want(t, "out of order", err, fault.BackupUnsound)
	var without []wire.Record
	for _, r := range after {
		if !(len(r.Path) > 36 && r.Path[34:36] == "/c") {
			without = append(without, r)
		}
	}
	_, err = n.save(without, 100)
	want(t, "without change logs", err, fault.BackupUnsound)
}
