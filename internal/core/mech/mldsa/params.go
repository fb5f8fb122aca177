// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"encoding/binary"

	"filippo.io/mldsa"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// set is one parameter set (FIPS 204 tables 1 and 2).
type set struct {
	id           key.ParamSet
	params       mldsa.Parameters
	expandedSize int

	k, l, eta, tau, omega, challengeSize int
	gamma1Bits                           int // gamma1 = 2^gamma1Bits
	gamma2Div                            uint32

	expand func(seed []byte) []byte
	unpack func(secret []byte) expandedKey
}

// gamma2 is the low-order rounding range.
func (s *set) gamma2() uint32 { return (q - 1) / s.gamma2Div }

var sets = []*set{
	{id: key.MLDSA44, params: mldsa.MLDSA44(), expandedSize: 2560, k: 4, l: 4, eta: 2, tau: 39, omega: 80, challengeSize: 32,
		gamma1Bits: 17, gamma2Div: 88, expand: expand44, unpack: unpack44},
	{id: key.MLDSA65, params: mldsa.MLDSA65(), expandedSize: 4032, k: 6, l: 5, eta: 4, tau: 49, omega: 55, challengeSize: 48,
		gamma1Bits: 19, gamma2Div: 32, expand: expand65, unpack: unpack65},
	{id: key.MLDSA87, params: mldsa.MLDSA87(), expandedSize: 4896, k: 8, l: 7, eta: 2, tau: 60, omega: 75, challengeSize: 64,
		gamma1Bits: 19, gamma2Div: 32, expand: expand87, unpack: unpack87},
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
	return nil, fault.ParameterSetUnknown.At("find ml-dsa parameter set")
}
