// SPDX-License-Identifier: Apache-2.0

package kdf

import (
	"encoding/binary"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// maxDerived bounds what one derivation makes for all of its keys together.
const maxDerived = 64 << 10

func deriveCounter(k mech.Key, p mech.Params, n int) ([]byte, error) {
	all, err := deriveCounterAll(k, p, []int{n})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// deriveCounterAll is the KDF in counter mode (SP 800-108 section 4.1). No key uses part of a block that another one
// used ("Deriving Additional Keys"), so each key begins with a block of its own.
func deriveCounterAll(k mech.Key, p mech.Params, lens []int) ([][]byte, error) {
	c, err := decodeCounter(p)
	if err != nil {
		return nil, err
	}
	if len(lens) != 1+len(c.further) {
		return nil, fault.MechanismParamInvalid.At("count derived keys")
	}
	prf, done, err := newPRF(k, c.prf)
	if err != nil {
		return nil, err
	}
	defer done()
	size := prf.Size()
	var keyBytes, blocks uint64
	for _, n := range lens {
		switch {
		case n == 0:
			return nil, fault.TemplateIncomplete.At("derive in counter mode")
		case n < 0 || n > maxSecret:
			return nil, fault.KeySize.At("derive in counter mode")
		}
		keyBytes += uint64(n)
		blocks += uint64((n + size - 1) / size)
	}
	if keyBytes > maxDerived || blocks > 1<<c.counterBits-1 {
		return nil, fault.KeySize.At("derive in counter mode")
	}
	dkm := 8 * keyBytes
	if c.dkmSegments {
		dkm = 8 * blocks * uint64(size)
	}
	if c.dkmBits < 64 && dkm>>c.dkmBits != 0 && c.hasDKM {
		return nil, fault.MechanismParamInvalid.At("write length of derived keys")
	}
	all := make([][]byte, len(lens))
	i := uint64(0)
	for j, n := range lens {
		var out []byte
		for len(out) < n {
			i++
			prf.Reset()
			c.feed(prf, i, dkm)
			out = prf.Sum(out)
		}
		clear(out[n:])
		all[j] = out[:n:n]
	}
	return all, nil
}

// feed gives the PRF its input, in the order of the parameter.
func (c *counterParams) feed(prf hash.Hash, i, dkm uint64) {
	for _, f := range c.fields {
		switch f.typ {
		case iterationVariable:
			prf.Write(number(i, f.bits, f.little))
		case dkmLength:
			prf.Write(number(dkm, f.bits, f.little))
		default:
			prf.Write(f.bytes)
		}
	}
}

// number is v in bits/8 bytes.
func number(v uint64, bits uint64, little bool) []byte {
	if little {
		return binary.LittleEndian.AppendUint64(nil, v)[:bits/8]
	}
	return binary.BigEndian.AppendUint64(nil, v)[8-bits/8:]
}

// newPRF answers the keyed function, and what to do when it is no longer needed.
func newPRF(k mech.Key, id key.Mechanism) (hash.Hash, func(), error) {
	if id == key.MechAESCMAC {
		b, ok := k.(mech.BlockKey)
		if !ok || k.Type() != key.TypeAES {
			return nil, nil, fault.KeyTypeMismatch.At("derive with cmac")
		}
		return mech.NewCMAC(b.Block()), func() {}, nil
	}
	h, ok := prfHash(id)
	if !ok {
		return nil, nil, fault.MechanismParamInvalid.At("find prf")
	}
	s, ok := k.(mech.SecretKey)
	if !ok || s.Type() == key.TypeHKDF {
		return nil, nil, fault.KeyTypeMismatch.At("derive with hmac")
	}
	state, err := s.TakeHMAC(h)
	if err != nil {
		return nil, nil, err
	}
	return state, func() { s.GiveHMAC(h, state) }, nil
}

// prfHash is the digest of an HMAC mechanism.
func prfHash(id key.Mechanism) (key.Hash, bool) {
	switch id {
	case key.MechSHA1HMAC, key.MechSHA224HMAC, key.MechSHA256HMAC, key.MechSHA384HMAC, key.MechSHA512HMAC,
		key.MechSHA3224HMAC, key.MechSHA3256HMAC, key.MechSHA3384HMAC, key.MechSHA3512HMAC:
		return id - 1, true // CKM_X_HMAC follows CKM_X in the standard's numbers
	}
	return 0, false
}
