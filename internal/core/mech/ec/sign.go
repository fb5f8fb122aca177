// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// maxDigest bounds the input of CKM_ECDSA. It is a digest, of which the order's length is used; the longest known has
// 64 bytes, the rest is room for odd programs.
const maxDigest = 1024

func own(k mech.Key, private bool) (ecKey, error) {
	e, ok := k.(ecKey)
	if !ok {
		return nil, fault.KeyTypeMismatch.At("use ec key")
	}
	if private && !e.Private() {
		return nil, fault.KeyTypeMismatch.At("use ec private key")
	}
	return e, nil
}

func signLen(k mech.Key, _ mech.Params) int {
	if e, ok := k.(ecKey); ok {
		return 2 * e.curve().size
	}
	return 0
}

// check verifies r || s. Programs strip leading zeroes that r and s have in common, so any even length up to two
// orders is split in half (PKCS #11 3.2 section 6.3.1).
func check(k ecKey, digest, sig []byte) error {
	if len(sig) == 0 || len(sig)%2 != 0 || len(sig) > 2*k.curve().size {
		return fault.SignatureLength.At("verify ecdsa")
	}
	if !k.verify(digest, sig[:len(sig)/2], sig[len(sig)/2:]) {
		return fault.SignatureInvalid.At("verify ecdsa")
	}
	return nil
}

func beginPlain(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	e, err := begin(use, k, p)
	if err != nil {
		return nil, err
	}
	return mech.Collect(maxDigest, fault.DataLength, e.sign), nil
}

func beginVerifyPlain(k mech.Key, p mech.Params) (mech.Verifier, error) {
	e, err := beginVerify(k, p)
	if err != nil {
		return nil, err
	}
	return mech.CollectVerify(maxDigest, fault.DataLength, func(digest, sig []byte) error {
		return check(e, digest, sig)
	}), nil
}

// hashedECDSA is ECDSA_SHAx over one digest.
func hashedECDSA(h key.Hash) (func(mech.Use, mech.Key, mech.Params) (mech.Op, error), func(mech.Key, mech.Params) (mech.Verifier, error)) {
	newHash, err := mech.NewHash(h)
	if err != nil {
		panic("ec: digest without implementation in the table of rows")
	}
	return func(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
			e, err := begin(use, k, p)
			if err != nil {
				return nil, err
			}
			return mech.HashSign(newHash(), e.sign), nil
		}, func(k mech.Key, p mech.Params) (mech.Verifier, error) {
			e, err := beginVerify(k, p)
			if err != nil {
				return nil, err
			}
			return mech.HashVerify(newHash(), func(digest, sig []byte) error { return check(e, digest, sig) }), nil
		}
}

func begin(use mech.Use, k mech.Key, p mech.Params) (ecKey, error) {
	e, err := own(k, true)
	if err != nil {
		return nil, err
	}
	if use != mech.Sign {
		return nil, fault.MechanismInvalid.At("begin ecdsa operation")
	}
	return e, decodeNone(p)
}

func beginVerify(k mech.Key, p mech.Params) (ecKey, error) {
	e, err := own(k, false)
	if err != nil {
		return nil, err
	}
	return e, decodeNone(p)
}
