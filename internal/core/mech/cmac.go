// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"crypto/cipher"
	"crypto/subtle"
)

// CMAC of SP 800-38B (RFC 4493) over a cipher with blocks of 16 bytes, as a hash.Hash: the AES rows sign with it, and
// the key derivation of SP 800-108 uses it as PRF.
type CMAC struct {
	b      cipher.Block
	k1, k2 [16]byte
	x      [16]byte // the chain up to the kept block
	last   [16]byte // the kept block: input that may be the last
	n      int      // bytes in last
}

// NewCMAC makes the subkeys. b must have blocks of 16 bytes.
func NewCMAC(b cipher.Block) *CMAC {
	c := &CMAC{b: b}
	b.Encrypt(c.k1[:], c.k1[:])
	double(&c.k1)
	c.k2 = c.k1
	double(&c.k2)
	return c
}

// double multiplies by x in GF(2^128), section 6.1 step 2, without a branch on the secret bit.
func double(v *[16]byte) {
	carry := v[0] >> 7
	for i := range 15 {
		v[i] = v[i]<<1 | v[i+1]>>7
	}
	v[15] = v[15]<<1 ^ 0x87&-carry
}

func (c *CMAC) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if c.n == 16 { // more follows, so the kept block is not the last
			c.mix(&c.last)
			c.n = 0
		}
		k := copy(c.last[c.n:], p)
		c.n += k
		p = p[k:]
	}
	return n, nil
}

func (c *CMAC) mix(block *[16]byte) {
	subtle.XORBytes(c.x[:], c.x[:], block[:])
	c.b.Encrypt(c.x[:], c.x[:])
}

// Sum appends the MAC of what was written so far; more may be written after it.
func (c *CMAC) Sum(dst []byte) []byte {
	block, k := c.last, &c.k1
	if c.n < 16 {
		k = &c.k2
		clear(block[c.n:])
		block[c.n] = 0x80
	}
	subtle.XORBytes(block[:], block[:], k[:])
	subtle.XORBytes(block[:], block[:], c.x[:])
	c.b.Encrypt(block[:], block[:])
	return append(dst, block[:]...)
}

// Reset begins a new message under the same key.
func (c *CMAC) Reset() {
	clear(c.x[:])
	clear(c.last[:])
	c.n = 0
}

// Size is 16.
func (c *CMAC) Size() int { return 16 }

// BlockSize is 16.
func (c *CMAC) BlockSize() int { return 16 }
