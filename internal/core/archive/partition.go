// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// A backup of one partition has the form of a whole one, under keys from the partition's security-domain key. Its chunks hold
// plaintexts, since it may be restored where the partition's own key is another:
//
//	chunk   u32 n | n x { y kind | b plaintext }
var ofPartition = kind{"genbu partition backup 1", "genbu partition backup head 1"}

// Kinds of items.
const (
	ItemUnknown  uint8 = iota
	ItemSettings       // the first of all: what the partition's own record says that is restored
	ItemAccess         // roles, assignments, settings by name
	ItemObject         // as object.Encode writes it
)

// PartitionWriter makes a backup of one partition.
type PartitionWriter struct {
	stream
	count uint64
}

// NewPartitionWriter begins a backup under the key of a security domain, which stays the caller's.
func NewPartitionWriter(k ssp.Bytes, domain, backup key.ID) *PartitionWriter {
	return &PartitionWriter{stream: newStream(ofPartition, k, domain, backup)}
}

// Items gathers the plaintext of a chunk. Its bytes are ordinary memory: it is filled, sealed and cleared inside one ssp.Do.
type Items struct {
	w wire.Writer
	n uint32
}

// NewItems makes room for about so many bytes, so that no outgrown buffer is left behind.
func NewItems(size int) *Items {
	i := &Items{w: wire.Writer{B: make([]byte, 0, size+64)}}
	i.w.U32(0)
	return i
}

// Add puts one more item in.
func (i *Items) Add(kind uint8, plain []byte) {
	i.w.U8(kind)
	i.w.Bytes(plain)
	i.n++
}

// Clear erases the items.
func (i *Items) Clear() { clear(i.w.B) }

// Count is the number of items so far.
func (w *PartitionWriter) Count() uint64 { return w.count }

// Chunk seals the items. Called inside ssp.Do.
func (w *PartitionWriter) Chunk(i *Items, last bool) ([]byte, error) {
	var n wire.Writer
	n.U32(i.n)
	copy(i.w.B, n.B)
	sealed, err := w.seal(i.w.B, last)
	if err == nil {
		w.count += uint64(i.n)
	}
	return sealed, err
}

// End answers the head.
func (w *PartitionWriter) End(head wire.BackupHead, of wire.HeadCounter) ([]byte, error) {
	if !w.ended {
		return nil, fault.ArgumentsBad.At("seal head: the last chunk is missing")
	}
	head.Records, head.Heads = w.count, []wire.HeadCounter{of}
	return w.mark(head)
}

// PartitionReader opens a backup of one partition.
type PartitionReader struct {
	stream
	Head  wire.BackupHead
	count uint64
}

// NewPartitionReader begins to read the backup of this head. DomainOther: it was made under another security domain.
func NewPartitionReader(k ssp.Bytes, domain key.ID, head []byte) (*PartitionReader, error) {
	h, err := checkHead(ofPartition, k, domain, head)
	if err != nil {
		return nil, err
	}
	if len(h.Heads) != 1 {
		return nil, fault.BackupInvalid.At("read head: it is not of one partition")
	}
	return &PartitionReader{stream: newStream(ofPartition, k, domain, h.Backup), Head: h}, nil
}

// Chunk opens a chunk and gives its items to take, inside ssp.Do. An item is valid during the call.
func (r *PartitionReader) Chunk(number uint64, last bool, sealed []byte, take func(kind uint8, plain []byte) error) (err error) {
	ssp.Do(func() {
		var plain []byte
		if plain, err = r.open(number, last, sealed); err != nil {
			return
		}
		defer clear(plain)
		var n uint64
		n, err = readItems(plain, take)
		r.count += n
	})
	return err
}

// readItems reads the plaintext of a chunk.
func readItems(plain []byte, take func(kind uint8, plain []byte) error) (n uint64, err error) {
	r := wire.NewReader(plain)
	for range r.Count(5) {
		kind, item := r.U8(), r.Bytes()
		if r.Err() != nil || kind == ItemUnknown || kind > ItemObject {
			return n, fault.BackupInvalid.At("read chunk")
		}
		if err := take(kind, item); err != nil {
			return n, err
		}
		n++
	}
	if r.End() != nil {
		return n, fault.BackupInvalid.At("read chunk")
	}
	return n, nil
}

// End compares what came with the head.
func (r *PartitionReader) End() error { return r.matches(&r.Head, r.count) }

// Again begins to read the same backup from its first chunk.
func (r *PartitionReader) Again() *PartitionReader {
	return &PartitionReader{stream: newStream(ofPartition, r.key, r.domain, r.backup), Head: r.Head}
}
