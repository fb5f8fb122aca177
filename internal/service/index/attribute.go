// SPDX-License-Identifier: Apache-2.0

package index

import "github.com/genbu-hsm/genbu/key"

// attribute leads from a value to the entries that have it. Most values belong to one entry, which the map then names
// itself; only a value that several share has a set.
type attribute struct {
	of     func(*entry) *string // which field of the entry holds the value
	places map[string]place
	shared []set
	unused []place // of shared
}

// place is the number of an entry, or, with the mark, of a shared set.
type place uint32

const sharedMark place = 1 << 31

func (p place) isShared() bool { return p&sharedMark != 0 }

func (a *attribute) set(p place) *set { return &a.shared[p&^sharedMark] }

// add lists ref under value and stores the value in the entry.
func (a *attribute) add(sl *slab, ref uint32, value []byte) {
	p, ok := a.places[string(value)]
	if !ok {
		own := string(value)
		*a.of(sl.at(ref)) = own
		a.places[own] = place(ref)
		return
	}
	if !p.isShared() {
		first := uint32(p)
		p = a.share()
		a.set(p).add(sl, first)
		a.places[*a.of(sl.at(first))] = p
	}
	s := a.set(p)
	*a.of(sl.at(ref)) = *a.of(sl.at(s.blocks[0][0])) // one copy of the bytes for all
	s.add(sl, ref)
}

func (a *attribute) share() place {
	if n := len(a.unused); n > 0 {
		p := a.unused[n-1]
		a.unused = a.unused[:n-1]
		return p
	}
	a.shared = append(a.shared, set{})
	return place(len(a.shared)-1) | sharedMark
}

func (a *attribute) remove(sl *slab, ref uint32) {
	value := *a.of(sl.at(ref))
	p := a.places[value]
	if !p.isShared() {
		delete(a.places, value)
		return
	}
	s := a.set(p)
	s.remove(sl, ref)
	if s.n > 1 {
		return
	}
	a.places[value] = place(s.blocks[0][0])
	*s = set{}
	a.unused = append(a.unused, p)
}

func (a *attribute) count(value []byte) int {
	p, ok := a.places[string(value)]
	switch {
	case !ok:
		return 0
	case !p.isShared():
		return 1
	}
	return a.set(p).n
}

func (a *attribute) walk(p *partition, value []byte, from *key.ID, visit func(*entry) bool) {
	at, ok := a.places[string(value)]
	switch {
	case !ok:
	case at.isShared():
		p.walk(a.set(at).seek(&p.slab, from), visit)
	default:
		if e := p.at(uint32(at)); !less(&e.object, from) {
			visit(e)
		}
	}
}
