// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
)

// Evidence is by what a client shows that it is who it says, as it came; the core checks it.
type Evidence struct {
	Client    string       // client id
	Secret    opaque.Bytes // a client secret
	Assertion opaque.Bytes // or a signed token: by the client's own key, or by an issuer that the core trusts for this client
	Resource  string       // what the token is for
	Endpoint  string       // the address that an assertion must be made for
}

// Token is what the core made of it.
type Token struct {
	Text    string
	Expires time.Time
}

// authority answers what a client library asks of AD FS: where things are, and tokens for client credentials (RFC 6749
// section 4.4, with assertions as of RFC 7523 section 2.2).
func (d *Door) authority(w http.ResponseWriter, r *http.Request, h host) {
	base := h.base()
	path := strings.TrimSuffix(r.URL.Path, "/")
	path = strings.Replace(path, "/adfs/adfs/", "/adfs/", 1) // az appends the tenant to an authority that has it already,
	path = strings.Replace(path, "/adfs/v2.0/", "/adfs/", 1) // and asks an authority of Entra ID's kind what the tenant's id is
	switch {
	case path == "/adfs/.well-known/openid-configuration" && r.Method == http.MethodGet:
		reply(w, http.StatusOK, map[string]any{
			"issuer":                                base + "/adfs",
			"authorization_endpoint":                base + "/adfs/oauth2/authorize",
			"token_endpoint":                        base + "/adfs/oauth2/token",
			"device_authorization_endpoint":         base + "/adfs/oauth2/devicecode",
			"jwks_uri":                              base + "/adfs/discovery/keys",
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
			"response_types_supported":              []string{"code", "token"},
			"subject_types_supported":               []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"grant_types_supported":                 []string{"client_credentials"},
		})
	case path == "/adfs/discovery/keys" && r.Method == http.MethodGet:
		reply(w, http.StatusOK, map[string]any{"keys": []any{}}) // tokens are for us alone: nobody else can check them
	case path == "/adfs/oauth2/token" && r.Method == http.MethodPost:
		d.token(w, r, h)
	case path == "/msi/token" && r.Method == http.MethodGet:
		d.managedIdentity(w, r, h)
	default:
		reply(w, http.StatusNotFound, map[string]string{"error": "invalid_request", "error_description": "There is no such endpoint."})
	}
}

// token is the token endpoint.
func (d *Door) token(w http.ResponseWriter, r *http.Request, h host) {
	e, err := readTokenRequest(w, r)
	defer e.Secret.Clear()
	defer e.Assertion.Clear()
	if err != nil {
		oauthError(w, err)
		return
	}
	e.Endpoint = h.base() + "/adfs/oauth2/token"
	t, err := d.Core.IssueToken(e)
	if err != nil {
		d.Log.Info("no token", "door", "azure", "client", clip(e.Client), "fault", fault.Of(err))
		oauthError(w, oauthFault(err))
		return
	}
	left := int(time.Until(t.Expires).Seconds())
	reply(w, http.StatusOK, map[string]any{"token_type": "Bearer", "access_token": t.Text, "expires_in": left, "ext_expires_in": left,
		"resource": e.Resource})
}

// oauthRefusal is an error of RFC 6749 section 5.2.
type oauthRefusal struct {
	status int
	code   string
	text   string
}

func (e *oauthRefusal) Error() string { return e.text }

func invalidRequest(text string) *oauthRefusal {
	return &oauthRefusal{http.StatusBadRequest, "invalid_request", text}
}

func oauthError(w http.ResponseWriter, err error) {
	e, ok := err.(*oauthRefusal)
	if !ok {
		e = &oauthRefusal{http.StatusInternalServerError, "server_error", "The request failed."}
	}
	if e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	reply(w, e.status, map[string]any{"error": e.code, "error_description": e.text})
}

