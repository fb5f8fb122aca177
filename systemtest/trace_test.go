// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collect is an OpenTelemetry collector, as far as traces over HTTP go: it answers its address and what it has received.
func collect(t *testing.T) (url string, received func() map[string]*spans.Span) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var mu sync.Mutex
	got := map[string]*spans.Span{}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &batch) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range batch.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					got[span.Name] = span
				}
			}
		}
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String(), func() map[string]*spans.Span {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func TestACollectorReceivesTheTraceOfARequestDownToTheCoresWork(t *testing.T) {
	url, received := collect(t)
	n := ready(t, "traces: "+url, "log_format: json", "log_level: debug")
	if code, text := n.get("/health"); code != http.StatusOK {
		t.Fatalf("%d: %s", code, text)
	}
	n.stop() // its last spans leave

	got := received()
	request, call, core := got["GET /health"], got["call core"], got["core health_sign"]
	if request == nil || call == nil || core == nil {
		t.Fatalf("received: %v", got)
	}
	if string(core.ParentSpanId) != string(call.SpanId) || string(call.ParentSpanId) != string(request.SpanId) {
		t.Error("the spans do not lie within each other")
	}
	if core.StartTimeUnixNano <= call.StartTimeUnixNano || core.EndTimeUnixNano >= call.EndTimeUnixNano || core.EndTimeUnixNano <= core.StartTimeUnixNano {
		t.Errorf("the core worked from %d to %d, the call ran from %d to %d", core.StartTimeUnixNano, core.EndTimeUnixNano, call.StartTimeUnixNano, call.EndTimeUnixNano)
	}

	// The node's line of that request has the same trace.
	trace, found := hex.EncodeToString(request.TraceId), false
	for line := range strings.Lines(n.log()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("no JSON: %s", line)
		}
		found = found || l["msg"] == "request" && l["trace_id"] == trace && l["route"] == "GET /health" && len(fmt.Sprint(l["http_request"])) == 16
	}
	if !found {
		t.Errorf("no line of the request of trace %s in:\n%s", trace, n.log())
	}
}

func TestANodeWhoseCollectorIsAwayServes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l.Close() // nobody listens there
	n := ready(t, "traces: http://"+l.Addr().String())
	for range 20 {
		if code, text := n.get("/health"); code != http.StatusOK {
			t.Fatalf("%d: %s", code, text)
		}
	}
	n.stop()
}
