// SPDX-License-Identifier: Apache-2.0

// Package native is the node's own HTTPS door: health, status and metrics for load balancers, monitoring and people. It
// needs no login and tells nothing of tenants or keys.
//
//	GET /live     200 while the host answers and its core does, or is being started again; 503 when it hangs
//	GET /ready    200 when keys can be used here; with ?for=create, when they can be made as well
//	GET /health   200 when the module signs a fresh challenge, through the whole path from door to key; 503 otherwise
//	GET /status   the module's state, modes and protections, as JSON
//	GET /metrics  for Prometheus (docs/spec/metrics.md)
//	GET /cluster  the store's members as this node sees them, as JSON
//
// What each means when the module is locked, the majority is gone or the lease is over stands in docs/guide.md.
package native

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Core is how the door asks the module. The context says on whose behalf, for traces; it does not end the call.
type Core interface {
	CallFor(ctx context.Context, op uint16, body []byte) ([]byte, error)
}

// Door is what it needs of the node.
type Door struct {
	Core     Core
	Writable func(ctx context.Context) error // nil when the store takes writes now
	Metrics  http.Handler                    // nil for none

	// Cluster shows the members, in what encoding/json makes of it; nil for none.
	Cluster func(ctx context.Context) (any, error)

	Patience time.Duration // how long a question may take; 0: patience

	mu     sync.Mutex
	asking map[string]chan struct{} // guarded by mu: questions under way, closed at their end
}

const (
	// healthPrefix is what the core puts before a challenge when it signs it (docs/design/audit.md).
	healthPrefix = "genbu health 1\x00"

	// patience is how long a question waits for its answer. Probes ask again; a core that hangs is asked by one of them
	// at a time.
	patience = 3 * time.Second
)

// Handler answers the door's requests.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", d.live)
	mux.HandleFunc("GET /ready", d.ready)
	mux.HandleFunc("GET /health", d.health)
	mux.HandleFunc("GET /status", d.status)
	if d.Cluster != nil {
		mux.HandleFunc("GET /cluster", d.cluster)
	}
	if d.Metrics != nil {
		mux.Handle("GET /metrics", d.Metrics)
	}
	return mux
}

func (d *Door) health(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	err := d.within(r.Context(), "sign", d.sign)
	answer := map[string]any{"ok": err == nil, "signed_in_us": time.Since(began).Microseconds()}
	reply(w, err, answer)
}

func (d *Door) status(w http.ResponseWriter, r *http.Request) {
	var s wire.Status
	err := d.within(r.Context(), "status", func(ctx context.Context) (err error) {
		s, err = d.ask(ctx)
		return err
	})
	if err != nil {
		reply(w, err, map[string]any{})
		return
	}
	reply(w, nil, map[string]any{"state": s.State.String(), "fast": s.Fast, "fips": s.FIPS, "memory": s.Memory,
		"erasure": s.Erasure, "sandbox": s.Sandbox, "missing": s.Missing, "module": s.Module, "self_tests": s.SelfTests,
		"uptime_seconds": s.Uptime})
}

// sign has the module sign what nobody has seen before, and checks the signature.
func (d *Door) sign(ctx context.Context) error {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	s, err := d.ask(ctx)
	if err != nil {
		return err
	}
	sig, err := d.Core.CallFor(ctx, wire.OpHealthSign, challenge)
	if err != nil {
		return err
	}
	if len(s.AuditKey) != ed25519.PublicKeySize || !ed25519.Verify(s.AuditKey, append([]byte(healthPrefix), challenge...), sig) {
		return fault.SignatureInvalid
	}
	return nil
}

func (d *Door) ask(ctx context.Context) (s wire.Status, err error) {
	body, err := d.Core.CallFor(ctx, wire.OpStatus, nil)
	if err != nil {
		return s, err
	}
	r := wire.NewReader(body)
	s.Decode(&r)
	return s, r.End()
}

// within does f, but waits for it no longer than patience, and not for a second one of that name while the first hangs.
func (d *Door) within(ctx context.Context, name string, f func(ctx context.Context) error) error {
	late := time.NewTimer(cmp.Or(d.Patience, patience))
	defer late.Stop()
	for {
		d.mu.Lock()
		before := d.asking[name]
		if before == nil {
			break // with mu held
		}
		d.mu.Unlock()
		select {
		case <-before:
		case <-late.C:
			return fault.Timeout.At(name)
		}
	}
	if d.asking == nil {
		d.asking = map[string]chan struct{}{}
	}
	done, result := make(chan struct{}), make(chan error, 1)
	d.asking[name] = done
	d.mu.Unlock()
	go func() {
		err := f(context.WithoutCancel(ctx))
		d.mu.Lock()
		delete(d.asking, name)
		d.mu.Unlock()
		close(done)
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-late.C:
		return fault.Timeout.At(name)
	}
}

// reply answers 200, or 503 with the reason.
func reply(w http.ResponseWriter, err error, v map[string]any) {
	code := http.StatusOK
	if err != nil {
		code, v["reason"] = http.StatusServiceUnavailable, fault.Of(err).String()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}

func (d *Door) cluster(w http.ResponseWriter, r *http.Request) {
	view, err := d.Cluster(r.Context())
	reply(w, err, map[string]any{"cluster": view})
}
