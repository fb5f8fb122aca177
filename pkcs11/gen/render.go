// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/format"
	"strings"
)

const goHead = `// SPDX-License-Identifier: Apache-2.0

// Code generated from pkcs11/calls.def by go generate ./pkcs11/...; DO NOT EDIT.

package wire

// Call is the number of a call on the client channel (docs/design/channel.md).
type Call uint16

const (
`

const goMiddle = `)

// CallSpec is one row of pkcs11/calls.def.
type CallSpec struct {
	Call     Call
	Name     string // as in channel.md: SESSION_OPEN
	Request  string // signature of the body, in the field letters of channel.md; [x] is a u32 count and so many x
	Response string // signature of the body of a successful answer
	Store    bool   // the core may need the store's help to answer
	Manage   string // who may ask for a management call: "any", "admin", "so", "user"; empty for the PKCS #11 calls
}

// Calls lists every call by rising number.
var Calls = []CallSpec{
`

const goTail = `}

// Spec finds the row of a call; false when there is no such call.
func (c Call) Spec() (CallSpec, bool) {
	for _, s := range Calls {
		if s.Call == c {
			return s, true
		}
	}
	return CallSpec{}, false
}

// String is the name of the call in channel.md.
func (c Call) String() string {
	if s, ok := c.Spec(); ok {
		return s.Name
	}
	return "unknown call"
}
`

// management tells whether a row's who column names an operator rather than the part that answers.
func (c call) management() bool { return c.id >= 0x80 }

func renderGo(calls []call) (string, error) {
	var b strings.Builder
	b.WriteString(goHead)
	for _, c := range calls {
		fmt.Fprintf(&b, "Call%s Call = 0x%02X\n", camel(c.name), c.id)
	}
	b.WriteString(goMiddle)
	for _, c := range calls {
		manage := ""
		if c.management() {
			manage = strings.ToLower(c.who)
		}
		fmt.Fprintf(&b, "{Call%s, %q, %q, %q, %t, %q},\n", camel(c.name), c.name, c.request, c.response, c.who == "STORE", manage)
	}
	b.WriteString(goTail)
	code, err := format.Source([]byte(b.String()))
	return string(code), err
}

const docHead = `# Calls of the client channel

Made from pkcs11/calls.def by ` + "`go generate ./pkcs11/...`" + `; change that file, not this one. What the calls mean is in
docs/design/channel.md and docs/design/management.md.

Letters: u u64 · y u8 · b u32 length and bytes · A template · T attribute types · V attribute values · M mechanism ·
O object summaries · [x] u32 count and so many x · * the rest, read by the call itself.

`

func renderDoc(calls []call) string {
	var b strings.Builder
	b.WriteString(docHead)
	table := func(who string, management bool) {
		fmt.Fprintf(&b, "| id | call | request | response | %s | fields |\n|---|---|---|---|---|---|\n", who)
		for _, c := range calls {
			if c.management() != management {
				continue
			}
			fmt.Fprintf(&b, "| 0x%02X | %s | %s | %s | %s | %s |\n", c.id, c.name, code(c.request), code(c.response),
				strings.ToLower(c.who), strings.ReplaceAll(c.fields, "->", "→"))
		}
	}
	b.WriteString("## PKCS #11\n\n\"store\": the core may need the store's help (a record is not loaded, or must be committed).\n\n")
	table("answered by", false)
	b.WriteString("\n## Management\n\nNot used by the C library.\n\n")
	table("may ask", true)
	return b.String()
}

func code(sig string) string {
	if sig == "" {
		return "none"
	}
	return "`" + sig + "`"
}
