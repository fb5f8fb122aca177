// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"crypto/aes"
	"crypto/des"
	"crypto/sha1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// checkValueOf computes CKA_CHECK_VALUE of secret keys and certificates (section 4.10.2): three bytes by which two
// parties see that they have the same key. A template that gives it empty wants none; one that gives another value has
// another key in mind.
func (d *draft) checkValueOf(m mech.Material) ([]byte, error) {
	said, named := d.given.Find(key.AttrCheckValue)
	if d.scope&(inSecret|inCert) == 0 || named && len(said) == 0 {
		return nil, nil
	}
	var cv []byte
	if d.scope&inCert != 0 {
		v := d.value(key.AttrValue)
		if len(v) == 0 {
			return nil, nil
		}
		cv = firstOfSHA1(v)
	} else {
		cv = secretCheckValue(m)
	}
	if named && !bytes.Equal(cv, said) {
		return nil, fault.AttributeValueInvalid.At("compare check value")
	}
	return cv, nil
}

// secretCheckValue is the encryption of a zero block for block ciphers, SHA-1 of the value for all others.
func secretCheckValue(m mech.Material) []byte {
	var block [aes.BlockSize]byte
	switch m.Type {
	case key.TypeAES:
		c, err := aes.NewCipher(m.Secret)
		if err != nil {
			return nil
		}
		c.Encrypt(block[:], block[:])
		return block[:3:3]
	case key.TypeDES3:
		c, err := des.NewTripleDESCipher(m.Secret)
		if err != nil {
			return nil
		}
		c.Encrypt(block[:des.BlockSize], block[:des.BlockSize])
		return block[:3:3]
	}
	return firstOfSHA1(m.Secret)
}

func firstOfSHA1(v []byte) []byte {
	h := sha1.Sum(v)
	return append([]byte{}, h[:3]...)
}
