// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"crypto/ed25519"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// segment is what is known of one segment while it is verified.
type segment struct {
	file
	Segment
	open    *wire.AuditOpening   // nil when the first entry cannot be read
	cp      *wire.Checkpoint     // the checkpoint file, if its signature is good
	note    []byte               // the checkpoint file as it is
	wanted  map[uint64]struct{}  // sizes at which somebody names this segment's root
	roots   map[uint64]wire.Hash // the roots found there
	node    [16]byte
	badNote bool
}

// readHead reads the first entry and the checkpoint.
func readHead(f file, public ed25519.PublicKey) (*segment, error) {
	s := &segment{file: f, Segment: Segment{Seq: f.seq, ID: f.id, Name: f.id.String()},
		wanted: map[uint64]struct{}{}, roots: map[uint64]wire.Hash{}}
	err := f.each(func(i uint64, raw []byte) error {
		if e, err := decode(raw); err == nil {
			s.open, s.node, s.Start = e.Open, e.Node, e.Time
		}
		return errTorn // one is enough
	})
	if err != nil && err != errTorn {
		return nil, err
	}
	if s.note, err = f.note(); err != nil {
		return nil, err
	}
	if s.note != nil {
		cp, err := wire.OpenCheckpoint(s.note, public)
		if s.badNote = err != nil || cp.Segment != f.id; !s.badNote {
			s.cp, s.node = &cp, cp.Node // rather than the first entry's word
			s.wanted[cp.Size] = struct{}{}
		}
	}
	return s, nil
}

// walk is a run through a segment's entries that keeps the tree and checks signatures within.
type walk struct {
	s      *segment
	public ed25519.PublicKey
	tree   wire.Tree
	prev   [8]byte
	broken []uint64 // indexes whose entry does not follow on the one before
	odd    []uint64 // indexes whose entry cannot be read or is out of place
	jumped map[uint64]uint64
	good   uint64  // size of the largest tree that a signature within vouches for
	bad    *uint64 // first entry whose signature over those before it is wrong
	seals  uint64  // size of the tree that the last signature within is over
}

// step takes one entry. checkAll verifies every signature within; otherwise only those behind the checkpoint are, since
// the checkpoint covers the rest.
func (w *walk) step(i uint64, raw []byte, checkAll bool) {
	leaf := wire.LeafHash(raw)
	e, err := decode(raw)
	switch {
	case err != nil:
		w.odd = append(w.odd, i)
	default:
		if e.Index != i {
			w.jumped[i] = e.Index
		}
		if e.Index != i || e.Node != w.s.node || (i == 0) != (e.Open != nil) || i == 0 && e.Open.Segment != w.s.file.id {
			w.odd = append(w.odd, i)
		}
		if e.Prev != w.prev {
			w.broken = append(w.broken, i)
		}
		w.s.End = e.Time
		if e.Seal != nil {
			w.seals = i
			if w.bad == nil && (checkAll || w.s.cp == nil || i > w.s.cp.Size) {
				w.checkSeal(i, e.Seal)
			}
		}
	}
	w.tree.Append(leaf)
	copy(w.prev[:], leaf[:])
	if _, ok := w.s.wanted[i+1]; ok {
		w.s.roots[i+1] = w.tree.Root()
	}
}

func (w *walk) checkSeal(i uint64, sig *[64]byte) {
	cp := wire.Checkpoint{Node: w.s.node, Segment: w.s.file.id, Size: i, Root: w.tree.Root()}
	if ed25519.Verify(w.public, cp.Text(), sig[:]) {
		w.good = i
	} else {
		w.bad = &i
	}
}

func (s *segment) walk(public ed25519.PublicKey, checkAll bool) (*walk, error) {
	w := &walk{s: s, public: public, jumped: map[uint64]uint64{}}
	err := s.each(func(i uint64, raw []byte) error {
		w.step(i, raw, checkAll)
		return nil
	})
	if s.Torn = err == errTorn; err != nil && !s.Torn {
		return nil, err
	}
	s.Entries = w.tree.Size()
	return w, nil
}

