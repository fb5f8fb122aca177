// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/cipher"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Wrapping of other keys. Where a mode has no padding of its own the value is filled with zeros (PKCS #11 sections
// 6.10.4, 6.10.5, 6.16.3), and Unwrap answers it with the zeros: the template tells the length of a secret key, and
// the encoding of a private key its own end.

type beginner func(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error)

func wrapWith(begin beginner, block int) func(mech.Key, mech.Params, []byte) ([]byte, error) {
	return func(k mech.Key, p mech.Params, plain []byte) ([]byte, error) {
		op, err := begin(mech.Encrypt, k, p)
		if err != nil {
			return nil, err
		}
		if block > 1 {
			plain = mech.ZeroPad(plain, block)
			defer clear(plain)
		}
		out, err := mech.OneShot(op, nil, plain)
		return out, mech.WrapFault(err)
	}
}

func unwrapWith(begin beginner) func(mech.Key, mech.Params, []byte) ([]byte, error) {
	return func(k mech.Key, p mech.Params, wrapped []byte) ([]byte, error) {
		op, err := begin(mech.Decrypt, k, p)
		if err != nil {
			return nil, err
		}
		out, err := mech.OneShot(op, nil, wrapped)
		return out, mech.WrapFault(err)
	}
}

type wrapFunc func(b cipher.Block, iv, in []byte) ([]byte, error)

// beginKW and beginKWP offer key wrapping to C_Encrypt, which fills nothing.
func beginKW(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	return beginWrap(use, k, p, 8, mech.KWSeal, mech.KWOpen)
}

// beginKWP serves AES_KEY_WRAP_KWP, which is RFC 5649, and AES_KEY_WRAP_PAD. The standard only says of the latter that
// it is deprecated; older texts leave open whether its padding is that of PKCS #7 or RFC 5649, and tokens differ.
// SoftHSM2 and nShield do RFC 5649 under this number, and programs that use it were written against such tokens.
func beginKWP(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	return beginWrap(use, k, p, 4, mech.KWPSeal, mech.KWPOpen)
}

func beginWrap(use mech.Use, k mech.Key, p mech.Params, ivLen int, seal, open wrapFunc) (mech.Op, error) {
	a, iv, err := wrapParams(k, p, ivLen)
	if err != nil {
		return nil, err
	}
	iv, _ = keep(iv, nil)
	work, tooLong := open, fault.EncryptedDataLength
	if use == mech.Encrypt {
		work, tooLong = seal, fault.DataLength
	}
	return mech.OnePiece(tooLong, func(dst, in []byte) ([]byte, error) {
		out, err := work(a.block, iv, in)
		if err != nil {
			return dst, mech.CryptFault(err)
		}
		return append(dst, out...), nil
	}), nil
}

// wrapParams decodes the optional initial value.
func wrapParams(k mech.Key, p mech.Params, ivLen int) (*aesKey, []byte, error) {
	a, err := of(k)
	if err != nil {
		return nil, nil, err
	}
	iv, err := mech.BytesParam(p)
	if err != nil {
		return nil, nil, err
	}
	if len(iv) != 0 && len(iv) != ivLen {
		return nil, nil, fault.MechanismParamInvalid.At("read iv of key wrap")
	}
	return a, iv, nil
}

func wrapKW(k mech.Key, p mech.Params, plain []byte) ([]byte, error) {
	a, iv, err := wrapParams(k, p, 8)
	if err != nil {
		return nil, err
	}
	if len(plain) == 0 {
		return nil, fault.KeySize.At("wrap key")
	}
	padded := mech.ZeroPad(plain, 8)
	defer clear(padded)
	return mech.KWSeal(a.block, iv, padded)
}

func unwrapKW(k mech.Key, p mech.Params, wrapped []byte) ([]byte, error) {
	a, iv, err := wrapParams(k, p, 8)
	if err != nil {
		return nil, err
	}
	return mech.KWOpen(a.block, iv, wrapped)
}

func wrapKWP(k mech.Key, p mech.Params, plain []byte) ([]byte, error) {
	a, iv, err := wrapParams(k, p, 4)
	if err != nil {
		return nil, err
	}
	return mech.KWPSeal(a.block, iv, plain)
}

func unwrapKWP(k mech.Key, p mech.Params, wrapped []byte) ([]byte, error) {
	a, iv, err := wrapParams(k, p, 4)
	if err != nil {
		return nil, err
	}
	return mech.KWPOpen(a.block, iv, wrapped)
}
