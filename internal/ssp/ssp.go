// SPDX-License-Identifier: Apache-2.0

// Package ssp holds sensitive security parameters (FIPS 140-3, ISO/IEC 19790 section 7.9): root key, partition keys and
// scratch that must outlive one request.
//
//	b, err := ssp.Alloc(32)
//	b.Use(access.Token{}, func(p []byte) { rand.Read(p) })
//	ssp.Do(func() { b.Use(access.Token{}, func(p []byte) { block, err = aes.NewCipher(p) }) })
//	b.Free()
//
// The bytes lie in one arena of memfd_secret memory, which the kernel shows to no other process, root included, and
// writes to no core dump and no swap page; where the kernel lacks it the arena is mlocked and Kind says so. A Bytes is
// only a number for a place in the arena, so no printer, logger or encoder can reach what it stands for.
//
// What is computed from a secret lies in ordinary memory. Do erases it: registers and stack at once, the heap at the next
// collection, which core/process runs within 1 s (Dirty, Collected).
package ssp

import (
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// MaxLen is the longest secret: room for every scratch value and for an ML-DSA-87 or RSA-8192 private key's seed or
// factors. Expanded private keys rest wrapped in ordinary memory.
const MaxLen = pageLen

// Bytes is a handle for secret bytes. Copies stand for the same bytes; whoever frees it frees it for all. The zero value
// stands for none, and using it is a bug.
type Bytes struct {
	_     [0]func() // incomparable: == on handles would look like a comparison of secrets
	index uint32
	gen   uint32 // guards against use after Free: a place's generation changes with each owner
}

// Alloc takes n zeroed bytes, 1 to MaxLen. Unavailable means that the arena is full or could not be had.
func Alloc(n int) (Bytes, error) {
	if n < 1 || n > MaxLen {
		return Bytes{}, fault.TooLarge.At("allocate secret memory")
	}
	return shared().alloc(n)
}

// Use calls f with the bytes, which f may change but not keep. A Free meanwhile takes effect when f has returned.
//
// It panics with a fault.Error when b was freed (Internal) or ZeroizeAll came before or during f (Zeroized): returning
// would let the caller go on with zeros for a key.
func (b Bytes) Use(_ access.Token, f func(p []byte)) {
	a := shared()
	p := a.enter(b)
	defer a.leave(b)
	f(p)
}

// Len is the number of bytes; 0 for a handle that was freed.
func (b Bytes) Len() int { return shared().len(b) }

// Equal compares in constant time. Secrets of unequal length are unequal. It panics as Use does.
func (b Bytes) Equal(c Bytes) bool {
	a := shared()
	p := a.enter(b)
	defer a.leave(b)
	q := a.enter(c)
	defer a.leave(c)
	return subtle.ConstantTimeCompare(p, q) == 1
}

// Free zeroes the bytes and gives their place back. Freeing twice, or the zero value, does nothing.
func (b Bytes) Free() { shared().release(b) }

// ZeroizeAll zeroes the whole arena at once, under the hands of whoever is using it, and ends all handles: a Use in
// progress panics instead of returning.
func ZeroizeAll() { shared().zeroize() }

// Usage is how many bytes of the arena lie in pages that hold something, and how many there are.
func Usage() (used, size int) { return shared().usage() }

// Kind is what the arena is made of: "memfd_secret", "mlock", or "" when neither could be had. The first call makes the
// arena, which a sandbox may forbid later.
func Kind() string { return shared().kind }
