// SPDX-License-Identifier: Apache-2.0

// Package azure is the door for programs that were written for Azure Key Vault and Managed HSM: their REST protocol, as
// api-versions 7.0 to 7.6 and the dated ones after it have it, and the sign-in that their libraries bring, for which it
// answers as an AD FS authority would.
//
// It is a codec. A request's bearer token is shown to the core, which logs the caller in on a channel of its own; the
// request becomes calls on that channel, and the core decides each. A vault is a partition, found by the host name; a key
// is what a PKCS #11 client sees as well (docs/spec/azure.md has the map).
//
//	NAME.vault.SUFFIX, NAME.managedhsm.SUFFIX    keys and secrets
//	login.SUFFIX                                 the authority, and the endpoint for managed identities
//	arm.SUFFIX                                   the resource manager: vaults and managed HSMs as a whole, and roles in vaults
package azure

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/trace"
	"github.com/genbu-hsm/genbu/key"
)

// Core is how the door reaches the module.
type Core interface {
	// Channel opens a client channel on which nobody is logged in. The host introduces it and asserts nobody's uid.
	Channel() (io.ReadWriteCloser, error)

	// Epoch changes whenever the core is started anew: channels to the one before are over.
	Epoch() uint64

	// IssueToken shows evidence to the core. Its secrets are cleared by the caller.
	IssueToken(e Evidence) (Token, error)

	// Vault finds the partition of a vault's name; PartitionUnknown when there is none of that kind.
	Vault(name, kind string) (Vault, error)

	// Vaults lists them all.
	Vaults() ([]Vault, error)
}

// Vault is what the door knows of a partition.
type Vault struct {
	Slot            uint64
	Partition       key.ID
	Resource        string // what tokens for it are made for
	RetentionDays   int    // how long a deleted object can be recovered
	PurgeProtection bool   // it cannot be purged before
}

// Door answers for every name below one suffix.
type Door struct {
	Core   Core
	Suffix string // of host names, lower case: "genbu.localhost"
	Log    *slog.Logger

	// Rotation answers the evidence of the identity that carries rotation policies out, without a resource.
	Rotation func() (Evidence, error)

	// Archives carries out backups and restores of managed HSMs; nil for a door without them.
	Archives Archives

	jobs    *jobs
	logins  *logins
	facts   *factCache
	rotator *rotator

	records sync.Mutex // one change of a vault's issuers and contacts at a time, as far as this node goes
}

// New makes a door. Close ends its channels.
func New(core Core, suffix string, log *slog.Logger) *Door {
	d := &Door{Core: core, Suffix: strings.ToLower(suffix), Log: log, jobs: newJobs(), logins: newLogins(core), facts: newFactCache()}
	d.Rotation = func() (Evidence, error) { return Evidence{}, fault.UserUnknown }
	d.rotator = newRotator(d)
	return d
}

// Run carries rotation policies out until ctx ends.
func (d *Door) Run(ctx context.Context) { d.rotator.run(ctx) }

// Close ends what is under way, and every login of the door.
func (d *Door) Close() {
	d.jobs.close()
	d.logins.close()
}

// ServeHTTP sends a request to the part that its host name means.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := parseHost(r.Host, d.Suffix)
	switch {
	case !ok:
		reply(w, http.StatusNotFound, map[string]any{"error": map[string]string{"code": "NotFound", "message": "There is no vault of this host name."}})
	case h.label == loginLabel:
		d.authority(w, r, h)
	case h.label == armLabel:
		d.arm(w, r, h)
	default:
		d.vault(w, r, h)
	}
}

// vault answers a request to a vault. Nothing is read of a request that comes without a token, or with one that the core
// does not take: clients send their first request without body to be told where to sign in.
func (d *Door) vault(w http.ResponseWriter, r *http.Request, h host) {
	request := trace.Request(r.Context()) // by which logs and traces know it
	headers(w, request)
	token, ok := bearer(r)
	if !ok {
		leave(w, r)
		h.challenge(w, d.Suffix, "")
		refuse(w, &apiError{http.StatusUnauthorized, "Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token.", nil})
		return
	}
	c := &call{door: d, w: w, r: r, host: h}
	err := c.run(token)
	if err == nil {
		return
	}
	n := noun{}
	if c.route != nil {
		n = c.op.noun
	}
	e := refusal(err, n)
	if e.status == http.StatusUnauthorized {
		leave(w, r)
		h.challenge(w, d.Suffix, "invalid_token")
	}
	if e.status >= 500 {
		d.Log.Warn("request failed", "door", "azure", "method", r.Method, "fault", fault.Of(err), "error", err)
	}
	refuse(w, e)
}

// leave lets an answer go out before the request's body has come. Else the server would wait for that body, to keep the
// connection.
func leave(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= 8<<10
}
