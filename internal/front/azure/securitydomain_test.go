// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
)

func selfSigned(t *testing.T, k crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestAHoldersKeyMustAgreeWithItsCertificate(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der := selfSigned(t, k)
	sum, old := sha256.Sum256(der), sha1.Sum(der)
	// What az sends, and what else the SDK's model has.
	sound := func() map[string]any {
		return map[string]any{"kty": "RSA", "alg": "RSA-OAEP-256", "key_ops": []string{"verify", "encrypt", "wrapKey"}, "n": encode64(k.N.Bytes()), "e": "AQAB",
			"x5c": []string{base64.StdEncoding.EncodeToString(der)}, "x5t": encode64(old[:]), "x5t#S256": encode64(sum[:]), "kid": "a", "use": "enc"}
	}
	read := func(change map[string]any, wrap bool) ([][]byte, error) {
		j := sound()
		for name, v := range change {
			if j[name] = v; v == nil {
				delete(j, name)
			}
		}
		one := any(j)
		if wrap {
			one = map[string]any{"value": j}
		}
		text, _ := json.Marshal(map[string]any{"certificates": []any{one, sound()}, "required": 2})
		o, err := readObject(text)
		if err != nil {
			t.Fatal(err)
		}
		list, quorum := readHolders(o)
		if err := o.end(); err != nil {
			return nil, err
		}
		if quorum != 2 {
			t.Errorf("quorum %d", quorum)
		}
		return list, nil
	}
	for what, change := range map[string]map[string]any{
		"as it is": nil, "nothing but the certificate": {"kty": nil, "alg": nil, "key_ops": nil, "n": nil, "e": nil, "x5t": nil, "x5t#S256": nil, "kid": nil, "use": nil},
		"base64url": {"x5c": []string{encode64(der)}}, "a chain": {"x5c": []string{encode64(der), "MIIB"}}, "a zero before n": {"n": encode64(append([]byte{0}, k.N.Bytes()...))},
	} {
		for _, wrap := range []bool{false, true} {
			if list, err := read(change, wrap); err != nil || len(list) != 2 || !bytes.Equal(list[0], der) || !bytes.Equal(list[1], der) {
				t.Errorf("%s, wrapped %t: %v", what, wrap, err)
			}
		}
	}
	other := encode64(make([]byte, 32))
	for what, change := range map[string]map[string]any{
		"no certificate": {"x5c": nil}, "an empty chain": {"x5c": []string{}}, "no base64": {"x5c": []string{"%"}}, "no certificate in it": {"x5c": []string{"AAAA"}},
		"more behind it":       {"x5c": []string{encode64(append(bytes.Clone(der), 0))}},
		"an EC key":            {"x5c": []string{encode64(selfSigned(t, ec))}, "n": nil, "e": nil, "x5t": nil, "x5t#S256": nil},
		"another thumbprint":   {"x5t#S256": other},
		"another SHA-1":        {"x5t": other},
		"another n":            {"n": other},
		"another e":            {"e": "Aw"},
		"another type":         {"kty": "EC"},
		"another algorithm":    {"alg": "RSA-OAEP"},
		"for signatures":       {"use": "sig"},
		"a private key":        {"d": "AQ"},
		"a number for a chain": {"x5c": 7},
	} {
		if _, err := read(change, false); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	for _, text := range []string{`{}`, `{"certificates":[]}`, `{"certificates":[],"required":2}`, `{"certificates":[{"x5c":["` + encode64(der) + `"]}]}`,
		`{"certificates":[{"x5c":["` + encode64(der) + `"]}],"required":2}`, `{"certificates":[{"x5c":["` + encode64(der) + `"]}],"required":1}`,
		`{"certificates":{"x5c":["AQ"]},"required":2}`, `{"certificates":["AQ","AQ"],"required":2}`} {
		o, err := readObject([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		readHolders(o)
		if o.end() == nil {
			t.Errorf("%.60s is taken", text)
		}
	}
}
