// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"bytes"
	"crypto/sha3"
)

// Verification of a message representative (FIPS 204 algorithm 8), for HashML-DSA, which the library cannot verify.
// Everything here is public, so nothing is constant-time. It goes when crypto/mldsa takes a representative.

// poly is a polynomial of 256 coefficients modulo q, in the ring or in its NTT form.
type poly [256]uint32

// verify is ML-DSA.Verify_internal from line 7 on, with mu in place of M'.
func (s *set) verify(pk, mu, sig []byte) bool {
	challenge, z, hint, ok := s.decodeSignature(sig)
	if !ok {
		return false
	}
	rho := pk[:32]
	c := s.sampleInBall(challenge)
	c.ntt()
	for i := range z {
		z[i].ntt()
	}
	h := sha3.NewSHAKE256()
	h.Write(mu)
	for r := range s.k {
		// w = A z - c t1 2^d, row by row
		var w poly
		for i := range z {
			a := sampleNTT(rho, byte(i), byte(r))
			for j := range w {
				w[j] = add(w[j], mul(a[j], z[i][j]))
			}
		}
		t := decodeT1(pk[32+320*r:])
		t.ntt()
		for j := range w {
			w[j] = sub(w[j], mul(c[j], t[j]))
		}
		w.inverse()
		for j := range w {
			w[j] = s.useHint(hint[r][j], w[j])
		}
		h.Write(s.encodeW1(&w))
	}
	got := make([]byte, s.challengeSize)
	h.Read(got)
	return bytes.Equal(got, challenge)
}

// decodeSignature is sigDecode (algorithm 27) and the check of z's norm.
func (s *set) decodeSignature(sig []byte) (challenge []byte, z []poly, hint [][256]bool, ok bool) {
	challenge, sig = sig[:s.challengeSize], sig[s.challengeSize:]
	width := s.gamma1Bits + 1
	gamma1 := uint32(1) << s.gamma1Bits
	limit := gamma1 - uint32(s.tau*s.eta)
	z = make([]poly, s.l)
	for i := range z {
		for j := range z[i] {
			v := gamma1 // z = gamma1 - v, in (-gamma1, gamma1]
			v = sub(v, bits(sig, j*width, width))
			if norm(v) >= limit {
				return nil, nil, nil, false
			}
			z[i][j] = v
		}
		sig = sig[32*width:]
	}
	hint, ok = s.decodeHint(sig)
	return challenge, z, hint, ok
}

// decodeHint is HintBitUnpack (algorithm 21), which takes one encoding of each hint only.
func (s *set) decodeHint(y []byte) ([][256]bool, bool) {
	h := make([][256]bool, s.k)
	at := 0
	for i := range h {
		end := int(y[s.omega+i])
		if end < at || end > s.omega {
			return nil, false
		}
		for first := at; at < end; at++ {
			if at > first && y[at-1] >= y[at] {
				return nil, false
			}
			h[i][y[at]] = true
		}
	}
	for ; at < s.omega; at++ {
		if y[at] != 0 {
			return nil, false
		}
	}
	return h, true
}

// decodeT1 unpacks 10-bit coefficients of t1, times 2^13.
func decodeT1(b []byte) *poly {
	var t poly
	for j := range t {
		t[j] = bits(b, 10*j, 10) << 13
	}
	return &t
}

// sampleInBall is algorithm 29: tau coefficients of 1 or -1.
func (s *set) sampleInBall(seed []byte) *poly {
	h := sha3.NewSHAKE256()
	h.Write(seed)
	var sign [8]byte
	h.Read(sign[:])
	var c poly
	var b [1]byte
	for i := 256 - s.tau; i < 256; i++ {
		for h.Read(b[:]); int(b[0]) > i; h.Read(b[:]) {
		}
		n := i + s.tau - 256
		c[i] = c[b[0]]
		c[b[0]] = 1
		if sign[n/8]>>(n%8)&1 == 1 {
			c[b[0]] = q - 1
		}
	}
	return &c
}

// sampleNTT is RejNTTPoly (algorithm 30): one entry of the matrix A, which ExpandA (algorithm 32) seeds with column, row.
func sampleNTT(rho []byte, column, row byte) *poly {
	h := sha3.NewSHAKE128()
	h.Write(rho)
	h.Write([]byte{column, row})
	var a poly
	var block [168]byte // SHAKE128's rate, and a multiple of three
	for j := 0; j < len(a); {
		h.Read(block[:])
		for i := 0; i < len(block) && j < len(a); i += 3 {
			v := uint32(block[i]) | uint32(block[i+1])<<8 | uint32(block[i+2]&0x7F)<<16
			if v < q {
				a[j] = v
				j++
			}
		}
	}
	return &a
}

// useHint is algorithm 40: the high bits of r, moved by one where the hint says so.
func (s *set) useHint(hint bool, r uint32) uint32 {
	gamma2 := s.gamma2()
	m := (q - 1) / (2 * gamma2)
	r0 := int64(r % (2 * gamma2))
	if r0 > int64(gamma2) {
		r0 -= int64(2 * gamma2)
	}
	high := uint32((int64(r) - r0) / int64(2*gamma2))
	if int64(r)-r0 == q-1 {
		high, r0 = 0, r0-1
	}
	switch {
	case !hint:
		return high
	case r0 > 0:
		return (high + 1) % m
	default:
		return (high + m - 1) % m
	}
}

// encodeW1 is w1Encode (algorithm 28) of one polynomial: 6 or 4 bits a coefficient.
func (s *set) encodeW1(w *poly) []byte {
	width := 4
	if s.gamma2Div == 88 {
		width = 6
	}
	out := make([]byte, 32*width)
	for j, v := range w {
		for b := range width {
			at := j*width + b
			out[at/8] |= byte(v>>b&1) << (at % 8)
		}
	}
	return out
}

// bits reads width bits from bit at on, least significant first.
func bits(b []byte, at, width int) uint32 {
	var v uint32
	for i := range width {
		v |= uint32(b[(at+i)/8]>>((at+i)%8)&1) << i
	}
	return v
}