// verify checks one segment for itself and reports its first fault.
func (s *segment) verify(public ed25519.PublicKey, r *Report) error {
	w, err := s.walk(public, false)
	if err != nil {
		return err
	}
	root, reached := s.roots[0], false
	if s.cp != nil {
		root, reached = s.roots[s.cp.Size]
	}
	whole := s.cp != nil && reached && root == s.cp.Root && bytes.Equal(s.cp.Node[:], s.node[:])
	if s.cp != nil && !whole { // find how far the signatures within vouch
		if w, err = s.walk(public, true); err != nil {
			return err
		}
	}
	s.Signed = w.good
	if whole {
		s.Signed = max(s.cp.Size, w.good)
	}

	known, linked := len(r.Faults), len(w.broken)+len(w.odd) == 0
	switch {
	case s.badNote && w.good == 0 && linked: // nothing verifies at all: another key, most likely
	case w.bad != nil || s.cp != nil && reached && !whole || !linked:
		w.locate(r)
	case s.cp != nil && !reached:
		r.add(s.file, Cut, s.Entries, s.cp.Size-1, "the checkpoint counts %d entries", s.cp.Size)
	}
	switch {
	case s.badNote && len(r.Faults) == known:
		r.add(s.file, CheckpointInvalid, s.Signed, 0, "the checkpoint is not one of this segment signed by this key")
	case s.note == nil && w.seals > 0 && len(r.Faults) == known:
		r.add(s.file, CheckpointMissing, w.seals, 0, "entries carry signatures over %d entries, but the checkpoint is gone", w.seals)
	}
	return nil
}

// locate names the first entry that is not what was signed. What a signature within vouches for is sound; behind that
// the links tell. Entry i-1 and entry i disagree: if i+1 agrees with i, then i is as it was and i-1 is not.
func (w *walk) locate(r *Report) {
	from, until := w.s.Signed, w.s.Entries
	if w.bad != nil {
		until = min(until, *w.bad+2) // the one carrying the bad signature may itself be the altered one
	} else if w.s.cp != nil {
		until = min(until, w.s.cp.Size+1)
	}
	if w.s.Signed > 0 && w.bad == nil && w.s.cp != nil && w.s.Signed >= w.s.cp.Size {
		until = w.s.Entries // all that is signed is sound: it is in the tail
	}
	first := func(list []uint64) (uint64, bool) {
		for _, i := range list {
			if i >= from && i < until {
				return i, true
			}
		}
		return 0, false
	}
	odd, isOdd := first(w.odd)
	at, isBroken := first(w.broken)
	if isBroken && (!isOdd || at <= odd) {
		next, jumps := w.jumped[at]
		until := at
		switch {
		case jumps && next > at:
			r.add(w.s.file, Missing, at, next-1, "in its place there is entry %d", next)
			return
		case contains(w.odd, at):
		case w.bad != nil && at >= *w.bad: // what comes behind the wrong signature cannot have made it wrong
			if at--; !contains(w.broken, until+1) {
				until = at
			}
		case at > from && !contains(w.broken, at+1) && at+1 < w.s.Entries && !contains(w.odd, at+1):
			at--
			until = at
		}
		r.add(w.s.file, Altered, at, until, "it is not the entry that the next one follows on")
		return
	}
	if isOdd {
		r.add(w.s.file, Altered, odd, 0, "it is no entry, or not one of this place")
		return
	}
	end := w.s.Entries
	if w.bad != nil {
		end = *w.bad + 1 // or it is the signature that was altered
	} else if w.s.cp != nil {
		end = w.s.cp.Size
	}
	r.add(w.s.file, Altered, from, max(from, end-1), "the tree of the next signature differs, and the links were redone")
}

func contains(list []uint64, i uint64) bool {
	for _, v := range list {
		if v == i {
			return true
		}
	}
	return false
}
