// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

var update = flag.Bool("update", false, "write docs/spec/metrics.md anew")

// module is a core that counts.
type module struct {
	status  wire.Status
	counted wire.Metrics
	err     error
	hang    chan struct{}
}

func (m *module) Call(op uint16, _ []byte) ([]byte, error) {
	if m.hang != nil {
		<-m.hang
	}
	var w wire.Writer
	switch op {
	case wire.OpStatus:
		m.status.Encode(&w)
	case wire.OpMetrics:
		m.counted.Encode(&w)
	}
	return w.B, m.err
}

func full() *module {
	m := &module{status: wire.Status{State: wire.StateLocked, Missing: []string{"userns"}}}
	m.counted.Counts = []wire.MetricCount{{Door: 1, Call: uint16(wire.CallSign), Mechanism: "ECDSA", Result: fault.OK, N: 3},
		{Door: 1, Call: uint16(wire.CallLogin), Result: fault.PINIncorrect, N: 2}, {Door: wire.DoorToHost, Call: wire.OpCommit, N: 4},
		{Door: wire.DoorToCores, Call: 16, N: 5},
		{Door: 99, N: 1}}
	m.counted.Times = []wire.MetricTime{{Door: 1, Call: uint16(wire.CallSign), Mechanism: "ECDSA", Sum: 3e6, Slowest: 2e6, Request: 77,
		Buckets: [wire.MetricBuckets]uint64{0: 1, 5: 1, 19: 1}}, {Door: wire.DoorToHost, Call: wire.OpCommit, Sum: 1e9, Buckets: [wire.MetricBuckets]uint64{3: 4}}}
	for name := range gauges {
		m.counted.Gauges = append(m.counted.Gauges, wire.MetricGauge{Name: name, Value: 5})
	}
	m.counted.Gauges = append(m.counted.Gauges, wire.MetricGauge{Name: "of a later version", Value: 1})
	return m
}

func scrape(t *testing.T, r *Registry, accept string) string {
	t.Helper()
	w, q := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	q.Header.Set("Accept", accept)
	r.Handler().ServeHTTP(w, q)
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestWhatTheCoreCountsIsShown(t *testing.T) {
	r := New()
	r.Core(full())
	text := scrape(t, r, "")
	for _, line := range []string{
		`genbu_core_up 1`,
		`genbu_core_state{state="locked"} 1`,
		`genbu_core_state{state="operational"} 0`,
		`genbu_core_protections_missing 1`,
		`genbu_requests_total{door="pkcs11",mechanism="ECDSA",operation="sign",outcome="ok"} 3`,
		`genbu_requests_total{door="pkcs11",mechanism="",operation="login",outcome="pin_is_incorrect"} 2`,
		`genbu_requests_total{door="door_99",mechanism="",operation="other",outcome="ok"} 1`,
		`genbu_host_calls_total{operation="commit",outcome="ok"} 4`,
		`genbu_request_duration_seconds_bucket{door="pkcs11",mechanism="ECDSA",operation="sign",le="2.5e-05"} 1`,
		`genbu_request_duration_seconds_bucket{door="pkcs11",mechanism="ECDSA",operation="sign",le="0.0008"} 2`,
		`genbu_request_duration_seconds_bucket{door="pkcs11",mechanism="ECDSA",operation="sign",le="+Inf"} 3`,
		`genbu_request_duration_seconds_sum{door="pkcs11",mechanism="ECDSA",operation="sign"} 0.003`,
		`genbu_host_call_duration_seconds_count{operation="commit"} 4`,
		`genbu_link_calls_total{operation="ask_lease",outcome="ok"} 5`,
		`genbu_audit_lag_seconds 5e-09`,
		`genbu_core_channels 5`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("not shown: %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	open := scrape(t, r, "application/openmetrics-text;version=1.0.0")
	if !strings.Contains(open, `# {request_id="77"} 0.002`) {
		t.Errorf("no exemplar of the slowest call in:\n%s", open)
	}
}

func TestACoreThatIsAwayOrHangsIsShownAsDown(t *testing.T) {
	r := New()
	r.Core(&module{err: fault.Unavailable})
	if text := scrape(t, r, ""); !strings.Contains(text, "genbu_core_up 0\n") || strings.Contains(text, `_state{state="operational"} 1`) {
		t.Error(text)
	}
	hang := make(chan struct{})
	r = New()
	r.core(&module{hang: hang}, 10*time.Millisecond)
	if text := scrape(t, r, ""); !strings.Contains(text, "genbu_core_up 0\n") {
		t.Error(text)
	}
	if text := scrape(t, r, ""); !strings.Contains(text, "genbu_core_up 0\n") { // the first question still waits
		t.Error(text)
	}
	close(hang)
	for end := time.Now().Add(30 * time.Second); !strings.Contains(scrape(t, r, ""), "genbu_core_up 1\n"); {
		if time.Now().After(end) {
			t.Fatal("it is not shown as up again")
		}
	}
}

func TestRequestsAreCountedByRouteAndNotByPath(t *testing.T) {
	r := New()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys/{name}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := r.Requests().Of("native", mux)
	for _, path := range []string{"/keys/secret-name", "/nowhere/secret-name"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	text := scrape(t, r, "")
	for _, line := range []string{
		`genbu_http_requests_total{code="418",door="native",route="GET /keys/{name}"} 1`,
		`genbu_http_requests_total{code="404",door="native",route="other"} 1`,
		`genbu_http_request_duration_seconds_count{door="native",route="other"} 1`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("not shown: %s", line)
		}
	}
	if strings.Contains(text, "secret-name") {
		t.Error("a path is shown")
	}
}

func TestNamesAreThoseOfTheTableAndOfPrometheus(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Table {
		if seen[row.Name] {
			t.Errorf("%s stands twice", row.Name)
		}
		seen[row.Name] = true
		if row.Help == "" || row.Kind == Counter != strings.HasSuffix(row.Name, "_total") {
			t.Errorf("%+v", row)
		}
	}
	for name, g := range gauges {
		if !seen[g.name] {
			t.Errorf("the core's %s is shown as %s, which the table has not", name, g.name)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a name that the table has not is taken")
		}
	}()
	New().Gauge("genbu_unheard_of", nil)
}

// TestTheExpositionIsLinted runs Prometheus' own linter over a scrape.
func TestTheExpositionIsLinted(t *testing.T) {
	r := New()
	r.Core(full())
	problems, err := promlint.New(strings.NewReader(scrape(t, r, ""))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestTheDocumentHasTheTable(t *testing.T) {
	const path = "../../docs/spec/metrics.md"
	var b strings.Builder
	b.WriteString("| name | type | labels | what |\n|---|---|---|---|\n")
	for _, r := range Table {
		labels := slices.Clone(r.Labels)
		for i := range labels {
			labels[i] = "`" + labels[i] + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, r.Kind, strings.Join(labels, ", "), r.Help)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- metrics -->\n")
	have, after, ok2 := strings.Cut(rest, "<!-- /metrics -->")
	if !ok || !ok2 {
		t.Fatal("no block")
	}
	if have == b.String() {
		return
	}
	if !*update {
		t.Fatalf("docs/spec/metrics.md differs from the table: go test ./internal/metrics -update")
	}
	if err := os.WriteFile(path, []byte(before+"<!-- metrics -->\n"+b.String()+"<!-- /metrics -->"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
