// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func made(t testing.TB, ca bool) (k *ecdsa.PrivateKey, leaf *x509.Certificate, csr *x509.CertificateRequest) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "a"}, DNSNames: []string{"a.example"}, NotBefore: time.Now(),
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: ca}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	must(t, err)
	leaf, err = x509.ParseCertificate(der)
	must(t, err)
	der, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "a"}, DNSNames: []string{"a.example"}}, k)
	must(t, err)
	csr, err = x509.ParseCertificateRequest(der)
	must(t, err)
	return k, leaf, csr
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsSignedIsACertificateOrARequest(t *testing.T) {
	_, leaf, csr := made(t, false)
	_, ca, _ := made(t, true)
	for name, c := range map[string]struct {
		tbs  []byte
		want Wanted
	}{
		"certificate": {leaf.RawTBSCertificate, Wanted{SPKI: leaf.RawSubjectPublicKeyInfo}},
		"ca":          {ca.RawTBSCertificate, Wanted{SPKI: ca.RawSubjectPublicKeyInfo, Authority: true}},
		"request":     {csr.RawTBSCertificateRequest, Wanted{SPKI: csr.RawSubjectPublicKeyInfo, Request: true}},
	} {
		got, err := Read(c.tbs)
		if err != nil || string(got.SPKI) != string(c.want.SPKI) || got.Request != c.want.Request || got.Authority != c.want.Authority {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if _, err := Read(append(c.tbs[:len(c.tbs):len(c.tbs)], 0)); err == nil {
			t.Errorf("%s with a byte behind it is read", name)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "a digest": make([]byte, 32), "a signed certificate": leaf.Raw, "a key": leaf.RawSubjectPublicKeyInfo,
		"a sequence of nothing": {0x30, 0}, "text": []byte("0123456789")} {
		if w, err := Read(b); err == nil {
			t.Errorf("%s is read as %+v", name, w)
		}
	}
}

func FuzzRead(f *testing.F) {
	_, leaf, csr := made(f, false)
	_, ca, _ := made(f, true)
	f.Add(leaf.RawTBSCertificate)
	f.Add(ca.RawTBSCertificate)
	f.Add(csr.RawTBSCertificateRequest)
	f.Fuzz(func(t *testing.T, tbs []byte) {
		w, err := Read(tbs)
		if err == nil && len(w.SPKI) == 0 {
			t.Fatal("read, and for no key")
		}
	})
}

// openssl opens both kinds of file, under the empty password.
func TestOpensslOpensTheFiles(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	k, leaf, _ := made(t, false)
	_, ca, _ := made(t, true)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	chain := [][]byte{leaf.Raw, ca.Raw}
	dir := t.TempDir()
	pfx, err := PFX(pkcs8, chain)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "a.pfx"), pfx, 0o600))
	out, err := exec.Command(openssl, "pkcs12", "-in", filepath.Join(dir, "a.pfx"), "-passin", "pass:", "-nodes").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"PFX": out, "PEM": PEM(pkcs8, chain)} {
		var private, leaves [][]byte
		for rest := text; ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			if b.Type == "PRIVATE KEY" {
				private = append(private, b.Bytes)
			} else {
				leaves = append(leaves, b.Bytes)
			}
		}
		if len(private) != 1 || len(leaves) != 2 {
			t.Fatalf("%s: %d keys, %d certificates", name, len(private), len(leaves))
		}
		got, err := x509.ParsePKCS8PrivateKey(private[0])
		if err != nil || !k.Equal(got) {
			t.Errorf("%s: another key: %v", name, err)
		}
		if string(leaves[0]) != string(leaf.Raw) || string(leaves[1]) != string(ca.Raw) {
			t.Errorf("%s: other certificates", name)
		}
	}
	if _, err := PFX(pkcs8, nil); err == nil {
		t.Error("a file without a certificate is made")
	}
}
