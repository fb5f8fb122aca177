// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/cipher"
	"encoding/binary"
	"math"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// beginCTR is counter mode (PKCS #11 section 6.11). Only the low counterBits of the block count; data that would make
// them wrap, and so reuse a counter, is refused before it is touched. Up to there a counter of 128 bits, which is what
// Go's CTR has, and one of counterBits are the same.
func beginCTR(_ mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	a, err := of(k)
	if err != nil {
		return nil, err
	}
	r := wire.NewReader(p)
	bits, block := r.U64(), r.Bytes()
	if r.End() != nil || bits < 1 || bits > 128 || len(block) != 16 {
		return nil, fault.MechanismParamInvalid.At("read counter")
	}
	return &ctrOp{stream: cipher.NewCTR(a.block, block), left: keystream(block, uint(bits))}, nil
}

// keystream is the number of bytes before the low bits of the counter block wrap, or as much as a uint64 can say.
func keystream(block []byte, bits uint) uint64 {
	hi, lo := binary.BigEndian.Uint64(block), binary.BigEndian.Uint64(block[8:])
	var blocks uint64 // 0 when beyond a uint64
	if bits < 64 {
		blocks = 1<<bits - lo&(1<<bits-1)
	} else if ones := uint64(1)<<(bits-64) - 1; hi&ones == ones {
		blocks = -lo
	}
	if blocks == 0 || blocks > math.MaxUint64/16 {
		return math.MaxUint64
	}
	return 16 * blocks
}

type ctrOp struct {
	stream cipher.Stream
	left   uint64
}

func (o *ctrOp) Update(dst, in []byte) ([]byte, error) {
	if uint64(len(in)) > o.left {
		o.left = 0
		return dst, fault.DataLength.At("count blocks")
	}
	o.left -= uint64(len(in))
	at := len(dst)
	dst = append(dst, in...)
	o.stream.XORKeyStream(dst[at:], dst[at:])
	return dst, nil
}

func (o *ctrOp) Final(dst []byte) ([]byte, error) { return dst, nil }
