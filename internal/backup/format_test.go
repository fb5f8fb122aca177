// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// inMemory is a Source.
type inMemory []byte

func (m inMemory) Size() int64  { return int64(len(m)) }
func (m inMemory) Close() error { return nil }

func (m inMemory) Range(at, n int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(bytes.NewReader(m), at, n)), nil
}

// sample is a file with these chunks, whose head nobody has marked.
func sample(t testing.TB, chunks ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := newWriter(&b, key.ID{1}, key.ID{2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if err := w.chunk([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	h := wire.BackupHead{Domain: key.ID{1}, Backup: key.ID{2}, Chunks: uint64(len(chunks)), Heads: []wire.HeadCounter{{Counter: 3}}, Version: "0.1", Mark: []byte("mark")}
	var head wire.Writer
	h.Encode(&head)
	if err := w.end(head.B); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAFileGivesBackItsChunksInOrderAndMarksTheLast(t *testing.T) {
	src := inMemory(sample(t, "one", "two", "three"))
	h, err := headOf(src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = h.chunks(src, func(number uint64, last bool, chunk []byte, _ int64) error {
		if int(number) != len(got) || last != (number == 2) {
			t.Errorf("chunk %d, last %t", number, last)
		}
		got = append(got, string(chunk))
		return nil
	})
	if err != nil || len(got) != 3 || got[2] != "three" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNamesFromOutsideAreHeldToTheirForm(t *testing.T) {
	good := nameOf(&wire.BackupHead{Domain: key.ID{0xab}, Backup: key.ID{0xcd}, Time: 1_800_000_000_123_000_000})
	if good != "genbu-ab000000-20270115T080000.123Z-cd000000.gbb" || CheckName(good) != nil {
		t.Errorf("%s: %v", good, CheckName(good))
	}
	for _, bad := range []string{"", "x", "../" + good, good + "/..", "genbu-AB000000-20270115T080000.123Z-cd000000.gbb", good + "\n", "a/" + good} {
		if fault.Of(CheckName(bad)) != fault.ArgumentsBad {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

func TestPlacesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, bad := range []string{"", "ftp://x/y", "s3://", "s3://user:pin@bucket/x", "s3://bucket/x?endpoint=nowhere", "s3://bucket/x?speed=high"} {
		if p, err := OpenPlace(context.Background(), bad); err == nil {
			t.Errorf("%q is taken for the place %v", bad, p)
		}
	}
}

// FuzzFile: whatever lies in a place, reading it ends with chunks or a fault, and no chunk comes from outside the file.
func FuzzFile(f *testing.F) {
	f.Add(sample(f, "one", "two"))
	f.Add(sample(f))
	f.Add([]byte("GBB1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := inMemory(b)
		h, err := headOf(src)
		if err != nil {
			return
		}
		total := 0
		if err := h.chunks(src, func(_ uint64, _ bool, chunk []byte, _ int64) error {
			total += 4 + len(chunk)
			return nil
		}); err == nil && int64(total+beginLen+4) != h.at {
			t.Errorf("%d bytes of chunks before a head at %d", total, h.at)
		}
	})
}
