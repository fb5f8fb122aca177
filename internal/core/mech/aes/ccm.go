// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// CCM of SP 800-38C (RFC 3610), PKCS #11 section 6.13.4.

type ccmParams struct {
	dataLen    uint64
	nonce, aad []byte
	tag        int
}

func decodeCCM(p mech.Params) (ccmParams, error) {
	r := wire.NewReader(p)
	c := ccmParams{dataLen: r.U64(), nonce: r.Bytes(), aad: r.Bytes()}
	return c.judge(r.U64(), r.End())
}

// judge holds the values to SP 800-38C section 5.3 and appendix A.1.
func (c ccmParams) judge(macLen uint64, err error) (ccmParams, error) {
	if err != nil || len(c.nonce) < 7 || len(c.nonce) > 13 || macLen < 4 || macLen > 16 || macLen%2 != 0 ||
		c.dataLen > c.most() || uint64(len(c.aad)) > 1<<32-1 {
		return ccmParams{}, fault.MechanismParamInvalid.At("read ccm parameter")
	}
	c.tag = int(macLen)
	return c, nil
}

// most is the longest message that the length field beside this nonce can announce.
func (c ccmParams) most() uint64 {
	q := 15 - len(c.nonce)
	if q >= 8 {
		return 1<<64 - 1
	}
	return 1<<(8*q) - 1
}

func beginCCM(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	c, err := decodeCCM(p)
	if err != nil {
		return nil, err
	}
	c.nonce, c.aad = keep(c.nonce, c.aad)
	if use == mech.Encrypt {
		return mech.OnePiece(fault.DataLength, func(dst, in []byte) ([]byte, error) {
			if uint64(len(in)) != c.dataLen {
				return dst, fault.DataLength.At("seal ccm")
			}
			return sealCCM(a.block, dst, c, in), nil
		}), nil
	}
	return mech.OnePiece(fault.EncryptedDataLength, func(dst, in []byte) ([]byte, error) {
		if len(in) < c.tag || uint64(len(in)-c.tag) != c.dataLen {
			return dst, fault.EncryptedDataLength.At("open ccm")
		}
		return openCCM(a.block, dst, c, in)
	}), nil
}

// wrapCCM and unwrapCCM take the length from the key, as "AES-CCM Authenticated Wrap / Unwrap" says: the one in the
// parameter is ignored.
func wrapCCM(k mech.Key, p mech.Params, plain []byte) ([]byte, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	c, err := decodeCCM(p)
	if err != nil {
		return nil, err
	}
	if uint64(len(plain)) > c.most() {
		return nil, fault.KeySize.At("wrap with ccm")
	}
	return sealCCM(a.block, nil, c, plain), nil
}

func unwrapCCM(k mech.Key, p mech.Params, wrapped []byte) ([]byte, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	c, err := decodeCCM(p)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < c.tag || uint64(len(wrapped)-c.tag) > c.most() {
		return nil, fault.WrappedKeyLength.At("unwrap with ccm")
	}
	plain, err := openCCM(a.block, nil, c, wrapped)
	return plain, mech.WrapFault(err)
}

func sealCCM(b cipher.Block, dst []byte, c ccmParams, plain []byte) []byte {
	tag := ccmTag(b, c, plain)
	at := len(dst)
	dst = append(append(dst, plain...), tag[:c.tag]...)
	ccmCipher(b, c, dst[at:at+len(plain)], dst[at+len(plain):])
	return dst
}

func openCCM(b cipher.Block, dst []byte, c ccmParams, in []byte) ([]byte, error) {
	buf := append(make([]byte, 0, len(in)), in...)
	defer clear(buf)
	plain, tag := buf[:len(in)-c.tag], buf[len(in)-c.tag:]
	ccmCipher(b, c, plain, tag)
	want := ccmTag(b, c, plain)
	if subtle.ConstantTimeCompare(tag, want[:c.tag]) != 1 {
		return dst, fault.EncryptedDataInvalid.At("open ccm")
	}
	return append(dst, plain...), nil
}

// ccmCipher applies the counter blocks of appendix A.3: block 0 to the tag, the following to the data.
func ccmCipher(b cipher.Block, c ccmParams, data, tag []byte) {
	var block [16]byte
	block[0] = byte(14 - len(c.nonce))
	copy(block[1:], c.nonce)
	var s0 [16]byte
	b.Encrypt(s0[:], block[:])
	subtle.XORBytes(tag, tag, s0[:len(tag)])
	block[15] = 1
	cipher.NewCTR(b, block[:]).XORKeyStream(data, data)
}

// ccmTag is the CBC-MAC over the formatted input of appendix A.2.
func ccmTag(b cipher.Block, c ccmParams, plain []byte) [16]byte {
	var x, length [16]byte
	q := 15 - len(c.nonce)
	x[0] = byte((c.tag-2)/2<<3 | (q - 1))
	if len(c.aad) > 0 {
		x[0] |= 0x40
	}
	binary.BigEndian.PutUint64(length[8:], uint64(len(plain)))
	copy(x[16-q:], length[16-q:])
	copy(x[1:], c.nonce)
	b.Encrypt(x[:], x[:])
	if len(c.aad) > 0 {
		var head []byte
		if len(c.aad) < 0xFF00 {
			head = binary.BigEndian.AppendUint16(nil, uint16(len(c.aad)))
		} else {
			head = binary.BigEndian.AppendUint32([]byte{0xFF, 0xFE}, uint32(len(c.aad)))
		}
		first := min(16-len(head), len(c.aad))
		cbcMAC(b, &x, append(head, c.aad[:first]...))
		cbcMAC(b, &x, c.aad[first:])
	}
	cbcMAC(b, &x, plain)
	return x
}

// cbcMAC mixes data, filled with zeros to whole blocks, into the chain.
func cbcMAC(b cipher.Block, x *[16]byte, data []byte) {
	for len(data) > 0 {
		n := subtle.XORBytes(x[:], x[:], data[:min(16, len(data))])
		b.Encrypt(x[:], x[:])
		data = data[n:]
	}
}
