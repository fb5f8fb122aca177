// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// recorded traces everything until the test ends.
func recorded(t *testing.T) *tracetest.SpanRecorder {
	t.Helper()
	r := tracetest.NewSpanRecorder()
	before, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	otel.SetTracerProvider(sdk.NewTracerProvider(sdk.WithSpanProcessor(r)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	traced.Store(true)
	t.Cleanup(func() { traced.Store(false); otel.SetTracerProvider(before); otel.SetTextMapPropagator(propagator) })
	return r
}

// door answers GET /keys/{name} by a call to a core that works 2 ms of 10.
func door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, err := Core(r.Context(), "sign", func() ([]byte, time.Duration, error) {
			time.Sleep(10 * time.Millisecond)
			return nil, 2 * time.Millisecond, fault.Locked.At("open r/secret-name")
		})
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	return mux
}

func TestARequestsTraceHoldsTheCoresOwnWork(t *testing.T) {
	spans := recorded(t)
	var lines bytes.Buffer
	log := slog.New(Handler(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w, q := httptest.NewRecorder(), httptest.NewRequest("GET", "/keys/secret-name", nil)
	const caller = "4bf92f3577b34da6a3ce929d0e0e4736"
	q.Header.Set("traceparent", "00-"+caller+"-00f067aa0ba902b7-01")
	Of("native", log, door()).ServeHTTP(w, q)

	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans", len(ended))
	}
	core, call, request := ended[0], ended[1], ended[2]
	if request.Name() != "GET /keys/{name}" || call.Name() != "call core" || core.Name() != "core sign" {
		t.Errorf("names: %q, %q, %q", request.Name(), call.Name(), core.Name())
	}
	if request.SpanContext().TraceID().String() != caller || request.Parent().SpanID().String() != "00f067aa0ba902b7" {
		t.Error("the caller's trace is not continued")
	}
	if call.Parent().SpanID() != request.SpanContext().SpanID() || core.Parent().SpanID() != call.SpanContext().SpanID() {
		t.Error("the spans do not lie within each other")
	}
	if took := core.EndTime().Sub(core.StartTime()); took != 2*time.Millisecond || core.StartTime().Before(call.StartTime()) || core.EndTime().After(call.EndTime()) {
		t.Errorf("the core's span: %v, from %v to %v within %v to %v", took, core.StartTime(), core.EndTime(), call.StartTime(), call.EndTime())
	}
	for _, s := range ended {
		if text := s.Name() + s.Status().Description; strings.Contains(text, "secret-name") {
			t.Errorf("a path is in %q", text)
		}
	}

	var line map[string]any
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if id := w.Header().Get(Header); len(id) != 16 || line["http_request"] != id || line["trace_id"] != caller || line["level"] != "WARN" ||
		line["route"] != "GET /keys/{name}" || line["code"] != 503.0 {
		t.Errorf("id %q, line %s", id, lines.String())
	}
}

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ""} {
		t.Setenv(name, value)
	}
	before := otel.GetTracerProvider()
	stop, err := Start(context.Background(), "", "node", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if otel.GetTracerProvider() != before {
		t.Error("there is a tracer")
	}
	for _, c := range []struct {
		endpoint string
		env      map[string]string
		want     bool
	}{
		{"http://127.0.0.1:1", nil, true},
		{"", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		{"", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true},
		{"http://127.0.0.1:1", map[string]string{"OTEL_SDK_DISABLED": "true"}, false},
		{"http://127.0.0.1:1", map[string]string{"OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		t.Run("", func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if wanted(c.endpoint) != c.want {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestAHostileTraceHeaderIsLeftAside(t *testing.T) {
	spans := recorded(t)
	for _, header := range []string{"", "00", "00-zz-zz-01", strings.Repeat("0", 4096), "00-00000000000000000000000000000000-0000000000000000-01"} {
		q := httptest.NewRequest("GET", "/keys/x", nil)
		q.Header.Set("traceparent", header)
		q.Header.Set("tracestate", strings.Repeat("a=b,", 500))
		Of("native", slog.New(slog.DiscardHandler), door()).ServeHTTP(httptest.NewRecorder(), q)
	}
	for _, s := range spans.Ended() {
		if s.Name() == "GET /keys/{name}" && s.Parent().IsValid() {
			t.Error("a span continues what is no trace")
		}
	}
}
