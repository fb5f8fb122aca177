// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Key wrapping as in SP 800-38F: KW (section 6.2, also RFC 3394) and KWP (section 6.3, also RFC 5649). The functions
// answer the faults of C_WrapKey and C_UnwrapKey; the rows that offer them for C_Encrypt translate.

// kwIV and kwpIV are the default initial values of the two standards, which a mechanism parameter may replace.
var (
	kwIV  = []byte{0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6}
	kwpIV = []byte{0xA6, 0x59, 0x59, 0xA6}
)

// KWPWrap wraps plain under an AES key with the default initial value.
func KWPWrap(kek, plain []byte) ([]byte, error) {
	b, err := aes.NewCipher(kek)
	if err != nil {
		return nil, fault.WrappingKeySize.At("wrap with padding")
	}
	return KWPSeal(b, nil, plain)
}

// KWPUnwrap is the reverse of KWPWrap.
func KWPUnwrap(kek, wrapped []byte) ([]byte, error) {
	b, err := aes.NewCipher(kek)
	if err != nil {
		return nil, fault.UnwrappingKeySize.At("unwrap with padding")
	}
	return KWPOpen(b, nil, wrapped)
}

// KWSeal is KW-AE. iv has eight bytes, or none for the default.
func KWSeal(b cipher.Block, iv, plain []byte) ([]byte, error) {
	if iv = orDefault(iv, kwIV); len(iv) != len(kwIV) {
		return nil, fault.MechanismParamInvalid.At("wrap key")
	}
	if len(plain)%8 != 0 || len(plain) < 16 {
		return nil, fault.KeySize.At("wrap key")
	}
	out := make([]byte, 8+len(plain))
	copy(out, iv)
	copy(out[8:], plain)
	wrapBlocks(b, out)
	return out, nil
}

// KWOpen is KW-AD.
func KWOpen(b cipher.Block, iv, wrapped []byte) ([]byte, error) {
	if iv = orDefault(iv, kwIV); len(iv) != len(kwIV) {
		return nil, fault.MechanismParamInvalid.At("unwrap key")
	}
	if len(wrapped)%8 != 0 || len(wrapped) < 24 {
		return nil, fault.WrappedKeyLength.At("unwrap key")
	}
	buf := append([]byte(nil), wrapped...)
	unwrapBlocks(b, buf)
	if subtle.ConstantTimeCompare(buf[:8], iv) != 1 {
		clear(buf)
		return nil, fault.WrappedKeyInvalid.At("unwrap key")
	}
	return buf[8:], nil
}

// KWPSeal is KWP-AE. iv has four bytes, or none for the default.
func KWPSeal(b cipher.Block, iv, plain []byte) ([]byte, error) {
	if iv = orDefault(iv, kwpIV); len(iv) != len(kwpIV) {
		return nil, fault.MechanismParamInvalid.At("wrap key with padding")
	}
	if len(plain) == 0 || uint64(len(plain)) > 1<<32-1 {
		return nil, fault.KeySize.At("wrap key with padding")
	}
	out := make([]byte, 8+(len(plain)+7)/8*8)
	copy(out, iv)
	binary.BigEndian.PutUint32(out[4:], uint32(len(plain)))
	copy(out[8:], plain)
	if len(out) == 16 { // one block: plain ECB, section 6.3 step 5
		b.Encrypt(out, out)
	} else {
		wrapBlocks(b, out)
	}
	return out, nil
}

// KWPOpen is KWP-AD. Initial value, length and padding are judged together, in constant time.
func KWPOpen(b cipher.Block, iv, wrapped []byte) ([]byte, error) {
	if iv = orDefault(iv, kwpIV); len(iv) != len(kwpIV) {
		return nil, fault.MechanismParamInvalid.At("unwrap key with padding")
	}
	if len(wrapped)%8 != 0 || len(wrapped) < 16 || uint64(len(wrapped)) > 1<<32 {
		return nil, fault.WrappedKeyLength.At("unwrap key with padding")
	}
	buf := append([]byte(nil), wrapped...)
	if len(buf) == 16 {
		b.Decrypt(buf, buf)
	} else {
		unwrapBlocks(b, buf)
	}
	body := buf[8:]
	n := int(binary.BigEndian.Uint32(buf[4:8]))
	good := subtle.ConstantTimeCompare(buf[:4], iv)
	good &= subtle.ConstantTimeLessOrEq(len(body)-7, n) & subtle.ConstantTimeLessOrEq(n, len(body))
	var pad byte
	for i := len(body) - 8; i < len(body); i++ {
		inPad := subtle.ConstantTimeLessOrEq(n, i)
		pad |= body[i] & byte(-inPad)
	}
	if good&subtle.ConstantTimeByteEq(pad, 0) != 1 {
		clear(buf)
		return nil, fault.WrappedKeyInvalid.At("unwrap key with padding")
	}
	return body[:n:n], nil
}

func orDefault(iv, standard []byte) []byte {
	if len(iv) == 0 {
		return standard
	}
	return iv
}

// wrapBlocks is W of SP 800-38F algorithm 1, in place: buf is A followed by the semiblocks.
func wrapBlocks(b cipher.Block, buf []byte) {
	var x [16]byte
	copy(x[:8], buf)
	n := len(buf)/8 - 1
	for t := uint64(0); t < uint64(6*n); t++ {
		r := buf[8+8*(t%uint64(n)):][:8]
		copy(x[8:], r)
		b.Encrypt(x[:], x[:])
		copy(r, x[8:])
		binary.BigEndian.PutUint64(x[:8], binary.BigEndian.Uint64(x[:8])^(t+1))
	}
	copy(buf, x[:8])
	clear(x[:])
}

// unwrapBlocks is the inverse of wrapBlocks, algorithm 2.
func unwrapBlocks(b cipher.Block, buf []byte) {
	var x [16]byte
	copy(x[:8], buf)
	n := len(buf)/8 - 1
	for t := uint64(6 * n); t > 0; t-- {
		r := buf[8+8*((t-1)%uint64(n)):][:8]
		binary.BigEndian.PutUint64(x[:8], binary.BigEndian.Uint64(x[:8])^t)
		copy(x[8:], r)
		b.Decrypt(x[:], x[:])
		copy(r, x[8:])
	}
	copy(buf, x[:8])
	clear(x[:])
}
