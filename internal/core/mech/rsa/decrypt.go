// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto/rand"
	"crypto/rsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// beginPKCS1 begins the three uses of CKM_RSA_PKCS.
func beginPKCS1(use mech.Use, key mech.Key, p mech.Params) (mech.Op, error) {
	k, err := own(key, use != mech.Encrypt)
	if err != nil {
		return nil, err
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	switch use {
	case mech.Sign:
		return beginSignPKCS1(k)
	case mech.Encrypt:
		return mech.Collect(k.size()-pkcs1Overhead, fault.DataLength, k.encryptPKCS1), nil
	case mech.Decrypt:
		return mech.Collect(k.size(), fault.EncryptedDataLength, k.decryptPKCS1), nil
	}
	return nil, fault.MechanismInvalid.At("begin rsa operation")
}

func (k *rsaKey) encryptPKCS1(m []byte) ([]byte, error) {
	c, err := rsa.EncryptPKCS1v15(rand.Reader, k.pub, m)
	if err != nil {
		return nil, fault.DataLength.At("encrypt pkcs1")
	}
	return c, nil
}

// beginRaw begins the three uses of CKM_RSA_X_509.
func beginRaw(use mech.Use, key mech.Key, p mech.Params) (mech.Op, error) {
	k, err := own(key, use != mech.Encrypt)
	if err != nil {
		return nil, err
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	switch use {
	case mech.Sign:
		return beginSignRaw(k)
	case mech.Encrypt:
		return mech.Collect(k.size(), fault.DataLength, func(m []byte) ([]byte, error) {
			return rawPublic(k.pub, leftPad(m, k.size()))
		}), nil
	case mech.Decrypt:
		return mech.Collect(k.size(), fault.EncryptedDataLength, func(c []byte) ([]byte, error) {
			if len(c) != k.size() {
				return nil, fault.EncryptedDataLength.At("decrypt raw")
			}
			m, err := k.priv.raw(c)
			if fault.Of(err) == fault.DataInvalid {
				err = fault.EncryptedDataInvalid.At("decrypt raw")
			}
			return m, err
		}), nil
	}
	return nil, fault.MechanismInvalid.At("begin rsa operation")
}

func beginOAEP(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	k, err := own(key, use != mech.Encrypt)
	if err != nil {
		return nil, err
	}
	p, err := decodeOAEP(raw)
	if err != nil {
		return nil, err
	}
	p.label = append([]byte(nil), p.label...) // the parameter is the caller's
	switch use {
	case mech.Encrypt:
		return mech.Collect(max(0, k.size()-2*p.hash.Size()-2), fault.DataLength, func(m []byte) ([]byte, error) {
			return k.encryptOAEP(p, m)
		}), nil
	case mech.Decrypt:
		return mech.Collect(k.size(), fault.EncryptedDataLength, func(c []byte) ([]byte, error) {
			return k.decryptOAEP(p, c)
		}), nil
	}
	return nil, fault.MechanismInvalid.At("begin rsa operation")
}

func beginPSS(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	k, err := own(key, true)
	if err != nil {
		return nil, err
	}
	if use != mech.Sign {
		return nil, fault.MechanismInvalid.At("begin rsa operation")
	}
	p, err := decodePSS(raw)
	if err != nil {
		return nil, err
	}
	return beginSignPSS(k, p)
}

func (k *rsaKey) encryptOAEP(p oaepParams, m []byte) ([]byte, error) {
	c, err := rsa.EncryptOAEPWithOptions(rand.Reader, k.pub, m, &rsa.OAEPOptions{Hash: p.hash, MGFHash: p.mgf, Label: p.label})
	if err != nil {
		return nil, fault.DataLength.At("encrypt oaep")
	}
	return c, nil
}

func (k *rsaKey) decryptOAEP(p oaepParams, c []byte) ([]byte, error) {
	if len(c) != k.size() {
		return nil, fault.EncryptedDataLength.At("decrypt oaep")
	}
	m, err := k.priv.decryptOAEP(c, p.hash, p.mgf, p.label)
	if err != nil {
		return nil, fault.EncryptedDataInvalid.At("decrypt oaep")
	}
	return m, nil
}
