// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/key"

// FindNamesRequest asks the index for objects by name. Without a Name: the newest object of each name, in the order of
// names, from behind the name After on. With one: its objects, the newest first, from behind the object that AfterCreated
// and AfterObject are of. Answered with a FindNamesReply.
type FindNamesRequest struct {
	Partition    key.ID
	Group        key.Group
	Deleted      bool
	Name         []byte // nil for all
	After        []byte // a name; empty for the first page
	AfterCreated uint64
	AfterObject  key.ID // zero for the first page
	Limit        uint32 // 0 leaves the number to the host
}

// NameHit is one object, with what a question after it begins from.
type NameHit struct {
	Object  key.ID
	Label   []byte
	Created uint64
}

// FindNamesReply is one page; More as in FindReply.
type FindNamesReply struct {
	Hits []NameHit
	More bool
}

func (v *FindNamesReply) Encode(w *Writer) {
	w.U32(uint32(len(v.Hits)))
	for _, h := range v.Hits {
		w.PutID(h.Object)
		w.Bytes(h.Label)
		w.U64(h.Created)
	}
	w.Bool(v.More)
}

func (v *FindNamesReply) Decode(r *Reader) {
	v.Hits = make([]NameHit, r.Count(28))
	for i := range v.Hits {
		v.Hits[i] = NameHit{r.ID(), r.Bytes(), r.U64()}
	}
	v.More = r.Bool()
}

func (v *FindNamesRequest) Encode(w *Writer) {
	w.PutID(v.Partition)
	w.U8(uint8(v.Group))
	w.Bool(v.Deleted)
	w.optional(v.Name)
	w.Bytes(v.After)
	w.U64(v.AfterCreated)
	w.PutID(v.AfterObject)
	w.U32(v.Limit)
}

func (v *FindNamesRequest) Decode(r *Reader) {
	v.Partition, v.Group, v.Deleted = r.ID(), key.Group(r.U8()), r.Bool()
	v.Name, v.After = r.optional(), r.Bytes()
	v.AfterCreated, v.AfterObject, v.Limit = r.U64(), r.ID(), r.U32()
}
