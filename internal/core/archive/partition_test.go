// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var (
	someDomain = key.ID{1, 2, 3}
	someBackup = key.ID{4, 5, 6}
)

// written is a backup of two chunks, and the key that opens it.
func written(t testing.TB) (k ssp.Bytes, head []byte, chunks [][]byte) {
	t.Helper()
	k, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	w := NewPartitionWriter(k, someDomain, someBackup)
	for i, last := range []bool{false, true} {
		ssp.Do(func() {
			items := NewItems(64)
			items.Add(ItemSettings, []byte{byte(i), 1, 2})
			items.Add(ItemObject, []byte("an object"))
			var sealed []byte
			sealed, err = w.Chunk(items, last)
			chunks = append(chunks, sealed)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	head, err = w.End(wire.BackupHead{Version: "test"}, wire.HeadCounter{Partition: key.ID{7}, Counter: 3})
	if err != nil {
		t.Fatal(err)
	}
	return k, head, chunks
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	k, head, chunks := written(t)
	r, err := NewPartitionReader(k, someDomain, head)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n := 0
		for i, c := range chunks {
			if err := r.Chunk(uint64(i), i == 1, c, func(kind uint8, plain []byte) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.End(); err != nil || n != 4 {
			t.Errorf("%d items, %v", n, err)
		}
		r = r.Again()
	}
	if _, err := NewPartitionReader(k, key.ID{9}, head); fault.Of(err) != fault.DomainOther {
		t.Errorf("under another domain: %v", err)
	}
	other, _, _ := written(t)
	if _, err := NewPartitionReader(other, someDomain, head); fault.Of(err) != fault.BackupInvalid {
		t.Errorf("under another key: %v", err)
	}
	if _, err := CheckHead(k, someDomain, head); fault.Of(err) != fault.BackupInvalid {
		t.Errorf("as a backup of a whole domain: %v", err)
	}
}

// FuzzPartitionBackup gives the reader heads and chunks that no core has made: none is taken, and what is inside a chunk that
// was sealed, whatever it is, is read to its end or refused.
func FuzzPartitionBackup(f *testing.F) {
	k, head, chunks := written(f)
	f.Add(head, chunks[0])
	f.Add(head[:len(head)-1], chunks[1])
	f.Add([]byte("GBB1"), []byte{})
	f.Add(head, []byte{2, 0, 0, 0, 1, 1, 0, 0, 0, 9, 3, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, h, c []byte) {
		r, err := NewPartitionReader(k, someDomain, h)
		if err == nil && !bytes.Equal(h, head) {
			t.Fatal("a head that was not made passes")
		}
		if err == nil {
			took := false
			err := r.Chunk(0, false, c, func(uint8, []byte) error { took = true; return nil })
			if (err == nil || took) && !bytes.Equal(c, chunks[0]) {
				t.Fatal("a chunk that was not made passes")
			}
		}
		if len(c) < 1<<16 {
			w := NewPartitionWriter(k, someDomain, someBackup)
			var sealed []byte
			ssp.Do(func() { sealed, err = w.stream.seal(c, true) })
			if err != nil {
				t.Fatal(err)
			}
			in := &PartitionReader{stream: newStream(ofPartition, k, someDomain, someBackup)}
			size := 0
			if err := in.Chunk(0, true, sealed, func(kind uint8, plain []byte) error {
				if kind < ItemSettings || kind > ItemObject {
					t.Fatal("an item of no kind")
				}
				size += 5 + len(plain)
				return nil
			}); err == nil && size+4 != len(c) {
				t.Fatalf("%d bytes of %d were read", size+4, len(c))
			}
		}
	})
}
