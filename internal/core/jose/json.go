// SPDX-License-Identifier: Apache-2.0

package jose

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Limits of what is read: a token of a large issuer has a few kilobytes.
const (
	MaxText  = 64 << 10
	maxDepth = 16
)

// Kind of a Value.
type Kind uint8

const (
	Unknown Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value (RFC 8259).
type Value struct {
	Kind  Kind
	Bool  bool
	Text  string  // of a string; the digits of a number as they came
	Items []Value // of an array; the values of an object
	names []string
}

// ParseJSON reads one JSON value and nothing behind it. It is strict, since two readers that differ about a token are a way
// around a check: valid UTF-8 only, no name twice in an object, no lone surrogates, a bounded depth.
func ParseJSON(text []byte) (Value, error) {
	r := &reader{b: text}
	if len(text) > MaxText || !utf8.Valid(text) {
		return Value{}, invalid()
	}
	v := r.value(0)
	r.blank()
	if r.bad || r.at != len(r.b) {
		return Value{}, invalid()
	}
	return v, nil
}

func invalid() error { return fault.TokenInvalid.At("read json") }

// Get answers the member of an object; the zero Value when there is none.
func (v Value) Get(name string) Value {
	for i, n := range v.names {
		if n == name {
			return v.Items[i]
		}
	}
	return Value{}
}

// Names are the names of an object's members, in their order.
func (v Value) Names() []string { return v.names }

// String answers a string; empty for anything else.
func (v Value) String() string {
	if v.Kind == String {
		return v.Text
	}
	return ""
}

// Seconds answers a NumericDate (RFC 7519 section 2) without its fraction.
func (v Value) Seconds() (int64, bool) {
	if v.Kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if err != nil || f < 0 || f > 253402300799 {
		return 0, false
	}
	return int64(f), true
}

// reader goes over a text once.
type reader struct {
	b   []byte
	at  int
	bad bool
}

func (r *reader) fail() Value {
	r.bad = true
	return Value{}
}

func (r *reader) blank() {
	for r.at < len(r.b) {
		switch r.b[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next answers the first byte that is not blank, without taking it; 0 at the end.
func (r *reader) next() byte {
	r.blank()
	if r.bad || r.at == len(r.b) {
		return 0
	}
	return r.b[r.at]
}

func (r *reader) take(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) value(depth int) Value {
	if depth > maxDepth {
		return r.fail()
	}
	switch c := r.next(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		return Value{Kind: String, Text: r.text()}
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case r.word("true"):
		return Value{Kind: Bool, Bool: true}
	case r.word("false"):
		return Value{Kind: Bool}
	case r.word("null"):
		return Value{Kind: Null}
	}
	return r.fail()
}

func (r *reader) word(w string) bool {
	if len(r.b)-r.at < len(w) || string(r.b[r.at:r.at+len(w)]) != w {
		return false
	}
	r.at += len(w)
	return true
}

func (r *reader) object(depth int) Value {
	v := Value{Kind: Object}
	r.take('{')
	if r.take('}') {
		return v
	}
	seen := map[string]bool{}
	for {
		if r.next() != '"' {
			return r.fail()
		}
		name := r.text()
		if seen[name] || !r.take(':') {
			return r.fail()
		}
		seen[name] = true
		v.names = append(v.names, name)
		v.Items = append(v.Items, r.value(depth+1))
		if r.bad {
			return Value{}
		}
		if r.take('}') {
			return v
		}
		if !r.take(',') {
			return r.fail()
		}
	}
}

func (r *reader) array(depth int) Value {
	v := Value{Kind: Array}
	r.take('[')
	if r.take(']') {
		return v
	}
	for {
		v.Items = append(v.Items, r.value(depth+1))
		if r.bad {
			return Value{}
		}
		if r.take(']') {
			return v
		}
		if !r.take(',') {
			return r.fail()
		}
	}
}

// number takes the grammar of RFC 8259 section 6.
func (r *reader) number() Value {
	start := r.at
	digits := func() bool {
		from := r.at
		for r.at < len(r.b) && r.b[r.at] >= '0' && r.b[r.at] <= '9' {
			r.at++
		}
		return r.at > from
	}
	has := func(set string) bool {
		for i := range len(set) {
			if r.at < len(r.b) && r.b[r.at] == set[i] {
				r.at++
				return true
			}
		}
		return false
	}
	has("-")
	first := r.at
	if !digits() || r.b[first] == '0' && r.at > first+1 {
		return r.fail()
	}
	if has(".") && !digits() {
		return r.fail()
	}
	if has("eE") {
		has("+-")
		if !digits() {
			return r.fail()
		}
	}
	return Value{Kind: Number, Text: string(r.b[start:r.at])}
}

// text takes a string with its quotes.
func (r *reader) text() string {
	r.at++
	var out []byte
	for r.at < len(r.b) {
		c := r.b[r.at]
		r.at++
		switch {
		case c == '"':
			return string(out)
		case c < 0x20:
			r.bad = true
			return ""
		case c != '\\':
			out = append(out, c)
		default:
			if out = r.escape(out); r.bad {
				return ""
			}
		}
	}
	r.bad = true
	return ""
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (r *reader) escape(out []byte) []byte {
	if r.at == len(r.b) {
		r.bad = true
		return nil
	}
	c := r.b[r.at]
	r.at++
	if plain, ok := escapes[c]; ok {
		return append(out, plain)
	}
	if c != 'u' {
		r.bad = true
		return nil
	}
	u := r.hex()
	if utf16.IsSurrogate(u) {
		if !r.word(`\u`) {
			r.bad = true
			return nil
		}
		if u = utf16.DecodeRune(u, r.hex()); u == utf8.RuneError {
			r.bad = true
		}
	}
	return utf8.AppendRune(out, u)
}

func (r *reader) hex() rune {
	if len(r.b)-r.at < 4 {
		r.bad = true
		return 0
	}
	n, err := strconv.ParseUint(string(r.b[r.at:r.at+4]), 16, 16)
	r.at += 4
	r.bad = r.bad || err != nil
	return rune(n)
}
