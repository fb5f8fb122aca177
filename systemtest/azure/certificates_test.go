// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// certificate reads what a bundle holds.
func certificate(t *testing.T, a answer) *x509.Certificate {
	t.Helper()
	text, _ := a.body["cer"].(string)
	der, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	return c
}

func versionOf(t *testing.T, a answer, member string) string {
	t.Helper()
	id, _ := a.body[member].(string)
	if len(id) < 32 {
		t.Fatalf("no %s in %s", member, a.text)
	}
	return id[len(id)-32:]
}

const selfPolicy = `{"policy":{"key_props":{"exportable":true,"kty":"EC","crv":"P-256","reuse_key":false},"secret_props":{"contentType":"application/x-pem-file"},` +
	`"x509_props":{"subject":"CN=www.example","sans":{"dns_names":["www.example"]}},"issuer":{"name":"Self"}},"tags":{"a":"b"}}`

func (n *node) create(name, token, body string) answer {
	n.t.Helper()
	a := n.do("POST", n.Vault, "/certificates/"+name+"/create", token, body)
	if a.status != http.StatusAccepted {
		n.t.Fatalf("create %s: %d %s", name, a.status, a.text)
	}
	return a
}

func TestACertificateIsThreeObjectsOfOneVersion(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.create("www", token, selfPolicy)
	if op := n.must200("GET", n.Vault, "/certificates/www/pending", token, ""); op.body["status"] != "completed" {
		t.Fatalf("operation: %s", op.text)
	}
	a := n.must200("GET", n.Vault, "/certificates/www", token, "")
	leaf := certificate(t, a)
	must(t, leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature))
	v := versionOf(t, a, "id")
	if versionOf(t, a, "kid") != v || versionOf(t, a, "sid") != v {
		t.Errorf("three versions: %s", a.text)
	}
	if k := n.must200("GET", n.Vault, "/keys/www/"+v, token, ""); k.body["managed"] != true {
		t.Errorf("the key is not managed: %s", k.text)
	}
	s := n.must200("GET", n.Vault, "/secrets/www/"+v, token, "")
	block, rest := pem.Decode([]byte(s.body["value"].(string)))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	if !private.(*ecdsa.PrivateKey).PublicKey.Equal(leaf.PublicKey) || !strings.Contains(string(rest), "CERTIFICATE") {
		t.Error("the secret's key is not the certificate's")
	}
	for _, c := range []struct{ method, path, body string }{{"DELETE", "/keys/www", ""}, {"POST", "/keys/www/create", p256}, {"POST", "/keys/www/rotate", ""}, {"PUT", "/keys/www/rotationpolicy", `{}`},
		{"DELETE", "/secrets/www", ""}, {"PUT", "/secrets/www", `{"value":"v"}`}} {
		if a := n.do(c.method, n.Vault, c.path, token, c.body); a.status != 403 {
			t.Errorf("%s %s of a certificate: %d", c.method, c.path, a.status)
		}
	}
	n.create("www", token, `{}`) // by the policy that it has
	if again := n.must200("GET", n.Vault, "/certificates/www", token, ""); versionOf(t, again, "id") == v || certificate(t, again).PublicKey.(*ecdsa.PublicKey).Equal(leaf.PublicKey) {
		t.Error("the second version is the first")
	}
	off := n.must200("PATCH", n.Vault, "/certificates/www/"+v, token, `{"attributes":{"enabled":false}}`)
	if off.body["attributes"].(map[string]any)["enabled"] != false {
		t.Error("it is enabled yet")
	}
	if a := n.do("POST", n.Vault, "/keys/www/"+v+"/sign", token, `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`); a.status != 403 {
		t.Errorf("the key of a disabled certificate signs: %d", a.status)
	}
	blob := n.must200("POST", n.Vault, "/certificates/www/backup", token, "").body["value"].(string)
	n.must200("DELETE", n.Vault, "/certificates/www", token, "")
	for _, folder := range []string{"certificates", "keys", "secrets"} {
		if a := n.do("GET", n.Vault, "/"+folder+"/www", token, ""); a.status != 404 {
			t.Errorf("%s of a deleted certificate: %d", folder, a.status)
		}
		n.must200("GET", n.Vault, "/deleted"+folder+"/www", token, "")
	}
	if a := n.do("POST", n.Vault, "/certificates/www/create", token, selfPolicy); a.status != 409 || a.inner() != "ObjectIsDeletedButRecoverable" {
		t.Errorf("a deleted name: %d %s", a.status, a.text)
	}
	n.must200("POST", n.Vault, "/deletedcertificates/www/recover", token, "")
	n.must200("DELETE", n.Vault, "/certificates/www", token, "")
	if a := n.do("DELETE", n.Vault, "/deletedcertificates/www", token, ""); a.status != 204 {
		t.Errorf("purge: %d %s", a.status, a.text)
	}
	n.must200("POST", n.Vault, "/certificates/restore", token, `{"value":"`+blob+`"}`)
	if a := n.must200("GET", n.Vault, "/certificates/www/"+v, token, ""); !certificate(t, a).Equal(leaf) {
		t.Error("another certificate came back")
	}
	if a := n.do("GET", n.Vault, "/secrets/www/"+v, token, ""); a.status != 403 {
		t.Errorf("the secret of a version that was disabled before the backup: %d", a.status)
	}
	n.must200("GET", n.Vault, "/secrets/www", token, "")
}

