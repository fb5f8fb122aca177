// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/aes"
	"crypto/cipher"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// aesKey is an expanded AES key. The GCM tables are made when first asked for and then kept; all of it is read-only
// after that, so goroutines may share it.
type aesKey struct {
	block cipher.Block
	size  int // in bytes

	gcmOnce sync.Once
	gcm     cipher.AEAD // nonces of 12 bytes
	gcmErr  error
	rndOnce sync.Once
	rnd     cipher.AEAD // nonces drawn by Go's FIPS module
	rndErr  error
}

func parse(m mech.Material, _ bool) (mech.Key, error) {
	if m.Type != key.TypeAES {
		return nil, fault.KeyTypeMismatch.At("read aes key")
	}
	b, err := aes.NewCipher(m.Secret)
	if err != nil {
		return nil, fault.KeySize.At("read aes key")
	}
	return &aesKey{block: b, size: len(m.Secret)}, nil
}

func (k *aesKey) Type() key.Type      { return key.TypeAES }
func (k *aesKey) Bits() int           { return k.size }
func (k *aesKey) Private() bool       { return true }
func (k *aesKey) Block() cipher.Block { return k.block }

// of finds the AES key of a row's call.
func of(k mech.Key) (*aesKey, error) {
	a, ok := k.(*aesKey)
	if !ok {
		return nil, fault.KeyTypeMismatch.At("take aes key")
	}
	return a, nil
}
