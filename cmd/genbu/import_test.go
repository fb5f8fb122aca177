// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/genbu-hsm/genbu/key"
)

// need takes what must be there for a test to begin.
func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// seeds are private keys of each kind that a file may hold.
func seeds() map[string][]byte {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	ec := need(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	pair := need(rsa.GenerateKey(rand.Reader, 2048))
	curve := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	return map[string][]byte{
		"ec":        need(x509.MarshalPKCS8PrivateKey(ec)),
		"rsa":       need(x509.MarshalPKCS8PrivateKey(pair)),
		"rsa pkcs1": x509.MarshalPKCS1PrivateKey(pair),
		"ec sec1":   append(curve, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: need(x509.MarshalECPrivateKey(ec))})...),
		"ed25519":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: need(x509.MarshalPKCS8PrivateKey(ed))}),
		"x25519":    need(x509.MarshalPKCS8PrivateKey(need(ecdh.X25519().GenerateKey(rand.Reader)))),
	}
}

func TestPrivateKeysOfEachKindAreRead(t *testing.T) {
	for name, raw := range seeds() {
		private, public, err := parsePrivate(raw)
		if err != nil || len(private) < 3 || len(public) < 3 {
			t.Errorf("%s: %v", name, err)
		}
		for _, a := range public {
			switch a.Type {
			case key.AttrValue, key.AttrPrivateExponent, key.AttrPrime1, key.AttrPrime2:
				t.Errorf("%s: the public half holds attribute %#x", name, uint64(a.Type))
			}
		}
	}
}

func TestSecretsHaveTheLengthOfTheirType(t *testing.T) {
	for typ, want := range map[string]map[int]bool{
		"aes-128":  {16: true, 32: false, 0: false},
		"chacha20": {32: true, 16: false},
		"hmac-256": {32: true, 20: true, 0: false}, // a MAC key is as long as it is
		"rsa-2048": {256: false},
		"aes-512":  {64: false},
	} {
		for n, ok := range want {
			if _, _, err := parseKey(make([]byte, n), typ); (err == nil) != ok {
				t.Errorf("%d bytes as %s: %v", n, typ, err)
			}
		}
	}
}

func FuzzParsePrivate(f *testing.F) {
	for _, raw := range seeds() {
		f.Add(raw)
	}
	f.Add([]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		private, _, err := parsePrivate(raw)
		if (err == nil) != (len(private) > 0) {
			t.Error(err)
		}
	})
}

func FuzzSubject(f *testing.F) {
	f.Add("CN=localhost,O=Example")
	f.Add("CN=a, CN=b,C=")
	f.Fuzz(func(t *testing.T, subject string) {
		n := names{subject: subject}
		if name, _, _, err := n.parse(); err == nil && name.String() == "" {
			t.Errorf("%q is empty", subject)
		}
	})
}

func FuzzKeeper(f *testing.F) {
	f.Add("file")
	f.Add("custodians:2of3")
	f.Fuzz(func(t *testing.T, text string) {
		var k, again keeper
		if k.Set(text) != nil {
			return
		}
		if err := again.Set(k.String()); err != nil || again != k || k.m > k.n || k.n > 255 {
			t.Errorf("%q: %+v, %+v, %v", text, k, again, err)
		}
	})
}
