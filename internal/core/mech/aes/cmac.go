// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// CMAC: PKCS #11 section 6.14. The general form takes the length of the MAC as its parameter.

func signCMAC(_ mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	if err := mech.NoParams(p); err != nil {
		return nil, err
	}
	return newCMAC(k, 16)
}

func verifyCMAC(k mech.Key, p mech.Params) (mech.Verifier, error) {
	if err := mech.NoParams(p); err != nil {
		return nil, err
	}
	return newCMAC(k, 16)
}

func signCMACGeneral(_ mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	n, err := mech.LengthParam(p, 16)
	if err != nil {
		return nil, err
	}
	return newCMAC(k, n)
}

func verifyCMACGeneral(k mech.Key, p mech.Params) (mech.Verifier, error) {
	n, err := mech.LengthParam(p, 16)
	if err != nil {
		return nil, err
	}
	return newCMAC(k, n)
}

func cmacLen(mech.Key, mech.Params) int { return 16 }

func cmacGeneralLen(_ mech.Key, p mech.Params) int {
	n, err := mech.LengthParam(p, 16)
	if err != nil {
		return 0
	}
	return n
}

type cmacOp struct {
	mac *mech.CMAC
	n   int
}

func newCMAC(k mech.Key, n int) (*cmacOp, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	return &cmacOp{mech.NewCMAC(a.block), n}, nil
}

func (o *cmacOp) Update(dst, in []byte) ([]byte, error) {
	o.mac.Write(in)
	return dst, nil
}

func (o *cmacOp) Final(dst []byte) ([]byte, error) {
	var sum [16]byte
	return append(dst, o.mac.Sum(sum[:0])[:o.n]...), nil
}

func (o *cmacOp) Verify(sig []byte) error {
	if len(sig) != o.n {
		return fault.SignatureLength.At("verify cmac")
	}
	var sum [16]byte
	if subtle.ConstantTimeCompare(o.mac.Sum(sum[:0])[:o.n], sig) != 1 {
		return fault.SignatureInvalid.At("verify cmac")
	}
	return nil
}

// CloneOp copies a running CMAC for a forked client.
func (o *cmacOp) CloneOp() (any, error) {
	mac := *o.mac
	return &cmacOp{&mac, o.n}, nil
}
