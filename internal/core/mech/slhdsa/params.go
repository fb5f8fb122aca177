// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"encoding/binary"

	"github.com/cloudflare/circl/sign/slhdsa"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// set is one parameter set (FIPS 205 table 2). n is its security parameter in bytes: a public key has 2n, a private 4n.
type set struct {
	param   key.ParamSet
	id      slhdsa.ID
	n       int
	sigSize int
}

func (s *set) publicSize() int { return 2 * s.n }

var sets = []*set{
	{key.SLHDSASHA2128s, slhdsa.SHA2_128s, 16, 7856}, {key.SLHDSASHAKE128s, slhdsa.SHAKE_128s, 16, 7856},
	{key.SLHDSASHA2128f, slhdsa.SHA2_128f, 16, 17088}, {key.SLHDSASHAKE128f, slhdsa.SHAKE_128f, 16, 17088},
	{key.SLHDSASHA2192s, slhdsa.SHA2_192s, 24, 16224}, {key.SLHDSASHAKE192s, slhdsa.SHAKE_192s, 24, 16224},
	{key.SLHDSASHA2192f, slhdsa.SHA2_192f, 24, 35664}, {key.SLHDSASHAKE192f, slhdsa.SHAKE_192f, 24, 35664},
	{key.SLHDSASHA2256s, slhdsa.SHA2_256s, 32, 29792}, {key.SLHDSASHAKE256s, slhdsa.SHAKE_256s, 32, 29792},
	{key.SLHDSASHA2256f, slhdsa.SHA2_256f, 32, 49856}, {key.SLHDSASHAKE256f, slhdsa.SHAKE_256f, 32, 49856},
}

// findSet reads CKA_PARAMETER_SET in its form at rest: u64, little-endian.
func findSet(params []byte) (*set, error) {
	if len(params) == 8 {
		id := key.ParamSet(binary.LittleEndian.Uint64(params))
		for _, s := range sets {
			if s.param == id {
				return s, nil
			}
		}
	}
	return nil, fault.ParameterSetUnknown.At("find slh-dsa parameter set")
}
