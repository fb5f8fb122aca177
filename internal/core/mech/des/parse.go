// SPDX-License-Identifier: Apache-2.0

package des

import (
	"crypto/cipher"
	"crypto/des"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

type des3Key struct{ block cipher.Block }

// parse takes 24 bytes. Parity is not looked at, as in most tokens, though section 6.18.2 would have it: the bits have
// no part in the cipher, and old keys without them exist.
func parse(m mech.Material, _ bool) (mech.Key, error) {
	if m.Type != key.TypeDES3 {
		return nil, fault.KeyTypeMismatch.At("read des3 key")
	}
	b, err := des.NewTripleDESCipher(m.Secret)
	if err != nil {
		return nil, fault.KeySize.At("read des3 key")
	}
	return &des3Key{b}, nil
}

func (k *des3Key) Type() key.Type { return key.TypeDES3 }
func (k *des3Key) Bits() int      { return 24 }
func (k *des3Key) Private() bool  { return true }
