// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/trace"
)

// The resource manager, as far as clients need one to make, find and end vaults and managed HSMs, and to give roles in vaults. The
// subscription is the domain, its id the domain's; a resource group is a word on a vault, so that every name is one.

// armCall is one request to the resource manager.
type armCall struct {
	door    *Door
	w       http.ResponseWriter
	r       *http.Request
	host    host
	op      *armOperation
	names   map[string]string // what stands in the path for the pattern's names, without their braces
	query   query
	conn    *client.Conn
	session *client.Session
	domain  string // its id as a UUID: subscription and tenant
}

// armVersions are dates, with previews.
var armVersions = regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])(-preview|-alpha|-beta)?$`)

var aResource = noun{title: "Resource", notFound: "ResourceNotFound"}

// arm answers a request to the resource manager. Who has no role in the domain sees no subscription, and may log in all the same: az asks
// for that alone when it does.
func (d *Door) arm(w http.ResponseWriter, r *http.Request, h host) {
	headers(w, trace.Request(r.Context()))
	if d.metadata(w, r, h) {
		return
	}
	token, ok := bearer(r)
	if !ok {
		leave(w, r)
		h.challengeARM(w, d.Suffix, "invalid_request")
		refuse(w, &apiError{http.StatusUnauthorized, "AuthenticationFailed", "", "Authentication failed. The 'Authorization' header is missing.", nil})
		return
	}
	c := &armCall{door: d, w: w, r: r, host: h}
	err := c.run(token)
	if err == nil {
		return
	}
	e := armRefusal(err)
	if e.status == http.StatusUnauthorized {
		leave(w, r)
		h.challengeARM(w, d.Suffix, "invalid_token")
	}
	if e.status >= 500 {
		d.Log.Warn("request failed", "door", "azure", "method", r.Method, "fault", fault.Of(err), "error", err)
	}
	refuse(w, e)
}

// challengeARM is the resource manager's own form of a challenge.
func (h host) challengeARM(w http.ResponseWriter, suffix, fault string) {
	w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+h.authority(suffix)+"/"+tenant+`", error="`+fault+`", error_description="A token for `+h.base()+` is needed."`)
}

// run logs in, finds the row and carries it out.
func (c *armCall) run(token string) (err error) {
	l, err := c.door.logins.take(domainSlot, token)
	if stale(err) {
		l, err = c.door.logins.take(domainSlot, token)
	}
	roleless := fault.Of(err) == fault.Denied
	if err != nil && !roleless {
		return err
	}
	if !roleless {
		defer func() { l.give(err) }()
		c.session, c.conn = l.session, l.conn
	}
	if err := c.find(); err != nil {
		return err
	}
	c.r.Pattern = c.op.pattern
	if roleless {
		if c.op.pattern == "subscriptions" || c.op.pattern == "tenants" {
			return c.answer(http.StatusOK, page{Value: []any{}})
		}
		return err
	}
	status, err := c.conn.Status()
	if err != nil {
		return err
	}
	c.domain = uuidOf(status.Domain)
	if s, named := c.names["sub"]; named && !strings.EqualFold(s, c.domain) {
		return &apiError{http.StatusNotFound, "SubscriptionNotFound", "", "The subscription '" + clip(s) + "' could not be found.", nil}
	}
	return c.op.do(c)
}

// find reads method, path and query.
func (c *armCall) find() error {
	segments, err := split(c.r.URL.EscapedPath(), maxArmSegments)
	if err != nil {
		return err
	}
	known := false
	for i := range armOperations {
		op := &armOperations[i]
		names, ok := op.match(segments)
		if !ok {
			continue
		}
		known = true
		if op.method == c.r.Method {
			c.op, c.names = op, names
			break
		}
	}
	switch {
	case c.op == nil && known:
		return &apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", "", "The method " + clip(c.r.Method) + " is not one of this resource.", nil}
	case c.op == nil:
		return &apiError{http.StatusNotFound, "ResourceNotFound", "", "There is no such resource.", nil}
	}
	if c.query, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return err
	}
	version := c.query.values.Get("api-version")
	if version == "" {
		return &apiError{http.StatusBadRequest, "MissingApiVersionParameter", "", "The api-version query parameter (?api-version=) is required for all requests.", nil}
	}
	if !armVersions.MatchString(version) {
		return &apiError{http.StatusBadRequest, "InvalidApiVersionParameter", "", "The api-version '" + clip(version) + "' is invalid.", nil}
	}
	if name, there := c.names["name"]; there && !ValidVaultName(name) {
		return &apiError{http.StatusBadRequest, "VaultNameNotValid", "", "The vault name '" + clip(name) + "' is invalid: 3 to 24 letters, digits and hyphens, a letter first.", nil}
	}
	if group, there := c.names["group"]; there && !validGroup.MatchString(group) {
		return &apiError{http.StatusBadRequest, "InvalidResourceGroupName", "", "The resource group name '" + clip(group) + "' is invalid.", nil}
	}
	if id, there := c.names["id"]; there && !uuidPattern.MatchString(id) {
		return badParameter("The name %q is not a UUID.", clip(id))
	}
	return nil
}

// armRefusal is refusal in the resource manager's words.
func armRefusal(err error) *apiError {
	var own *apiError
	if errors.As(err, &own) {
		return own
	}
	e := *refusal(err, aResource)
	switch {
	case fault.Of(err) == fault.PartitionExists:
		e.code, e.message = "VaultAlreadyExists", "The name is already in use, perhaps by a vault that was deleted and can be recovered."
	case fault.Of(err) == fault.PartitionUnknown:
		e.status, e.code, e.message = http.StatusNotFound, "ResourceNotFound", "Resource not found."
	case fault.Of(err) == fault.UserUnknown:
		e.status, e.code, e.message = http.StatusBadRequest, "PrincipalNotFound", "There is no such service identity."
	case e.status == http.StatusUnauthorized:
		e.code = "InvalidAuthenticationToken"
	case e.status == http.StatusForbidden && e.inner == forbidden.inner:
		e.code, e.inner, e.message = "AuthorizationFailed", "", "The client does not have authorization to perform this action: it has no role for it in the domain."
	}
	return &e
}

func (c *armCall) answer(status int, v any) error { return (&call{w: c.w}).answer(status, v) }

func (c *armCall) none() error { return (&call{w: c.w}).none() }

func (c *armCall) body() (object, error) { return (&call{w: c.w, r: c.r}).body() }
