// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"bytes"
	"encoding"
	"hash"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Cloner is an Op or Verifier that can be copied while it runs, so that a forked child of a client goes on with a copy of
// its own. Encryption does not implement it: two continuations under one IV would break the cipher.
type Cloner interface {
	CloneOp() (any, error) // the same kind, Op or Verifier
}

// Saver is an Op whose state a client may keep and give back (C_GetOperationState): digests only, since the state of
// anything else is as secret as its key. LoadState is called on an Op that has taken no input yet.
type Saver interface {
	SaveState() ([]byte, error)
	LoadState(state []byte) error
}

// CloneHash copies a running hash of the standard library. Version 1.0.0 of Go's FIPS module knows no hash.Cloner, so
// its digests go through their saved state, which names the algorithm. Its HMAC can be copied in neither way.
func CloneHash(h hash.Hash) (hash.Hash, error) {
	if c, ok := h.(hash.Cloner); ok {
		if d, err := c.Clone(); err == nil {
			return d, nil
		}
	}
	state, err := SaveHash(h)
	if err != nil {
		return nil, err
	}
	defer clear(state)
	for _, id := range hashes {
		newHash, err := NewHash(id)
		if err != nil {
			return nil, err
		}
		if d := newHash(); d.Size() == h.Size() && LoadHash(d, state) == nil {
			return d, nil
		}
	}
	return nil, fault.StateUnsaveable.At("copy hash")
}

// SaveHash and LoadHash take and put back the state of a hash of the standard library.
func SaveHash(h hash.Hash) ([]byte, error) {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, fault.StateUnsaveable.At("save hash")
	}
	b, err := m.MarshalBinary()
	if err != nil {
		return nil, fault.StateUnsaveable.At("save hash")
	}
	return b, nil
}

// LoadHash answers SavedStateInvalid for anything that SaveHash cannot have made. Go's SHA-3 also loads states that are
// already being read from, and panics at the next Write; the last byte tells.
func LoadHash(h hash.Hash, state []byte) error {
	if bytes.HasPrefix(state, []byte("sha\x08")) && state[len(state)-1] != 0 {
		return fault.SavedStateInvalid.At("load hash")
	}
	u, ok := h.(encoding.BinaryUnmarshaler)
	if !ok || u.UnmarshalBinary(state) != nil {
		return fault.SavedStateInvalid.At("load hash")
	}
	return nil
}

func (s *hashSigner) CloneOp() (any, error) {
	h, err := CloneHash(s.h)
	return &hashSigner{h, s.end}, err
}

func (v *hashVerifier) CloneOp() (any, error) {
	h, err := CloneHash(v.h)
	return &hashVerifier{h, v.end}, err
}

func (v *collectVerifier) CloneOp() (any, error) {
	d := *v
	d.all = bytes.Clone(v.all)
	return &d, nil
}
