// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	fetchTime = 30 * time.Second
	maxFetch  = 1 << 20 // a key set with a chain of certificates for each key
)

// fetchKeySet asks an authority for its key set, as OpenID Connect Discovery 1.0 section 4 says.
func fetchKeySet(ctx context.Context, authority, ca string) ([]byte, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, next(fmt.Errorf("%s has no certificate in it", ca), "openssl x509 -in "+word(ca)+" -noout -text")
		}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	defer t.CloseIdleConnections()
	web := &http.Client{Transport: t, Timeout: fetchTime, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || len(via) > 4 {
			return errors.New("redirected to a place that is not to be trusted")
		}
		return nil
	}}
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	text, err := fetch(ctx, web, authority+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return nil, fmt.Errorf("%s: what it says of itself is no JSON: %w", authority, err)
	}
	if strings.TrimRight(about.Issuer, "/") != authority {
		return nil, next(fmt.Errorf("%s calls itself %q, and its tokens would not be believed", authority, about.Issuer), "genbu attestation pin "+word(about.Issuer))
	}
	if u, err := url.Parse(about.Keys); err != nil || u.Scheme != "https" {
		return nil, fmt.Errorf("%s has its keys at %q, which is no https URL", authority, about.Keys)
	}
	return fetch(ctx, web, about.Keys)
}

func fetch(ctx context.Context, web *http.Client, from string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	res, err := web.Do(r)
	if err != nil {
		return nil, next(err, "curl -v "+word(from))
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxFetch+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", from, err)
	case res.StatusCode != http.StatusOK:
		return nil, next(fmt.Errorf("%s: %s", from, res.Status), "curl -v "+word(from))
	case len(text) > maxFetch:
		return nil, fmt.Errorf("%s: the answer is longer than 1 MiB", from)
	}
	return text, nil
}

// publicJWK is as much of a JSON web key as the core is told (RFC 7517).
type publicJWK struct {
	Kty string `json:"kty"`
	ID  string `json:"kid,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// signingKeys takes out of a key set what checks tokens. Some authorities, Azure Attestation among them, give certificates
// and no numbers.
func signingKeys(text []byte) (string, error) {
	var given struct {
		Keys []struct {
			publicJWK
			Use   string   `json:"use"`
			Chain [][]byte `json:"x5c"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return "", fmt.Errorf("no JSON web key set: %w", err)
	}
	set := struct {
		Keys []publicJWK `json:"keys"`
	}{[]publicJWK{}}
	for _, k := range given.Keys {
		out := k.publicJWK
		if out.N == "" && out.X == "" && len(k.Chain) > 0 {
			if err := out.take(k.Chain[0]); err != nil {
				return "", err
			}
		}
		if k.Use == "" || k.Use == "sig" {
			set.Keys = append(set.Keys, out)
		}
	}
	if len(set.Keys) == 0 {
		return "", errors.New("the key set has no key that signs")
	}
	out, err := json.Marshal(set)
	return string(out), err
}

// take takes the numbers out of a certificate.
func (k *publicJWK) take(der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	switch p := c.PublicKey.(type) {
	case *rsa.PublicKey:
		k.Kty, k.N, k.E = "RSA", b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return err
		}
		half := (len(point) - 1) / 2
		k.Kty, k.Crv, k.X, k.Y = "EC", p.Curve.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	default:
		return fmt.Errorf("key %q is of a kind that signs no token", k.ID)
	}
	return nil
}
