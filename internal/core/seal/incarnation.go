// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// A domain lives in incarnations: the first is zero, and each restore begins another. Clones share root key, partition keys and
// paths, so without more a record that both changed could be put from one into the other. Two things stop that: every head
// names its incarnation, and a version above 1 carries it.
//
//	incarnation   u8 generation | 15 random bytes
//	version       u32 era | u32 count      era: generation and the first 3 random bytes; 0 in the first incarnation
//
// Generations only grow along a line of restores, so a later version is always the greater number.

const maxGeneration = 254 // version all ones means destroyed

// NextIncarnation draws the incarnation that a restore from a state of this one begins.
func NextIncarnation(of key.ID) (next key.ID, err error) {
	if of[0] >= maxGeneration {
		return next, fault.TooLarge.At("begin incarnation: too many restores of restores")
	}
	rand.Read(next[1:])
	next[0] = of[0] + 1
	return next, nil
}

func eraOf(incarnation key.ID) uint64 {
	return uint64(incarnation[0])<<24 | uint64(incarnation[1])<<16 | uint64(incarnation[2])<<8 | uint64(incarnation[3])
}

func nextVersion(version, era uint64) uint64 {
	if version>>32 == era {
		return version + 1
	}
	return era<<32 | 1
}

// bind fixes the incarnation. The caller holds mu.
func (l *Ledger) bind(incarnation key.ID) {
	l.bound, l.birth, l.era = true, incarnation, eraOf(incarnation)
}

// Bind says, before Start or Load, which incarnation the head must be of. A ledger that nobody bound takes what its first head
// says: that is the domain's own, after which all others are bound.
func (l *Ledger) Bind(incarnation key.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bind(incarnation)
}

// Incarnation is what the head said, or Bind.
func (l *Ledger) Incarnation() key.ID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.birth
}

// Next is the version after this one.
func (l *Ledger) Next(version uint64) uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return nextVersion(version, l.era)
}

// Revival is the version that a record which was destroyed gets when the core brings it back in the next move: greater than any it
// can have had. A record steps once in a move at most, so in one incarnation none has a count above that of the moves before and one.
func (l *Ledger) Revival() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.revival()
}

func (l *Ledger) revival() uint64 { return l.era<<32 | (l.tree.Size() + 2) }

// Reborn answers the head of a loaded ledger as a restore writes it: the same log, in another incarnation.
func (l *Ledger) Reborn(incarnation key.ID) (LedgerPut, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded || l.move != nil {
		return LedgerPut{}, fault.Internal.At("reseal head")
	}
	l.bind(incarnation)
	return l.sealHead(&l.tree)
}

// Continues tells whether this ledger knows everything that other knows, and perhaps more: that nothing would be taken back where
// it took the place of the other.
func (l *Ledger) Continues(other *Ledger) bool {
	other.mu.RLock()
	defer other.mu.RUnlock()
	for id, had := range other.entries {
		version, gone := l.Expect(id)
		switch {
		case gone:
		case had == destroyed && version < eraOf(l.birth)<<32|(other.tree.Size()+2): // else it was revived afterwards
			return false
		case had != destroyed && version < had:
			return false
		}
	}
	return true
}
