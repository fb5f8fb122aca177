// SPDX-License-Identifier: Apache-2.0

package ssp

import (
	"math/bits"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// The arena is cut into pages of pageLen bytes. A page in use holds places of one size, a power of two from minPlace to
// pageLen; a page whose last place is freed goes back to the unused ones. All bookkeeping lies outside the arena.
const (
	pageLen  = 4096
	minPlace = 32
	sizes    = 8 // 32, 64, ... 4096
)

type arena struct {
	kind string
	mem  []byte

	mu     sync.Mutex
	pages  []page       // guarded by mu
	unused []int        // guarded by mu: pages without a size
	open   [sizes][]int // guarded by mu: pages of a size that have a place left
	slots  []slot       // guarded by mu: what a handle's index points at
	spare  []uint32     // guarded by mu: slots without an owner
}

type page struct {
	size  int // index into open
	count int // places taken
	taken [pageLen / minPlace / 64]uint64
}

// slot is one owner's entry. Its generation is odd while it has an owner, so that the zero handle never fits.
type slot struct {
	gen   uint32
	users uint32 // Use calls in progress
	freed bool   // by Free, while in use: the last user releases it
	wiped bool   // by ZeroizeAll, while in use
	off   int
	n     int
}

var shared = sync.OnceValue(func() *arena { return newArena(mapArena()) })

func newArena(mem []byte, kind string) *arena {
	a := &arena{kind: kind, mem: mem, pages: make([]page, len(mem)/pageLen)}
	for i := len(a.pages) - 1; i >= 0; i-- {
		a.unused = append(a.unused, i)
	}
	return a
}

func sizeFor(n int) int { return bits.Len(uint(max(n, minPlace)-1)) - bits.Len(uint(minPlace-1)) }

func (a *arena) alloc(n int) (Bytes, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	size := sizeFor(n)
	if len(a.open[size]) == 0 {
		if len(a.unused) == 0 {
			return Bytes{}, fault.Unavailable.At("allocate secret memory")
		}
		i := a.unused[len(a.unused)-1]
		a.unused = a.unused[:len(a.unused)-1]
		a.pages[i] = page{size: size}
		a.open[size] = append(a.open[size], i)
	}
	i := a.open[size][len(a.open[size])-1]
	place := a.pages[i].take()
	if a.pages[i].full() {
		a.open[size] = a.open[size][:len(a.open[size])-1]
	}
	if len(a.spare) == 0 {
		a.slots = append(a.slots, slot{})
		a.spare = append(a.spare, uint32(len(a.slots)-1))
	}
	index := a.spare[len(a.spare)-1]
	a.spare = a.spare[:len(a.spare)-1]
	s := &a.slots[index]
	*s = slot{gen: s.gen + 1, off: i*pageLen + place*(minPlace<<size), n: n}
	return Bytes{index: index, gen: s.gen}, nil
}

func (p *page) full() bool { return p.count == pageLen/(minPlace<<p.size) }

func (p *page) take() int {
	for w := range p.taken {
		if free := ^p.taken[w]; free != 0 {
			b := bits.TrailingZeros64(free)
			p.taken[w] |= 1 << b
			p.count++
			return w*64 + b
		}
	}
	panic(fault.Internal.At("take a place in a full page"))
}

// find returns the slot of a living handle, or nil.
func (a *arena) find(b Bytes) *slot {
	if int(b.index) >= len(a.slots) {
		return nil
	}
	s := &a.slots[b.index]
	if s.gen != b.gen || s.gen%2 == 0 {
		return nil
	}
	return s
}

func (a *arena) len(b Bytes) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.find(b); s != nil && !s.freed && !s.wiped {
		return s.n
	}
	return 0
}

func (a *arena) enter(b Bytes) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.find(b)
	switch {
	case s == nil || s.freed:
		panic(fault.Internal.At("use a freed secret"))
	case s.wiped:
		panic(fault.Zeroized.At("use a secret"))
	}
	s.users++
	return a.mem[s.off : s.off+s.n : s.off+s.n]
}

// leave ends one use, and the slot with it when it was freed meanwhile.
func (a *arena) leave(b Bytes) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.find(b)
	s.users--
	wiped := s.wiped
	if s.users == 0 && s.freed {
		a.drop(b.index)
	}
	if wiped {
		panic(fault.Zeroized.At("use a secret"))
	}
}

func (a *arena) release(b Bytes) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.find(b)
	if s == nil {
		return
	}
	if s.users > 0 {
		s.freed = true
		return
	}
	a.drop(b.index)
}

// drop zeroes the slot's bytes and gives up its place. The caller holds mu; nobody uses the slot.
func (a *arena) drop(index uint32) {
	s := &a.slots[index]
	clear(a.mem[s.off : s.off+s.n])
	i := s.off / pageLen
	p := &a.pages[i]
	place := s.off % pageLen / (minPlace << p.size)
	if p.full() {
		a.open[p.size] = append(a.open[p.size], i)
	}
	p.taken[place/64] &^= 1 << (place % 64)
	if p.count--; p.count == 0 {
		for k, o := range a.open[p.size] {
			if o == i {
				a.open[p.size] = append(a.open[p.size][:k], a.open[p.size][k+1:]...)
				break
			}
		}
		a.unused = append(a.unused, i)
	}
	*s = slot{gen: s.gen + 1}
	a.spare = append(a.spare, index)
}

// zeroize clears all memory. mu is never held while a secret is in use, so this waits for nobody.
func (a *arena) zeroize() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.mem)
	for i := range a.slots {
		if a.slots[i].gen%2 == 1 {
			a.slots[i].wiped = true
		}
	}
}

func (a *arena) usage() (used, size int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return (len(a.pages) - len(a.unused)) * pageLen, len(a.mem)
}
