// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Attribute is one attribute as it lies in a template. A nested template's value is that template, encoded.
type Attribute struct {
	Type  key.Attr
	Value []byte
}

// Template is what a client says about an object, in its own order.
type Template []Attribute

// DecodeTemplate reads letter A of docs/design/channel.md. The values are views into the message.
func DecodeTemplate(r *wire.Reader) (Template, error) {
	t := decodeTemplate(r, 1)
	return t, r.Err()
}

// DecodeTemplate limits the number of attributes, and walks nested templates so that what is kept is well-formed.
func decodeTemplate(r *wire.Reader, depth int) Template {
	n := r.Count(12)
	if n > MaxAttributes || depth > MaxDepth {
		r.Fail()
		return nil
	}
	t := make(Template, 0, n)
	for range n {
		a := Attribute{key.Attr(r.U64()), r.Bytes()}
		if isNested(a.Type) && len(a.Value) > 0 {
			inner := wire.NewReader(a.Value)
			decodeTemplate(&inner, depth+1)
			if inner.End() != nil {
				r.Fail()
			}
		}
		t = append(t, a)
	}
	return t
}

// EncodeTemplate writes letter A.
func EncodeTemplate(w *wire.Writer, t Template) {
	w.U32(uint32(len(t)))
	for _, a := range t {
		w.U64(uint64(a.Type))
		w.Bytes(a.Value)
	}
}

// Find answers the value that the template gives for a type; of two equal ones the first.
func (t Template) Find(typ key.Attr) ([]byte, bool) {
	for _, a := range t {
		if a.Type == typ {
			return a.Value, true
		}
	}
	return nil, false
}

// ULong answers a CK_ULONG of the template; false also when its length is wrong.
func (t Template) ULong(typ key.Attr) (uint64, bool) {
	v, ok := t.Find(typ)
	if !ok || len(v) != 8 {
		return 0, false
	}
	return getULong(v), true
}

// Bool answers a CK_BBOOL of the template, or what the caller says is the default.
func (t Template) Bool(typ key.Attr, absent bool) bool {
	v, ok := t.Find(typ)
	if !ok || len(v) != 1 {
		return absent
	}
	return v[0] != 0
}

// merge adds the attributes of a key's UNWRAP_, DERIVE_ or like template to what the client said. Where both name an
// attribute they must agree, so that a key's template can only be met, never argued with (PKCS #11 3.2 section 4.8).
func merge(t Template, nested []byte) (Template, error) {
	if len(nested) == 0 {
		return t, nil
	}
	r := wire.NewReader(nested)
	forced, err := DecodeTemplate(&r)
	if err != nil {
		return nil, fault.Internal.At("read a key's template")
	}
	all := slices.Clone(t)
	for _, a := range forced {
		said, ok := t.Find(a.Type)
		if !ok {
			all = append(all, a)
		} else if !sameValue(a.Type, said, a.Value) {
			return nil, fault.TemplateInconsistent.At("match the key's own template")
		}
	}
	return all, nil
}

// sameValue compares two values of one attribute: a CK_BBOOL is true in 255 ways.
func sameValue(t key.Attr, a, b []byte) bool {
	if kindOf(t) == kindBool && len(a) == 1 && len(b) == 1 {
		return (a[0] != 0) == (b[0] != 0)
	}
	return bytes.Equal(a, b)
}

// isNested tells whether the value is a template; ALLOWED_MECHANISMS has the array flag too but is a list of numbers.
func isNested(t key.Attr) bool {
	switch t {
	case key.AttrWrapTemplate, key.AttrUnwrapTemplate, key.AttrDeriveTemplate, key.AttrEncapsTemplate, key.AttrDecapsTemplate:
		return true
	}
	return false
}

func getULong(v []byte) uint64 {
	r := wire.NewReader(v)
	return r.U64()
}

func putULong(v uint64) []byte {
	var w wire.Writer
	w.U64(v)
	return w.B
}
