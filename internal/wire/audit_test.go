// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

var update = flag.Bool("update", false, "write the golden files anew")

func auditSamples() []AuditEntry {
	id := key.ID{1, 2, 3}
	return []AuditEntry{
		{Kind: AuditOpen, Time: 1, Node: id, Text: "v1", Open: &AuditOpening{Segment: id}},
		{Kind: AuditOpen, Time: 1, Node: id, Open: &AuditOpening{Segment: id, Last: &AuditLast{"genbu/a/b", 7, Hash{9}, Hash{8}}}},
		{Kind: AuditUse, Index: 5, Prev: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Time: 1 << 60, Node: id, Partition: id, Operator: id, Role: 2,
			Door: 3, UID: 4, PID: 5, Call: 6, Object: id, Mechanism: 0x1041, Result: fault.Denied, Request: 1 << 63, Count: 9,
			Text: "p/x", Seal: &[64]byte{63: 1}},
	}
}

func TestAuditEntriesSurviveTheWire(t *testing.T) {
	for _, want := range auditSamples() {
		var w Writer
		want.Encode(&w)
		var got AuditEntry
		r := NewReader(w.B)
		got.Decode(&r)
		if err := r.End(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		for n := range w.B {
			r := NewReader(w.B[:n])
			if new(AuditEntry).Decode(&r); r.End() == nil {
				t.Errorf("accepted the first %d of %d bytes", n, len(w.B))
			}
		}
	}
}

// TestAuditEntryOfFormat1StillReads holds today's code to the bytes of the first release.
func TestAuditEntryOfFormat1StillReads(t *testing.T) {
	for i, want := range auditSamples() {
		name := "testdata/audit-entry-" + string(rune('0'+i)) + ".v1"
		var w Writer
		want.Encode(&w)
		if *update {
			os.MkdirAll("testdata", 0o755)
			os.WriteFile(name, w.B, 0o644)
		}
		golden, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var got AuditEntry
		r := NewReader(golden)
		if got.Decode(&r); r.End() != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func FuzzAuditEntry(f *testing.F) {
	for _, e := range auditSamples() {
		var w Writer
		e.Encode(&w)
		f.Add(w.B)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e AuditEntry
		r := NewReader(b)
		if e.Decode(&r); r.End() != nil {
			return
		}
		var w Writer
		if e.Encode(&w); !bytes.Equal(w.B, b) {
			t.Errorf("a second form of the same entry: %x", b)
		}
	})
}

// TestTreeIsTheOneOfRFC6962 compares root and leaf hash with an independent implementation, at every size up to 300.
func TestTreeIsTheOneOfRFC6962(t *testing.T) {
	var tree Tree
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for n := range 300 {
		entry := bytes.Repeat([]byte{byte(n)}, n)
		before := tree.Clone()
		tree.Append(LeafHash(entry))
		h, err := tlog.StoredHashes(int64(n), entry, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, h...)
		want, err := tlog.TreeHash(int64(n)+1, reader)
		if err != nil || tree.Size() != uint64(n)+1 || tree.Root() != Hash(want) {
			t.Fatalf("size %d: root %x, want %x (%v)", n+1, tree.Root(), want, err)
		}
		if before.Size() != uint64(n) {
			t.Fatal("a clone grew")
		}
	}
	empty, _ := base64.StdEncoding.DecodeString("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=") // RFC 6962 section 2.1: SHA-256 of nothing
	if r := new(Tree).Root(); !bytes.Equal(r[:], empty) {
		t.Errorf("root of the empty tree: %x", r)
	}
}

func sampleCheckpoint() (Checkpoint, ed25519.PrivateKey) {
	return Checkpoint{Node: key.ID{1}, Segment: key.ID{2}, Size: 20852163, Root: Hash{3}}, ed25519.NewKeyFromSeed(make([]byte, 32))
}

// TestCheckpointIsASignedNote opens our checkpoint with the Go project's implementation of signed notes.
func TestCheckpointIsASignedNote(t *testing.T) {
	cp, private := sampleCheckpoint()
	public := private.Public().(ed25519.PublicKey)
	text := cp.Note(public, ed25519.Sign(private, cp.Text()))
	vkey, err := note.NewEd25519VerifierKey(cp.Origin(), public)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(text, note.VerifierList(v))
	if err != nil || n.Text != string(cp.Text()) {
		t.Errorf("note %q, %v", text, err)
	}
	if got, err := OpenCheckpoint(text, public); err != nil || got != cp {
		t.Errorf("read back as %+v, %v", got, err)
	}
}

func TestCheckpointHasOneForm(t *testing.T) {
	cp, private := sampleCheckpoint()
	public := private.Public().(ed25519.PublicKey)
	good := string(cp.Note(public, ed25519.Sign(private, cp.Text())))
	for name, bad := range map[string]string{
		"empty":          "",
		"plus sign":      strings.Replace(good, "\n20852163\n", "\n+20852163\n", 1),
		"leading zero":   strings.Replace(good, "\n20852163\n", "\n020852163\n", 1),
		"other size":     strings.Replace(good, "\n20852163\n", "\n20852164\n", 1),
		"extension":      strings.Replace(good, "\n\n", "\nmore\n\n", 1),
		"second line":    good + strings.Split(good, "\n\n")[1],
		"no end":         strings.TrimSuffix(good, "\n"),
		"carriage":       strings.Replace(good, "\n\n", "\r\n\n", 1),
		"upper case":     strings.ToUpper(good[:10]) + good[10:],
		"other key name": strings.Replace(good, "— genbu", "— GENBU", 1),
	} {
		if _, err := OpenCheckpoint([]byte(bad), public); fault.Of(err) != fault.AuditInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range len(good) {
		b := []byte(good)
		b[i] ^= 1
		if _, err := OpenCheckpoint(b, public); err == nil {
			t.Errorf("accepted with byte %d changed", i)
		}
	}
	if _, err := OpenCheckpoint([]byte(good), ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)).Public().(ed25519.PublicKey)); err == nil {
		t.Error("accepted under another key")
	}
}

func FuzzCheckpoint(f *testing.F) {
	cp, private := sampleCheckpoint()
	public := private.Public().(ed25519.PublicKey)
	f.Add(cp.Note(public, ed25519.Sign(private, cp.Text())))
	f.Fuzz(func(t *testing.T, b []byte) {
		cp, sig, err := ParseCheckpoint(b)
		if err != nil {
			return
		}
		got := cp.Note(public, sig)
		// the key hash is not the parser's to judge, so it is left out of the comparison
		end := bytes.LastIndexByte(got, ' ')
		if len(b) != len(got) || !bytes.Equal(got[:end], b[:end]) {
			t.Errorf("a second form of the same checkpoint: %q", b)
		}
	})
}
