// SPDX-License-Identifier: Apache-2.0

package seal

// Arithmetic in GF(2^8) modulo x^8+x^4+x^3+x+1 (FIPS 197 section 4). There are no tables and no branches on the values,
// since a table look-up tells a cache neighbour which line was read.

// mul multiplies: one conditional addition for each bit of b.
func mul(a, b byte) (product byte) {
	for range 8 {
		product ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return product
}

// inv is a^254, which is 1/a, and 0 for 0.
func inv(a byte) byte {
	result := byte(1)
	for range 7 { // 254 = 2+4+...+128
		a = mul(a, a)
		result = mul(result, a)
	}
	return result
}

// evaluate is the polynomial's value at x; coefficients from the constant up.
func evaluate(coefficients []byte, x byte) (y byte) {
	for i := len(coefficients) - 1; i >= 0; i-- {
		y = mul(y, x) ^ coefficients[i]
	}
	return y
}

// weights are the Lagrange factors by which the values at xs add up to the value at x. The xs are distinct and no secret.
func weights(xs []byte, x byte) []byte {
	w := make([]byte, len(xs))
	for i, xi := range xs {
		w[i] = 1
		for j, xj := range xs {
			if i != j {
				w[i] = mul(w[i], mul(x^xj, inv(xi^xj)))
			}
		}
	}
	return w
}
