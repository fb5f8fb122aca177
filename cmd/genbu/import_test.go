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

func TestSubjectsNameWhatIsMeant(t *testing.T) {
	for subject, want := range map[string]string{
		"CN=localhost,O=Example":       "CN=localhost,O=Example",
		" cn=a b , o=x,O=y,C=JP,L=K ":  "CN=a b,O=x+O=y,L=K,C=JP",
		"CN=www.example.org,OU=ops":    "CN=www.example.org,OU=ops",
		"":                             "",
		"localhost":                    "",
		"CN=":                          "",
		"CN=a,X=b":                     "",
		"CN=a,,O=b":                    "",
		"CN=a;DROP TABLE certificates": "CN=a\\;DROP TABLE certificates",
	} {
		name, _, _, err := (&names{subject: subject}).parse()
		if (err == nil) != (want != "") || err == nil && name.String() != want {
			t.Errorf("%q: %q, %v, want %q", subject, name, err, want)
		}
	}
}

func TestKeepersAreAFileOrSomeOfThePeople(t *testing.T) {
	for text, ok := range map[string]bool{"file": true, "tpm": true, "peers-tpm": true, "tpm:7": false, "custodians:2of3": true, "custodians:1of1": true, "custodians:255of255": true, "": false, "File": false,
		"file:x": false, "custodians": false, "custodians:4of3": false, "custodians:0of3": false, "custodians:-1of3": false, "custodians:2of256": false, "custodians:2 of 3": false} {
		var k keeper
		err := k.Set(text)
		if (err == nil) != ok || ok && k.String() != text {
			t.Errorf("%q: %s, %v", text, &k, err)
		}
	}
}
