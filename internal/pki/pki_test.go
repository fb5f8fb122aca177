// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/opaque"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func parse(t testing.TB, der []byte, err error) *x509.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func profile(t testing.TB, subject string) Profile {
	name, err := ParseName(subject)
	if err != nil {
		t.Fatal(err)
	}
	return Profile{Subject: name, Months: 12, PathLen: -1}
}

func TestACertificateOfTheCAVerifiesAndDoesNotOutliveIt(t *testing.T) {
	now := time.Now()
	root, leaf := newKey(t), newKey(t)
	p := profile(t, "CN=Root, O=Example")
	p.CA = true
	der, err := p.SelfSigned(root, now)
	ca := parse(t, der, err)
	q := profile(t, `CN="www, example", C=DE`)
	q.DNS, q.Emails, q.UPNs, q.Usages, q.Months = []string{"www.example"}, []string{"a@example"}, []string{"b@example"}, []string{"1.3.6.1.5.5.7.3.1"}, 24
	q.URIs, q.IPs = []string{"spiffe://example/www"}, []string{"192.0.2.7", "2001:db8::7"}
	der, err = q.Issue(ca, root, leaf.Public(), now)
	c := parse(t, der, err)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, DNSName: "www.example"}); err != nil {
		t.Error(err)
	}
	if !c.NotAfter.Equal(ca.NotAfter) {
		t.Errorf("it is valid until %v, and the CA until %v", c.NotAfter, ca.NotAfter)
	}
	if c.Subject.CommonName != "www, example" || c.EmailAddresses[0] != "a@example" || !bytes.Contains(c.Raw, []byte("b@example")) {
		t.Error("a name is missing")
	}
	if len(c.URIs) != 1 || c.URIs[0].String() != "spiffe://example/www" || c.VerifyHostname("192.0.2.7") != nil || c.VerifyHostname("2001:db8::7") != nil {
		t.Errorf("it is for %v and %v", c.URIs, c.IPAddresses)
	}
	for _, bad := range []Profile{{URIs: []string{"www.example"}}, {URIs: []string{"https://a b"}}, {URIs: []string{""}}, {IPs: []string{"192.0.2"}}, {IPs: []string{"fe80::1%eth0"}}, {IPs: []string{""}}} {
		if bad.Check() == nil {
			t.Errorf("%v %v are taken", bad.URIs, bad.IPs)
		}
	}
	if _, err := q.Issue(c, leaf, leaf.Public(), now); !errors.Is(err, ErrNotCA) {
		t.Errorf("a certificate that is no CA's issued another: %v", err)
	}
	if _, err := q.Issue(ca, root, leaf.Public(), ca.NotAfter); !errors.Is(err, ErrNotCA) {
		t.Errorf("a CA that has expired issued another: %v", err)
	}
}

func TestFilesComeBackAsTheyWere(t *testing.T) {
	k := newKey(t)
	der, err := profile(t, "CN=x").SelfSigned(k, time.Now())
	c := parse(t, der, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	b := Bundle{[]*x509.Certificate{c}, opaque.New(pkcs8)}
	pfx, err := b.PFX()
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() (Bundle, error){
		"PKCS #12": func() (Bundle, error) { return ReadPFX(pfx.ExposeToCodec(), opaque.Bytes{}) },
		"PEM":      func() (Bundle, error) { return ReadPEM(b.PEM().ExposeToCodec()) },
	} {
		again, err := read()
		if err != nil || !again.Chain[0].Equal(c) || !again.Key.Equal(b.Key) {
			t.Errorf("%s: another bundle came back: %v", name, err)
		}
	}
	if _, err := ReadPFX(pfx.ExposeToCodec(), opaque.New([]byte("wrong"))); !errors.Is(err, ErrPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	other, _ := x509.MarshalPKCS8PrivateKey(newKey(t))
	if _, err := ReadPEM((Bundle{b.Chain, opaque.New(other)}).PEM().ExposeToCodec()); !errors.Is(err, ErrForeign) {
		t.Errorf("a key that is not the certificate's: %v", err)
	}
}

func TestNamesThatAreNoneAreRefused(t *testing.T) {
	for _, s := range []string{"www", "CN", "CN=", "CN=a,", "CN=a+O=b", "X=a", `CN="a`, `CN=a\`, "C=Germany", "CN=a\x00b", "DC=é", "CN=\xff", `CN=""`} {
		if name, err := ParseName(s); err == nil {
			t.Errorf("%q was read as %v", s, name)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"CN=www.example.com, O=Example", `CN="a, b";OU=c\,d`, "", "E=a@b,DC=example", "C=DE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseName(s)
		if err != nil {
			return
		}
		if _, err := asn1.Marshal(name); err != nil {
			t.Errorf("%q was read and cannot be written: %v", s, err)
		}
	})
}

func FuzzFiles(f *testing.F) {
	k := newKey(f)
	der, err := profile(f, "CN=x").SelfSigned(k, time.Now())
	c := parse(f, der, err)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(k)
	b := Bundle{[]*x509.Certificate{c}, opaque.New(pkcs8)}
	pfx, _ := b.PFX()
	f.Add(pfx.ExposeToCodec())
	f.Add(b.PEM().ExposeToCodec())
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, read := range []func() (Bundle, error){func() (Bundle, error) { return ReadPEM(file) }, func() (Bundle, error) { return ReadPFX(file, opaque.Bytes{}) }} {
			b, err := read()
			if err == nil && (len(b.Chain) == 0 || b.fits() != nil) {
				t.Error("a bundle was read that does not fit together")
			}
		}
	})
}