func TestAKeyThatMayNotLeaveIsNotInTheSecret(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	for _, kty := range []string{"EC", "EC-HSM"} {
		body := strings.Replace(strings.Replace(selfPolicy, `"exportable":true`, `"exportable":false`, 1), `"EC"`, `"`+kty+`"`, 1)
		n.create("in-"+kty, token, body)
		s := n.must200("GET", n.Vault, "/secrets/in-"+kty, token, "")
		if v := s.body["value"].(string); strings.Contains(v, "PRIVATE") || !strings.Contains(v, "CERTIFICATE") {
			t.Error("the secret has a key in it, or no certificate")
		}
	}
	a := n.do("POST", n.Vault, "/certificates/x/create", token, strings.Replace(selfPolicy, `"EC"`, `"EC-HSM"`, 1))
	if a.status != 400 {
		t.Errorf("an exportable HSM key: %d", a.status)
	}
	// The same with PKCS #12, whose key comes out where it may.
	n.create("out", token, strings.Replace(selfPolicy, "x-pem-file", "x-pkcs12", 1))
	der, err := base64.StdEncoding.DecodeString(n.must200("GET", n.Vault, "/secrets/out", token, "").body["value"].(string))
	must(t, err)
	private, leaf, err := pkcs12.Decode(der, "")
	must(t, err)
	if !private.(*ecdsa.PrivateKey).PublicKey.Equal(leaf.PublicKey) {
		t.Error("the key is not the certificate's")
	}
}

func TestARequestIsSignedElsewhereAndMerged(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	body := strings.Replace(selfPolicy, `"Self"`, `"Unknown"`, 1)
	op := n.create("csr", token, body)
	if op.body["status"] != "inProgress" {
		t.Fatalf("operation: %s", op.text)
	}
	if a := n.do("POST", n.Vault, "/certificates/csr/create", token, body); a.status != 409 {
		t.Errorf("a second operation: %d", a.status)
	}
	if a := n.do("GET", n.Vault, "/certificates/csr", token, ""); a.status != 404 {
		t.Errorf("a certificate before its merge: %d", a.status)
	}
	der, err := base64.StdEncoding.DecodeString(op.body["csr"].(string))
	must(t, err)
	csr, err := x509.ParseCertificateRequest(der)
	must(t, err)
	must(t, csr.CheckSignature())
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	sign := func(public any) string {
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: csr.Subject, DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, &x509.Certificate{Subject: pkix.Name{CommonName: "Elsewhere"}}, public, ca)
		must(t, err)
		return base64.StdEncoding.EncodeToString(der)
	}
	if a := n.do("POST", n.Vault, "/certificates/csr/pending/merge", token, `{"x5c":["`+sign(ca.Public())+`"]}`); a.status != 400 {
		t.Errorf("a certificate of another key: %d", a.status)
	}
	if a := n.do("POST", n.Vault, "/certificates/csr/pending/merge", token, `{"x5c":["`+sign(csr.PublicKey)+`"]}`); a.status != 201 {
		t.Fatalf("merge: %d %s", a.status, a.text)
	}
	if leaf := certificate(t, n.must200("GET", n.Vault, "/certificates/csr", token, "")); leaf.Issuer.CommonName != "Elsewhere" {
		t.Error("another certificate is there")
	}
	if op := n.must200("GET", n.Vault, "/certificates/csr/pending", token, ""); op.body["status"] != "completed" {
		t.Errorf("operation: %s", op.text)
	}
	n.must200("DELETE", n.Vault, "/certificates/csr/pending", token, "")
	if a := n.do("GET", n.Vault, "/certificates/csr/pending", token, ""); a.status != 404 || a.code() != "PendingCertificateNotFound" {
		t.Errorf("a deleted operation: %d %s", a.status, a.text)
	}
	n.create("stop", token, body)
	if op := n.must200("PATCH", n.Vault, "/certificates/stop/pending", token, `{"cancellation_requested":true}`); op.body["cancellation_requested"] != true {
		t.Errorf("operation: %s", op.text)
	}
	n.must200("DELETE", n.Vault, "/certificates/stop/pending", token, "")
	n.create("stop", token, selfPolicy)
}

