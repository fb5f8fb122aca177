// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"crypto/cipher"
	"hash"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// A row asks its key for the abilities below, because one key type serves the rows of several families: the MAC and the
// key derivation rows work with keys that generic or aes parsed.

// BlockKey is a key of a block cipher.
type BlockKey interface {
	Key
	Block() cipher.Block
}

// SecretKey is a secret without an algorithm of its own: generic secrets, HMAC keys, HKDF keys.
type SecretKey interface {
	Key

	// Value is the secret itself, a view that the caller does not change or keep.
	Value() []byte

	// TakeHMAC answers a keyed HMAC state that stands at its beginning; GiveHMAC returns it for the next user. A state
	// that is not returned is only slower.
	TakeHMAC(h key.Hash) (hash.Hash, error)
	GiveHMAC(h key.Hash, state hash.Hash)
}

// Whole is implemented by an Op that does better when it has its input in one piece: an AEAD then works without a
// copy. It ends the operation. dst and in do not overlap.
type Whole interface {
	Whole(dst, in []byte) ([]byte, error)
}

// OneShot runs an operation from Begin to end over one piece of input.
func OneShot(op Op, dst, in []byte) ([]byte, error) {
	if w, ok := op.(Whole); ok {
		return w.Whole(dst, in)
	}
	dst, err := op.Update(dst, in)
	if err != nil {
		return dst, err
	}
	return op.Final(dst)
}

// NoParams refuses a parameter for a mechanism that has none.
func NoParams(p Params) error {
	if len(p) != 0 {
		return fault.MechanismParamInvalid.At("read parameter")
	}
	return nil
}

// BytesParam decodes ShapeBytes; no parameter at all is an empty one.
func BytesParam(p Params) ([]byte, error) {
	if len(p) == 0 {
		return nil, nil
	}
	r := wire.NewReader(p)
	b := r.Bytes()
	if r.End() != nil {
		return nil, fault.MechanismParamInvalid.At("read parameter")
	}
	return b, nil
}

// LengthParam decodes ShapeULong as the length of a MAC that is between 1 and most bytes.
func LengthParam(p Params, most int) (int, error) {
	r := wire.NewReader(p)
	n := r.U64()
	if r.End() != nil || n < 1 || n > uint64(most) {
		return 0, fault.MechanismParamInvalid.At("read length of mac")
	}
	return int(n), nil
}

// The same work fails in different words in C_Encrypt, C_Decrypt, C_WrapKey and C_UnwrapKey. The functions below
// translate; other faults pass.

// CryptFault turns the faults of wrapping into the ones of encryption.
func CryptFault(err error) error {
	return translate(err, map[fault.Code]fault.Code{
		fault.KeySize:           fault.DataLength,
		fault.WrappedKeyInvalid: fault.EncryptedDataInvalid,
		fault.WrappedKeyLength:  fault.EncryptedDataLength,
	})
}

// WrapFault turns the faults of encryption into the ones of wrapping.
func WrapFault(err error) error {
	return translate(err, map[fault.Code]fault.Code{
		fault.DataLength:           fault.KeySize,
		fault.EncryptedDataInvalid: fault.WrappedKeyInvalid,
		fault.EncryptedDataLength:  fault.WrappedKeyLength,
		fault.AEADFailed:           fault.WrappedKeyInvalid,
	})
}

func translate(err error, words map[fault.Code]fault.Code) error {
	if err == nil {
		return nil
	}
	if code, ok := words[fault.Of(err)]; ok {
		step := ""
		if e, ok := err.(*fault.Error); ok {
			step = e.Step
		}
		return code.At(step)
	}
	return err
}
