// SPDX-License-Identifier: Apache-2.0

// Package native is the node's own HTTPS door: health and status for load balancers and people. It needs no login and
// tells nothing of tenants or keys.
//
//	GET /health   200 when the module signs a fresh challenge, through the whole path from door to key; 503 otherwise
//	GET /status   the module's state, modes and protections, as JSON
package native

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Core is how the door asks the module.
type Core interface {
	Call(op uint16, body []byte) ([]byte, error)
}

// healthPrefix is what the core puts before a challenge when it signs it (docs/design/audit.md).
const healthPrefix = "genbu health 1\x00"

// Handler answers the door's requests.
func Handler(core Core) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		err := health(core)
		answer := map[string]any{"ok": err == nil, "signed_in_us": time.Since(began).Microseconds()}
		status := http.StatusOK
		if err != nil {
			status, answer["reason"] = http.StatusServiceUnavailable, fault.Of(err).String()
		}
		reply(w, status, answer)
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		s, err := status(core)
		if err != nil {
			reply(w, http.StatusServiceUnavailable, map[string]any{"reason": fault.Of(err).String()})
			return
		}
		reply(w, http.StatusOK, map[string]any{"state": s.State.String(), "fast": s.Fast, "fips": s.FIPS, "memory": s.Memory,
			"erasure": s.Erasure, "sandbox": s.Sandbox, "missing": s.Missing, "module": s.Module, "self_tests": s.SelfTests,
			"uptime_seconds": s.Uptime})
	})
	return mux
}

// health asks the module to sign what nobody has seen before, and checks the signature.
func health(core Core) error {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	s, err := status(core)
	if err != nil {
		return err
	}
	sig, err := core.Call(wire.OpHealthSign, challenge)
	if err != nil {
		return err
	}
	if len(s.AuditKey) != ed25519.PublicKeySize || !ed25519.Verify(s.AuditKey, append([]byte(healthPrefix), challenge...), sig) {
		return fault.SignatureInvalid
	}
	return nil
}

func status(core Core) (s wire.Status, err error) {
	body, err := core.Call(wire.OpStatus, nil)
	if err != nil {
		return s, err
	}
	r := wire.NewReader(body)
	s.Decode(&r)
	return s, r.End()
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}
