// SPDX-License-Identifier: Apache-2.0

// Package trace follows a request from its door into the core and back: OpenTelemetry traces (OTLP over HTTP), and a
// request id that joins the host's log lines with the core's.
//
//	stop, err := trace.Start(ctx, endpoint, ...)            // off, and cheap, unless an endpoint is configured
//	defer stop()
//	log := slog.New(trace.Handler(handler))            // adds the ids of a context to each line
//	http.Handle("/", trace.Of("native", log, handler)) // a span, an id and a log line for each request
//	answer, err := trace.Core(ctx, "health_sign", f)   // a span of the call, and within it one of the core's own work
//
// What is honest: the core has no exporter and no clock in common with anybody, so it tells only how long it worked. Its span is
// laid into the middle of the call's. PKCS #11 clients bring no trace context, and the host does not see their calls: for
// those, /metrics has the core's own times with the request id of the slowest as exemplar.
package trace

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// traced says that somebody takes spans, so that it is worth making them.
var traced atomic.Bool

// stopTime is how long the last spans may take to leave when the node ends.
const stopTime = 3 * time.Second

// Start sends traces to endpoint, an OTLP/HTTP address such as http://127.0.0.1:4318, until stop is called. Where it is empty,
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT names it; where none does, or OTEL_SDK_DISABLED or
// OTEL_TRACES_EXPORTER=none says so, nothing is traced. The SDK's other variables hold too: headers, certificates,
// timeout, sampler, service name, resource attributes, batches.
func Start(ctx context.Context, endpoint, node string, log *slog.Logger) (stop func(), err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	if !wanted(endpoint) {
		return func() {}, nil
	}
	var options []otlptracehttp.Option
	if endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil {
			return nil, err
		}
		options = append(options, otlptracehttp.WithEndpointURL(u.JoinPath("v1", "traces").String()))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "genbu"),
		attribute.String("service.version", wire.Version), attribute.String("service.instance.id", node)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces do not arrive", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	otel.SetTracerProvider(provider)
	traced.Store(true)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		provider.Shutdown(ctx)
	}, nil
}

func wanted(endpoint string) bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return endpoint != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}
