// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// Rest seals material while it rests in the core's ordinary memory, under a key that is drawn at start, lies in secret
// memory and never leaves it. Opening one key costs a microsecond; a thousand keys at rest cost no secret memory.
type Rest struct {
	key   ssp.Bytes
	nonce atomic.Uint64 // counted, so no nonce comes twice under this key
}

const (
	restKeyLen = 32
	nonceLen   = 12
)

// NewRest draws the resting key.
func NewRest() (*Rest, error) {
	k, err := ssp.Alloc(restKeyLen)
	if err != nil {
		return nil, err
	}
	k.Use(access.Token{}, func(p []byte) { rand.Read(p) })
	return &Rest{key: k}, nil
}

// Seal answers secret in its resting form, bound to name. Called inside ssp.Do.
func (r *Rest) Seal(secret, name []byte) ([]byte, error) {
	if secret == nil {
		return nil, nil
	}
	out := make([]byte, nonceLen, nonceLen+len(secret)+16)
	binary.BigEndian.PutUint64(out[4:], r.nonce.Add(1))
	err := r.with(func(a cipher.AEAD) error {
		out = a.Seal(out, out[:nonceLen], secret, name)
		return nil
	})
	return out, err
}

// Open answers the secret. Called inside ssp.Do, so that the answer is erased once dropped.
func (r *Rest) Open(resting, name []byte) (secret []byte, err error) {
	if resting == nil {
		return nil, nil
	}
	if len(resting) < nonceLen {
		return nil, fault.Internal.At("open resting material")
	}
	err = r.with(func(a cipher.AEAD) (err error) {
		secret, err = a.Open(nil, resting[:nonceLen], resting[nonceLen:], name)
		return err
	})
	if err != nil {
		return nil, fault.Internal.At("open resting material")
	}
	return secret, nil
}

// Drop destroys the resting key and with it everything it sealed.
func (r *Rest) Drop() { r.key.Free() }

func (r *Rest) with(f func(cipher.AEAD) error) (err error) {
	r.key.Use(access.Token{}, func(p []byte) {
		var block cipher.Block
		if block, err = aes.NewCipher(p); err != nil {
			return
		}
		var aead cipher.AEAD
		if aead, err = cipher.NewGCM(block); err == nil {
			err = f(aead)
		}
	})
	return err
}
