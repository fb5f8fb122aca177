// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Verify checks the log in a folder against the node's public key. witness, if not nil, is a checkpoint of it that was
// kept elsewhere: the log must contain it. The error says that the folder could not be read or an argument is of no use;
// what is wrong with the log is in the report.
func Verify(dir string, public ed25519.PublicKey, witness []byte) (*Report, error) {
	if len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the public key has %d bytes, not %d", len(public), ed25519.PublicKeySize)
	}
	list, err := files(dir)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	c := chain{byID: map[key.ID]*segment{}, report: r}
	for _, f := range list {
		s, err := readHead(f, public)
		if err != nil {
			return nil, err
		}
		if c.byID[f.id] != nil {
			r.add(f, Forked, 0, 0, "two files are of this segment")
			continue
		}
		c.order, c.byID[f.id] = append(c.order, s), s
	}
	names, err := c.names(witness, public)
	if err != nil {
		return nil, err
	}
	for _, s := range c.order {
		if err := s.verify(public, r); err != nil {
			return nil, err
		}
		r.Segments = append(r.Segments, s.Segment)
	}
	c.check(names)
	if len(list) == 0 && witness == nil {
		r.add(file{}, SegmentMissing, 0, 0, "there is no segment at all")
	}
	r.sort()
	return r, nil
}

// chain holds the segments together.
type chain struct {
	order  []*segment
	byID   map[key.ID]*segment
	report *Report
}

// name is one naming of a segment's checkpoint, by a later segment or by a witness.
type name struct {
	by   *segment // nil for the witness
	of   key.ID
	size uint64
	root wire.Hash
	note wire.Hash
	bad  bool // it names no checkpoint of ours at all
}

// names collects who names what, so that the roots in question are kept while segments are read.
func (c *chain) names(witness []byte, public ed25519.PublicKey) (list []name, err error) {
	if witness != nil {
		cp, err := wire.OpenCheckpoint(witness, public)
		if err != nil {
			return nil, fmt.Errorf("the witness's checkpoint is not signed by this key")
		}
		list = append(list, name{of: cp.Segment, size: cp.Size, root: cp.Root, note: sha256.Sum256(witness)})
	}
	for _, s := range c.order {
		if s.open == nil || s.open.Last == nil {
			continue
		}
		l := s.open.Last
		n := name{by: s, size: l.Size, root: l.Root, note: l.Note}
		rest, ok := strings.CutPrefix(l.Origin, "genbu/")
		node, id, _ := strings.Cut(rest, "/")
		var ok2 bool
		n.of, ok2 = key.ParseID(id)
		n.bad = !ok || !ok2 || node != key.ID(s.node).String() || n.size == 0
		list = append(list, n)
	}
	for _, n := range list {
		if s := c.byID[n.of]; s != nil && !n.bad {
			s.wanted[n.size] = struct{}{}
		}
	}
	return list, nil
}

func (c *chain) check(names []name) {
	type point struct {
		of   key.ID
		size uint64
	}
	followed := map[point]*segment{}
	for _, n := range names {
		if n.by != nil && c.openingFaulty(n.by) {
			continue // its word is worth nothing
		}
		c.checkName(n)
		if n.by == nil || n.bad || n.by.Signed == 0 {
			continue // an unsigned segment is a core that was never unlocked: its successor names the same checkpoint
		}
		p := point{n.of, n.size}
		if before := followed[p]; before != nil {
			c.report.add(n.by.file, Forked, 0, 0, "segment %s already follows on entry %d of segment %s", before.file.id, n.size-1, n.of)
		}
		followed[p] = n.by
	}
	var first *segment
	for _, s := range c.order {
		if s.open == nil || s.open.Last != nil || s.Signed == 0 || c.openingFaulty(s) {
			continue
		}
		if first != nil {
			c.report.add(s.file, Forked, 0, 0, "it begins a log of its own beside that of segment %s", first.file.id)
		}
		first = s
	}
}

// checkName compares one naming with the segment that is named.
func (c *chain) checkName(n name) {
	by, who := file{}, "the witness"
	if n.by != nil {
		by, who = n.by.file, "segment "+n.by.file.id.String()
	}
	if n.bad {
		c.report.add(by, CheckpointInvalid, 0, 0, "the core was started with something that is no checkpoint of this node")
		return
	}
	s := c.byID[n.of]
	switch {
	case s == nil:
		gone := file{seq: by.seq, id: n.of}
		c.report.add(gone, SegmentMissing, 0, n.size-1, "%s names it with %d entries", who, n.size)
		return
	case n.size > s.Entries:
		if s.cp == nil || s.cp.Size < n.size { // else already reported
			c.report.add(s.file, Cut, s.Entries, n.size-1, "%s names it with %d entries", who, n.size)
		}
		return
	case s.roots[n.size] != n.root:
		if c.faulty(s) {
			return
		}
		c.report.add(s.file, Forked, 0, n.size-1, "%s names another tree of %d entries", who, n.size)
		return
	}
	switch {
	case n.by == nil:
	case s.cp != nil && s.cp.Size > n.size:
		c.report.add(s.file, Forked, n.size, s.cp.Size-1, "it went on after %s had followed on entry %d", who, n.size-1)
	case s.note == nil && !c.faulty(s):
		c.report.add(s.file, CheckpointMissing, n.size-1, 0, "%s names its checkpoint, but the file is gone", who)
	case s.cp != nil && s.cp.Size == n.size && wire.Hash(sha256.Sum256(s.note)) != n.note:
		c.report.add(s.file, CheckpointInvalid, n.size-1, 0, "%s names another checkpoint of the same tree", who)
	case s.cp != nil && s.cp.Size < n.size && !c.faulty(s):
		c.report.add(s.file, CheckpointInvalid, s.cp.Size, n.size-1, "%s names a later checkpoint, of %d entries", who, n.size)
	}
}

// openingFaulty tells whether the first entry itself was altered or is gone.
func (c *chain) openingFaulty(s *segment) bool {
	for _, f := range c.report.Faults {
		if f.Segment == s.file.id && f.Index == 0 && (f.Kind == Altered || f.Kind == Missing) {
			return true
		}
	}
	return false
}

// faulty tells whether something was reported of the segment itself, which then explains what its followers see.
func (c *chain) faulty(s *segment) bool {
	for _, f := range c.report.Faults {
		if f.Segment == s.file.id {
			return true
		}
	}
	return false
}
