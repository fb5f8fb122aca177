// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"crypto/mlkem"

	"github.com/cloudflare/circl/kem"
)

type std768 struct{ *mlkem.DecapsulationKey768 }

func (k std768) decapsulate(ct []byte) ([]byte, error) { return k.Decapsulate(ct) }
func (k std768) publicKey() []byte                     { return k.EncapsulationKey().Bytes() }

func std768Private(seed []byte) (decapsulator, error) {
	k, err := mlkem.NewDecapsulationKey768(seed)
	return std768{k}, err
}

type std768Pub struct{ *mlkem.EncapsulationKey768 }

func (k std768Pub) encapsulate() (ct, secret []byte, err error) {
	secret, ct = k.Encapsulate()
	return ct, secret, nil
}

func std768Public(ek []byte) (encapsulator, error) {
	k, err := mlkem.NewEncapsulationKey768(ek)
	return std768Pub{k}, err
}

type std1024 struct{ *mlkem.DecapsulationKey1024 }

func (k std1024) decapsulate(ct []byte) ([]byte, error) { return k.Decapsulate(ct) }
func (k std1024) publicKey() []byte                     { return k.EncapsulationKey().Bytes() }

func std1024Private(seed []byte) (decapsulator, error) {
	k, err := mlkem.NewDecapsulationKey1024(seed)
	return std1024{k}, err
}

type std1024Pub struct{ *mlkem.EncapsulationKey1024 }

func (k std1024Pub) encapsulate() (ct, secret []byte, err error) {
	secret, ct = k.Encapsulate()
	return ct, secret, nil
}

func std1024Public(ek []byte) (encapsulator, error) {
	k, err := mlkem.NewEncapsulationKey1024(ek)
	return std1024Pub{k}, err
}

type circlPrivate struct {
	scheme kem.Scheme
	sk     kem.PrivateKey
}

func (k circlPrivate) decapsulate(ct []byte) ([]byte, error) { return k.scheme.Decapsulate(k.sk, ct) }

func (k circlPrivate) publicKey() []byte {
	b, err := k.sk.Public().MarshalBinary()
	if err != nil {
		panic("mlkem: public key of a parsed private key does not marshal")
	}
	return b
}

type circlPublic struct {
	scheme kem.Scheme
	pk     kem.PublicKey
}

func (k circlPublic) encapsulate() (ct, secret []byte, err error) { return k.scheme.Encapsulate(k.pk) }
