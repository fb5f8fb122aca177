// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Ops between cores.
const (
	OpAsk  uint16 = 16 // Ask -> Answer
	OpTell uint16 = 17 // Tell -> Ack

	// OpSettled says that all changes of a partition up to a counter are in force everywhere: Count -> nothing. Nobody
	// waits for its answer; where it is lost, readers of what was changed wait a little longer.
	OpSettled uint16 = 18
)

// Count is the counter of one partition.
type Count struct {
	Partition key.ID
	Counter   uint64
}

// Ask compares what two cores know, and asks for a lease.
type Ask struct {
	Epoch key.ID
	Birth key.ID
	Want  bool // a lease; else it is only to compare
	State State
}

// Answer is the other's word.
type Answer struct {
	Epoch   key.ID
	Granted bool
	Length  int64
	Holds   bool  // it holds a lease itself, so it knows all that was answered
	State   State // what it knows and the asker does not
}

// Tell is a change that was committed. Changes are the sealed change records that lead to Counter, the newest last, with the
// sealed head after them; without any the other core reads them for itself. Records are those that changed, where their
// content matters at once; without a value they are named only.
type Tell struct {
	Partition key.ID
	Counter   uint64
	Revision  int64 // of the head, as the sender's host says
	Changes   [][]byte
	Head      []byte
	Records   []Record
}

// Record is one that the change named.
type Record struct {
	Path  string
	Value []byte // empty: removed, or to be read when it is needed
}

// Ack says that the change was taken in, and how long leases may last that were granted before that.
type Ack struct {
	Epoch key.ID
	Floor int64 // for anybody: the core was started a short time ago
	Left  []Left
}

// Left is how long the lease of a node may last.
type Left struct {
	Node key.ID
	Time int64
}

func (s State) encode(w *wire.Writer) {
	ids := make([]key.ID, 0, len(s))
	for id := range s {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b key.ID) int { return slices.Compare(a[:], b[:]) })
	w.U32(uint32(len(ids)))
	for _, id := range ids {
		w.PutID(id)
		w.U64(s[id])
	}
}

func decodeState(r *wire.Reader) State {
	n := r.Count(24)
	s := make(State, n)
	for range n {
		id := r.ID()
		s[id] = r.U64()
	}
	return s
}

// duration reads a time that is not negative.
func duration(r *wire.Reader) int64 {
	v := r.U64()
	if v > 1<<62 {
		r.Fail()
	}
	return int64(v)
}

func (q *Ask) Encode(w *wire.Writer) {
	w.PutID(q.Epoch)
	w.PutID(q.Birth)
	w.Bool(q.Want)
	q.State.encode(w)
}

func (q *Ask) Decode(r *wire.Reader) {
	q.Epoch, q.Birth, q.Want, q.State = r.ID(), r.ID(), r.Bool(), decodeState(r)
}

func (a *Answer) Encode(w *wire.Writer) {
	w.PutID(a.Epoch)
	w.Bool(a.Granted)
	w.U64(uint64(a.Length))
	w.Bool(a.Holds)
	a.State.encode(w)
}

func (a *Answer) Decode(r *wire.Reader) {
	a.Epoch, a.Granted, a.Length, a.Holds, a.State = r.ID(), r.Bool(), duration(r), r.Bool(), decodeState(r)
}

func (t *Tell) Encode(w *wire.Writer) {
	w.PutID(t.Partition)
	w.U64(t.Counter)
	w.U64(uint64(t.Revision))
	w.U32(uint32(len(t.Changes)))
	for _, c := range t.Changes {
		w.Bytes(c)
	}
	w.Bytes(t.Head)
	w.U32(uint32(len(t.Records)))
	for _, rec := range t.Records {
		w.String(rec.Path)
		w.Bytes(rec.Value)
	}
}

func (t *Tell) Decode(r *wire.Reader) {
	t.Partition, t.Counter, t.Revision = r.ID(), r.U64(), duration(r)
	t.Changes = make([][]byte, r.Count(4))
	for i := range t.Changes {
		t.Changes[i] = r.Bytes()
	}
	t.Head = r.Bytes()
	t.Records = make([]Record, r.Count(8))
	for i := range t.Records {
		t.Records[i] = Record{r.String(), r.Bytes()}
	}
}

func (a *Ack) Encode(w *wire.Writer) {
	w.PutID(a.Epoch)
	w.U64(uint64(a.Floor))
	w.U32(uint32(len(a.Left)))
	for _, l := range a.Left {
		w.PutID(l.Node)
		w.U64(uint64(l.Time))
	}
}

func (a *Ack) Decode(r *wire.Reader) {
	a.Epoch, a.Floor = r.ID(), duration(r)
	a.Left = make([]Left, r.Count(24))
	for i := range a.Left {
		a.Left[i] = Left{r.ID(), duration(r)}
	}
}

func (n *Count) Encode(w *wire.Writer) {
	w.PutID(n.Partition)
	w.U64(n.Counter)
}

func (n *Count) Decode(r *wire.Reader) { n.Partition, n.Counter = r.ID(), r.U64() }
