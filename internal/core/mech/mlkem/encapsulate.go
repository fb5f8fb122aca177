// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func encapsulate(k mech.Key, p mech.Params) (ct, secret []byte, err error) {
	m, ok := k.(*kemKey)
	if !ok || m.public == nil {
		return nil, nil, fault.KeyTypeMismatch.At("encapsulate")
	}
	if err := decodeNone(p); err != nil {
		return nil, nil, err
	}
	if ct, secret, err = m.public.encapsulate(); err != nil {
		return nil, nil, fault.Internal.At("encapsulate")
	}
	return ct, secret, nil
}

// decapsulate answers a secret for every ciphertext of the right length; for a wrong one it is a secret nobody knows
// (FIPS 203 section 6.3, implicit rejection).
func decapsulate(k mech.Key, p mech.Params, ct []byte) ([]byte, error) {
	m, ok := k.(*kemKey)
	if !ok || m.private == nil {
		return nil, fault.KeyTypeMismatch.At("decapsulate")
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	if len(ct) != m.set.cipherSize {
		return nil, fault.EncryptedDataLength.At("decapsulate")
	}
	secret, err := m.private.decapsulate(ct)
	if err != nil {
		return nil, fault.Internal.At("decapsulate")
	}
	return secret, nil
}
