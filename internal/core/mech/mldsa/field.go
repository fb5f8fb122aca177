// SPDX-License-Identifier: Apache-2.0

package mldsa

import mathbits "math/bits"

// Arithmetic modulo q and the number-theoretic transform (FIPS 204 section 7.5), plainly.

const q = 8380417 // 2^23 - 2^13 + 1

func add(a, b uint32) uint32 {
	if a += b; a >= q {
		a -= q
	}
	return a
}

func sub(a, b uint32) uint32 { return add(a, q-b%q) }

func mul(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) % q) }

// norm is the distance of a to 0 modulo q.
func norm(a uint32) uint32 { return min(a, q-a) }

// zetas are the powers of the root of unity 1753 in bit-reversed order (appendix B).
var zetas = func() (z [256]uint32) {
	powers := [256]uint32{1}
	for i := 1; i < len(powers); i++ {
		powers[i] = mul(powers[i-1], 1753)
	}
	for i := range z {
		z[i] = powers[mathbits.Reverse8(uint8(i))]
	}
	return z
}()

// ntt is algorithm 41, in place.
func (p *poly) ntt() {
	m := 0
	for length := 128; length >= 1; length /= 2 {
		for start := 0; start < 256; start += 2 * length {
			m++
			for j := start; j < start+length; j++ {
				t := mul(zetas[m], p[j+length])
				p[j+length] = sub(p[j], t)
				p[j] = add(p[j], t)
			}
		}
	}
}

// inverse is algorithm 42, in place.
func (p *poly) inverse() {
	m := 256
	for length := 1; length < 256; length *= 2 {
		for start := 0; start < 256; start += 2 * length {
			m--
			for j := start; j < start+length; j++ {
				t := p[j]
				p[j] = add(t, p[j+length])
				p[j+length] = mul(q-zetas[m], sub(t, p[j+length]))
			}
		}
	}
	for j := range p {
		p[j] = mul(p[j], 8347681) // 256^-1
	}
}
