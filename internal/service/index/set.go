// SPDX-License-Identifier: Apache-2.0

package index

import (
	"slices"
	"sort"

	"github.com/genbu-hsm/genbu/key"
)

// set is a set of entries in the order of their object ids: sorted blocks of numbers, none of them empty. Adding moves
// half a block (1 KB) at most, and a number costs under six bytes on the average.
type set struct {
	blocks [][]uint32
	n      int
}

const blockSize = 512

// block is where id is or would be: the last block that does not begin behind it.
func (s *set) block(sl *slab, id *key.ID) int {
	return max(0, sort.Search(len(s.blocks), func(i int) bool { return less(id, &sl.at(s.blocks[i][0]).object) })-1)
}

func within(sl *slab, block []uint32, id *key.ID) int {
	return sort.Search(len(block), func(i int) bool { return !less(&sl.at(block[i]).object, id) })
}

// add takes in an entry that is not in the set.
func (s *set) add(sl *slab, ref uint32) {
	s.n++
	if len(s.blocks) == 0 {
		s.blocks = [][]uint32{{ref}}
		return
	}
	id := &sl.at(ref).object
	b := s.block(sl, id)
	if full := s.blocks[b]; len(full) == blockSize {
		s.blocks = slices.Insert(s.blocks, b+1, append(make([]uint32, 0, blockSize), full[blockSize/2:]...))
		s.blocks[b] = full[:blockSize/2]
		b = s.block(sl, id)
	}
	s.blocks[b] = slices.Insert(s.blocks[b], within(sl, s.blocks[b], id), ref)
}

// remove takes out an entry that is in the set.
func (s *set) remove(sl *slab, ref uint32) {
	s.n--
	id := &sl.at(ref).object
	b := s.block(sl, id)
	at := within(sl, s.blocks[b], id)
	s.blocks[b] = slices.Delete(s.blocks[b], at, at+1)
	switch {
	case len(s.blocks[b]) == 0:
		s.blocks = slices.Delete(s.blocks, b, b+1)
	case b+1 < len(s.blocks) && len(s.blocks[b])+len(s.blocks[b+1]) <= blockSize/2:
		s.blocks[b] = append(s.blocks[b], s.blocks[b+1]...)
		s.blocks = slices.Delete(s.blocks, b+1, b+2)
	}
}

// seek is a cursor at the first entry whose id is not smaller than id.
func (s *set) seek(sl *slab, id *key.ID) cursor {
	c := cursor{blocks: s.blocks}
	if len(s.blocks) > 0 {
		b := s.block(sl, id)
		c.blocks = s.blocks[b:]
		c.at = within(sl, s.blocks[b], id)
	}
	return c
}

// cursor walks a set that does not change meanwhile.
type cursor struct {
	blocks [][]uint32
	at     int // in the first block; at its end the next block follows
}

func (c *cursor) ref() (uint32, bool) {
	for len(c.blocks) > 0 && c.at == len(c.blocks[0]) {
		c.blocks, c.at = c.blocks[1:], 0
	}
	if len(c.blocks) == 0 {
		return 0, false
	}
	return c.blocks[0][c.at], true
}

func (c *cursor) advance() { c.at++ }
