// SPDX-License-Identifier: Apache-2.0

package kdf

import (
	"crypto/hkdf"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// CKF_HKDF_SALT_*: how the salt is given.
const (
	saltNull = 1
	saltData = 2
	saltKey  = 4
)

type hkdfParams struct {
	extract, expand bool
	prf             key.Hash
	newHash         func() hash.Hash
	salt, info      []byte
}

// decodeHKDF reads CK_HKDF_PARAMS. A salt that is itself a key is not supported: a derivation has one key only here.
func decodeHKDF(p mech.Params) (hkdfParams, error) {
	r := wire.NewReader(p)
	extract, expand, prf := r.U64(), r.U64(), key.Hash(r.U64())
	saltType, salt := r.U64(), r.Bytes()
	r.U64() // hSaltKey
	info := r.Bytes()
	bad := fault.MechanismParamInvalid.At("read hkdf parameter")
	if r.End() != nil || extract > 1 || expand > 1 || extract+expand == 0 {
		return hkdfParams{}, bad
	}
	newHash, err := mech.NewHash(prf)
	if err != nil {
		return hkdfParams{}, err
	}
	h := hkdfParams{extract: extract == 1, expand: expand == 1, prf: prf, newHash: newHash, info: info}
	if h.extract { // else the salt is ignored, whatever stands there
		switch saltType {
		case saltNull:
		case saltData:
			h.salt = salt
		default: // saltKey too
			return hkdfParams{}, bad
		}
	}
	return h, nil
}

// deriveHKDF serves HKDF_DERIVE and HKDF_DATA, whose answer becomes a data object.
func deriveHKDF(k mech.Key, p mech.Params, n int) ([]byte, error) {
	h, err := decodeHKDF(p)
	if err != nil {
		return nil, err
	}
	s, ok := k.(mech.SecretKey)
	if !ok || s.Type() != key.TypeHKDF && s.Type() != key.TypeGeneric {
		return nil, fault.KeyTypeMismatch.At("derive by hkdf")
	}
	size := h.newHash().Size()
	if !h.expand {
		if n != 0 && n != size {
			return nil, fault.KeySize.At("derive by hkdf")
		}
		prk, err := hkdf.Extract(h.newHash, s.Value(), h.salt)
		if err != nil {
			return nil, fault.Internal.At("extract by hkdf")
		}
		return prk, nil
	}
	if n == 0 {
		return nil, fault.TemplateIncomplete.At("derive by hkdf")
	}
	if n < 0 || n > 255*size || n > maxSecret {
		return nil, fault.KeySize.At("derive by hkdf")
	}
	prk := s.Value()
	if h.extract {
		if prk, err = hkdf.Extract(h.newHash, s.Value(), h.salt); err != nil {
			return nil, fault.Internal.At("extract by hkdf")
		}
		defer clear(prk)
	} else if len(prk) < size { // RFC 5869 section 2.3
		return nil, fault.KeySize.At("expand by hkdf")
	}
	out, err := hkdf.Expand(h.newHash, prk, string(h.info), n)
	if err != nil {
		return nil, fault.Internal.At("expand by hkdf")
	}
	return out, nil
}

func hkdfApproved(_ mech.Use, k mech.Key, p mech.Params, _ int) bool {
	h, err := decodeHKDF(p)
	return err == nil && h.prf != key.MechSHA1 && k != nil && k.Bits() >= 14
}
