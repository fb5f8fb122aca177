// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// A backup is one file:
//
//	"GBB1" | u8 1 | 16 domain | 16 backup id
//	u32 length | chunk      once for each chunk
//	u32 0
//	head
//	u32 length of head | "GBBE"
//
// The head comes last, since it speaks of all that stands before it; so a file without one is not complete.

const (
	endMagic   = "GBBE"
	beginLen   = len(wire.BackupMagic) + 1 + 16 + 16
	tailLen    = 4 + len(endMagic)
	maxHead    = 16 << 20 // half a million partitions
	maxChunk   = 4 << 20
	minFile    = int64(beginLen + 4 + tailLen)
	chunkBytes = 1 << 20 // of records in a chunk, and the last of them more
)

// errAt is a fault at a place of a backup's file.
type errAt struct {
	where string
	err   error
}

func (e errAt) Error() string { return e.where + ": " + e.err.Error() }
func (e errAt) Unwrap() error { return e.err }

func invalid(where, why string) error { return errAt{where, fault.BackupInvalid.At(why)} }

// writer writes a backup's file.
type writer struct {
	w       *bufio.Writer
	written int64
}

func newWriter(to io.Writer, domain, backup key.ID) (*writer, error) {
	w := &writer{w: bufio.NewWriterSize(to, 1<<20)}
	b := append([]byte(wire.BackupMagic), wire.BackupFormat)
	b = append(append(b, domain[:]...), backup[:]...)
	return w, w.put(b)
}

func (w *writer) put(b []byte) error {
	n, err := w.w.Write(b)
	w.written += int64(n)
	return err
}

func (w *writer) chunk(b []byte) error {
	if len(b) == 0 || len(b) > maxChunk {
		return fault.Internal.At("write chunk")
	}
	if err := w.put(binary.LittleEndian.AppendUint32(nil, uint32(len(b)))); err != nil {
		return err
	}
	return w.put(b)
}

func (w *writer) end(head []byte) error {
	b := append([]byte{0, 0, 0, 0}, head...)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(len(head))), endMagic...)
	if err := w.put(b); err != nil {
		return err
	}
	return w.w.Flush()
}

// headOf reads a file's head from its end.
func headOf(src Source) (*headed, error) {
	h := &headed{size: src.Size()}
	if h.size < minFile {
		return nil, invalid("the file", "it is too short for a backup")
	}
	tail, err := readAll(src, h.size-int64(tailLen), int64(tailLen))
	if err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	h.at = h.size - int64(tailLen) - n
	if string(tail[4:]) != endMagic || n > maxHead || h.at < int64(beginLen)+4 {
		return nil, invalid(fmt.Sprintf("bytes %d to %d, the file's end", h.size-int64(tailLen), h.size), "the head is missing: it was cut or altered")
	}
	if h.bytes, err = readAll(src, h.at, n); err != nil {
		return nil, err
	}
	r := wire.NewReader(h.bytes)
	if h.head.Decode(&r); r.End() != nil {
		return nil, invalid(fmt.Sprintf("bytes %d to %d, the head", h.at, h.at+n), "it was altered")
	}
	return h, nil
}

// chunks calls f for each chunk, with its place in words. What f answers is told with that place.
func (h *headed) chunks(src Source, f func(number uint64, last bool, chunk []byte, at int64) error) error {
	from, err := src.Range(0, h.at)
	if err != nil {
		return err
	}
	defer from.Close()
	r := bufio.NewReaderSize(from, 1<<20)
	begin := make([]byte, beginLen)
	if _, err := io.ReadFull(r, begin); err != nil {
		return err
	}
	want := append([]byte(wire.BackupMagic), wire.BackupFormat)
	want = append(append(want, h.head.Domain[:]...), h.head.Backup[:]...)
	if string(begin) != string(want) {
		return invalid(fmt.Sprintf("bytes 0 to %d, the file's beginning", beginLen), "it is not that of the backup in the head")
	}
	at := int64(beginLen)
	for number := uint64(0); ; number++ {
		where := func(n int64) string { return fmt.Sprintf("chunk %d (bytes %d to %d)", number, at, min(at+4+n, h.at)) }
		n, err := length(r)
		if err != nil {
			return err
		}
		if n == 0 {
			switch {
			case at+4 != h.at:
				return invalid(where(0), "the chunks end before the head begins")
			case number != h.head.Chunks:
				return invalid(where(0), fmt.Sprintf("there are %d chunks; the head speaks of %d", number, h.head.Chunks))
			}
			return nil
		}
		if n > maxChunk || at+4+n > h.at-4 || number >= h.head.Chunks {
			return invalid(where(n), "its length was altered, or chunks were put in")
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if err := f(number, number+1 == h.head.Chunks, b, at); err != nil {
			return errAt{where(n), err}
		}
		at += 4 + n
	}
}

func length(r io.Reader) (int64, error) {
	var b [4]byte
	_, err := io.ReadFull(r, b[:])
	return int64(binary.LittleEndian.Uint32(b[:])), err
}
