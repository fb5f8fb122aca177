// SPDX-License-Identifier: Apache-2.0

package index

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// partition holds the objects of one tenant, each in one entry of the slab, and the ways that lead to it.
type partition struct {
	slab
	all    set // every object
	label  attribute
	id     attribute // CKA_ID
	kinds  []kind    // entry.kind counts from here
	kindOf map[classAndType]uint32
	names  map[view]*names
}

// kind is one combination of class and key type that occurs; there are a few dozen at most.
type kind struct {
	classAndType
	members set
}

type classAndType struct {
	class key.Class
	typ   key.Type
}

func newPartition() *partition {
	return &partition{
		label:  attribute{of: func(e *entry) *string { return &e.label }, places: map[string]place{}},
		id:     attribute{of: func(e *entry) *string { return &e.id }, places: map[string]place{}},
		kindOf: map[classAndType]uint32{},
		names:  map[view]*names{},
	}
}

func (p *partition) insert(m *wire.Meta) {
	ct := classAndType{m.Class, m.KeyType}
	k, ok := p.kindOf[ct]
	if !ok {
		k = uint32(len(p.kinds))
		p.kinds = append(p.kinds, kind{classAndType: ct})
		p.kindOf[ct] = k
	}
	v := viewOf(m.Group, m.Deleted)
	ref := p.take(entry{object: m.Object, kind: k, view: v, created: m.Created})
	p.label.add(&p.slab, ref, m.Label)
	p.id.add(&p.slab, ref, m.ID)
	p.kinds[k].members.add(&p.slab, ref)
	p.all.add(&p.slab, ref)
	if v != 0 {
		if p.names[v] == nil {
			p.names[v] = &names{}
		}
		p.names[v].add(&p.slab, ref)
	}
}

func (p *partition) remove(object key.ID) bool {
	c := p.all.seek(&p.slab, &object)
	ref, ok := c.ref()
	if !ok || p.at(ref).object != object {
		return false
	}
	if v := p.at(ref).view; v != 0 {
		p.names[v].remove(&p.slab, ref)
	}
	p.label.remove(&p.slab, ref)
	p.id.remove(&p.slab, ref)
	p.kinds[p.at(ref).kind].members.remove(&p.slab, ref)
	p.all.remove(&p.slab, ref)
	p.free(ref)
	return true
}

func (p *partition) matches(e *entry, q *wire.Query) bool {
	k := &p.kinds[e.kind]
	return (q.Class == nil || *q.Class == k.class) &&
		(q.KeyType == nil || *q.KeyType == k.typ) &&
		(q.Label == nil || string(q.Label) == e.label) &&
		(q.ID == nil || string(q.ID) == e.id) &&
		(q.Object == nil || *q.Object == e.object) &&
		(q.Handle == 0 || q.Handle == e.object.Handle())
}

// candidates shows, in the order of their ids and beginning with from, objects among which are all that match q, until
// visit returns false. It takes the narrowest way: an id or handle names one object, a label or CKA_ID a few.
func (p *partition) candidates(q *wire.Query, from key.ID, visit func(*entry) bool) {
	switch {
	case q.Object != nil:
		if less(q.Object, &from) {
			return
		}
		c := p.all.seek(&p.slab, q.Object)
		if ref, ok := c.ref(); ok {
			visit(p.at(ref))
		}
	case q.Handle != 0:
		if q.Handle >= key.SessionHandle {
			return // no token object has it
		}
		first := firstOf(q.Handle)
		if less(&first, &from) {
			first = from
		}
		p.walk(p.all.seek(&p.slab, &first), func(e *entry) bool { return e.object.Handle() == q.Handle && visit(e) })
	case q.Label != nil && (q.ID == nil || p.label.count(q.Label) <= p.id.count(q.ID)):
		p.label.walk(p, q.Label, &from, visit)
	case q.ID != nil:
		p.id.walk(p, q.ID, &from, visit)
	case q.Class != nil || q.KeyType != nil:
		p.merge(q, from, visit)
	default:
		p.walk(p.all.seek(&p.slab, &from), visit)
	}
}

func (p *partition) walk(c cursor, visit func(*entry) bool) {
	for ref, ok := c.ref(); ok && visit(p.at(ref)); ref, ok = c.ref() {
		c.advance()
	}
}

// merge walks the kinds that match side by side, always taking the smallest id.
func (p *partition) merge(q *wire.Query, from key.ID, visit func(*entry) bool) {
	var heads []cursor
	for i := range p.kinds {
		k := &p.kinds[i]
		if (q.Class == nil || *q.Class == k.class) && (q.KeyType == nil || *q.KeyType == k.typ) {
			heads = append(heads, k.members.seek(&p.slab, &from))
		}
	}
	for {
		var smallest *cursor
		var best *entry
		for i := range heads {
			if ref, ok := heads[i].ref(); ok {
				if e := p.at(ref); best == nil || less(&e.object, &best.object) {
					smallest, best = &heads[i], e
				}
			}
		}
		if best == nil || !visit(best) {
			return
		}
		smallest.advance()
	}
}

// firstOf is the smallest id that has this handle: the handle is the id's first 62 bits.
func firstOf(handle uint64) (id key.ID) {
	handle <<= 2
	for i := 7; i >= 0; i-- {
		id[i] = byte(handle)
		handle >>= 8
	}
	return id
}
