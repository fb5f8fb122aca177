// SPDX-License-Identifier: Apache-2.0

package kdf

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// CK_PRF_DATA_TYPE: what a field of the PRF's input is.
const (
	iterationVariable = 1
	counterField      = 2 // not for counter mode
	dkmLength         = 3
	byteArray         = 4
	keyHandle         = 5 // not supported: a derivation has one key only here
)

// CK_SP800_108_DKM_LENGTH_METHOD.
const (
	sumOfKeys     = 1
	sumOfSegments = 2
)

type field struct {
	typ    uint64
	bits   uint64
	little bool
	bytes  []byte
}

// counterParams is CK_SP800_108_KDF_PARAMS as counter mode reads it.
type counterParams struct {
	prf         key.Mechanism
	fields      []field
	counterBits uint64
	hasDKM      bool
	dkmBits     uint64
	dkmSegments bool
	further     [][]byte
}

// decodeCounter holds the fields to the table "Counter Mode data field requirements".
func decodeCounter(p mech.Params) (*counterParams, error) {
	bad := fault.MechanismParamInvalid.At("read sp800-108 parameter")
	r := wire.NewReader(p)
	c := &counterParams{prf: key.Mechanism(r.U64())}
	n := r.U64()
	if n > uint64(r.Len()/12) { // a field has at least its type and a length
		return nil, bad
	}
	iterations := 0
	for range n {
		f := field{typ: r.U64()}
		value := r.Bytes()
		v := wire.NewReader(value)
		switch f.typ {
		case iterationVariable:
			iterations++
			f.little, f.bits = v.U64()&0xFF != 0, v.U64()
			if v.End() != nil || f.bits%8 != 0 || f.bits < 8 || f.bits > 32 {
				return nil, bad
			}
			c.counterBits = f.bits
		case dkmLength:
			method := v.U64()
			f.little, f.bits = v.U64()&0xFF != 0, v.U64()
			if v.End() != nil || c.hasDKM || f.bits%8 != 0 || f.bits < 8 || f.bits > 64 || method != sumOfKeys && method != sumOfSegments {
				return nil, bad
			}
			c.hasDKM, c.dkmBits, c.dkmSegments = true, f.bits, method == sumOfSegments
		case byteArray:
			if len(value) == 0 {
				return nil, bad
			}
			f.bytes = value
		default:
			return nil, bad
		}
		c.fields = append(c.fields, f)
	}
	n = r.U64()
	if n > uint64(r.Len()/4) {
		return nil, bad
	}
	for range n {
		c.further = append(c.further, template(p, &r))
	}
	if r.End() != nil || iterations != 1 {
		return nil, bad
	}
	return c, nil
}

// template takes one field letter A (docs/design/channel.md) as a view of its bytes; core/object decodes it.
func template(p mech.Params, r *wire.Reader) []byte {
	from := len(p) - r.Len()
	for range r.Count(12) {
		r.U64()
		r.Bytes()
	}
	return p[from : len(p)-r.Len()]
}

// furtherKeys answers the templates of the keys beside the first.
func furtherKeys(p mech.Params) ([][]byte, error) {
	c, err := decodeCounter(p)
	if err != nil {
		return nil, err
	}
	return c.further, nil
}
