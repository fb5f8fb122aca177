// SPDX-License-Identifier: Apache-2.0

package memscan

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// found says whether a form of the secret is found in text, among random bytes on both sides.
func found(t *testing.T, secret []byte, kind Kind, text []byte) bool {
	t.Helper()
	s := New(Needles("secret", secret, kind))
	s.Bytes("here", slices.Concat(random(1000), text, random(1000)))
	return len(s.Hits) > 0
}

func TestEveryFormIsFound(t *testing.T) {
	for _, n := range []int{8, 13, 16, 31, 32, 33, 48, 66, 256} {
		secret := random(n)
		limbs := new(big.Int).SetBytes(secret).Bits()
		words := unsafe.Slice((*byte)(unsafe.Pointer(&limbs[0])), len(limbs)*8)
		backwards := slices.Clone(limbs)
		slices.Reverse(backwards)
		forms := map[string][]byte{
			"raw": secret, "hex": []byte(hex.EncodeToString(secret)), "HEX": []byte(strings.ToUpper(hex.EncodeToString(secret))),
			"first half": secret[:max(n/2, min(n, 2*piece-1))], "big.Int": words,
			"limbs, most first": unsafe.Slice((*byte)(unsafe.Pointer(&backwards[0])), len(limbs)*8),
			"hex of limbs":      []byte(hex.EncodeToString(words)),
		}
		for before := range 5 {
			whole := slices.Concat(random(before), secret, random(4-before))
			forms["base64 at "+string(rune('0'+before))] = []byte(base64.StdEncoding.EncodeToString(whole))
			forms["base64url at "+string(rune('0'+before))] = []byte(base64.URLEncoding.EncodeToString(whole))
		}
		for form, text := range forms {
			if n < 2*piece && form == "first half" && len(text) < n {
				continue // short secrets are looked for whole
			}
			if !found(t, secret, Integer, text) {
				t.Errorf("%d bytes: %s is not found", n, form)
			}
		}
	}
}

func TestKeysAreFoundInPEMAndJSON(t *testing.T) {
	for range 20 { // alignment and line ends vary with the values
		ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(ec)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		d := ec.D.FillBytes(make([]byte, 32))
		if !found(t, d, Integer, text) || !found(t, d, Integer, der) || !found(t, der, DER, text) {
			t.Error("an EC key in PKCS #8 is not found")
		}
		jwk, _ := json.Marshal(map[string]string{"kty": "EC", "d": base64.RawURLEncoding.EncodeToString(d)})
		if !found(t, d, Integer, jwk) {
			t.Error("a JWK is not found")
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	for name, v := range map[string]*big.Int{"d": key.D, "p": key.Primes[0], "q": key.Primes[1], "dp": key.Precomputed.Dp} {
		if !found(t, v.Bytes(), Integer, text) {
			t.Errorf("RSA %s in PEM is not found", name)
		}
	}
}

func TestNothingIsFoundInRandomMemory(t *testing.T) {
	var needles []Needle
	for range 50 {
		needles = append(needles, Needles("k", random(256), Integer)...)
	}
	s := New(needles)
	s.Bytes("random", random(16<<20))
	if len(s.Hits) != 0 || s.Scanned != 16<<20 {
		t.Errorf("%d hits in %d bytes", len(s.Hits), s.Scanned)
	}
}

func TestASecretAcrossTheEdgeOfABlockIsFound(t *testing.T) {
	secret := random(31) // looked for whole
	for _, at := range []int{0, 1<<20 - 31, 1<<20 - 30, 1<<20 - 1, 1 << 20, 2<<20 - 31} {
		b := make([]byte, 2<<20)
		copy(b[at:], secret)
		s := New(Needles("secret", secret, Bytes))
		err := s.stream("here", 0, uint64(len(b)), func(p []byte, at uint64) (int, error) { return bytes.NewReader(b).ReadAt(p, int64(at)) })
		if err != nil || len(s.Hits) != 1 || s.Hits[0].Offset != uint64(at) {
			t.Errorf("at %d: %v, %v", at, s.Hits, err)
		}
	}
}

func TestATooShortSecretIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	Needles("pin", []byte("1234567"), Bytes)
}
