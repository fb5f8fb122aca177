// SPDX-License-Identifier: Apache-2.0

package chacha

import (
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// chachaKey holds both forms; they are read-only.
type chachaKey struct {
	short, long cipher.AEAD // nonces of 12 and of 24 bytes
}

func parse(m mech.Material, _ bool) (mech.Key, error) {
	if m.Type != key.TypeChaCha20 {
		return nil, fault.KeyTypeMismatch.At("read chacha20 key")
	}
	short, err := chacha20poly1305.New(m.Secret)
	if err != nil {
		return nil, fault.KeySize.At("read chacha20 key")
	}
	long, err := chacha20poly1305.NewX(m.Secret)
	if err != nil {
		return nil, fault.KeySize.At("read chacha20 key")
	}
	return &chachaKey{short, long}, nil
}

func (k *chachaKey) Type() key.Type { return key.TypeChaCha20 }
func (k *chachaKey) Bits() int      { return chacha20poly1305.KeySize }
func (k *chachaKey) Private() bool  { return true }

// aead chooses the form by the length of the nonce. The original one, with 8 bytes, is not offered.
func (k *chachaKey) aead(nonce []byte) (cipher.AEAD, error) {
	switch len(nonce) {
	case chacha20poly1305.NonceSize:
		return k.short, nil
	case chacha20poly1305.NonceSizeX:
		return k.long, nil
	}
	return nil, fault.MechanismParamInvalid.At("read nonce")
}
