// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// GMAC: PKCS #11 section 6.13.5. The data signed is the additional data of a GCM message without text, so the parameter
// must not bring any of its own.

func decodeGMAC(p mech.Params) (gcmParams, error) {
	g, err := decodeGCM(p)
	if err == nil && len(g.aad) != 0 {
		err = fault.MechanismParamInvalid.At("read gmac parameter")
	}
	return g, err
}

func signGMAC(_ mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	g, err := decodeGMAC(p)
	if err != nil {
		return nil, err
	}
	aead, err := a.aead(len(g.iv))
	if err != nil {
		return nil, err
	}
	iv, _ := keep(g.iv, nil)
	return mech.OnePiece(fault.DataLength, func(dst, in []byte) ([]byte, error) {
		return sealGCM(aead, dst, gcmParams{iv: iv, aad: in, tag: g.tag}, nil), nil
	}), nil
}

func verifyGMAC(k mech.Key, p mech.Params) (mech.Verifier, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	g, err := decodeGMAC(p)
	if err != nil {
		return nil, err
	}
	aead, err := a.aead(len(g.iv))
	if err != nil {
		return nil, err
	}
	iv, _ := keep(g.iv, nil)
	return mech.CollectVerify(mech.MaxCollected, fault.DataLength, func(all, sig []byte) error {
		if len(sig) != g.tag {
			return fault.SignatureLength.At("verify gmac")
		}
		if _, err := openGCM(aead, nil, gcmParams{iv: iv, aad: all, tag: g.tag}, sig); err != nil {
			return fault.SignatureInvalid.At("verify gmac")
		}
		return nil
	}), nil
}

func gmacLen(_ mech.Key, p mech.Params) int {
	g, err := decodeGMAC(p)
	if err != nil {
		return 0
	}
	return g.tag
}

func gmacApproved(use mech.Use, _ mech.Key, p mech.Params, _ int) bool {
	g, err := decodeGMAC(p)
	return use == mech.Verify && err == nil && g.tag == tagSize
}
