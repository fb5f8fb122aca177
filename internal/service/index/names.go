// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"slices"
	"sort"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// view is one ordered list of names: a group, live or deleted. The zero view is of objects that have no name.
type view uint8

func viewOf(g key.Group, deleted bool) view {
	v := view(g) << 1
	if deleted && g != key.GroupUnknown {
		v |= 1
	}
	return v
}

// names is a set of entries in the order of their labels; those of one label from the newest to the oldest. It is built
// as set is.
type names struct{ blocks [][]uint32 }

// before is the order of names. Equal times are settled by the id, so that every node has the same order.
func before(a, b *entry) bool {
	switch {
	case a.label != b.label:
		return a.label < b.label
	case a.created != b.created:
		return a.created > b.created
	}
	return less(&b.object, &a.object)
}

// block is where e is or would be: the last block that does not begin behind it.
func (s *names) block(sl *slab, e *entry) int {
	return max(0, sort.Search(len(s.blocks), func(i int) bool { return before(e, sl.at(s.blocks[i][0])) })-1)
}

func (s *names) add(sl *slab, ref uint32) {
	if len(s.blocks) == 0 {
		s.blocks = [][]uint32{{ref}}
		return
	}
	e := sl.at(ref)
	b := s.block(sl, e)
	if full := s.blocks[b]; len(full) == blockSize {
		s.blocks = slices.Insert(s.blocks, b+1, append(make([]uint32, 0, blockSize), full[blockSize/2:]...))
		s.blocks[b] = full[:blockSize/2]
		b = s.block(sl, e)
	}
	s.blocks[b] = slices.Insert(s.blocks[b], atName(sl, s.blocks[b], e), ref)
}

func atName(sl *slab, block []uint32, e *entry) int {
	return sort.Search(len(block), func(i int) bool { return !before(sl.at(block[i]), e) })
}

func (s *names) remove(sl *slab, ref uint32) {
	e := sl.at(ref)
	b := s.block(sl, e)
	at := atName(sl, s.blocks[b], e)
	s.blocks[b] = slices.Delete(s.blocks[b], at, at+1)
	switch {
	case len(s.blocks[b]) == 0:
		s.blocks = slices.Delete(s.blocks, b, b+1)
	case b+1 < len(s.blocks) && len(s.blocks[b])+len(s.blocks[b+1]) <= blockSize/2:
		s.blocks[b] = append(s.blocks[b], s.blocks[b+1]...)
		s.blocks = slices.Delete(s.blocks, b+1, b+2)
	}
}

// seek is a cursor at the first entry that does not come before e, which need not be there.
func (s *names) seek(sl *slab, e *entry) cursor {
	c := cursor{blocks: s.blocks}
	if len(s.blocks) > 0 {
		b := s.block(sl, e)
		c.blocks = s.blocks[b:]
		c.at = atName(sl, s.blocks[b], e)
	}
	return c
}

var lastID = key.ID(bytes.Repeat([]byte{255}, 16))

// FindNames lists up to limit objects by name, as wire.FindNamesRequest says.
func (x *Index) FindNames(q *wire.FindNamesRequest, limit int) (hits []wire.NameHit, more bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.partitions[q.Partition]
	if p == nil || limit <= 0 || q.Group == key.GroupUnknown {
		return nil, false
	}
	s := p.names[viewOf(q.Group, q.Deleted)]
	if s == nil {
		return nil, false
	}
	if q.Name != nil {
		return p.versions(s, q, limit)
	}
	// The entry (name, 0, zero id) would be the last of its name.
	for c := s.seek(&p.slab, &entry{label: string(q.After)}); ; {
		ref, ok := c.ref()
		if !ok {
			return hits, false
		}
		if len(hits) == limit {
			return hits, true
		}
		e := p.at(ref)
		hits = append(hits, e.hit())
		// Most names have one version: look at the neighbour before the search.
		c.advance()
		if next, ok := c.ref(); ok && p.at(next).label == e.label {
			c = s.seek(&p.slab, &entry{label: e.label})
		}
	}
}

// versions lists the objects of one name.
func (p *partition) versions(s *names, q *wire.FindNamesRequest, limit int) (hits []wire.NameHit, more bool) {
	from := entry{label: string(q.Name), created: ^uint64(0), object: lastID}
	if !q.AfterObject.IsZero() {
		from.created, from.object = q.AfterCreated, q.AfterObject
	}
	for c := s.seek(&p.slab, &from); ; c.advance() {
		ref, ok := c.ref()
		if !ok || p.at(ref).label != from.label {
			return hits, false
		}
		if p.at(ref).object == q.AfterObject {
			continue
		}
		if len(hits) == limit {
			return hits, true
		}
		hits = append(hits, p.at(ref).hit())
	}
}

func (e *entry) hit() wire.NameHit {
	return wire.NameHit{Object: e.object, Label: []byte(e.label), Created: e.created}
}
