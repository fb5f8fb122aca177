// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
)

// managedIdentity is the endpoint that App Service gives to its programs (IDENTITY_ENDPOINT, IDENTITY_HEADER). The header
// is the evidence: client id and client secret with a colon between them, which the core checks like any client secret.
func (d *Door) managedIdentity(w http.ResponseWriter, r *http.Request, h host) {
	refuse := func(status int, code, text string) {
		reply(w, status, map[string]any{"statusCode": status, "message": text, "error": code, "error_description": text})
	}
	q := r.URL.Query()
	client, secret, ok := strings.Cut(r.Header.Get("X-IDENTITY-HEADER"), ":")
	if !ok || client == "" || secret == "" || len(client) > 256 {
		refuse(http.StatusUnauthorized, "invalid_client", "The header X-IDENTITY-HEADER is missing.")
		return
	}
	if asked := q.Get("client_id"); asked != "" && !strings.EqualFold(asked, client) {
		refuse(http.StatusBadRequest, "invalid_request", "This endpoint has no such identity.")
		return
	}
	resource, err := resourceOf(q.Get("scope"), strings.TrimSuffix(q.Get("resource"), "/.default"))
	if err != nil {
		refuse(http.StatusBadRequest, "invalid_scope", err.Error())
		return
	}
	e := Evidence{Client: client, Secret: opaque.New([]byte(secret)), Resource: resource}
	defer e.Secret.Clear()
	t, err := d.Core.IssueToken(e)
	if err != nil {
		d.Log.Info("no token", "door", "azure", "client", clip(client), "fault", fault.Of(err))
		f := oauthFault(err)
		refuse(f.status, f.code, f.text)
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": t.Text, "token_type": "Bearer", "resource": resource, "client_id": client,
		"expires_on": strconv.FormatInt(t.Expires.Unix(), 10), "expires_in": strconv.Itoa(int(time.Until(t.Expires).Seconds()))})
}
