// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/metrics"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// get asks the node's HTTPS door, checked against the node's own CA.
func (n *node) get(path string) (int, string) {
	n.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(n.t, n.path("tls/ca.crt"))) {
		n.t.Fatal("no CA")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	c := http.Client{Transport: transport, Timeout: patience}
	r, err := c.Get(strings.TrimSpace(string(read(n.t, n.path("run/url")))) + path)
	must(n.t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	must(n.t, err)
	return r.StatusCode, string(body)
}

// ofOthers are the rows that a lone node without backups does not show.
func ofOthers(name string) bool {
	return strings.HasPrefix(name, "genbu_cluster_") || strings.HasPrefix(name, "genbu_backup_") || strings.HasPrefix(name, "genbu_agent_") || strings.HasPrefix(name, "genbu_lease_") || strings.HasPrefix(name, "genbu_link_")
}

func TestANodeShowsWhatTheTableOfMetricsSays(t *testing.T) {
	n := ready(t)
	s := n.userSession()
	x := pair(t, s, "a key's label")
	const signatures = 7
	for range signatures {
		_, err := s.Sign(client.Mech(key.MechECDSA), x.half[0].handle, make([]byte, 32))
		must(t, err)
	}
	must(t, s.Cancel(client.UseSign)) // the calls before have been counted when this is answered
	n.get("/health")

	code, text := n.get("/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d: %s", code, text)
	}
	known := map[string]bool{}
	for _, row := range metrics.Table {
		known[row.Name] = true
		if !strings.Contains(text, "# TYPE "+row.Name+" "+string(row.Kind)+"\n") && !ofOthers(row.Name) {
			t.Errorf("not shown: %s", row.Name)
		}
	}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "TYPE" && strings.HasPrefix(f[2], "genbu_") && !known[f[2]] {
			t.Errorf("shown, and not in the table: %s", f[2])
		}
	}
	for _, line := range []string{
		`genbu_requests_total{door="pkcs11",mechanism="ECDSA",operation="sign",outcome="ok"} 7`,
		`genbu_http_requests_total{code="200",door="native",route="GET /health"} 1`,
		`genbu_core_state{state="operational"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("not shown: %s", line)
		}
	}
	for _, name := range []string{`"` + tokenLabel + `"`, "a key's label", n.dir} {
		if strings.Contains(text, name) {
			t.Errorf("%q is shown", name)
		}
	}
}

func TestProbesOfALockedAndOfAStoppedNode(t *testing.T) {
	n := ready(t)
	probe := func(want ...int) {
		t.Helper()
		for i, path := range []string{"/live", "/ready", "/ready?for=create", "/health"} {
			if code, text := n.get(path); code != want[i] {
				t.Errorf("%s answers %d, not %d: %s", path, code, want[i], text)
			}
		}
	}
	probe(200, 200, 200, 200)
	_, err := n.try(adminPIN, "lock", "--pin-file", "-")
	must(t, err)
	n.wantState(wire.StateLocked)
	probe(200, 503, 503, 503)
	if _, text := n.get("/metrics"); !strings.Contains(text, `genbu_core_state{state="locked"} 1`) || !strings.Contains(text, `genbu_core_restarts_total{reason="locked"} 1`) {
		t.Errorf("a locked node shows:\n%s", text)
	}
	n.run("unlock")
	n.wantState(wire.StateOperational)
	probe(200, 200, 200, 200)

	pid := n.corePID()
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	defer syscall.Kill(pid, syscall.SIGCONT)
	if code, text := n.get("/live"); code != http.StatusServiceUnavailable {
		t.Errorf("a core that hangs is live: %d %s", code, text)
	}
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if code, _ := n.get("/ready"); code == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it is not ready again")
		}
	}
	n.killCore()
	eventually(t, "a crash that is counted", func() bool {
		_, text := n.get("/metrics")
		return strings.Contains(text, `genbu_core_restarts_total{reason="crash"} 1`)
	})
}
