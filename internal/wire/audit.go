// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// AuditKind says what an entry of the audit log is about (docs/design/audit.md has the table).
type AuditKind uint8

const (
	AuditUnknown AuditKind = iota
	AuditOpen              // a core started and opened this segment
	AuditState             // initialize, unlock, lock, zeroize, rekeep
	AuditManage            // partition, operator, policy
	AuditLogin             // login, logout, resume, PIN change
	AuditRefusal           // a denied request
	AuditKey               // an object was created, changed or destroyed
	AuditUse               // one use of a key
	AuditCounted           // many uses of a key
	AuditNote              // an operator's remark
	AuditAlarm             // a record or head that was altered or set back
	AuditClose             // the core ended in order
)

var auditKinds = [...]string{"unknown", "open", "state", "manage", "login", "refusal", "key", "use", "counted", "note", "alarm", "close"}

func (k AuditKind) String() string {
	if int(k) < len(auditKinds) {
		return auditKinds[k]
	}
	return "unknown"
}

// AuditHostCall is set in AuditEntry.Call where the number is an op of host.go rather than a call of the client channel.
const AuditHostCall uint16 = 1 << 15

// MaxAuditText bounds AuditEntry.Text: an operator's remark, a path, a version.
const MaxAuditText = 1024

// AuditEntry is one leaf of the log. Index, Prev, Node, Open and Seal are filled in by core/audit, the rest by whoever
// reports. It never holds a PIN, nor a name that did not log in: people type PINs where names belong.
type AuditEntry struct {
	Kind      AuditKind
	Index     uint64
	Prev      [8]byte // start of the leaf hash of the entry before; tells which entry was altered
	Time      int64   // nanoseconds since 1970
	Node      key.ID
	Partition key.ID
	Operator  key.ID // zero where nobody is logged in
	Role      uint8
	Door      uint8
	UID, PID  uint32 // of the peer, as the host asserts them
	Call      uint16
	Object    key.ID
	Mechanism key.Mechanism
	Result    fault.Code
	Request   uint64
	Count     uint64 // uses that this entry stands for
	Text      string
	Open      *AuditOpening // in the first entry of a segment only
	Seal      *[64]byte     // signature over the checkpoint of all entries before this one
}

// AuditOpening names a segment and what it follows on.
type AuditOpening struct {
	Segment key.ID
	Last    *AuditLast // nil when the core was given no checkpoint
}

// AuditLast is the checkpoint that a core was given when it started.
type AuditLast struct {
	Origin string
	Size   uint64
	Root   Hash
	Note   Hash // SHA-256 of the signed note, so that its signature is fixed, too
}

const auditVersion = 1

func (e *AuditEntry) Encode(w *Writer) {
	w.U8(auditVersion)
	w.U8(uint8(e.Kind))
	w.U64(e.Index)
	w.Raw(e.Prev[:])
	w.U64(uint64(e.Time))
	w.PutID(e.Node)
	w.PutID(e.Partition)
	w.PutID(e.Operator)
	w.U8(e.Role)
	w.U8(e.Door)
	w.U32(e.UID)
	w.U32(e.PID)
	w.U16(e.Call)
	w.PutID(e.Object)
	w.U64(uint64(e.Mechanism))
	w.U16(uint16(e.Result))
	w.U64(e.Request)
	w.U64(e.Count)
	w.String(e.Text)
	w.Bool(e.Open != nil)
	if e.Open != nil {
		e.Open.encode(w)
	}
	w.Bool(e.Seal != nil)
	if e.Seal != nil {
		w.Raw(e.Seal[:])
	}
}

func (o *AuditOpening) encode(w *Writer) {
	w.PutID(o.Segment)
	w.Bool(o.Last != nil)
	if o.Last != nil {
		w.String(o.Last.Origin)
		w.U64(o.Last.Size)
		w.Raw(o.Last.Root[:])
		w.Raw(o.Last.Note[:])
	}
}

// Decode takes one entry; the caller asks r.End. It keeps nothing of r's bytes.
func (e *AuditEntry) Decode(r *Reader) {
	if r.U8() != auditVersion {
		r.Fail()
	}
	if e.Kind = AuditKind(r.U8()); e.Kind == AuditUnknown {
		r.Fail()
	}
	e.Index = r.U64()
	copy(e.Prev[:], r.Raw(len(e.Prev)))
	e.Time = int64(r.U64())
	e.Node, e.Partition, e.Operator = r.ID(), r.ID(), r.ID()
	e.Role, e.Door, e.UID, e.PID = r.U8(), r.U8(), r.U32(), r.U32()
	e.Call, e.Object, e.Mechanism = r.U16(), r.ID(), key.Mechanism(r.U64())
	e.Result, e.Request, e.Count = fault.Code(r.U16()), r.U64(), r.U64()
	text := r.Bytes()
	if len(text) > MaxAuditText {
		r.Fail()
	}
	e.Text, e.Open, e.Seal = string(text), nil, nil
	if r.Bool() {
		e.Open = decodeOpening(r)
	}
	if r.Bool() {
		e.Seal = new([64]byte)
		copy(e.Seal[:], r.Raw(64))
	}
}

func decodeOpening(r *Reader) *AuditOpening {
	o := &AuditOpening{Segment: r.ID()}
	if r.Bool() {
		o.Last = &AuditLast{Origin: r.String(), Size: r.U64()}
		copy(o.Last.Root[:], r.Raw(32))
		copy(o.Last.Note[:], r.Raw(32))
	}
	return o
}
