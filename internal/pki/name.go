// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxName bounds a distinguished name as text, and maxParts the parts of it.
const (
	maxName  = 2048
	maxParts = 32
)

// attributeTypes are the words of RFC 4514 section 3 and those that .NET and openssl write beside them.
var attributeTypes = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3}, "SN": {2, 5, 4, 4}, "SERIALNUMBER": {2, 5, 4, 5}, "C": {2, 5, 4, 6}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8},
	"S": {2, 5, 4, 8}, "STREET": {2, 5, 4, 9}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "T": {2, 5, 4, 12}, "G": {2, 5, 4, 42},
	"GN": {2, 5, 4, 42}, "E": {1, 2, 840, 113549, 1, 9, 1}, "DC": {0, 9, 2342, 19200300, 100, 1, 25}, "UID": {0, 9, 2342, 19200300, 100, 1, 1},
}

// ia5 are the types whose values are IA5Strings.
var ia5 = []string{"E", "DC"}

// ErrName says that a text is no distinguished name.
var ErrName = errors.New(`not a distinguished name, such as "CN=www.example.com, O=Example"`)

// ParseName reads a distinguished name (RFC 4514, and quoted values as X.500 tools write them). Parts are taken in the order
// in which they are written, as Key Vault does; RFC 4514 would turn them round.
func ParseName(text string) (pkix.RDNSequence, error) {
	if len(text) > maxName || !utf8.ValidString(text) {
		return nil, ErrName
	}
	var out pkix.RDNSequence
	rest := strings.TrimSpace(text)
	for rest != "" {
		word, after, ok := strings.Cut(rest, "=")
		word = strings.ToUpper(strings.TrimSpace(word))
		oid, known := attributeTypes[word]
		if !ok || !known || len(out) == maxParts {
			return nil, ErrName
		}
		value, after, more, err := readValue(after)
		if err != nil {
			return nil, err
		}
		var v any = value
		if slices.Contains(ia5, word) {
			v = asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(value)}
			if strings.IndexFunc(value, func(r rune) bool { return r > 127 }) >= 0 {
				return nil, ErrName
			}
		} else if word == "C" && (len(value) != 2 || strings.IndexFunc(value, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }) >= 0) {
			return nil, ErrName
		}
		out = append(out, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: v}})
		rest = strings.TrimSpace(after)
		if more && rest == "" { // a comma with nothing behind it
			return nil, ErrName
		}
	}
	return out, nil
}

// readValue reads up to the comma that ends a value; more tells whether there is one.
func readValue(text string) (value, rest string, more bool, err error) {
	text = strings.TrimLeft(text, " ")
	var b strings.Builder
	quoted := strings.HasPrefix(text, `"`)
	i, kept := 0, 0 // kept is how much of the value is not trailing space
	if quoted {
		i = 1
	}
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
			if i == len(text) || !strings.ContainsRune(` "#+,;<=>\`, rune(text[i])) { // pairs of hexadecimal digits are not read
				return "", "", false, ErrName
			}
			b.WriteByte(text[i])
			kept = b.Len()
		case quoted && c == '"':
			rest = strings.TrimLeft(text[i+1:], " ")
			if rest != "" && rest[0] != ',' && rest[0] != ';' || b.Len() == 0 {
				return "", "", false, ErrName
			}
			if rest != "" {
				return b.String(), rest[1:], true, nil
			}
			return b.String(), "", false, nil
		case !quoted && (c == ',' || c == ';'):
			if kept == 0 {
				return "", "", false, ErrName
			}
			return b.String()[:kept], text[i+1:], true, nil
		case c < ' ' || !quoted && (c == '"' || c == '+' || c == '<' || c == '>'): // several attributes in one part are not made
			return "", "", false, ErrName
		default:
			b.WriteByte(c)
			if c != ' ' {
				kept = b.Len()
			}
		}
	}
	if quoted || kept == 0 {
		return "", "", false, ErrName
	}
	return b.String()[:kept], "", false, nil
}
