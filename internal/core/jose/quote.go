// SPDX-License-Identifier: Apache-2.0

package jose

import "strconv"

// Writer makes the text of a JSON object, member by member, in the order of the calls.
type Writer struct{ b []byte }

func (w *Writer) name(n string) {
	if len(w.b) == 0 {
		w.b = append(w.b, '{')
	} else {
		w.b = append(w.b, ',')
	}
	w.quote(n)
	w.b = append(w.b, ':')
}

// Text adds a string, Number a number.
func (w *Writer) Text(name, value string) {
	w.name(name)
	w.quote(value)
}

func (w *Writer) Number(name string, value uint64) {
	w.name(name)
	w.b = strconv.AppendUint(w.b, value, 10)
}

// Flag adds a boolean, Texts a list of strings, Object another object.
func (w *Writer) Flag(name string, value bool) {
	w.name(name)
	w.b = strconv.AppendBool(w.b, value)
}

func (w *Writer) Texts(name string, list []string) {
	w.name(name)
	w.b = append(w.b, '[')
	for i, s := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.quote(s)
	}
	w.b = append(w.b, ']')
}

func (w *Writer) Object(name string, inner *Writer) {
	w.name(name)
	w.b = append(w.b, inner.String()...)
}

// String closes the object.
func (w *Writer) String() string {
	if len(w.b) == 0 {
		return "{}"
	}
	return string(w.b) + "}"
}

const hexDigits = "0123456789abcdef"

func (w *Writer) quote(s string) {
	w.b = append(w.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', c)
		case c < 0x20 || c == 0x7F:
			w.b = append(w.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			w.b = append(w.b, c)
		}
	}
	w.b = append(w.b, '"')
}
