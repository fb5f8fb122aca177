// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// This file holds the bodies of the host calls (docs/design/boundary.md, the table of ops) that are not messages of
// their own in host.go. The answer to OpLoad is a Record, the request of OpCommit a Txn, the request of OpAudit an Audit;
// answers not named here have an empty body.

// LoadRequest asks for one record. Answered with a Record, or RecordUnknown when there is none.
type LoadRequest struct{ Path string }

// ListRequest asks for the records whose path begins with Prefix and is greater than After, in the order of their paths.
// Limit 0 leaves the number to the host; a reply is shorter than asked for when it would not fit a message.
type ListRequest struct {
	Prefix string
	After  string // the last path of the page before; empty for the first page
	Limit  uint32
}

// ListReply is one page. More says that records follow: ask again with After set to the last path.
type ListReply struct {
	Records []Record
	More    bool
}

// FindRequest asks the index for objects, in the order of their ids. IndexNotReady is answered while the index is being
// built and for some time does not become ready.
type FindRequest struct {
	Query Query
	After key.ID // the last id of the page before; zero for the first page
	Limit uint32 // 0 leaves the number to the host
}

// FindReply is one page. More says that ids follow; it may be true with nothing following, never the other way round.
type FindReply struct {
	IDs  []key.ID
	More bool
}

// CommitReply carries the revision that every record of the Txn now has.
type CommitReply struct{ Revision int64 }

// RootVerb is what OpRoot does to the sealed root of one keeper.
type RootVerb uint8

const (
	RootUnknown RootVerb = iota
	RootPut              // durable on answer; what it replaces is overwritten
	RootGet              // RecordUnknown when there is none
	RootDestroy          // overwritten, then removed; destroying what is not there succeeds
)

// RootRequest keeps, gives back or destroys the sealed root of a keeper. Value is empty but for RootPut. Keeper is 1 to
// 32 of a-z, 0-9 and the hyphen, since it becomes a file name.
type RootRequest struct {
	Verb   RootVerb
	Keeper string
	Value  []byte
}

// RootReply answers RootGet with the value, and the other verbs with an empty one.
type RootReply struct{ Value []byte }

// TPMRequest is a command for this machine's TPM, as that takes it. An empty one ends the conversation: what it made in the TPM may go.
type TPMRequest struct{ Command []byte }

// TPMReply is the TPM's answer.
type TPMReply struct{ Answer []byte }

// LogLevel of a LogLine.
type LogLevel uint8

const (
	LogUnknown LogLevel = iota
	LogDebug
	LogInfo
	LogWarn
	LogError
)

// LogLine is one line for the operator's log. The core puts no secret and no label into it.
type LogLine struct {
	Level   LogLevel
	Request uint64 // request id, 0 for none
	Text    string
}

// DescribeRequest hands records to the core, which opens them and tells what the index may know. Fresh says that all
// records follow from here on, so that the core counts its objects anew.
type DescribeRequest struct {
	Fresh   bool
	Records []Record
}

// Described is the answer for one record: Meta, or the fault for which the core refuses it. Neither (Fault OK, Meta nil)
// is the answer for an authentic record that is not an object.
type Described struct {
	Fault fault.Code
	Meta  *Meta
}

// DescribeReply has one item for each record of the request, in its order.
type DescribeReply struct{ Items []Described }

// ChangedRequest names the records that somebody else changed or removed.
type ChangedRequest struct{ Paths []string }

func (v *LoadRequest) Encode(w *Writer) { w.String(v.Path) }
func (v *LoadRequest) Decode(r *Reader) { v.Path = r.String() }

func (v *ListRequest) Encode(w *Writer) {
	w.String(v.Prefix)
	w.String(v.After)
	w.U32(v.Limit)
}

func (v *ListRequest) Decode(r *Reader) { v.Prefix, v.After, v.Limit = r.String(), r.String(), r.U32() }

