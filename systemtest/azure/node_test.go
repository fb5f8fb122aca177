// SPDX-License-Identifier: Apache-2.0

// Package azure holds the door for Azure clients to its protocol on a real node, by requests that no SDK would send: every
// documented error, tokens that are not what they must be, bodies and paths that are not what they must be.
package azure

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// node is a node with a vault, a managed HSM and an identity.
type node struct {
	t     *testing.T
	dir   string
	genbu string
	http  *http.Client

	Authority string `json:"authority_host"`
	ClientID  string `json:"client_id"`
	Secret    string `json:"client_secret"`
	Vault     string `json:"keyvault_url"`
	HSM       string `json:"managedhsm_url"`
	Manager   string `json:"resourcemanager_url"`

	Subscription string `json:"subscription_id"`
	Bundle       string `json:"ca_bundle"`
}

func newNode(t *testing.T) *node { return newNodeWith(t, "") }

// newNodeWith is a node with a configuration and flags of genbu up.
func newNodeWith(t *testing.T, config string, flags ...string) *node {
	t.Helper()
	bin := os.Getenv("GENBU_TEST_BIN")
	if bin == "" {
		bin = "../../bin"
	}
	genbu, err := filepath.Abs(filepath.Join(bin, "genbu"))
	must(t, err)
	if _, err := os.Stat(genbu); err != nil {
		t.Skip("no genbu in GENBU_TEST_BIN or ../../bin: make build")
	}
	dir, err := os.MkdirTemp("", "g") // short: a unix socket's path has 107 bytes
	must(t, err)
	n := &node{t: t, dir: dir, genbu: genbu}
	t.Cleanup(func() {
		n.run("down")
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "genbu.log"))
			t.Logf("end of genbu.log:\n%s", log[max(0, len(log)-3000):])
		}
		os.RemoveAll(dir)
	})
	if config != "" {
		must(t, os.WriteFile(filepath.Join(dir, "genbu.yaml"), []byte(config), 0o600))
	}
	n.run(append([]string{"up"}, flags...)...)
	must(t, json.Unmarshal(n.run("connect", "azure", "--no-hosts", "--json"), n))
	pem, err := os.ReadFile(n.Bundle)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	// Every name is this node, whatever the machine's resolver says.
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	}
	n.http = &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(n.http.CloseIdleConnections)
	return n
}

// run runs genbu, which must not fail.
func (n *node) run(args ...string) []byte {
	n.t.Helper()
	cmd := exec.Command(n.genbu, append(args, "--dir", n.dir)...)
	var notes bytes.Buffer
	cmd.Stderr = &notes
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("genbu %s: %v\n%s", strings.Join(args, " "), err, notes.Bytes())
	}
	return out
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// code is the error's.
func (a answer) code() string {
	e, _ := a.body["error"].(map[string]any)
	s, _ := e["code"].(string)
	return s
}

func (a answer) inner() string {
	e, _ := a.body["error"].(map[string]any)
	i, _ := e["innererror"].(map[string]any)
	s, _ := i["code"].(string)
	return s
}

const version = "?api-version=2025-07-01"

// do sends a request; path without a query gets a known version.
func (n *node) do(method, base, path, token, body string) answer {
	n.t.Helper()
	if !strings.Contains(path, "?") {
		path += version
	}
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	must(n.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return n.send(r)
}

func (n *node) send(r *http.Request) answer {
	n.t.Helper()
	res, err := n.http.Do(r)
	must(n.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(n.t, err)
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	json.Unmarshal(text, &a.body)
	return a
}

// must200 is do for what has to succeed.
func (n *node) must200(method, base, path, token, body string) answer {
	n.t.Helper()
	a := n.do(method, base, path, token, body)
	if a.status != http.StatusOK {
		n.t.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
	}
	return a
}

// resource is what tokens for a vault are made for.
func resource(base string) string {
	u, _ := url.Parse(base)
	_, parent, _ := strings.Cut(u.Host, ".")
	return "https://" + parent
}

// token signs in by a client secret.
func (n *node) token(base, id, secret string) answer {
	n.t.Helper()
	return n.tokenOf(resource(base), id, secret)
}

// tokenOf is token for a resource by its own name.
func (n *node) tokenOf(resource, id, secret string) answer {
	n.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {resource + "/.default"}}
	r, err := http.NewRequest("POST", n.Authority+"/adfs/oauth2/token", strings.NewReader(form.Encode()))
	must(n.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return n.send(r)
}

// access is a token that is good for a vault.
func (n *node) access(base string) string {
	n.t.Helper()
	a := n.token(base, n.ClientID, n.Secret)
	token, _ := a.body["access_token"].(string)
	if a.status != http.StatusOK || token == "" {
		n.t.Fatalf("no token: %d %s", a.status, a.text)
	}
	return token
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unmarshal(t *testing.T, text []byte, v any) {
	t.Helper()
	must(t, json.Unmarshal(text, v))
}