// oauthFault says no more than that the client is not who it says it is, whichever part of that was wrong.
func oauthFault(err error) *oauthRefusal {
	f := faces[fault.Of(err)]
	switch {
	case f.status == http.StatusTooManyRequests:
		return &oauthRefusal{f.status, "temporarily_unavailable", "Too many attempts."}
	case f.status >= 500:
		return &oauthRefusal{http.StatusServiceUnavailable, "temporarily_unavailable", "The module is not available: " + fault.Of(err).String() + "."}
	case fault.Of(err) == fault.ArgumentsBad:
		return &oauthRefusal{http.StatusBadRequest, "invalid_scope", "The scope names no resource of this authority."}
	}
	return &oauthRefusal{http.StatusUnauthorized, "invalid_client", "The client is not known here, or its credential is not valid."}
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// readTokenRequest reads the form of a token request.
func readTokenRequest(w http.ResponseWriter, r *http.Request) (e Evidence, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return e, invalidRequest("The body is not a form.")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	defer clear(text)
	if err != nil {
		return e, &oauthRefusal{http.StatusRequestEntityTooLarge, "invalid_request", "The body is too large."}
	}
	return parseTokenForm(text)
}

// parseTokenForm keeps the secrets of a form as bytes of their own, so that they can be cleared.
func parseTokenForm(text []byte) (e Evidence, err error) {
	form := map[string][]byte{}
	defer func() {
		for name, v := range form {
			if name != "client_secret" && name != "client_assertion" || err != nil {
				clear(v)
			}
		}
	}()
	for part := range bytes.SplitSeq(text, []byte("&")) {
		if len(part) == 0 {
			continue
		}
		rawName, rawValue, _ := bytes.Cut(part, []byte("="))
		name, ok := unescape(rawName)
		value, ok2 := unescape(rawValue)
		if !ok || !ok2 {
			return e, invalidRequest("The form is not valid.")
		}
		if _, twice := form[string(name)]; twice {
			return e, invalidRequest("A parameter is there twice.")
		}
		form[string(name)] = value
	}
	if grant := string(form["grant_type"]); grant != "client_credentials" {
		return e, &oauthRefusal{http.StatusBadRequest, "unsupported_grant_type", "The grant type is client_credentials."}
	}
	e.Client = string(form["client_id"])
	secret, assertion := form["client_secret"], form["client_assertion"]
	switch {
	case e.Client == "" || len(e.Client) > 256:
		return e, invalidRequest("client_id is missing.")
	case len(secret) == 0 && len(assertion) == 0 || len(secret) > 0 && len(assertion) > 0:
		return e, &oauthRefusal{http.StatusUnauthorized, "invalid_client", "Either client_secret or client_assertion is needed."}
	case len(assertion) > 0 && string(form["client_assertion_type"]) != assertionType:
		return e, invalidRequest("client_assertion_type is not " + assertionType + ".")
	}
	if e.Resource, err = resourceOf(string(form["scope"]), string(form["resource"])); err != nil {
		return e, err
	}
	e.Secret, e.Assertion = opaque.New(secret), opaque.New(assertion)
	return e, nil
}

// resourceOf finds what a token is wanted for: one resource with /.default behind it, beside the scopes of OpenID.
func resourceOf(scope, resource string) (string, error) {
	for s := range strings.FieldsSeq(scope) {
		name, ok := strings.CutSuffix(s, "/.default")
		if !ok {
			continue
		}
		if resource != "" && resource != name {
			return "", &oauthRefusal{http.StatusBadRequest, "invalid_scope", "A token is for one resource."}
		}
		resource = name
	}
	// A resource that ends in a slash is asked for with two.
	resource = strings.TrimRight(resource, "/")
	u, err := url.Parse(resource)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || len(resource) > 256 {
		return "", &oauthRefusal{http.StatusBadRequest, "invalid_scope", "The scope names no resource of this authority."}
	}
	return strings.ToLower(resource), nil
}

// unescape decodes a part of a form into bytes of its own.
func unescape(s []byte) ([]byte, bool) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%':
			if i+2 >= len(s) {
				return nil, false
			}
			hi, ok := nibble(s[i+1])
			lo, ok2 := nibble(s[i+2])
			if !ok || !ok2 {
				return nil, false
			}
			out = append(out, hi<<4|lo)
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out, true
}

func nibble(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func reply(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = jsonType, noStore, noSniff
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
