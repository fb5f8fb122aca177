// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Header carries the id that a door gave to a request, for whoever asks about it.
const Header = "Genbu-Request-Id"

type requestKey struct{}

// Request is the id of the request that ctx belongs to; empty for none.
func Request(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Of gives each request of a door an id and a span, which continues the caller's trace (W3C Trace Context) where there is
// one, and logs it: at debug, or as a warning when the answer is a failure of ours. Span and line name the route, never
// the path, which may hold names of keys.
func Of(door string, log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := newID()
		w.Header()[Header] = []string{id}
		ctx, span := begin(context.WithValue(r.Context(), requestKey{}, id), r, door, id)
		defer span.End()

		answer := &recorder{ResponseWriter: w, code: http.StatusOK}
		inner := r.WithContext(ctx)
		next.ServeHTTP(answer, inner)
		r.Pattern = inner.Pattern // for who counts outside

		route := inner.Pattern
		if route == "" {
			route = method(r.Method) + " other"
		}
		if span.IsRecording() {
			end(span, r, route, answer.code)
		}
		level := slog.LevelDebug
		if answer.code >= 500 {
			level = slog.LevelWarn
		}
		if log.Enabled(ctx, level) {
			log.Log(ctx, level, "request", "door", door, "route", route, "code", answer.code, "took", time.Since(began).Round(time.Microsecond))
		}
	})
}

// newID counts up from anywhere, so that ids of two runs seldom meet. They are no secrets.
func newID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], last.Add(1))
	return hex.EncodeToString(b[:])
}

var last atomic.Uint64

func init() {
	var b [8]byte
	rand.Read(b[:])
	last.Store(binary.BigEndian.Uint64(b[:]))
}

// begin starts the request's span, where somebody takes spans.
func begin(ctx context.Context, r *http.Request, door, id string) (context.Context, trace.Span) {
	if !traced.Load() {
		return ctx, trace.SpanFromContext(ctx)
	}
	ctx = otel.GetTextMapPropagator().Extract(ctx, propagation.HeaderCarrier(r.Header))
	return tracer().Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method(r.Method)), attribute.String("genbu.door", door), attribute.String("genbu.http_request", id)))
}

// end says in the span what was answered.
func end(span trace.Span, r *http.Request, route string, code int) {
	name := route
	if !strings.Contains(name, " ") { // a door with a router of its own
		name = method(r.Method) + " " + name
	}
	span.SetName(name)
	span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", code))
	if code >= 500 {
		span.SetStatus(codes.Error, http.StatusText(code))
	}
}

// method is a known method, or _OTHER as the semantic conventions have it.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "_OTHER"
}

// recorder remembers the status code.
type recorder struct {
	http.ResponseWriter
	code  int
	wrote bool
}

func (r *recorder) WriteHeader(code int) {
	if !r.wrote {
		r.code, r.wrote = code, code >= 200
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is underneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
