// SPDX-License-Identifier: Apache-2.0

package chacha

import (
	"bytes"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func begin(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	c, ok := k.(*chachaKey)
	if !ok {
		return nil, fault.KeyTypeMismatch.At("take chacha20 key")
	}
	r := wire.NewReader(p)
	nonce, aad := r.Bytes(), r.Bytes()
	if r.End() != nil {
		return nil, fault.MechanismParamInvalid.At("read chacha20 parameter")
	}
	a, err := c.aead(nonce)
	if err != nil {
		return nil, err
	}
	nonce, aad = bytes.Clone(nonce), bytes.Clone(aad)
	if use == mech.Encrypt {
		return mech.OnePiece(fault.DataLength, func(dst, in []byte) ([]byte, error) {
			return a.Seal(dst, nonce, in, aad), nil
		}), nil
	}
	return mech.OnePiece(fault.EncryptedDataLength, func(dst, in []byte) ([]byte, error) {
		if len(in) < chacha20poly1305.Overhead {
			return dst, fault.EncryptedDataLength.At("open chacha20-poly1305")
		}
		out, err := a.Open(dst, nonce, in, aad)
		if err != nil {
			return dst, fault.EncryptedDataInvalid.At("open chacha20-poly1305")
		}
		return out, nil
	}), nil
}

// message decodes the parameter of message-based encryption, which has no generator: the caller gives the nonce.
func (k *chachaKey) message(row *mech.Row, p mech.Params) ([]byte, error) {
	if row.ID != key.MechChaCha20Poly1305 {
		return nil, fault.MechanismInvalid.At("take message")
	}
	r := wire.NewReader(p)
	nonce := r.Bytes()
	if r.End() != nil {
		return nil, fault.MechanismParamInvalid.At("read chacha20 message parameter")
	}
	return nonce, nil
}

// SealMessage encrypts one message.
func (k *chachaKey) SealMessage(row *mech.Row, p mech.Params, aad, plain []byte) (iv, ct, tag []byte, err error) {
	nonce, err := k.message(row, p)
	if err != nil {
		return nil, nil, nil, err
	}
	a, err := k.aead(nonce)
	if err != nil {
		return nil, nil, nil, err
	}
	out := a.Seal(nil, nonce, plain, aad)
	n := len(plain)
	return bytes.Clone(nonce), out[:n:n], out[n:], nil
}

// OpenMessage decrypts one message.
func (k *chachaKey) OpenMessage(row *mech.Row, p mech.Params, aad, ct, tag []byte) ([]byte, error) {
	nonce, err := k.message(row, p)
	if err != nil {
		return nil, err
	}
	a, err := k.aead(nonce)
	if err != nil {
		return nil, err
	}
	if len(tag) != chacha20poly1305.Overhead {
		return nil, fault.MechanismParamInvalid.At("decrypt chacha20 message")
	}
	plain, err := a.Open(nil, nonce, append(append(make([]byte, 0, len(ct)+len(tag)), ct...), tag...), aad)
	if err != nil {
		return nil, fault.AEADFailed.At("decrypt chacha20 message")
	}
	return plain, nil
}
