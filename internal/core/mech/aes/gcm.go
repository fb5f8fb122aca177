// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/cipher"
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// GCM of SP 800-38D, PKCS #11 section 6.13.2. Go's GCM has tags of 16 bytes with any nonce, and other lengths down to
// 12 only with nonces of 12; the standard allows 4 and 8 as well. A shorter tag is the front of the long one, so one
// instance per nonce length serves them all.

const tagSize = 16

type gcmParams struct {
	iv, aad []byte
	tag     int // in bytes
}

func decodeGCM(p mech.Params) (gcmParams, error) {
	r := wire.NewReader(p)
	g := gcmParams{iv: r.Bytes()}
	r.U64() // ulIvBits: section 6.13.6 says not to use it, and callers leave anything in it
	g.aad = r.Bytes()
	tagBits := r.U64()
	var ok bool
	g.tag, ok = tagBytes(tagBits)
	if r.End() != nil || len(g.iv) == 0 || !ok {
		return gcmParams{}, fault.MechanismParamInvalid.At("read gcm parameter")
	}
	return g, nil
}

// tagBytes accepts the tag lengths of SP 800-38D section 5.2.1.2.
func tagBytes(bits uint64) (int, bool) {
	switch bits {
	case 32, 64, 96, 104, 112, 120, 128:
		return int(bits / 8), true
	}
	return 0, false
}

// aead answers GCM for nonces of n bytes. The usual length is kept with the key.
func (k *aesKey) aead(n int) (cipher.AEAD, error) {
	if n != 12 {
		g, err := cipher.NewGCMWithNonceSize(k.block, n)
		if err != nil {
			return nil, fault.Internal.At("prepare gcm")
		}
		return g, nil
	}
	k.gcmOnce.Do(func() { k.gcm, k.gcmErr = cipher.NewGCM(k.block) })
	if k.gcmErr != nil {
		return nil, fault.Internal.At("prepare gcm")
	}
	return k.gcm, nil
}

func beginGCM(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	g, err := decodeGCM(p)
	if err != nil {
		return nil, err
	}
	aead, err := a.aead(len(g.iv))
	if err != nil {
		return nil, err
	}
	g.iv, g.aad = keep(g.iv, g.aad)
	if use == mech.Encrypt {
		return mech.OnePiece(fault.DataLength, func(dst, in []byte) ([]byte, error) {
			return sealGCM(aead, dst, g, in), nil
		}), nil
	}
	return mech.OnePiece(fault.EncryptedDataLength, func(dst, in []byte) ([]byte, error) {
		return openGCM(aead, dst, g, in)
	}), nil
}

func sealGCM(aead cipher.AEAD, dst []byte, g gcmParams, plain []byte) []byte {
	dst = aead.Seal(dst, g.iv, plain, g.aad)
	return dst[:len(dst)-tagSize+g.tag]
}

// openGCM answers nothing of the plaintext unless the tag is right.
func openGCM(aead cipher.AEAD, dst []byte, g gcmParams, in []byte) ([]byte, error) {
	if len(in) < g.tag {
		return dst, fault.EncryptedDataLength.At("open gcm")
	}
	if g.tag == tagSize {
		out, err := aead.Open(dst, g.iv, in, g.aad)
		if err != nil {
			return dst, fault.EncryptedDataInvalid.At("open gcm")
		}
		return out, nil
	}
	// GCM's cipher is its own inverse: sealing the ciphertext gives the plaintext, and sealing that the true tag.
	ct, tag := in[:len(in)-g.tag], in[len(in)-g.tag:]
	plain := aead.Seal(nil, g.iv, ct, g.aad)[:len(ct)]
	check := aead.Seal(nil, g.iv, plain, g.aad)[len(ct):]
	defer clear(plain)
	if subtle.ConstantTimeCompare(check[:g.tag], tag) != 1 {
		return dst, fault.EncryptedDataInvalid.At("open gcm")
	}
	return append(dst, plain...), nil
}

// keep copies what an operation needs of its parameter beyond Begin.
func keep(iv, aad []byte) ([]byte, []byte) {
	both := append(append(make([]byte, 0, len(iv)+len(aad)), iv...), aad...)
	return both[:len(iv):len(iv)], both[len(iv):]
}

// gcmApproved follows the indicator of Go's module: opening is approved, sealing only under an IV that the module drew.
func gcmApproved(use mech.Use, _ mech.Key, p mech.Params, _ int) bool {
	switch use {
	case mech.Decrypt, mech.Unwrap:
		g, err := decodeGCM(p)
		return err == nil && g.tag == tagSize
	case mech.MessageDecrypt:
		m, err := decodeGCMMessage(p)
		return err == nil && m.tag == tagSize
	case mech.MessageEncrypt:
		m, err := decodeGCMMessage(p)
		return err == nil && m.tag == tagSize && m.modulesOwn()
	}
	return false
}
