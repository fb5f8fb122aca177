// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"

	"github.com/genbu-hsm/genbu/key"
)

// entry is one object: 64 bytes and its label and CKA_ID, which objects with the same value share.
type entry struct {
	object  key.ID
	label   string
	id      string
	kind    uint32
	view    view   // in which it is listed by name
	created uint64 // nanoseconds since 1970
}

// slab keeps entries in pieces, so that growing copies little, and names each by a number of four bytes.
type slab struct {
	pieces [][]entry
	unused []uint32
}

const pieceBits, pieceSize = 9, 1 << 9

// at is the entry of a number. The pointer is good until the next take.
func (s *slab) at(ref uint32) *entry { return &s.pieces[ref>>pieceBits][ref&(pieceSize-1)] }

func (s *slab) take(e entry) uint32 {
	if n := len(s.unused); n > 0 {
		ref := s.unused[n-1]
		s.unused = s.unused[:n-1]
		*s.at(ref) = e
		return ref
	}
	last := len(s.pieces) - 1
	if last < 0 || len(s.pieces[last]) == pieceSize {
		s.pieces = append(s.pieces, nil)
		last++
	}
	s.pieces[last] = append(s.pieces[last], e)
	return uint32(last<<pieceBits + len(s.pieces[last]) - 1)
}

func (s *slab) free(ref uint32) {
	*s.at(ref) = entry{}
	s.unused = append(s.unused, ref)
}

func less(a, b *key.ID) bool { return bytes.Compare(a[:], b[:]) < 0 }
