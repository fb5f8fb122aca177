// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/key"

// PutID and ID carry the sixteen bytes of an id.
func (w *Writer) PutID(id key.ID) { w.Raw(id[:]) }

func (r *Reader) ID() (id key.ID) {
	copy(id[:], r.Raw(len(id)))
	return id
}

// optional writes whether b is there, and b.
func (w *Writer) optional(b []byte) {
	w.Bool(b != nil)
	if b != nil {
		w.Bytes(b)
	}
}

func (r *Reader) optional() []byte {
	if !r.Bool() {
		return nil
	}
	return append([]byte{}, r.Bytes()...)
}

func (w *Writer) strings(list []string) {
	w.U32(uint32(len(list)))
	for _, s := range list {
		w.String(s)
	}
}

func (r *Reader) strings() []string {
	n := r.Count(4)
	list := make([]string, 0, n)
	for range n {
		list = append(list, r.String())
	}
	return list
}

func (v *Record) Encode(w *Writer) {
	w.String(v.Path)
	w.Bytes(v.Value)
	w.U64(uint64(v.Revision))
}

func (v *Record) Decode(r *Reader) {
	v.Path, v.Value, v.Revision = r.String(), r.Bytes(), int64(r.U64())
}

func (v *Meta) Encode(w *Writer) {
	w.PutID(v.Partition)
	w.PutID(v.Object)
	w.U64(uint64(v.Class))
	w.U64(uint64(v.KeyType))
	w.Bool(v.Private)
	w.Bytes(v.Label)
	w.Bytes(v.ID)
	w.U8(uint8(v.Group))
	w.Bool(v.Deleted)
	w.U64(v.Created)
}

func (v *Meta) Decode(r *Reader) {
	v.Partition, v.Object = r.ID(), r.ID()
	v.Class, v.KeyType, v.Private = key.Class(r.U64()), key.Type(r.U64()), r.Bool()
	v.Label, v.ID = r.Bytes(), r.Bytes()
	v.Group, v.Deleted, v.Created = key.Group(r.U8()), r.Bool(), r.U64()
}

func (v *Query) Encode(w *Writer) {
	w.PutID(v.Partition)
	w.Bool(v.Class != nil)
	if v.Class != nil {
		w.U64(uint64(*v.Class))
	}
	w.Bool(v.KeyType != nil)
	if v.KeyType != nil {
		w.U64(uint64(*v.KeyType))
	}
	w.optional(v.Label)
	w.optional(v.ID)
	w.Bool(v.Object != nil)
	if v.Object != nil {
		w.PutID(*v.Object)
	}
	w.U64(v.Handle)
}

func (v *Query) Decode(r *Reader) {
	v.Partition = r.ID()
	if r.Bool() {
		c := key.Class(r.U64())
		v.Class = &c
	}
	if r.Bool() {
		t := key.Type(r.U64())
		v.KeyType = &t
	}
	v.Label, v.ID = r.optional(), r.optional()
	if r.Bool() {
		id := r.ID()
		v.Object = &id
	}
	v.Handle = r.U64()
}

func (v *Txn) Encode(w *Writer) {
	w.U32(uint32(len(v.Compares)))
	for _, c := range v.Compares {
		w.String(c.Path)
		w.U64(uint64(c.Revision))
	}
	w.U32(uint32(len(v.Puts)))
	for _, p := range v.Puts {
		w.String(p.Path)
		w.Bytes(p.Value)
		w.Bool(p.Meta != nil)
		if p.Meta != nil {
			p.Meta.Encode(w)
		}
	}
	w.strings(v.Deletes)
}

func (v *Txn) Decode(r *Reader) {
	for range r.Count(12) {
		v.Compares = append(v.Compares, Compare{r.String(), int64(r.U64())})
	}
	for range r.Count(9) {
		p := Put{Path: r.String(), Value: r.Bytes()}
		if r.Bool() {
			p.Meta = new(Meta)
			p.Meta.Decode(r)
		}
		v.Puts = append(v.Puts, p)
	}
	v.Deletes = r.strings()
}

func (v *Audit) Encode(w *Writer) {
	w.PutID(v.Segment)
	w.U64(v.First)
	w.U32(uint32(len(v.Entries)))
	for _, e := range v.Entries {
		w.Bytes(e)
	}
	w.Bytes(v.Checkpoint)
	w.Bool(v.Sync)
}

func (v *Audit) Decode(r *Reader) {
	v.Segment, v.First = r.ID(), r.U64()
	for range r.Count(4) {
		v.Entries = append(v.Entries, r.Bytes())
	}
	v.Checkpoint, v.Sync = r.Bytes(), r.Bool()
}

func (v *Config) Encode(w *Writer) {
	w.Bool(v.Fast)
	w.Bool(v.FIPS)
	w.strings(v.Accepted)
	w.Bytes(v.AuditLast)
	w.U32(v.MaxLagMS)
	w.String(v.Self)
	w.PutID(v.Node)
	w.Bool(v.Hold)
}

func (v *Config) Decode(r *Reader) {
	v.Fast, v.FIPS, v.Accepted = r.Bool(), r.Bool(), r.strings()
	v.AuditLast, v.MaxLagMS, v.Self, v.Node, v.Hold = r.Bytes(), r.U32(), r.String(), r.ID(), r.Bool()
}

func (v *Status) Encode(w *Writer) {
	w.U8(uint8(v.State))
	w.Bool(v.Fast)
	w.Bool(v.FIPS)
	w.String(v.Memory)
	w.String(v.Erasure)
	w.strings(v.Sandbox)
	w.strings(v.Missing)
	w.String(v.Keeper)
	w.U32(v.Threshold)
	w.U32(v.Shares)
	w.PutID(v.Domain)
	w.String(v.Module)
	w.U32(v.SelfTests)
	w.U32(v.Partitions)
	w.U32(v.Objects)
	w.U32(v.Channels)
	w.U64(v.Uptime)
	w.Bytes(v.AuditKey)
	w.String(v.Version)
	w.Bytes(v.TPMRoot)
	w.U32(v.TPMPCRs)
}

func (v *Status) Decode(r *Reader) {
	v.decodeFirst(r)
	v.Version = r.String()
	v.TPMRoot, v.TPMPCRs = r.Bytes(), r.U32()
}

// DecodeAny takes a Status of any version, for clients, which may be older or newer than their node: fields that were added
// later are left empty or passed over.
func (v *Status) DecodeAny(r *Reader) {
	v.decodeFirst(r)
	if rest := NewReader(r.Rest()); len(rest.b) > 0 {
		v.Version = rest.String()
		if rest.Len() > 0 {
			v.TPMRoot, v.TPMPCRs = rest.Bytes(), rest.U32()
		}
	}
}

// decodeFirst takes the fields of version 0.1.
func (v *Status) decodeFirst(r *Reader) {
	v.State, v.Fast, v.FIPS = State(r.U8()), r.Bool(), r.Bool()
	v.Memory, v.Erasure, v.Sandbox, v.Missing = r.String(), r.String(), r.strings(), r.strings()
	v.Keeper, v.Threshold, v.Shares, v.Domain = r.String(), r.U32(), r.U32(), r.ID()
	v.Module, v.SelfTests, v.Partitions, v.Objects = r.String(), r.U32(), r.U32(), r.U32()
	v.Channels, v.Uptime, v.AuditKey = r.U32(), r.U64(), r.Bytes()
}
