// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"time"
)

// issuer writes the key set of an issuer, and a token of it for the subject "job", as a Kubernetes cluster mounts one into a pod.
func issuer() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	b64 := base64.RawURLEncoding.EncodeToString
	text := func(v any) []byte {
		t, err := json.Marshal(v)
		must(err)
		return t
	}
	must(os.WriteFile("jwks.json", text(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256",
		"n": b64(private.N.Bytes()), "e": "AQAB"}}}), 0o600))
	now := time.Now().Unix()
	signed := b64(text(map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"})) + "." + b64(text(map[string]any{"iss": "https://issuer.example",
		"sub": "job", "aud": "api://AzureADTokenExchange", "iat": now, "nbf": now - 60, "exp": now + 3600}))
	digest := sha256.Sum256([]byte(signed))
	signature, err := private.Sign(nil, digest[:], crypto.SHA256)
	must(err)
	must(os.WriteFile("token.jwt", []byte(signed+"."+b64(signature)), 0o600))
}
