// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"
)

// Kinds of vaults, as the second label of their host names.
const (
	KindVault      = "vault"
	KindManagedHSM = "managedhsm"
)

// Names beside the vaults', below the suffix.
const (
	loginLabel = "login" // the authority
	armLabel   = "arm"   // the resource manager, as far as az needs one to log in
)

// ValidVaultName tells whether a vault can have the name, as Azure has it: 3 to 24 letters, digits and hyphens, a letter first, a
// letter or digit last, no two hyphens together. So it is a label of the DNS as well.
func ValidVaultName(name string) bool {
	before := byte('-')
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9') || c == '-' && before == '-') {
			return false
		}
		before = c
	}
	return len(name) >= 3 && len(name) <= 24 && before != '-'
}

// host is what the Host header says: which of our names, and the port that the client uses, which must come back in every
// address that we give it.
type host struct {
	vault string // name of a vault; empty for the other names
	kind  string // of it
	label string // loginLabel, armLabel
	name  string // as the client said it, lower case, without the port
	port  string // ":8443", or empty for 443
}

// parseHost reads a Host header; ok is false for a name that is not ours.
func parseHost(header, suffix string) (h host, ok bool) {
	name := strings.ToLower(header)
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name, h.port = name[:i], name[i:]
	}
	if len(h.port) > 6 || strings.Trim(h.port, ":0123456789") != "" {
		return host{}, false
	}
	h.name = strings.TrimSuffix(name, ".")
	label, ok := strings.CutSuffix(h.name, "."+suffix)
	if !ok {
		return host{}, false
	}
	if label == loginLabel || label == armLabel {
		h.label = label
		return h, true
	}
	vault, kind, _ := strings.Cut(label, ".")
	if kind != KindVault && kind != KindManagedHSM || !ValidVaultName(vault) {
		return host{}, false
	}
	h.vault, h.kind = vault, kind
	return h, true
}

// base is how addresses of this host begin.
func (h host) base() string { return "https://" + h.name + h.port }

// resource is what tokens for this host are made for. SDKs compare it with the end of the host's name, port included.
func (h host) resource(suffix string) string { return "https://" + h.kind + "." + suffix + h.port }

// authority is where clients of this host get their tokens.
func (h host) authority(suffix string) string {
	return "https://" + loginLabel + "." + suffix + h.port
}

// tenant is the name that makes every client library speak to us as to AD FS: without a look at Microsoft's own servers.
const tenant = "adfs"

// challenge says where to get a token. It is one header: a comma and a blank between the parts, no blank and no equals sign
// within a value, one path segment in the authority; the parsers of the SDKs are that narrow.
func (h host) challenge(w http.ResponseWriter, suffix, fault string) {
	text := `Bearer authorization="` + h.authority(suffix) + "/" + tenant + `", resource="` + h.resource(suffix) + `"`
	if fault != "" {
		text += `, error="` + fault + `"`
	}
	w.Header().Set("WWW-Authenticate", text)
}
