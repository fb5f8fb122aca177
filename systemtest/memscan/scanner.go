// SPDX-License-Identifier: Apache-2.0

package memscan

import (
	"bytes"
	"encoding/binary"
)

// Hit is a place where a secret lies.
type Hit struct {
	Where  string // "pid 12 (genbu) [heap]", or a file
	Offset uint64 // address or position in the file
	Needle string
}

// Scanner looks for many needles in one pass. It is safe for one goroutine.
type Scanner struct {
	count   int
	byHead  map[uint64][]Needle // by the first eight bytes
	filter  []uint64            // bits of hashed heads, so that most offsets cost one look
	longest int

	Hits    []Hit
	Scanned uint64   // bytes looked at
	Refused []string // mappings and files that could not be read, with the reason
}

const filterBits = 20

// New makes a scanner. Needles are at least eight bytes long.
func New(needles []Needle) *Scanner {
	s := &Scanner{count: len(needles), byHead: map[uint64][]Needle{}, filter: make([]uint64, 1<<filterBits/64)}
	for _, n := range needles {
		head := binary.LittleEndian.Uint64(n.Bytes)
		s.byHead[head] = append(s.byHead[head], n)
		h := hash(head)
		s.filter[h/64] |= 1 << (h % 64)
		s.longest = max(s.longest, len(n.Bytes))
	}
	return s
}

// Needles is how many it looks for.
func (s *Scanner) Needles() int { return s.count }

func hash(v uint64) uint64 { return v * 0x9E3779B97F4A7C15 >> (64 - filterBits) }

// bytes looks at b, which lies at an offset of where. A needle that begins before limit is reported; the bytes from limit on
// are there so that it can be seen whole.
func (s *Scanner) bytes(where string, offset uint64, b []byte, limit int) {
	s.Scanned += uint64(limit)
	for i := 0; i < limit && i+8 <= len(b); i++ {
		head := binary.LittleEndian.Uint64(b[i:])
		if h := hash(head); s.filter[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, n := range s.byHead[head] {
			if bytes.HasPrefix(b[i:], n.Bytes) {
				s.Hits = append(s.Hits, Hit{where, offset + uint64(i), n.Name})
			}
		}
	}
}

// Bytes looks at a slice.
func (s *Scanner) Bytes(where string, b []byte) { s.bytes(where, 0, b, len(b)) }

// stream looks at what read returns from one offset to another. Where a page cannot be read it goes on with the next, and
// returns the first error.
func (s *Scanner) stream(where string, from, to uint64, read func(p []byte, at uint64) (int, error)) (first error) {
	const block, page = 1 << 20, 4096
	buf := make([]byte, block+s.longest)
	for at := from; at < to; {
		want := min(uint64(len(buf)), to-at)
		n, err := read(buf[:want], at)
		s.bytes(where, at, buf[:n], min(n, block))
		if uint64(n) == want {
			at += block
			continue
		}
		if first == nil {
			first = err
		}
		at = (at+uint64(n))&^(page-1) + page
	}
	return first
}
