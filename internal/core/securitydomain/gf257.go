// SPDX-License-Identifier: Apache-2.0

package securitydomain

import (
	"crypto/rand"
	"encoding/binary"
)

// Shares are values of random polynomials over GF(257), one for each byte of the secret, which stands at 0 (A. Shamir, "How to
// share a secret", 1979). A value is 0 to 256, so it is written with its place x as a u16, little-endian: x << 9 | value.

const prime = 257

// split answers n shares of secret, any m of which give it back.
func split(secret []byte, m, n int) [][]byte {
	shares := make([][]byte, n)
	for i := range shares {
		shares[i] = make([]byte, 2*len(secret))
	}
	coefficients := make([]uint32, m)
	defer clear(coefficients)
	for b := range secret {
		coefficients[0] = uint32(secret[b])
		for i := 1; i < m; i++ {
			coefficients[i] = element()
		}
		for i := range shares {
			x, v := uint32(i+1), uint32(0)
			for k := m - 1; k >= 0; k-- { // Horner
				v = (v*x + coefficients[k]) % prime
			}
			binary.LittleEndian.PutUint16(shares[i][2*b:], uint16(x<<9|v))
		}
	}
	return shares
}

// element draws one of 0 to 256, each as likely as the others: of the 65536 values of two bytes the last one is drawn again.
func element() uint32 {
	var b [2]byte
	for {
		rand.Read(b[:])
		if v := binary.LittleEndian.Uint16(b[:]); v != 65535 {
			return uint32(v) % prime
		}
	}
}

// place answers at which x a share stands; false when it is not one share.
func place(share []byte) (x uint32, ok bool) {
	if len(share) != shareLen {
		return 0, false
	}
	for i := 0; i < len(share); i += 2 {
		w := uint32(binary.LittleEndian.Uint16(share[i:]))
		if i == 0 {
			x = w >> 9
		}
		if w>>9 != x || w&0x1ff >= prime {
			return 0, false
		}
	}
	return x, x > 0
}

// join answers the values at 0 of the polynomials through the shares; false when one of them is no byte, so that the shares do
// not belong together.
func join(shares [][]byte) (secret []byte, ok bool) {
	weights := make([]uint32, len(shares))
	for i := range shares {
		xi, _ := place(shares[i])
		w := uint32(1)
		for j := range shares {
			if xj, _ := place(shares[j]); j != i {
				w = w * xj % prime * inverse((xj+prime-xi)%prime) % prime
			}
		}
		weights[i] = w
	}
	secret, ok = make([]byte, shareLen/2), true
	for b := range secret {
		v := uint32(0)
		for i, s := range shares {
			v = (v + weights[i]*uint32(binary.LittleEndian.Uint16(s[2*b:])&0x1ff)) % prime
		}
		ok = ok && v < 256
		secret[b] = byte(v)
	}
	return secret, ok
}

// inverse is x to the power of 255 (Fermat). Places are no secrets.
func inverse(x uint32) uint32 {
	y := uint32(1)
	for range prime - 2 {
		y = y * x % prime
	}
	return y
}
