// SPDX-License-Identifier: Apache-2.0

package digest

import (
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// op is a running digest. It is a mech.Saver and a mech.Cloner.
type op struct{ h hash.Hash }

func begin(id key.Hash) (*op, error) {
	newHash, err := mech.NewHash(id)
	if err != nil {
		return nil, err
	}
	return &op{newHash()}, nil
}

// Restore goes on with a digest of the mechanism id whose state SaveState gave. The state names its algorithm, and one
// of another algorithm is refused.
func Restore(id key.Hash, state []byte) (mech.Op, error) {
	o, err := begin(id)
	if err != nil {
		return nil, err
	}
	if err := o.LoadState(state); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *op) Update(dst, in []byte) ([]byte, error) {
	o.h.Write(in)
	return dst, nil
}

func (o *op) Final(dst []byte) ([]byte, error) {
	defer o.h.Reset() // C_DigestKey may have put a key into it
	return o.h.Sum(dst), nil
}

func (o *op) SaveState() ([]byte, error)   { return mech.SaveHash(o.h) }
func (o *op) LoadState(state []byte) error { return mech.LoadHash(o.h, state) }

func (o *op) CloneOp() (any, error) {
	h, err := mech.CloneHash(o.h)
	if err != nil {
		return nil, err
	}
	return &op{h}, nil
}
