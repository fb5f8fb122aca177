// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// scope names our spans' origin.
const scope = "github.com/genbu-hsm/genbu"

func tracer() trace.Tracer { return otel.Tracer(scope) }

// Core makes a call to the core in a span of its own. f answers how long the core says it worked; 0 when it did not say.
func Core(ctx context.Context, operation string, f func() (answer []byte, worked time.Duration, err error)) ([]byte, error) {
	began := time.Now()
	ctx, span := tracer().Start(ctx, "call core", trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began),
		trace.WithAttributes(attribute.String("genbu.operation", operation)))
	answer, worked, err := f()
	ended := time.Now()
	inCore(ctx, operation, 0, began, ended, worked, err)
	mark(span, err)
	span.End(trace.WithTimestamp(ended))
	return answer, err
}

// Called adds the spans of a call on a client channel that the host made itself, for a door; request is the core's id of it.
func Called(ctx context.Context, operation string, request uint64, began, ended time.Time, worked time.Duration, err error) {
	ctx, span := tracer().Start(ctx, "call core", trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began),
		trace.WithAttributes(attribute.String("genbu.operation", operation), attribute.Int64("genbu.request", int64(request))))
	inCore(ctx, operation, request, began, ended, worked, err)
	mark(span, err)
	span.End(trace.WithTimestamp(ended))
}

// inCore adds the span of the core's own work. Only its length is known; it is laid into the middle of the call, so that
// both ways through the boundary show as equally long.
func inCore(ctx context.Context, operation string, request uint64, began, ended time.Time, worked time.Duration, err error) {
	if worked <= 0 {
		return
	}
	worked = min(worked, ended.Sub(began))
	from := began.Add((ended.Sub(began) - worked) / 2)
	_, span := tracer().Start(ctx, "core "+operation, trace.WithTimestamp(from),
		trace.WithAttributes(attribute.Int64("genbu.core.nanoseconds", int64(worked))))
	if request != 0 {
		span.SetAttributes(attribute.Int64("genbu.request", int64(request)))
	}
	mark(span, err)
	span.End(trace.WithTimestamp(from.Add(worked)))
}

// mark notes a fault by its name; its words, which may name a path, stay in the log.
func mark(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, fault.Of(err).String())
	}
}

// Follows tells whether the request that ctx belongs to is traced, so that it is worth telling what is done for it.
func Follows(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }
