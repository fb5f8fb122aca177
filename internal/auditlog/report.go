// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/genbu-hsm/genbu/key"
)

// FaultKind is one way in which a log is not what the core wrote.
type FaultKind string

const (
	Altered           FaultKind = "altered"            // an entry's bytes changed, or one was put in
	Missing           FaultKind = "missing"            // entries were taken out
	Cut               FaultKind = "cut"                // signed entries at the end are gone
	SegmentMissing    FaultKind = "segment-missing"    // a segment that is named is not there
	CheckpointMissing FaultKind = "checkpoint-missing" // there was a checkpoint, and its file is gone
	CheckpointInvalid FaultKind = "checkpoint-invalid" // it is not signed by this key, or is no checkpoint
	Forked            FaultKind = "forked"             // two stories go on from one point
)

// Fault is one finding. Where only a batch of entries is known, Until is the last that may be meant.
type Fault struct {
	Kind    FaultKind `json:"kind"`
	Seq     uint64    `json:"seq"`
	Segment key.ID    `json:"-"`
	Name    string    `json:"segment"`
	Index   uint64    `json:"index"`
	Until   uint64    `json:"until"`
	Detail  string    `json:"detail"`
}

func (f *Fault) Error() string {
	if f.Until > f.Index {
		return fmt.Sprintf("segment %s, entries %d to %d: %s: %s", f.Segment, f.Index, f.Until, f.Kind, f.Detail)
	}
	return fmt.Sprintf("segment %s, entry %d: %s: %s", f.Segment, f.Index, f.Kind, f.Detail)
}

// Segment is what was found of one segment.
type Segment struct {
	Seq     uint64 `json:"seq"`
	ID      key.ID `json:"-"`
	Name    string `json:"segment"`
	Entries uint64 `json:"entries"`
	Signed  uint64 `json:"signed"` // entries that a good signature covers; those after it are the unsigned tail
	Torn    bool   `json:"torn"`   // the file ends within a frame, as after a crash
	Start   int64  `json:"start"`  // time of the first entry, nanoseconds since 1970
	End     int64  `json:"end"`
}

// Tail is how many entries no signature covers.
func (s Segment) Tail() uint64 { return s.Entries - s.Signed }

// Report is what Verify found, in the order of the segments.
type Report struct {
	Segments []Segment `json:"segments"`
	Faults   []Fault   `json:"faults"`
}

// First is the first fault, nil when there is none.
func (r *Report) First() *Fault {
	if len(r.Faults) == 0 {
		return nil
	}
	return &r.Faults[0]
}

// Tail is how many entries of all segments no signature covers.
func (r *Report) Tail() (n uint64) {
	for _, s := range r.Segments {
		n += s.Tail()
	}
	return n
}

func (r *Report) add(f file, kind FaultKind, index, until uint64, format string, args ...any) {
	r.Faults = append(r.Faults, Fault{Kind: kind, Seq: f.seq, Segment: f.id, Name: f.id.String(), Index: index, Until: max(index, until),
		Detail: fmt.Sprintf(format, args...)})
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Index, b.Index))
	})
}
