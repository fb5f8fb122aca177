// SPDX-License-Identifier: Apache-2.0

package mac

import (
	"bytes"
	"crypto/subtle"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// maker makes the operations of one row.
type maker struct {
	hash    key.Hash
	typ     key.Type
	size    int
	general bool // the parameter tells how many bytes of the MAC
}

func (m maker) length(p mech.Params) (int, error) {
	if m.general {
		return mech.LengthParam(p, m.size)
	}
	return m.size, mech.NoParams(p)
}

func (m maker) start(k mech.Key, p mech.Params) (*op, error) {
	n, err := m.length(p)
	if err != nil {
		return nil, err
	}
	s, ok := k.(mech.SecretKey)
	if !ok || s.Type() != key.TypeGeneric && s.Type() != m.typ {
		return nil, fault.KeyTypeMismatch.At("begin hmac")
	}
	state, err := s.TakeHMAC(m.hash)
	if err != nil {
		return nil, err
	}
	return &op{key: s, hash: m.hash, state: state, n: n}, nil
}

func (m maker) begin(_ mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	return orNil[mech.Op](m.start(k, p))
}

func (m maker) beginVerify(k mech.Key, p mech.Params) (mech.Verifier, error) {
	return orNil[mech.Verifier](m.start(k, p))
}

// orNil keeps a nil *op from becoming an interface that is not nil.
func orNil[T any](o *op, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return any(o).(T), nil
}

func (m maker) signLen(_ mech.Key, p mech.Params) int {
	n, err := m.length(p)
	if err != nil {
		return 0
	}
	return n
}

// approved: keys of at least 112 bits (SP 800-131A) and MACs of at least 32 (SP 800-107 section 5.3.3). SHA-1 is not in
// Go's FIPS module.
func (m maker) approved(_ mech.Use, k mech.Key, p mech.Params, _ int) bool {
	n, err := m.length(p)
	return err == nil && n >= 4 && k != nil && k.Bits() >= 14 && m.hash != key.MechSHA1
}

// maxReplay bounds the input that a running HMAC remembers. Version 1.0.0 of Go's FIPS module cannot copy an HMAC, so a
// forked client's copy is made by going through the input again; a longer one cannot be copied. A module that can (1.26)
// ends the need.
const maxReplay = 64 << 10

// op is a running HMAC whose state belongs to its key's store.
type op struct {
	key   mech.SecretKey
	hash  key.Hash
	state hash.Hash
	n     int
	seen  []byte // the input so far, unless it is long
	long  bool
	sum   [64]byte
}

func (o *op) Update(dst, in []byte) ([]byte, error) {
	o.state.Write(in)
	if o.long = o.long || len(o.seen)+len(in) > maxReplay; o.long {
		o.forget()
	} else {
		o.seen = append(o.seen, in...)
	}
	return dst, nil
}

func (o *op) Final(dst []byte) ([]byte, error) {
	at := len(dst)
	dst = o.state.Sum(dst)[:at+o.n]
	o.end()
	return dst, nil
}

// Whole is the short way of one-shot calls, which nobody copies.
func (o *op) Whole(dst, in []byte) ([]byte, error) {
	o.state.Write(in)
	return o.Final(dst)
}

func (o *op) Verify(sig []byte) error {
	sum := o.state.Sum(o.sum[:0])
	o.end()
	if len(sig) != o.n {
		return fault.SignatureLength.At("verify hmac")
	}
	if subtle.ConstantTimeCompare(sum[:o.n], sig) != 1 {
		return fault.SignatureInvalid.At("verify hmac")
	}
	return nil
}

func (o *op) end() {
	o.key.GiveHMAC(o.hash, o.state)
	o.forget()
}

func (o *op) forget() {
	clear(o.seen)
	o.seen = nil
}

// CloneOp copies a running HMAC for a forked client.
func (o *op) CloneOp() (any, error) {
	state, err := mech.CloneHash(o.state)
	if err != nil {
		if o.long {
			return nil, err
		}
		if state, err = o.key.TakeHMAC(o.hash); err != nil {
			return nil, err
		}
		state.Write(o.seen)
	}
	return &op{key: o.key, hash: o.hash, state: state, n: o.n, seen: bytes.Clone(o.seen), long: o.long}, nil
}
