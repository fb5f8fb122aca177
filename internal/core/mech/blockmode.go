// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"crypto/cipher"
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// ECB and CBC of SP 800-38A sections 6.1 and 6.2 as operations, with and without the padding of PKCS #7, for every
// block cipher (AES, and DES3 for old data).

// BeginECB starts encryption or decryption in ECB mode.
func BeginECB(b cipher.Block, encrypt bool) Op {
	return &blockOp{mode: ecb{b, encrypt}, encrypt: encrypt}
}

// BeginCBC starts encryption or decryption in CBC mode. iv must be one block.
func BeginCBC(b cipher.Block, encrypt, padded bool, iv []byte) (Op, error) {
	if len(iv) != b.BlockSize() {
		return nil, fault.MechanismParamInvalid.At("read iv")
	}
	op := &blockOp{encrypt: encrypt, padded: padded}
	if encrypt {
		op.mode = cipher.NewCBCEncrypter(b, iv)
	} else {
		op.mode = cipher.NewCBCDecrypter(b, iv)
	}
	return op, nil
}

type ecb struct {
	b       cipher.Block
	encrypt bool
}

func (m ecb) BlockSize() int { return m.b.BlockSize() }

func (m ecb) CryptBlocks(dst, src []byte) {
	n := m.b.BlockSize()
	for ; len(src) > 0; src, dst = src[n:], dst[n:] {
		if m.encrypt {
			m.b.Encrypt(dst[:n], src[:n])
		} else {
			m.b.Decrypt(dst[:n], src[:n])
		}
	}
}

// blockOp carries input from part to part until it fills a block. A padded decryption keeps one full block back,
// because the last one is not all data.
type blockOp struct {
	mode            cipher.BlockMode
	encrypt, padded bool
	pending         [16]byte
	n               int // bytes in pending
}

func (o *blockOp) Update(dst, in []byte) ([]byte, error) {
	size := o.mode.BlockSize()
	keep := 0
	if o.padded && !o.encrypt {
		keep = 1
	}
	if o.n > 0 {
		k := copy(o.pending[o.n:size], in)
		o.n += k
		in = in[k:]
		if o.n < size || len(in) < keep {
			return dst, nil
		}
		dst = o.crypt(dst, o.pending[:size])
		o.n = 0
	}
	if whole := (len(in) - keep) / size * size; whole > 0 {
		dst = o.crypt(dst, in[:whole])
		in = in[whole:]
	}
	o.n = copy(o.pending[:], in)
	return dst, nil
}

func (o *blockOp) Final(dst []byte) ([]byte, error) {
	defer clear(o.pending[:])
	size := o.mode.BlockSize()
	switch {
	case o.encrypt && o.padded:
		pad := byte(size - o.n)
		for i := o.n; i < size; i++ {
			o.pending[i] = pad
		}
		return o.crypt(dst, o.pending[:size]), nil
	case o.encrypt && o.n != 0:
		return dst, fault.DataLength.At("encrypt last block")
	case !o.encrypt && o.padded:
		if o.n != size {
			return dst, fault.EncryptedDataLength.At("decrypt last block")
		}
		last := o.pending[:size]
		o.mode.CryptBlocks(last, last)
		n, ok := unpad(last)
		if !ok {
			return dst, fault.EncryptedDataInvalid.At("remove padding")
		}
		return append(dst, last[:n]...), nil
	case o.n != 0:
		return dst, fault.EncryptedDataLength.At("decrypt last block")
	}
	return dst, nil
}

func (o *blockOp) crypt(dst, in []byte) []byte {
	at := len(dst)
	dst = extend(dst, len(in))
	o.mode.CryptBlocks(dst[at:], in)
	return dst
}

// unpad judges the padding of PKCS #7 (RFC 5652 section 6.3) of the last block in constant time: that a padding is
// wrong is told, as PKCS #11 demands, but not where.
func unpad(block []byte) (n int, ok bool) {
	pad := int(block[len(block)-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, len(block))
	for i, b := range block {
		in := subtle.ConstantTimeLessOrEq(len(block), i+pad) // this byte is padding
		good &= subtle.ConstantTimeSelect(in, subtle.ConstantTimeByteEq(b, byte(pad)), 1)
	}
	return len(block) - pad*good, good == 1
}

// extend appends n bytes whose content the caller writes. An array that is too small is left to the caller, who owns it.
func extend(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst[:len(dst)+n]
	}
	grown := make([]byte, len(dst)+n)
	copy(grown, dst)
	return grown
}

// ZeroPad fills a value with zeros to a multiple of size, as ECB, CBC and KEY_WRAP do with a key that they wrap; the
// template of C_UnwrapKey tells its length again.
func ZeroPad(plain []byte, size int) []byte {
	padded := make([]byte, (len(plain)+size-1)/size*size)
	copy(padded, plain)
	return padded
}
