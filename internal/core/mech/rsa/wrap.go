// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Wrapping is encryption of a key's value with the faults of C_WrapKey and C_UnwrapKey.

func wrapPKCS1(key mech.Key, p mech.Params, plain []byte) ([]byte, error) {
	k, err := own(key, false)
	if err != nil {
		return nil, err
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	c, err := k.encryptPKCS1(plain)
	return c, wrapFault(err)
}

// unwrapPKCS1 answers a decoy for bad padding, as decryption does; it becomes a key that fits nothing.
func unwrapPKCS1(key mech.Key, p mech.Params, wrapped []byte) ([]byte, error) {
	k, err := own(key, true)
	if err != nil {
		return nil, err
	}
	if err := decodeNone(p); err != nil {
		return nil, err
	}
	m, err := k.decryptPKCS1(wrapped)
	return m, unwrapFault(err)
}

func wrapOAEP(key mech.Key, raw mech.Params, plain []byte) ([]byte, error) {
	k, err := own(key, false)
	if err != nil {
		return nil, err
	}
	p, err := decodeOAEP(raw)
	if err != nil {
		return nil, err
	}
	c, err := k.encryptOAEP(p, plain)
	return c, wrapFault(err)
}

func unwrapOAEP(key mech.Key, raw mech.Params, wrapped []byte) ([]byte, error) {
	k, err := own(key, true)
	if err != nil {
		return nil, err
	}
	p, err := decodeOAEP(raw)
	if err != nil {
		return nil, err
	}
	m, err := k.decryptOAEP(p, wrapped)
	return m, unwrapFault(err)
}

// wrapRSAAES is CKM_RSA_AES_KEY_WRAP (PKCS #11 3.2 section 6.1.21): an ephemeral AES key under OAEP, then the key under
// AES-KWP with it. So a key of any length fits.
func wrapRSAAES(key mech.Key, raw mech.Params, plain []byte) ([]byte, error) {
	k, err := own(key, false)
	if err != nil {
		return nil, err
	}
	p, err := decodeWrap(raw)
	if err != nil {
		return nil, err
	}
	kek := make([]byte, p.keyLen)
	defer clear(kek)
	rand.Read(kek)
	head, err := k.encryptOAEP(p.oaep, kek)
	if err != nil {
		return nil, wrapFault(err)
	}
	body, err := mech.KWPWrap(kek, plain)
	if err != nil {
		return nil, err
	}
	return append(head, body...), nil
}

// unwrapRSAAES answers one fault for all that is wrong inside, so that a caller learns no more of the OAEP half than of
// the other.
func unwrapRSAAES(key mech.Key, raw mech.Params, wrapped []byte) ([]byte, error) {
	k, err := own(key, true)
	if err != nil {
		return nil, err
	}
	p, err := decodeWrap(raw)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < k.size()+16 || (len(wrapped)-k.size())%8 != 0 {
		return nil, fault.WrappedKeyLength.At("unwrap rsa-aes")
	}
	kek, err := k.decryptOAEP(p.oaep, wrapped[:k.size()])
	if err != nil || len(kek) != p.keyLen {
		clear(kek)
		return nil, fault.WrappedKeyInvalid.At("unwrap rsa-aes")
	}
	defer clear(kek)
	plain, err := mech.KWPUnwrap(kek, wrapped[k.size():])
	if err != nil {
		return nil, fault.WrappedKeyInvalid.At("unwrap rsa-aes")
	}
	return plain, nil
}

func wrapFault(err error) error {
	if fault.Of(err) == fault.DataLength {
		return fault.KeySize.At("wrap with rsa") // CKR_KEY_SIZE_RANGE: the key does not fit the modulus
	}
	return err
}

func unwrapFault(err error) error {
	switch fault.Of(err) {
	case fault.EncryptedDataLength:
		return fault.WrappedKeyLength.At("unwrap with rsa")
	case fault.EncryptedDataInvalid:
		return fault.WrappedKeyInvalid.At("unwrap with rsa")
	}
	return err
}
