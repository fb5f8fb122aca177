// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Attribute is one attribute of a template, its value as it lies in the memory of a 64-bit little-endian machine.
type Attribute struct {
	Type  key.Attr
	Value []byte
}

// Template is a list of attributes.
type Template []Attribute

// Bool, ULong, Bytes, Text, Nested and Mechanisms make attributes.
func Bool(t key.Attr, v bool) Attribute {
	if v {
		return Attribute{t, []byte{1}}
	}
	return Attribute{t, []byte{0}}
}

func ULong[T ~uint64](t key.Attr, v T) Attribute {
	var w wire.Writer
	w.U64(uint64(v))
	return Attribute{t, w.B}
}

func Bytes(t key.Attr, v []byte) Attribute { return Attribute{t, v} }

func Text(t key.Attr, v string) Attribute { return Attribute{t, []byte(v)} }

func Nested(t key.Attr, inner Template) Attribute {
	var w wire.Writer
	inner.put(&w)
	return Attribute{t, w.B}
}

func Mechanisms(list ...key.Mechanism) Attribute {
	var w wire.Writer
	for _, m := range list {
		w.U64(uint64(m))
	}
	return Attribute{key.AttrAllowedMechs, w.B}
}

func (t Template) put(w *wire.Writer) {
	w.U32(uint32(len(t)))
	for _, a := range t {
		w.U64(uint64(a.Type))
		w.Bytes(a.Value)
	}
}

// Status says whether the value of an attribute was given.
type Status uint8

const (
	Given     Status = 0
	NoSuch    Status = 1 // the object has no such attribute
	Sensitive Status = 2
)

// Value is an attribute that was asked for.
type Value struct {
	Type   key.Attr
	Status Status
	Value  []byte
}

// ULong reads the value as a CK_ULONG; 0 when it is not one.
func (v Value) ULong() uint64 {
	if len(v.Value) != 8 {
		return 0
	}
	r := wire.NewReader(v.Value)
	return r.U64()
}

// Bool reads the value as a CK_BBOOL.
func (v Value) Bool() bool { return len(v.Value) == 1 && v.Value[0] != 0 }

func values(r *wire.Reader) []Value {
	n := r.Count(13)
	list := make([]Value, 0, n)
	for range n {
		list = append(list, Value{key.Attr(r.U64()), Status(r.U8()), keep(r.Bytes())})
	}
	return list
}

// Usage bits and flags of a Summary.
const (
	CanEncrypt     = 1
	CanDecrypt     = 2
	CanSign        = 4
	CanVerify      = 8
	CanWrap        = 16
	CanUnwrap      = 32
	CanDerive      = 64
	CanEncapsulate = 128
	CanDecapsulate = 256

	IsToken           = 1
	IsPrivate         = 2
	AlwaysAuth        = 4
	IsSensitive       = 8
	IsExtractable     = 16
	LimitedMechanisms = 32
)

// Summary is what a client needs to know of an object before it uses it.
type Summary struct {
	Handle uint64
	Class  key.Class
	Type   key.Type
	Usage  uint64
	Bits   uint64
	Flags  uint64
}

func summaries(r *wire.Reader) []Summary {
	n := r.Count(48)
	list := make([]Summary, 0, n)
	for range n {
		list = append(list, Summary{r.U64(), key.Class(r.U64()), key.Type(r.U64()), r.U64(), r.U64(), r.U64()})
	}
	return list
}

func summary(r *wire.Reader) Summary {
	list := summaries(r)
	if len(list) != 1 {
		r.Fail()
		return Summary{}
	}
	return list[0]
}

// Mechanism is a mechanism with its parameter, in the form its shape asks for (params.go makes them).
type Mechanism struct {
	ID    key.Mechanism
	Param []byte
}

// Mech is a mechanism without a parameter.
func Mech(id key.Mechanism) Mechanism { return Mechanism{ID: id} }

func (m Mechanism) put(w *wire.Writer) {
	w.U64(uint64(m.ID))
	w.Bytes(m.Param)
}
