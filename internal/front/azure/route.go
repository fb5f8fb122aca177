// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/genbu-hsm/genbu/key"
)

// route is what a request asks for: one row of the table below, with the names in its path.
type route struct {
	op      *operation
	name    string // of the key, secret
	version string // empty: the current one
	guid    string // of a role definition or assignment
	job     string // of a long-running operation
	query   query
}

// operation is one row: a method and a path in which {n} is a name and {v} a version that may be missing.
type operation struct {
	method  string
	pattern string
	noun    noun
	do      func(c *call) error

	parts []string // the pattern, split
}

// noun says what a row is about, so that a fault gets the right words.
type noun struct {
	title    string // as messages have it
	notFound string // error code of what is not there
	folder   string // first segment of its ids
	deleted  string // first segment of a deleted one's ids
}

var (
	aKey         = noun{"Key", "KeyNotFound", "keys", "deletedkeys"}
	aSecret      = noun{"Secret", "SecretNotFound", "secrets", "deletedsecrets"}
	aCertificate = noun{"Certificate", "CertificateNotFound", "certificates", "deletedcertificates"}
	anIssuer     = noun{"Issuer", "CertificateIssuerNotFound", "certificates/issuers", ""}
	theContacts  = noun{"Contacts", "CertificateContactsNotFound", "certificates/contacts", ""}
)

// validVersion tells whether a version can be one: 32 lower-case hexadecimal digits.
func validVersion(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 32
}

// find reads method, path and query of a request. It never redirects: a client would lose its body. Empty segments are a
// version that was left out, wherever they stand, since some clients send keys/n/ and others keys/n//sign.
func find(r *http.Request) (*route, error) {
	q, err := readQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	segments, err := split(r.URL.EscapedPath(), maxSegments)
	if err != nil {
		return nil, err
	}
	known := false
	for i := range operations {
		op := &operations[i]
		out, ok := op.match(segments)
		if !ok {
			continue
		}
		known = true
		if op.method != r.Method {
			continue
		}
		out.query = q
		if err := out.check(); err != nil {
			return nil, err
		}
		return &out, nil
	}
	if known {
		return nil, &apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", "", "The method " + clip(r.Method) + " is not one of this resource.", nil}
	}
	return nil, &apiError{http.StatusNotFound, "NotFound", "", "There is no such resource.", nil}
}

// maxSegments bounds a path: the longest is a role assignment of one key.
const maxSegments = 8

// split answers the path's segments, decoded one by one, so that an encoded slash makes no segment. Empty ones are left out.
func split(path string, most int) ([]string, error) {
	out := make([]string, 0, 8)
	for part := range strings.SplitSeq(path, "/") {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, badParameter("The path is not valid.")
		}
		if text != "" {
			out = append(out, text)
		}
		if len(out) > most {
			return nil, &apiError{http.StatusNotFound, "NotFound", "", "There is no such resource.", nil}
		}
	}
	return out, nil
}

func (op *operation) match(segments []string) (out route, ok bool) {
	out.op = op
	rest := segments
	for i, part := range op.parts {
		switch {
		case part == "{v}" && len(rest) == len(op.parts)-i-1: // left out
			continue
		case len(rest) == 0:
			return out, false
		case part == "{n}":
			out.name = rest[0]
		case part == "{v}":
			out.version = rest[0]
		case part == "{id}":
			out.guid = rest[0]
		case part == "{job}":
			out.job = rest[0]
		case !strings.EqualFold(part, rest[0]):
			return out, false
		}
		rest = rest[1:]
	}
	return out, len(rest) == 0
}

// check refuses names and versions that there cannot be.
func (r *route) check() error {
	if strings.Contains(r.op.pattern, "{n}") && !key.ValidName(r.name) {
		return badParameter("The name %q is invalid: it has 1 to 127 letters, digits and hyphens.", clip(r.name))
	}
	if r.version != "" && !validVersion(r.version) {
		return badParameter("The version %q is invalid: it has 32 lower-case hexadecimal digits.", clip(r.version))
	}
	if strings.Contains(r.op.pattern, "{id}") && !uuidPattern.MatchString(r.guid) {
		return badParameter("The name %q is not a UUID.", clip(r.guid))
	}
	return nil
}

// clip bounds what a message quotes of a request.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
