// SPDX-License-Identifier: Apache-2.0

package tpm

import "github.com/genbu-hsm/genbu/internal/fault"

// The TPM's own form of numbers and buffers: big-endian, buffers with a length of two bytes (TPM 2.0 Library Part 2, TPM2B).

type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = append(w.b, byte(v>>8), byte(v)) }
func (w *writer) u32(v uint32) { w.b = append(w.b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v)) }
func (w *writer) raw(p []byte) { w.b = append(w.b, p...) }

func (w *writer) b16(p []byte) {
	w.u16(uint16(len(p)))
	w.raw(p)
}

// reader takes fields and remembers the first failure.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) raw(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() uint8 {
	if p := r.raw(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.raw(2); p != nil {
		return uint16(p[0])<<8 | uint16(p[1])
	}
	return 0
}

func (r *reader) u32() uint32 {
	hi := r.u16()
	return uint32(hi)<<16 | uint32(r.u16())
}

func (r *reader) b16() []byte { return r.raw(int(r.u16())) }

func (r *reader) copy16() []byte { return append([]byte(nil), r.b16()...) }

func (r *reader) end() error {
	if r.bad || len(r.b) != 0 {
		return altered("read the TPM's answer")
	}
	return nil
}

// altered is the answer to what no TPM said.
func altered(step string) error {
	return fault.TPMFailed.At(step + ": the answer is not the TPM's, or it is broken")
}
