// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// object reads the members of one JSON object. A fault stays; end answers it, or names a member that nobody asked for:
// what a client says and we would not do is an error, never passed over. null counts as absent.
type object struct {
	members map[string]any
	path    string // of the object within the body, for messages
	fault   *error // of the whole body
}

// readObject reads a body that must be an object; an empty body is an empty object.
func readObject(text []byte) (object, error) {
	var fault error
	o := object{map[string]any{}, "", &fault}
	if len(bytes.TrimSpace(text)) == 0 {
		return o, nil
	}
	v, err := parse(text)
	if err != nil {
		return o, err
	}
	members, ok := v.(map[string]any)
	if !ok {
		return o, badParameter("The request body is not a JSON object.")
	}
	o.members = members
	return o, nil
}

func (o object) fail(name, why string) {
	if *o.fault == nil {
		*o.fault = badParameter("Property '%s' %s.", o.path+name, why)
	}
}

func (o object) take(name string) any {
	v := o.members[name]
	delete(o.members, name)
	return v
}

// skip passes over members that the service itself sets and that clients send back as they got them.
func (o object) skip(names ...string) {
	for _, name := range names {
		delete(o.members, name)
	}
}

func (o object) has(name string) bool { return o.members[name] != nil }

func (o object) text(name string) string {
	v := o.take(name)
	s, ok := v.(string)
	if v != nil && !ok {
		o.fail(name, "is not a string")
	}
	return s
}

// must is text that has to be there.
func (o object) must(name string) string {
	s := o.text(name)
	if s == "" {
		o.fail(name, "is required")
	}
	return s
}

func (o object) flag(name string) *bool {
	v := o.take(name)
	b, ok := v.(bool)
	if v == nil {
		return nil
	}
	if !ok {
		o.fail(name, "is not true or false")
		return nil
	}
	return &b
}

func (o object) number(name string) *int64 {
	v := o.take(name)
	if v == nil {
		return nil
	}
	text, _ := v.(json.Number)
	n, err := text.Int64()
	if err != nil {
		o.fail(name, "is not a whole number")
		return nil
	}
	return &n
}

// bytes reads base64url; nil when the member is absent, empty but not nil when it is the empty string.
func (o object) bytes(name string) []byte {
	v := o.take(name)
	if v == nil {
		return nil
	}
	s, _ := v.(string)
	b, err := decode64(s)
	if _, ok := v.(string); !ok || err != nil {
		o.fail(name, "is not base64url")
		return nil
	}
	return b
}

// list reads strings; nil when the member is absent.
func (o object) list(name string) []string {
	v := o.take(name)
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, isText := item.(string)
		ok = ok && isText
		out = append(out, s)
	}
	if !ok {
		o.fail(name, "is not a list of strings")
		return nil
	}
	return out
}

// object reads a nested object; ok tells whether it is there.
func (o object) object(name string) (inner object, ok bool) {
	v := o.take(name)
	members, ok := v.(map[string]any)
	if v != nil && !ok {
		o.fail(name, "is not an object")
	}
	return object{members, o.path + name + ".", o.fault}, ok
}

// objects reads a list of objects.
func (o object) objects(name string) (list []object) {
	v := o.take(name)
	items, ok := v.([]any)
	if v != nil && !ok {
		o.fail(name, "is not a list")
	}
	for _, item := range items {
		members, ok := item.(map[string]any)
		if !ok {
			o.fail(name, "is not a list of objects")
			return nil
		}
		list = append(list, object{members, o.path + name + ".", o.fault})
	}
	return list
}

// end answers the first fault of the body. Nested objects end themselves first.
func (o object) end() error {
	if *o.fault == nil && len(o.members) > 0 {
		names := make([]string, 0, len(o.members))
		for name := range o.members {
			names = append(names, name)
		}
		slices.Sort(names)
		o.fail(names[0], "is not known")
	}
	return *o.fault
}

// strict64 is base64url (RFC 4648 section 5) whose last bits must be zero.
var strict64 = base64.RawURLEncoding.Strict()

// decode64 reads base64url, with or without padding; nothing else is passed over.
func decode64(s string) ([]byte, error) { return strict64.DecodeString(unpad(s)) }

// unpad takes the padding away where it is exactly what the length asks for.
func unpad(s string) string {
	if len(s)%4 == 0 {
		for range 2 {
			s = strings.TrimSuffix(s, "=")
		}
	}
	return s
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
