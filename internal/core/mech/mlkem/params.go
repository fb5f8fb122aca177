// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"encoding/binary"

	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// set is one parameter set (FIPS 203 table 2).
type set struct {
	id         key.ParamSet
	publicSize int
	cipherSize int
	std        bool // Go's crypto/mlkem has it
	scheme     kem.Scheme
	fromSeed   func(seed []byte) (decapsulator, error)
	newPublic  func(ek []byte) (encapsulator, error)
}

var sets = []*set{
	newSet(key.MLKEM512, mlkem512.Scheme()),
	newSet(key.MLKEM768, mlkem768.Scheme()),
	newSet(key.MLKEM1024, mlkem1024.Scheme()),
}

func newSet(id key.ParamSet, scheme kem.Scheme) *set {
	s := &set{id: id, scheme: scheme, publicSize: scheme.PublicKeySize(), cipherSize: scheme.CiphertextSize()}
	switch id {
	case key.MLKEM768:
		s.std, s.fromSeed, s.newPublic = true, std768Private, std768Public
	case key.MLKEM1024:
		s.std, s.fromSeed, s.newPublic = true, std1024Private, std1024Public
	default:
		s.fromSeed = func(seed []byte) (decapsulator, error) {
			_, sk := scheme.DeriveKeyPair(seed)
			return circlPrivate{scheme, sk}, nil
		}
		s.newPublic = func(ek []byte) (encapsulator, error) {
			pk, err := scheme.UnmarshalBinaryPublicKey(ek)
			return circlPublic{scheme, pk}, err
		}
	}
	return s
}

// findSet reads CKA_PARAMETER_SET in its form at rest: u64, little-endian.
func findSet(params []byte) (*set, error) {
	if len(params) == 8 {
		id := key.ParamSet(binary.LittleEndian.Uint64(params))
		for _, s := range sets {
			if s.id == id {
				return s, nil
			}
		}
	}
	return nil, fault.ParameterSetUnknown.At("find ml-kem parameter set")
}

// private takes a seed or an expanded key.
func (s *set) private(secret []byte) (decapsulator, error) {
	bad := fault.AttributeValueInvalid.At("parse ml-kem private key")
	switch len(secret) {
	case seedSize:
		d, err := s.fromSeed(secret)
		if err != nil {
			return nil, bad
		}
		return d, nil
	case s.scheme.PrivateKeySize():
		sk, err := s.scheme.UnmarshalBinaryPrivateKey(secret) // checks the hash of the embedded public key
		if err != nil {
			return nil, bad
		}
		return circlPrivate{s.scheme, sk}, nil
	}
	return nil, bad
}

func decodeNone(p mech.Params) error {
	if len(p) != 0 {
		return fault.MechanismParamInvalid.At("decode ml-kem parameter")
	}
	return nil
}
