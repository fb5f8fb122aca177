// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The authority attests to whoever asks, as the test service of Azure's SDKs does. It answers
//
//	GET  /.well-known/openid-configuration, /certs    who it is, and its keys: certificates without numbers, as Azure Attestation has them
//	GET  /generate-test-token                         {token} for an environment that nobody has the key of
//	POST /attest[?claim=value]                        {token} for the environment whose public key, a JSON web key, is the body
//
// and writes authority.url and authority.pem, its certificate.
type authority struct {
	key  *rsa.PrivateKey
	leaf []byte
	url  string
}

func serveAuthority() {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "attestation authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	a := &authority{k, leaf, fmt.Sprintf("https://localhost:%d", l.Addr().(*net.TCPAddr).Port)}
	must(os.WriteFile("authority.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), 0o644))
	must(os.WriteFile("authority.tmp", []byte(a.url), 0o644))
	must(os.Rename("authority.tmp", "authority.url"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		a.answer(w, map[string]any{"issuer": a.url, "jwks_uri": a.url + "/certs"})
	})
	mux.HandleFunc("GET /certs", func(w http.ResponseWriter, _ *http.Request) {
		a.answer(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "1", "x5c": [][]byte{leaf}}}})
	})
	mux.HandleFunc("GET /generate-test-token", func(w http.ResponseWriter, _ *http.Request) {
		a.answer(w, map[string]any{"token": a.token(publicJWK(&k.PublicKey), nil)})
	})
	mux.HandleFunc("POST /attest", func(w http.ResponseWriter, r *http.Request) {
		var environment map[string]any
		text, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err != nil || json.Unmarshal(text, &environment) != nil {
			http.Error(w, "no JSON web key", http.StatusBadRequest)
			return
		}
		claims := map[string]any{}
		for name, list := range r.URL.Query() {
			claims[name] = list[0]
		}
		a.answer(w, map[string]any{"token": a.token(environment, claims)})
	})
	s := &http.Server{Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: k}}}, ReadTimeout: 10 * time.Second}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-end; s.Close() }()
	if err := s.ServeTLS(l, "", ""); err != http.ErrServerClosed {
		must(err)
	}
}

func (a *authority) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// token attests to an environment by its key, with these claims beside the usual ones.
func (a *authority) token(environment map[string]any, more map[string]any) string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": a.url, "iat": now, "exp": now + 3600, "sdk-test": "true", "x-ms-attestation-type": "sevsnpvm",
		"x-ms-runtime": map[string]any{"keys": []any{environment}}}
	for name, value := range more {
		claims[name] = value
	}
	text := func(v any) string {
		t, err := json.Marshal(v)
		must(err)
		return base64.RawURLEncoding.EncodeToString(t)
	}
	signed := text(map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"}) + "." + text(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := a.key.Sign(nil, digest[:], crypto.SHA256)
	must(err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func publicJWK(k *rsa.PublicKey) map[string]any {
	return map[string]any{"kty": "RSA", "kid": "TpmEphemeralEncryptionKey", "key_ops": []string{"encrypt"}, "n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()), "e": "AQAB"}
}
