// SPDX-License-Identifier: Apache-2.0

package ssp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// testArena is an arena of its own in ordinary memory, so that tests can fill it and look at it from outside.
func testArena(pages int) *arena { return newArena(make([]byte, pages*pageLen), "test") }

// panicCode is the fault code f panics with, OK when it returns.
func panicCode(f func()) (code fault.Code) {
	defer func() {
		if r := recover(); r != nil {
			code = fault.Of(r.(error))
		}
	}()
	f()
	return fault.OK
}

func TestAllocGivesZeroedSeparateMemory(t *testing.T) {
	type held struct {
		b    Bytes
		fill byte
		n    int
	}
	a := testArena(16)
	var all []held
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		if len(all) > 0 && rng.IntN(2) == 0 {
			k := rng.IntN(len(all))
			h := all[k]
			p := a.enter(h.b)
			if len(p) != h.n || !bytes.Equal(p, bytes.Repeat([]byte{h.fill}, h.n)) {
				t.Fatalf("step %d: a secret of %d bytes was overwritten", i, h.n)
			}
			a.leave(h.b)
			a.release(h.b)
			all[k] = all[len(all)-1]
			all = all[:len(all)-1]
			continue
		}
		n := 1 + rng.IntN([]int{40, 300, MaxLen}[rng.IntN(3)])
		b, err := a.alloc(n)
		if err != nil {
			if fault.Of(err) != fault.Unavailable {
				t.Fatal(err)
			}
			continue // full: the next rounds free some
		}
		p := a.enter(b)
		if !bytes.Equal(p, make([]byte, n)) {
			t.Fatalf("step %d: not zeroed", i)
		}
		fill := byte(1 + rng.IntN(255))
		for j := range p {
			p[j] = fill
		}
		a.leave(b)
		all = append(all, held{b, fill, n})
	}
	for _, h := range all {
		a.release(h.b)
	}
	if !bytes.Equal(a.mem, make([]byte, len(a.mem))) {
		t.Error("bytes of freed secrets are left in the arena")
	}
	if len(a.unused) != 16 {
		t.Errorf("%d of 16 pages came back", len(a.unused))
	}
}

func TestAllocFillsTheArenaToTheLastPlaceAndThenRefuses(t *testing.T) {
	for n, want := range map[int]int{1: 128, 32: 128, 33: 64, 64: 64, 2048: 2, 2049: 1, MaxLen: 1} {
		a := testArena(1)
		got := 0
		for ; got <= want; got++ {
			if _, err := a.alloc(n); err != nil {
				if !errors.Is(err, fault.Unavailable) {
					t.Error(err)
				}
				break
			}
		}
		if got != want {
			t.Errorf("a page held %d secrets of %d bytes, want %d", got, n, want)
		}
	}
	for _, n := range []int{-1, 0, MaxLen + 1} {
		if _, err := Alloc(n); !errors.Is(err, fault.TooLarge) {
			t.Errorf("Alloc(%d): %v", n, err)
		}
	}
	if _, err := newArena(nil, "").alloc(32); !errors.Is(err, fault.Unavailable) {
		t.Errorf("an arena that could not be had: %v", err)
	}
}

func TestAFreedHandleNeverReachesTheNextOwner(t *testing.T) {
	a := testArena(1)
	old, _ := a.alloc(32)
	a.release(old)
	next, _ := a.alloc(32)
	a.release(old) // must not free the next owner's
	if a.len(old) != 0 || a.len(next) != 32 {
		t.Errorf("lengths %d and %d", a.len(old), a.len(next))
	}
	for _, b := range []Bytes{old, {}, {index: 9, gen: 1}} {
		if c := panicCode(func() { a.enter(b) }); c != fault.Internal {
			t.Errorf("use of a dead handle: %v", c)
		}
	}
}

func TestFreeWaitsForUse(t *testing.T) {
	a := testArena(1)
	b, _ := a.alloc(32)
	p := a.enter(b)
	p[0] = 7
	a.release(b)
	if p[0] != 7 {
		t.Error("zeroed while in use")
	}
	if c := panicCode(func() { a.enter(b) }); c != fault.Internal {
		t.Errorf("a new use after Free: %v", c)
	}
	a.leave(b)
	if p[0] != 0 {
		t.Error("not zeroed after the last use")
	}
}

func TestZeroizeReachesSecretsInUseAndStopsTheirUsers(t *testing.T) {
	a := testArena(2)
	idle, _ := a.alloc(32)
	busy, _ := a.alloc(MaxLen)
	p := a.enter(busy)
	for i := range p {
		p[i] = 1
	}
	a.zeroize()
	if !bytes.Equal(p, make([]byte, MaxLen)) {
		t.Error("bytes in use survived")
	}
	if c := panicCode(func() { a.leave(busy) }); c != fault.Zeroized {
		t.Errorf("a use went on with zeros for a key: %v", c)
	}
	if c := panicCode(func() { a.enter(idle) }); c != fault.Zeroized {
		t.Errorf("a new use: %v", c)
	}
	a.release(idle)
	a.release(busy)
	if b, err := a.alloc(32); err != nil || a.len(b) != 32 {
		t.Errorf("the arena is not usable afterwards: %v", err)
	}
}

func TestEqualComparesContentsAndLength(t *testing.T) {
	make := func(s string) Bytes {
		b, err := Alloc(len(s))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Free)
		b.Use(access.Token{}, func(p []byte) { copy(p, s) })
		return b
	}
	a := make("same secret")
	if !a.Equal(a) || !a.Equal(make("same secret")) || a.Equal(make("same secreT")) || a.Equal(make("same")) {
		t.Error("Equal is wrong")
	}
	if a.Len() != 11 {
		t.Errorf("Len %d", a.Len())
	}
}

func TestArenaServesManyGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				b, err := Alloc(1 + (g*31+i)%200)
				if err != nil {
					t.Error(err)
					return
				}
				b.Use(access.Token{}, func(p []byte) {
					for j := range p {
						p[j] = byte(g)
					}
				})
				b.Use(access.Token{}, func(p []byte) {
					for _, c := range p {
						if c != byte(g) {
							t.Error("two owners of one place")
							return
						}
					}
				})
				b.Free()
			}
		})
	}
	wg.Wait()
}

func BenchmarkUse(b *testing.B) {
	s, _ := Alloc(32)
	defer s.Free()
	for b.Loop() {
		s.Use(access.Token{}, func([]byte) {})
	}
}
