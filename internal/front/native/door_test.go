// SPDX-License-Identifier: Apache-2.0

package native

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// module speaks the host calls; sign is what its key does.
type module struct {
	public ed25519.PublicKey
	sign   func(m []byte) ([]byte, error)
}

func (m *module) CallFor(_ context.Context, op uint16, body []byte) ([]byte, error) {
	switch op {
	case wire.OpPing:
		return body, nil
	case wire.OpHealthSign:
		return m.sign(append([]byte(healthPrefix), body...))
	}
	var w wire.Writer
	(&wire.Status{State: wire.StateOperational, AuditKey: m.public}).Encode(&w)
	return w.B, nil
}

func TestHealthIsASignatureThroughTheWholePath(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := func(m []byte) ([]byte, error) { return ed25519.Sign(private, m), nil }
	for _, c := range []struct {
		name string
		sign func([]byte) ([]byte, error)
		want int
	}{
		{"signs", good, http.StatusOK},
		{"locked", func([]byte) ([]byte, error) { return nil, fault.Locked }, http.StatusServiceUnavailable},
		{"signs something else", func([]byte) ([]byte, error) { return good([]byte("x")) }, http.StatusServiceUnavailable},
	} {
		w := httptest.NewRecorder()
		(&Door{Core: &module{public: public, sign: c.sign}}).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
		if w.Code != c.want {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
}

func TestStatusTellsTheState(t *testing.T) {
	w := httptest.NewRecorder()
	(&Door{Core: &module{}}).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/status", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"state":"operational"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