func TestIssuersIssueAndContactsAreKept(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.create("www", token, strings.Replace(selfPolicy, `"Self"`, `"Genbu"`, 1))
	leaf, ca := certificate(t, n.must200("GET", n.Vault, "/certificates/www", token, "")), certificate(t, n.must200("GET", n.Vault, "/certificates/Genbu-CA", token, ""))
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "www.example"}); err != nil {
		t.Error(err)
	}
	with := func(issuer string) string { return strings.Replace(selfPolicy, `"Self"`, `"`+issuer+`"`, 1) }
	for name, body := range map[string]string{"elsewhere": `{"provider":"DigiCert"}`, "leaf": `{"provider":"Genbu","credentials":{"account_id":"www"}}`,
		"own": `{"provider":"Genbu","credentials":{"account_id":"Genbu-CA"},"org_details":{"admin_details":[{"email":"a@example"}]}}`} {
		n.must200("PUT", n.Vault, "/certificates/issuers/"+name, token, body)
	}
	for _, issuer := range []string{"elsewhere", "leaf", "nobody"} {
		if a := n.do("POST", n.Vault, "/certificates/x/create", token, with(issuer)); a.status != 400 {
			t.Errorf("issuer %s: %d %s", issuer, a.status, a.text)
		}
	}
	n.create("y", token, with("own"))
	n.must200("PATCH", n.Vault, "/certificates/issuers/own", token, `{"attributes":{"enabled":false}}`)
	if a := n.do("POST", n.Vault, "/certificates/z/create", token, with("own")); a.status != 400 {
		t.Errorf("a disabled issuer: %d", a.status)
	}
	if list := n.must200("GET", n.Vault, "/certificates/issuers", token, ""); len(list.body["value"].([]any)) != 3 {
		t.Errorf("issuers: %s", list.text)
	}
	n.must200("DELETE", n.Vault, "/certificates/issuers/own", token, "")
	if a := n.do("GET", n.Vault, "/certificates/issuers/own", token, ""); a.status != 404 {
		t.Errorf("a deleted issuer: %d", a.status)
	}
	if a := n.do("GET", n.Vault, "/certificates/contacts", token, ""); a.status != 404 {
		t.Errorf("contacts before there are any: %d", a.status)
	}
	n.must200("PUT", n.Vault, "/certificates/contacts", token, `{"contacts":[{"email":"a@example"}]}`)
	n.must200("GET", n.Vault, "/certificates/contacts", token, "")
	n.must200("DELETE", n.Vault, "/certificates/contacts", token, "")
	if list := n.must200("GET", n.Vault, "/secrets", token, ""); strings.Contains(list.text, "settings") {
		t.Error("the vault's own record is in the list of secrets")
	}
}

// old is a certificate that has used up most of its life, with its key.
func old(t *testing.T) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old"}, NotBefore: time.Now().AddDate(0, -11, 0), NotAfter: time.Now().AddDate(0, 1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestACertificateIsRenewedOnTimeByWhoMayAndByNobodyElse(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	file := strings.ReplaceAll(old(t), "\n", `\n`)
	body := `{"value":"` + file + `","policy":{"issuer":{"name":"Self"},"lifetime_actions":[{"trigger":{"lifetime_percentage":80},"action":{"action_type":"AutoRenew"}}]}}`
	versions := func(name string) int {
		return len(n.must200("GET", n.Vault, "/certificates/"+name+"/versions", token, "").body["value"].([]any))
	}
	n.must200("POST", n.Vault, "/certificates/before/import", token, body)
	time.Sleep(4 * time.Second) // the rotator looks each second, and waits up to two
	if versions("before") != 1 {
		t.Fatal("control: it was renewed by an identity that has no role for it")
	}
	n.run("operator", "grant", "rotation", "--domain", "--token", "genbu-vault", "--action",
		"certificates/read,certificates/create,certificatecas/read") // as docs/design/certificates.md says
	n.must200("POST", n.Vault, "/certificates/after/import", token, body)
	for end := time.Now().Add(time.Minute); versions("after") != 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it was not renewed")
		}
	}
	leaf := certificate(t, n.must200("GET", n.Vault, "/certificates/after", token, ""))
	if leaf.Subject.CommonName != "old" || time.Until(leaf.NotAfter) < 300*24*time.Hour {
		t.Errorf("the new version is of %v until %v", leaf.Subject, leaf.NotAfter)
	}
	time.Sleep(4 * time.Second)
	if versions("after") != 2 {
		t.Error("it was renewed again")
	}
}
