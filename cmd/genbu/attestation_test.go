// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeysOfAnAuthorityAreFetchedOverHTTPSFromWhomItSaysItIs(t *testing.T) {
	about := map[string]string{}
	var set string
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(about) })
	mux.HandleFunc("/certs", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(set)) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/certs", http.StatusFound)
	})
	s := httptest.NewTLSServer(mux)
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	// As Azure Attestation answers: certificates, and no numbers.
	chain, _ := json.Marshal([][]byte{s.Certificate().Raw})
	set = `{"keys":[{"kty":"RSA","kid":"1","x5c":` + string(chain) + `},{"kty":"RSA","kid":"2","use":"enc","n":"AQAB","e":"AQAB"}]}`
	good := map[string]string{"issuer": s.URL + "/", "jwks_uri": s.URL + "/certs"}
	about = good
	text, err := fetchKeySet(context.Background(), s.URL, ca)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signingKeys(text)
	var have struct{ Keys []publicJWK }
	if err != nil || json.Unmarshal([]byte(out), &have) != nil || len(have.Keys) != 1 || have.Keys[0].ID != "1" || len(have.Keys[0].N) < 300 {
		t.Fatalf("%s, %v", out, err)
	}
	for name, c := range map[string]struct {
		about map[string]string
		ca    string
		want  string
	}{
		"another issuer":              {map[string]string{"issuer": "https://other.example", "jwks_uri": s.URL + "/certs"}, ca, "calls itself"},
		"keys in clear":               {map[string]string{"issuer": s.URL, "jwks_uri": "http://127.0.0.1/certs"}, ca, "no https"},
		"a redirect to clear":         {map[string]string{"issuer": s.URL, "jwks_uri": s.URL + "/away"}, ca, "not to be trusted"},
		"no keys there":               {map[string]string{"issuer": s.URL, "jwks_uri": s.URL + "/nothing"}, ca, "404"},
		"a server nobody vouches for": {good, "", "certificate"},
	} {
		about = c.about
		if _, err := fetchKeySet(context.Background(), s.URL, c.ca); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "{}", `{"keys":[]}`, `{"keys":[{"kty":"RSA","x5c":["AAAA"]}]}`, `{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}`} {
		if out, err := signingKeys([]byte(bad)); err == nil {
			t.Errorf("%s is %s", bad, out)
		}
	}
	for _, bad := range []string{"http://a", "a", "https://", "https://a?x", "https://u@a"} {
		if a, err := authorityOf(bad); err == nil {
			t.Errorf("%s is %s", bad, a)
		}
	}
}

func FuzzSigningKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB","use":"sig"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","x5c":["MIIB"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if out, err := signingKeys(text); err == nil && !json.Valid([]byte(out)) {
			t.Fatalf("%q", out)
		}
	})
}
