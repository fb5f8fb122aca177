// SPDX-License-Identifier: Apache-2.0

package generic

import (
	"crypto/hmac"
	"hash"
	"slices"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// secret is a parsed generic secret. It keeps HMAC states that are already keyed, since keying costs as much as the MAC
// of a kilobyte. They are kept here and not in a sync.Pool, which would hold them for two collections after the key is
// gone.
type secret struct {
	typ   key.Type
	value []byte

	mu   sync.Mutex
	free map[key.Hash][]hash.Hash // guarded by mu
}

// maxFree bounds the idle states of one key and digest: about as many as there are callers at once.
const maxFree = 16

func parse(m mech.Material, _ bool) (mech.Key, error) {
	if !slices.Contains(types, m.Type) {
		return nil, fault.KeyTypeMismatch.At("read secret")
	}
	if len(m.Secret) == 0 || len(m.Secret) > MaxSize {
		return nil, fault.KeySize.At("read secret")
	}
	return &secret{typ: m.Type, value: slices.Clone(m.Secret)}, nil
}

func (s *secret) Type() key.Type { return s.typ }
func (s *secret) Bits() int      { return len(s.value) }
func (s *secret) Private() bool  { return true }
func (s *secret) Value() []byte  { return s.value }

func (s *secret) TakeHMAC(h key.Hash) (hash.Hash, error) {
	s.mu.Lock()
	if idle := s.free[h]; len(idle) > 0 {
		state := idle[len(idle)-1]
		s.free[h] = idle[:len(idle)-1]
		s.mu.Unlock()
		return state, nil
	}
	s.mu.Unlock()
	newHash, err := mech.NewHash(h)
	if err != nil {
		return nil, err
	}
	return hmac.New(newHash, s.value), nil
}

func (s *secret) GiveHMAC(h key.Hash, state hash.Hash) {
	state.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == nil {
		s.free = map[key.Hash][]hash.Hash{}
	}
	if len(s.free[h]) < maxFree {
		s.free[h] = append(s.free[h], state)
	}
}
