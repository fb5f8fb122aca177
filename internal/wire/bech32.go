// SPDX-License-Identifier: Apache-2.0

package wire

import "bytes"

// Bech32m (BIP 350): letters and digits that are hard to confuse, and a checksum that finds any four wrong ones.

const (
	bech32Letters  = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	Bech32Checksum = 6 // letters at the end of a text
	bech32mConst   = 0x2bc830a3
)

// polymod is the checksum of BIP 173 over five-bit values.
func polymod(sum uint32, v byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(v)
	for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		sum ^= g & -(top >> i & 1)
	}
	return sum
}

func prefixSum(prefix string) uint32 {
	sum := uint32(1)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]>>5)
	}
	sum = polymod(sum, 0)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]&31)
	}
	return sum
}

// letter and value translate a five-bit value without a table look-up at a secret place.
func letter(v byte) (c byte) {
	for i := range len(bech32Letters) {
		c |= bech32Letters[i] & equal(byte(i), v)
	}
	return c
}

func value(c byte) (v byte, ok byte) {
	for i := range len(bech32Letters) {
		same := equal(bech32Letters[i], c)
		v |= byte(i) & same
		ok |= same
	}
	return v, ok
}

// equal is 0xff when a and b are the same, else 0.
func equal(a, b byte) byte { return byte((uint32(a^b) - 1) >> 8) }

// ToBech32 is prefix, "1", data and checksum, in lower case.
func ToBech32(prefix string, data []byte) []byte {
	out := append(make([]byte, 0, len(prefix)+1+len(data)*2+Bech32Checksum), prefix+"1"...)
	sum := prefixSum(prefix)
	put := func(v byte) {
		sum = polymod(sum, v)
		out = append(out, letter(v))
	}
	var bits, n uint32
	for _, b := range data {
		bits, n = bits<<8|uint32(b), n+8
		for ; n >= 5; n -= 5 {
			put(byte(bits>>(n-5)) & 31)
		}
	}
	if n > 0 {
		put(byte(bits<<(5-n)) & 31)
	}
	check := sum
	for range Bech32Checksum {
		check = polymod(check, 0)
	}
	check ^= bech32mConst
	for i := range Bech32Checksum {
		out = append(out, letter(byte(check>>(5*(Bech32Checksum-1-i)))&31))
	}
	return out
}

// FromBech32 checks text, which is in lower case, and answers its data; false for anything that ToBech32 would not write.
func FromBech32(prefix string, text []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(text, []byte(prefix+"1"))
	if !ok || len(rest) < Bech32Checksum {
		return nil, false
	}
	sum, known := prefixSum(prefix), byte(0xff)
	data := make([]byte, 0, len(rest)*5/8)
	var bits, n uint32
	for i, c := range rest {
		v, good := value(c)
		known &= good
		sum = polymod(sum, v)
		if i >= len(rest)-Bech32Checksum {
			continue
		}
		bits, n = bits<<5|uint32(v), n+5
		if n >= 8 {
			n -= 8
			data = append(data, byte(bits>>n))
		}
	}
	padding := bits & (1<<n - 1)
	return data, known == 0xff && sum == bech32mConst && n < 5 && padding == 0
}
