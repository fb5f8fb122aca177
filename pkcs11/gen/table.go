// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// call is one row of calls.def.
type call struct {
	id                uint16
	name              string // SESSION_OPEN
	request, response string // signatures
	who, fields       string
}

var row = regexp.MustCompile(`^CALL\(0x([0-9A-F]{2}), ([A-Z_]+), +"([^"]*)", +"([^"]*)", +([A-Z]+), +"([^"]*)"\)$`)

// parse reads calls.def. It is strict, since the C preprocessor reads the same lines with other eyes: every line that
// is not a row must be empty or part of the one comment at the top.
func parse(def string) ([]call, error) {
	end := strings.Index(def, "*/\n")
	if !strings.HasPrefix(def, "/*") || end < 0 {
		return nil, fmt.Errorf("calls.def does not begin with a comment")
	}
	var calls []call
	names := map[string]bool{}
	for _, line := range strings.Split(def[end+3:], "\n") {
		if line == "" {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("not a row: %s", line)
		}
		id, err := strconv.ParseUint(m[1], 16, 16)
		if err != nil {
			return nil, err
		}
		c := call{uint16(id), m[2], m[3], m[4], m[5], m[6]}
		if len(calls) > 0 && calls[len(calls)-1].id >= c.id || names[c.name] {
			return nil, fmt.Errorf("out of order or given twice: %s", line)
		}
		names[c.name] = true
		for _, sig := range []string{c.request, c.response} {
			if err := checkSignature(sig); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// checkSignature accepts the field letters of docs/design/channel.md, lists of fixed letters, and * at the end.
func checkSignature(sig string) error {
	depth := 0
	for i, r := range sig {
		switch r {
		case 'u', 'y', 'b', 'A', 'T', 'V', 'M', 'O':
		case '[':
			depth++
		case ']':
			depth--
			if depth < 0 || sig[i-1] == '[' {
				return fmt.Errorf("bad list in signature %q", sig)
			}
		case '*':
			if i != len(sig)-1 || depth != 0 {
				return fmt.Errorf("* is not the end of signature %q", sig)
			}
		default:
			return fmt.Errorf("unknown letter %q in signature %q", r, sig)
		}
	}
	if depth != 0 {
		return fmt.Errorf("open list in signature %q", sig)
	}
	return nil
}

// camel turns SESSION_OPEN into SessionOpen.
func camel(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(name, "_") {
		b.WriteString(part[:1] + strings.ToLower(part[1:]))
	}
	return b.String()
}
