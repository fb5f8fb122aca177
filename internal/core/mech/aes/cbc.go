// SPDX-License-Identifier: Apache-2.0

package aes

import "github.com/genbu-hsm/genbu/internal/core/mech"

// ECB, CBC and CBC_PAD: PKCS #11 sections 6.10.4 to 6.10.6.

func beginECB(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	if err := mech.NoParams(p); err != nil {
		return nil, err
	}
	return mech.BeginECB(a.block, use == mech.Encrypt), nil
}

func beginCBC(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	return cbc(use, k, p, false)
}

func beginCBCPad(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	return cbc(use, k, p, true)
}

func cbc(use mech.Use, k mech.Key, p mech.Params, padded bool) (mech.Op, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	iv, err := mech.BytesParam(p)
	if err != nil {
		return nil, err
	}
	return mech.BeginCBC(a.block, use == mech.Encrypt, padded, iv)
}
