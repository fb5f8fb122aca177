// SPDX-License-Identifier: Apache-2.0

// Package wire is the binary form of every message between client, core and host: little-endian integers and
// length-prefixed bytes, in fixed order, with no tags and no reflection.
//
// A Writer appends; a Reader takes fields in the same order and remembers the first failure, so that a decoder reads
// all fields and asks Err once. Reader.Bytes returns a view into the input: the caller copies the request out of shared
// memory before parsing, and copies what it keeps.
package wire

import "github.com/genbu-hsm/genbu/internal/fault"

// Writer appends fields to B. Its zero value is ready; B may be set to a buffer to reuse.
type Writer struct{ B []byte }

func (w *Writer) U8(v uint8) { w.B = append(w.B, v) }

func (w *Writer) Bool(v bool) {
	if v {
		w.U8(1)
	} else {
		w.U8(0)
	}
}

func (w *Writer) U16(v uint16) { w.B = append(w.B, byte(v), byte(v>>8)) }

func (w *Writer) U32(v uint32) {
	w.B = append(w.B, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func (w *Writer) U64(v uint64) {
	w.U32(uint32(v))
	w.U32(uint32(v >> 32))
}

// Bytes writes a u32 length and the bytes.
func (w *Writer) Bytes(b []byte) {
	w.U32(uint32(len(b)))
	w.B = append(w.B, b...)
}

// String writes a string as Bytes does.
func (w *Writer) String(s string) {
	w.U32(uint32(len(s)))
	w.B = append(w.B, s...)
}

// Raw writes bytes without a length; the reader knows how many.
func (w *Writer) Raw(b []byte) { w.B = append(w.B, b...) }

// Reader takes fields from a message. After a failure every method returns zero values.
type Reader struct {
	b   []byte
	bad bool
}

// NewReader reads from b, which must not change while the Reader or any view it returned is in use.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Raw takes n bytes as a view.
func (r *Reader) Raw(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *Reader) U8() uint8 {
	if v := r.Raw(1); v != nil {
		return v[0]
	}
	return 0
}

// Bool takes one byte that must be 0 or 1, so that every message has one form only.
func (r *Reader) Bool() bool {
	v := r.U8()
	if v > 1 {
		r.bad = true
	}
	return v == 1
}

func (r *Reader) U16() uint16 {
	if v := r.Raw(2); v != nil {
		return uint16(v[0]) | uint16(v[1])<<8
	}
	return 0
}

func (r *Reader) U32() uint32 {
	if v := r.Raw(4); v != nil {
		return uint32(v[0]) | uint32(v[1])<<8 | uint32(v[2])<<16 | uint32(v[3])<<24
	}
	return 0
}

func (r *Reader) U64() uint64 {
	lo := r.U32()
	return uint64(lo) | uint64(r.U32())<<32
}

// Bytes takes a u32 length and that many bytes, as a view.
func (r *Reader) Bytes() []byte { return r.Raw(int(r.U32())) }

// String takes bytes as a string (a copy).
func (r *Reader) String() string { return string(r.Bytes()) }

// Count takes a u32 that announces so many items of at least size bytes each, and refuses a count that the rest of the
// message cannot hold, so that no decoder allocates on a sender's word alone.
func (r *Reader) Count(size int) int {
	n := int(r.U32())
	if r.bad || n > len(r.b)/max(size, 1) {
		r.bad = true
		return 0
	}
	return n
}

// Rest takes all that is left, as a view.
func (r *Reader) Rest() []byte { return r.Raw(len(r.b)) }

// Len is the number of bytes left.
func (r *Reader) Len() int { return len(r.b) }

// Fail marks the message as malformed, for a decoder that saw a value it cannot accept.
func (r *Reader) Fail() { r.bad = true }

// Err is Malformed if any field failed; it does not complain about bytes left over.
func (r *Reader) Err() error {
	if r.bad {
		return fault.Malformed
	}
	return nil
}

// End is Err, and Malformed also when bytes are left over.
func (r *Reader) End() error {
	if r.bad || len(r.b) != 0 {
		return fault.Malformed
	}
	return nil
}