func (w *Writer) records(list []Record) {
	w.U32(uint32(len(list)))
	for i := range list {
		list[i].Encode(w)
	}
}

func (r *Reader) records() []Record {
	n := r.Count(16)
	list := make([]Record, n)
	for i := range list {
		list[i].Decode(r)
	}
	return list
}

func (v *ListReply) Encode(w *Writer) {
	w.records(v.Records)
	w.Bool(v.More)
}

func (v *ListReply) Decode(r *Reader) { v.Records, v.More = r.records(), r.Bool() }

func (v *FindRequest) Encode(w *Writer) {
	v.Query.Encode(w)
	w.PutID(v.After)
	w.U32(v.Limit)
}

func (v *FindRequest) Decode(r *Reader) {
	v.Query.Decode(r)
	v.After, v.Limit = r.ID(), r.U32()
}

func (v *FindReply) Encode(w *Writer) {
	w.U32(uint32(len(v.IDs)))
	for _, id := range v.IDs {
		w.PutID(id)
	}
	w.Bool(v.More)
}

func (v *FindReply) Decode(r *Reader) {
	v.IDs = make([]key.ID, r.Count(16))
	for i := range v.IDs {
		v.IDs[i] = r.ID()
	}
	v.More = r.Bool()
}

func (v *CommitReply) Encode(w *Writer) { w.U64(uint64(v.Revision)) }
func (v *CommitReply) Decode(r *Reader) { v.Revision = int64(r.U64()) }

func (v *RootRequest) Encode(w *Writer) {
	w.U8(uint8(v.Verb))
	w.String(v.Keeper)
	w.Bytes(v.Value)
}

func (v *RootRequest) Decode(r *Reader) {
	v.Verb, v.Keeper, v.Value = RootVerb(r.U8()), r.String(), r.Bytes()
}

func (v *RootReply) Encode(w *Writer) { w.Bytes(v.Value) }
func (v *RootReply) Decode(r *Reader) { v.Value = r.Bytes() }

func (v *TPMRequest) Encode(w *Writer) { w.Bytes(v.Command) }
func (v *TPMRequest) Decode(r *Reader) { v.Command = r.Bytes() }
func (v *TPMReply) Encode(w *Writer)   { w.Bytes(v.Answer) }
func (v *TPMReply) Decode(r *Reader)   { v.Answer = r.Bytes() }

func (v *LogLine) Encode(w *Writer) {
	w.U8(uint8(v.Level))
	w.U64(v.Request)
	w.String(v.Text)
}

func (v *LogLine) Decode(r *Reader) {
	v.Level, v.Request, v.Text = LogLevel(r.U8()), r.U64(), r.String()
}

func (v *DescribeRequest) Encode(w *Writer) {
	w.Bool(v.Fresh)
	w.records(v.Records)
}

func (v *DescribeRequest) Decode(r *Reader) { v.Fresh, v.Records = r.Bool(), r.records() }

func (v *Described) Encode(w *Writer) {
	w.U16(uint16(v.Fault))
	w.Bool(v.Meta != nil)
	if v.Meta != nil {
		v.Meta.Encode(w)
	}
}

func (v *Described) Decode(r *Reader) {
	v.Fault = fault.Code(r.U16())
	if r.Bool() {
		v.Meta = new(Meta)
		v.Meta.Decode(r)
	}
}

func (v *DescribeReply) Encode(w *Writer) {
	w.U32(uint32(len(v.Items)))
	for i := range v.Items {
		v.Items[i].Encode(w)
	}
}

func (v *DescribeReply) Decode(r *Reader) {
	v.Items = make([]Described, r.Count(3))
	for i := range v.Items {
		v.Items[i].Decode(r)
	}
}

func (v *ChangedRequest) Encode(w *Writer) { w.strings(v.Paths) }
func (v *ChangedRequest) Decode(r *Reader) { v.Paths = r.strings() }
