// SPDX-License-Identifier: Apache-2.0

package native

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// failing is a core that answers every call with a fault.
type failing struct{ code fault.Code }

func (f failing) CallFor(context.Context, uint16, []byte) ([]byte, error) { return nil, f.code }

// hanging answers nothing until it is let go.
type hanging struct{ let chan struct{} }

func (h hanging) CallFor(context.Context, uint16, []byte) ([]byte, error) {
	<-h.let
	return nil, nil
}

// locked is a module whose keys are not there.
type locked struct{}

func (locked) CallFor(ctx context.Context, op uint16, body []byte) ([]byte, error) {
	switch op {
	case wire.OpPing:
		return body, nil
	case wire.OpStatus:
		var w wire.Writer
		(&wire.Status{State: wire.StateLocked}).Encode(&w)
		return w.B, nil
	}
	return nil, fault.Locked
}

func TestProbesSayWhatASupervisorAndABalancerNeed(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	well := &module{public: public, sign: func(m []byte) ([]byte, error) { return ed25519.Sign(private, m), nil }}
	let := make(chan struct{})
	defer close(let)
	writes := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	for _, c := range []struct {
		name                string
		door                *Door
		live, ready, create int
	}{
		{"well", &Door{Core: well, Writable: writes(nil)}, 200, 200, 200},
		{"no majority", &Door{Core: well, Writable: writes(fault.Unavailable)}, 200, 200, 503},
		{"locked", &Door{Core: locked{}, Writable: writes(nil)}, 200, 503, 503},
		{"core being started", &Door{Core: failing{fault.Unavailable}, Writable: writes(nil)}, 200, 503, 503},
		{"core hangs", &Door{Core: hanging{let}, Writable: writes(nil), Patience: time.Millisecond}, 503, 503, 503},
	} {
		for path, want := range map[string]int{"/live": c.live, "/ready": c.ready, "/ready?for=create": c.create} {
			w := httptest.NewRecorder()
			c.door.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != want {
				t.Errorf("%s: %s answers %d, not %d: %s", c.name, path, w.Code, want, w.Body)
			}
		}
	}
	w := httptest.NewRecorder()
	(&Door{Core: well}).Handler().ServeHTTP(w, httptest.NewRequest("POST", "/live", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestACoreThatHangsIsAskedByOneProbeAtATime(t *testing.T) {
	let := make(chan struct{})
	defer close(let)
	asked := make(chan struct{}, 100)
	d := &Door{Core: asking{hanging{let}, asked}, Patience: 50 * time.Millisecond}
	done := make(chan int)
	for range 5 {
		go func() {
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/live", nil))
			done <- w.Code
		}()
	}
	for range 5 {
		if code := <-done; code != http.StatusServiceUnavailable {
			t.Errorf("a core that hangs is live: %d", code)
		}
	}
	if len(asked) != 1 {
		t.Errorf("it was asked %d times", len(asked))
	}
}

type asking struct {
	Core
	asked chan struct{}
}

func (a asking) CallFor(ctx context.Context, op uint16, body []byte) ([]byte, error) {
	a.asked <- struct{}{}
	return a.Core.CallFor(ctx, op, body)
}
