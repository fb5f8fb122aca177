// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parse reads one JSON value (RFC 8259) strictly: valid UTF-8, nothing behind it, no member twice, no deeper than maxDepth.
// Numbers stay text until somebody asks for one. It is written by hand since encoding/json passes over members that are there
// twice, and reading its tokens one by one to see them took a sixth of a request's time.
func parse(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, notJSON()
	}
	p := parser{rest: string(text)}
	v, err := p.value(maxDepth)
	if err != nil {
		return nil, err
	}
	if p.next() != 0 || p.rest != "" {
		return nil, badParameter("The request body is not one JSON value.")
	}
	return v, nil
}

func notJSON() error { return badParameter("The request body is not valid JSON.") }

// parser holds what has not been read yet. Strings without escapes are views of the text.
type parser struct{ rest string }

// next passes over white space and answers the byte that follows, 0 at the end. (A byte 0 is in no valid text.)
func (p *parser) next() byte {
	for i := range len(p.rest) {
		switch c := p.rest[i]; c {
		case ' ', '\t', '\n', '\r':
		default:
			p.rest = p.rest[i:]
			return c
		}
	}
	p.rest = ""
	return 0
}

// take passes over c, if it is what follows.
func (p *parser) take(c byte) bool {
	ok := p.next() == c && p.rest != ""
	if ok {
		p.rest = p.rest[1:]
	}
	return ok
}

func (p *parser) value(depth int) (any, error) {
	switch c := p.next(); {
	case c == '{' || c == '[':
		if depth == 0 {
			return nil, badParameter("The request body is nested too deep.")
		}
		if c == '{' {
			return p.object(depth - 1)
		}
		return p.array(depth - 1)
	case c == '"':
		return p.text()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	return p.word()
}

func (p *parser) word() (v any, err error) {
	for _, w := range []struct {
		text  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if rest, ok := strings.CutPrefix(p.rest, w.text); ok {
			p.rest = rest
			return w.value, nil
		}
	}
	return nil, notJSON()
}

func (p *parser) object(depth int) (any, error) {
	p.take('{')
	members := map[string]any{}
	if p.take('}') {
		return members, nil
	}
	for {
		if p.next() != '"' {
			return nil, notJSON()
		}
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, badParameter("The member %s is there twice.", clip(name))
		}
		if !p.take(':') {
			return nil, notJSON()
		}
		if members[name], err = p.value(depth); err != nil {
			return nil, err
		}
		if p.take('}') {
			return members, nil
		}
		if !p.take(',') {
			return nil, notJSON()
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	p.take('[')
	list := []any{}
	if p.take(']') {
		return list, nil
	}
	for {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.take(']') {
			return list, nil
		}
		if !p.take(',') {
			return nil, notJSON()
		}
	}
}

// number reads section 6: -, digits without a leading zero, a fraction, an exponent.
func (p *parser) number() (any, error) {
	s, i := p.rest, 0
	digits := func() bool {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > from
	}
	at := func(set string) bool { return i < len(s) && strings.IndexByte(set, s[i]) >= 0 }
	if at("-") {
		i++
	}
	if at("0") {
		i++
	} else if !digits() {
		return nil, notJSON()
	}
	if at(".") {
		if i++; !digits() {
			return nil, notJSON()
		}
	}
	if at("eE") {
		if i++; at("+-") {
			i++
		}
		if !digits() {
			return nil, notJSON()
		}
	}
	p.rest = s[i:]
	return json.Number(s[:i]), nil
}

// text reads a string, whose first quote is what follows.
func (p *parser) text() (string, error) {
	s := p.rest[1:]
	end := strings.IndexByte(s, '"')
	if end < 0 {
		return "", notJSON()
	}
	if plain := s[:end]; strings.IndexByte(plain, '\\') < 0 {
		for i := range len(plain) {
			if plain[i] < ' ' {
				return "", notJSON()
			}
		}
		p.rest = s[end+1:]
		return plain, nil
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			p.rest = s[i+1:]
			return out.String(), nil
		case c < ' ':
			return "", notJSON()
		case c != '\\':
			out.WriteByte(c)
		default:
			r, n := escaped(s[i:])
			if n == 0 {
				return "", notJSON()
			}
			out.WriteRune(r)
			i += n - 1
		}
	}
	return "", notJSON()
}

// escaped reads one escape and answers how long it is; 0 for none. Half of a surrogate pair stands for no character: what a client
// would find in its place (encoding/json has U+FFFD) it did not send.
func escaped(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, s[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		low, _ := hex4(s[6:])
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, 0
		}
		return r, 12
	}
	return r, 6
}

// hex4 reads \uXXXX.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(v), err == nil
}
