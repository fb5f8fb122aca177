// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto/rsa"
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// pkcs1Overhead is what PKCS #1 v1.5 padding takes of the modulus: 00 bt, eight bytes of padding, 00.
const pkcs1Overhead = 11

// own asserts that a key handed to a row of this family was parsed by it, and has a private half where the use needs one.
func own(k mech.Key, private bool) (*rsaKey, error) {
	r, ok := k.(*rsaKey)
	if !ok {
		return nil, fault.KeyTypeMismatch.At("use rsa key")
	}
	if private && !r.Private() {
		return nil, fault.KeyTypeMismatch.At("use rsa private key")
	}
	return r, nil
}

func signLen(k mech.Key, _ mech.Params) int {
	if r, ok := k.(*rsaKey); ok {
		return r.size()
	}
	return 0
}

// checkSignature is the part of every verification that needs no arithmetic.
func (k *rsaKey) checkSignature(sig []byte) error {
	if len(sig) != k.size() {
		return fault.SignatureLength.At("verify rsa signature")
	}
	return nil
}

// beginSignPKCS1 signs its input as it is: a DigestInfo that the caller made (CKM_RSA_PKCS).
func beginSignPKCS1(k *rsaKey) (mech.Op, error) {
	return mech.Collect(k.size()-pkcs1Overhead, fault.DataLength, func(info []byte) ([]byte, error) {
		return answer(k.priv.signPKCS1(0, info))
	}), nil
}

func beginVerifyPKCS1(k mech.Key, p mech.Params) (mech.Verifier, error) {
	r, err := own(k, false)
	if err != nil {
		return nil, err
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	return mech.CollectVerify(r.size()-pkcs1Overhead, fault.DataLength, func(info, sig []byte) error {
		if err := r.checkSignature(sig); err != nil {
			return err
		}
		return verdict(rsa.VerifyPKCS1v15(r.pub, 0, info, sig))
	}), nil
}

// beginSignRaw signs a number as long as the modulus; shorter input is padded with zeroes in front (CKM_RSA_X_509).
func beginSignRaw(k *rsaKey) (mech.Op, error) {
	return mech.Collect(k.size(), fault.DataLength, func(in []byte) ([]byte, error) {
		return k.priv.raw(leftPad(in, k.size()))
	}), nil
}

func beginVerifyRaw(k mech.Key, p mech.Params) (mech.Verifier, error) {
	r, err := own(k, false)
	if err != nil {
		return nil, err
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	return mech.CollectVerify(r.size(), fault.DataLength, func(in, sig []byte) error {
		if err := r.checkSignature(sig); err != nil {
			return err
		}
		got, err := rawPublic(r.pub, sig)
		if err != nil || subtle.ConstantTimeCompare(got, leftPad(in, r.size())) != 1 {
			return fault.SignatureInvalid.At("verify rsa signature")
		}
		return nil
	}), nil
}

// hashedPKCS1 is SHAx_RSA_PKCS over one digest.
func hashedPKCS1(h key.Hash) (begin func(mech.Use, mech.Key, mech.Params) (mech.Op, error), verify func(mech.Key, mech.Params) (mech.Verifier, error)) {
	newHash, err1 := mech.NewHash(h)
	id, err2 := mech.CryptoHash(h)
	if err1 != nil || err2 != nil {
		panic("rsa: digest without implementation in the table of rows")
	}
	begin = func(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
		r, err := own(k, true)
		if err != nil {
			return nil, err
		}
		if use != mech.Sign {
			return nil, fault.MechanismInvalid.At("begin rsa operation")
		}
		if err := decodeNone(p); err != nil {
			return nil, err
		}
		return mech.HashSign(newHash(), func(digest []byte) ([]byte, error) {
			return answer(r.priv.signPKCS1(id, digest))
		}), nil
	}
	verify = func(k mech.Key, p mech.Params) (mech.Verifier, error) {
		r, err := own(k, false)
		if err != nil {
			return nil, err
		}
		if err := decodeNone(p); err != nil {
			return nil, err
		}
		return mech.HashVerify(newHash(), func(digest, sig []byte) error {
			if err := r.checkSignature(sig); err != nil {
				return err
			}
			return verdict(rsa.VerifyPKCS1v15(r.pub, id, digest, sig))
		}), nil
	}
	return begin, verify
}

// answer maps an engine's error: with a checked key and checked lengths there is none that a caller could cause, but
// for a modulus too short for digest and salt.
func answer(sig []byte, err error) ([]byte, error) {
	if err == rsa.ErrMessageTooLong {
		return nil, fault.KeySize.At("sign with rsa")
	}
	if err != nil {
		return nil, fault.Internal.At("sign with rsa")
	}
	return sig, nil
}

func verdict(err error) error {
	if err != nil {
		return fault.SignatureInvalid.At("verify rsa signature")
	}
	return nil
}

func leftPad(in []byte, n int) []byte {
	out := make([]byte, n)
	copy(out[n-len(in):], in)
	return out
}
