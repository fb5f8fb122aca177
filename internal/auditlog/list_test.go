// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func segmentOf(path string) key.ID {
	_, id, _ := strings.Cut(filepath.Base(path), "-")
	segment, _ := key.ParseID(id)
	return segment
}

func TestEveryEntryCanBeProved(t *testing.T) {
	dir, paths := three(t)
	for i := range uint64(perSegment) {
		proof, err := Prove(dir, segmentOf(paths[1]), i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := CheckProof(proof, ourKey.Public())
		if err != nil || got.Index != i || got.Segment != segmentOf(paths[1]) || got.Entry.Index != i {
			t.Errorf("entry %d: %+v, %v", i, got, err)
		}
		if _, err := CheckProof(proof, signer(6).Public()); err == nil {
			t.Errorf("entry %d: proved under another key", i)
		}
	}
	for _, i := range []uint64{perSegment, 1 << 40} {
		if _, err := Prove(dir, segmentOf(paths[1]), i); err == nil {
			t.Errorf("entry %d does not exist", i)
		}
	}
	if _, err := Prove(dir, key.ID{1}, 0); err == nil {
		t.Error("segment does not exist")
	}
}

func TestNoAlteredProofPasses(t *testing.T) {
	dir, paths := three(t)
	proof := must(Prove(dir, segmentOf(paths[1]), 5))
	for i := range proof {
		b := bytes.Clone(proof)
		b[i] ^= 1
		if _, err := CheckProof(b, ourKey.Public()); err == nil {
			t.Errorf("passes with byte %d changed", i)
		}
	}
	other := must(Prove(dir, segmentOf(paths[1]), 6))
	lines, theirs := strings.Split(string(proof), "\n"), strings.Split(string(other), "\n")
	lines[1] = theirs[1]
	if _, err := CheckProof([]byte(strings.Join(lines, "\n")), ourKey.Public()); err == nil {
		t.Error("another entry passes")
	}
}

func FuzzCheckProof(f *testing.F) {
	f.Add([]byte(proofHeader + "\nextra AA==\nindex 0\n\ngenbu/0/0\n1\nAA==\n\n— genbu/0/0 AA==\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := CheckProof(b, ourKey.Public()); err == nil {
			t.Errorf("a proof out of nothing: %q", b)
		}
	})
}

// FuzzVerify puts arbitrary bytes where log and checkpoint should be: nothing may panic, and nothing unsigned may count
// as signed.
func FuzzVerify(f *testing.F) {
	var w wire.Writer
	(&wire.AuditEntry{Kind: wire.AuditOpen, Node: node, Open: &wire.AuditOpening{Segment: key.ID{1}, Last: &wire.AuditLast{Origin: "genbu/" + node.String() + "/" + key.ID{1}.String(), Size: 1}}}).Encode(&w)
	f.Add(frame(w.B), []byte("genbu/0/0\n1\nAA==\n\n— genbu/0/0 AA==\n"))
	f.Add([]byte{255, 255, 255, 255}, []byte{})
	dir := f.TempDir()
	path := filepath.Join(dir, "000001-"+key.ID{1}.String())
	f.Fuzz(func(t *testing.T, log, note []byte) {
		os.WriteFile(path+logSuffix, log, 0o600)
		os.WriteFile(path+checkpointSuffix, note, 0o600)
		r := verify(t, dir, nil)
		for _, s := range r.Segments {
			if s.Signed != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestListShowsEveryEntryAsTextAndJSON(t *testing.T) {
	dir, _ := three(t)
	n := 0
	var text, lines bytes.Buffer
	for l, err := range Entries(dir) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		PrintText(&text, l)
		PrintJSON(&lines, l)
	}
	if n != 3*perSegment || strings.Count(text.String(), "\n") != n || strings.Count(lines.String(), "\n") != n {
		t.Errorf("%d entries", n)
	}
	for _, line := range strings.Split(strings.TrimSpace(lines.String()), "\n") {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil || v["kind"] == "" {
			t.Fatalf("%s: %v", line, err)
		}
	}
	for range Entries(dir) {
		break // a reader may stop early
	}
	for _, err := range Entries(filepath.Join(dir, "absent")) {
		if err == nil {
			t.Error("an absent folder has an entry")
		}
	}
}

// TestTextOfAnOperatorCannotForgeALine: a remark may hold anything.
func TestTextOfAnOperatorCannotForgeALine(t *testing.T) {
	l := Listed{Entry: wire.AuditEntry{Kind: wire.AuditRefusal, Result: fault.Denied, Mechanism: 0x1041, Count: 3, UID: 1, PID: 2,
		Request: 255, Text: "ok\n2026-01-01T00:00:00Z 00000000/1 login\x1b[2J"}}
	var b bytes.Buffer
	PrintText(&b, l)
	if strings.Count(b.String(), "\n") != 1 || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%q", b.String())
	}
	for _, want := range []string{"refusal", `result="not allowed"`, "mechanism=0x1041", "count=3", "uid=1 pid=2", "request=ff"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q lacks %s", b.String(), want)
		}
	}
}
