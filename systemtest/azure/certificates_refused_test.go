// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"strings"
	"testing"
)

// identity is one with a role in the vault; it answers its token.
func (n *node) identity(name, role string) string {
	n.t.Helper()
	var made struct {
		ID          string `json:"client_id"`
		Credentials []struct {
			Secret string `json:"secret"`
		} `json:"credentials"`
	}
	must(n.t, json.Unmarshal(n.run("operator", "create", name, "--client-secret", "--json"), &made))
	n.run("operator", "grant", name, "--domain", "--token", "genbu-vault", "--role", role)
	a := n.token(n.Vault, made.ID, made.Credentials[0].Secret)
	token, _ := a.body["access_token"].(string)
	if token == "" {
		n.t.Fatalf("no token for %s: %s", name, a.text)
	}
	return token
}

func TestRolesDecideAboutCertificates(t *testing.T) {
	n := newNode(t)
	admin := n.access(n.Vault)
	n.create("www", admin, strings.Replace(selfPolicy, `"Self"`, `"Genbu"`, 1))
	all := func() string {
		text := ""
		for _, folder := range []string{"certificates", "keys", "secrets", "deletedcertificates", "deletedkeys", "deletedsecrets"} {
			text += n.must200("GET", n.Vault, "/"+folder, admin, "").text
		}
		return text
	}
	before := all()
	acts := []struct{ method, path, body string }{
		{"POST", "/certificates/x/create", selfPolicy}, {"POST", "/certificates/www/create", selfPolicy}, {"POST", "/certificates/x/import", `{"value":"` + strings.ReplaceAll(old(t), "\n", `\n`) + `"}`},
		{"PATCH", "/certificates/www", `{"tags":{"x":"y"}}`}, {"PATCH", "/certificates/www/policy", `{"issuer":{"name":"Self"}}`}, {"POST", "/certificates/www/backup", ""},
		{"PUT", "/certificates/contacts", `{"contacts":[{"email":"a@example"}]}`}, {"PUT", "/certificates/issuers/i", `{"provider":"Genbu"}`}, {"DELETE", "/certificates/www", ""},
	}
	for _, role := range []string{"Key Vault Reader", "Key Vault Crypto User", "Key Vault Secrets User"} {
		token := n.identity("who-"+strings.ReplaceAll(strings.ToLower(role), " ", "-"), role)
		for _, a := range acts {
			if got := n.do(a.method, n.Vault, a.path, token, a.body); got.status != 403 && got.status != 404 {
				t.Errorf("%s: %s %s: %d %s", role, a.method, a.path, got.status, got.text)
			}
		}
		got := n.do("GET", n.Vault, "/certificates/www", token, "")
		if want := map[bool]int{true: 200, false: 403}[role == "Key Vault Reader"]; got.status != want && !(want == 403 && got.status == 404) {
			t.Errorf("%s reads a certificate: %d", role, got.status)
		}
	}
	if after := all(); after != before {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}
}

// The officer's role has no right for keys or secrets: what making a certificate takes of them follows from the rights for
// certificates, and nothing besides.
func TestAnOfficerOfCertificatesNeedsNoOtherRightsAndGetsNone(t *testing.T) {
	n := newNode(t)
	admin := n.access(n.Vault)
	n.must200("POST", n.Vault, "/keys/plain/create", admin, p256)
	n.must200("PUT", n.Vault, "/secrets/plain", admin, `{"value":"v"}`)
	officer := n.identity("officer", "Key Vault Certificates Officer")
	n.create("self", officer, selfPolicy)
	n.create("www", officer, strings.Replace(selfPolicy, `"Self"`, `"Genbu"`, 1))
	n.create("www", officer, strings.Replace(selfPolicy, `"Self"`, `"Genbu"`, 1)) // a second version
	for _, a := range []struct{ method, path, body string }{
		{"PUT", "/certificates/issuers/ours", `{"provider":"Genbu","credentials":{"account_id":"Genbu-CA"}}`},
		{"GET", "/certificates/issuers/ours", ""},
		{"PUT", "/certificates/contacts", `{"contacts":[{"email":"a@example"}]}`},
		{"GET", "/certificates/contacts", ""},
		{"POST", "/certificates/imported/import", `{"value":"` + strings.ReplaceAll(old(t), "\n", `\n`) + `"}`},
		{"PATCH", "/certificates/www", `{"attributes":{"enabled":false}}`},
		{"PATCH", "/certificates/www", `{"attributes":{"enabled":true},"tags":{"x":"y"}}`},
		{"PATCH", "/certificates/www/policy", `{"issuer":{"name":"ours"}}`},
		{"GET", "/certificates/www/versions", ""},
		{"GET", "/certificates/www/pending", ""},
	} {
		n.must200(a.method, n.Vault, a.path, officer, a.body)
	}
	n.create("www", officer, strings.Replace(selfPolicy, `"Self"`, `"ours"`, 1))
	refused := func(why string) {
		t.Helper()
		for _, a := range []struct{ method, path, body string }{
			{"POST", "/keys/www/sign", `{"alg":"ES256","value":"` + strings.Repeat("A", 43) + `"}`},
			{"GET", "/secrets/www", ""}, {"GET", "/secrets/plain", ""}, {"GET", "/keys/plain", ""}, {"GET", "/keys", ""}, {"GET", "/secrets", ""},
			{"DELETE", "/keys/plain", ""}, {"POST", "/certificates/plain/create", selfPolicy}, {"PUT", "/secrets/www", `{"value":"x"}`}, {"POST", "/keys/www/create", p256},
			{"PATCH", "/keys/www", `{"key_ops":["sign","verify"]}`}, {"POST", "/keys/new/create", p256}, {"PUT", "/secrets/new", `{"value":"x"}`},
		} {
			if got := n.do(a.method, n.Vault, a.path, officer, a.body); got.status != 403 && got.status != 404 && got.status != 409 {
				t.Errorf("%s: an officer of certificates does %s %s: %d %s", why, a.method, a.path, got.status, got.text)
			}
		}
	}
	refused("at first")
	if got := n.must200("GET", n.Vault, "/secrets/www", admin, ""); !strings.Contains(got.text, "value") {
		t.Error("control: who may read the secret does not get it")
	}
	blob := n.must200("POST", n.Vault, "/certificates/www/backup", officer, "").body["value"].(string)
	n.must200("DELETE", n.Vault, "/certificates/www", officer, "")
	n.must200("POST", n.Vault, "/deletedcertificates/www/recover", officer, "")
	n.must200("DELETE", n.Vault, "/certificates/www", officer, "")
	n.must200("GET", n.Vault, "/deletedcertificates/www", officer, "")
	if got := n.do("DELETE", n.Vault, "/deletedcertificates/www", officer, ""); got.status != 204 {
		t.Errorf("purge: %d %s", got.status, got.text)
	}
	n.must200("POST", n.Vault, "/certificates/restore", officer, `{"value":"`+blob+`"}`)
	refused("after a restore")
	for _, folder := range []string{"certificates", "keys", "secrets"} {
		if got := n.do("GET", n.Vault, "/"+folder+"/www", admin, ""); got.status != 200 {
			t.Errorf("%s/www is not there: %d", folder, got.status)
		}
	}
}

func TestCertificateRequestsThatAreNotWhatTheyMustBe(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.create("www", token, selfPolicy)
	n.must200("PUT", n.Vault, "/secrets/taken", token, `{"value":"v"}`)
	n.must200("POST", n.Vault, "/keys/held/create", token, p256)
	with := func(from, to string) string {
		if !strings.Contains(selfPolicy, from) {
			t.Fatalf("no %s in the policy", from)
		}
		return strings.Replace(selfPolicy, from, to, 1)
	}
	file := strings.ReplaceAll(old(t), "\n", `\n`)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"no such certificate", "GET", "/certificates/none", "", 404, "CertificateNotFound"},
		{"no such deleted certificate", "GET", "/deletedcertificates/none", "", 404, "CertificateNotFound"},
		{"no policy for a new one", "POST", "/certificates/x/create", `{}`, 400, "BadParameter"},
		{"no names", "POST", "/certificates/x/create", with(`"subject":"CN=www.example","sans":{"dns_names":["www.example"]}`, `"subject":""`), 400, "BadParameter"},
		{"a subject that is none", "POST", "/certificates/x/create", with(`"CN=www.example"`, `"www.example"`), 400, "BadParameter"},
		{"a name that is not ASCII", "POST", "/certificates/x/create", with(`["www.example"]`, `["bücher.example"]`), 400, "BadParameter"},
		{"an address that is none", "POST", "/certificates/x/create", with(`"dns_names":["www.example"]`, `"ipAddresses":["192.0.2"]`), 400, "BadParameter"},
		{"a URI without a scheme", "POST", "/certificates/x/create", with(`"dns_names":["www.example"]`, `"uris":["www.example"]`), 400, "BadParameter"},
		{"a curve without certificates", "POST", "/certificates/x/create", with(`"P-256"`, `"P-256K"`), 400, "BadParameter"},
		{"a key type without certificates", "POST", "/certificates/x/create", with(`"EC"`, `"oct"`), 400, "BadParameter"},
		{"a content type that is none", "POST", "/certificates/x/create", with(`application/x-pem-file`, `text/plain`), 400, "BadParameter"},
		{"a member that is not known", "POST", "/certificates/x/create", with(`"reuse_key"`, `"reuse"`), 400, "BadParameter"},
		{"the name of a key", "POST", "/certificates/held/create", selfPolicy, 409, "Conflict"},
		{"the name of a secret", "POST", "/certificates/taken/create", selfPolicy, 409, "Conflict"},
		{"importing over a key", "POST", "/certificates/held/import", `{"value":"` + file + `"}`, 409, "Conflict"},
		{"a file that is none", "POST", "/certificates/x/import", `{"value":"AAAA"}`, 400, "BadParameter"},
		{"a file without a key", "POST", "/certificates/x/import", `{"value":"` + file[strings.Index(file, "-----BEGIN CERT"):] + `"}`, 400, "BadParameter"},
		{"a merge of nothing", "POST", "/certificates/www/pending/merge", `{"x5c":["AAAA"]}`, 400, "BadParameter"},
		{"cancelling what is done", "PATCH", "/certificates/www/pending", `{"cancellation_requested":true}`, 409, "Conflict"},
		{"restoring over it", "POST", "/certificates/restore", `{"value":"` + n.must200("POST", n.Vault, "/certificates/www/backup", token, "").body["value"].(string) + `"}`, 409, "Conflict"},
		{"restoring what is none", "POST", "/certificates/restore", `{"value":"AAAA"}`, 400, "BadParameter"},
		{"other times", "PATCH", "/certificates/www", `{"attributes":{"exp":4102444800}}`, 400, "BadParameter"},
		{"an issuer without a provider", "PUT", "/certificates/issuers/i", `{}`, 400, "BadParameter"},
		{"an issuer's password", "PUT", "/certificates/issuers/i", `{"provider":"Genbu","credentials":{"pwd":"x"}}`, 400, "BadParameter"},
		{"a name that is an issuer already", "PUT", "/certificates/issuers/Self", `{"provider":"Genbu"}`, 400, "BadParameter"},
		{"no such issuer", "PATCH", "/certificates/issuers/none", `{"provider":"Genbu"}`, 404, "CertificateIssuerNotFound"},
		{"no contacts", "DELETE", "/certificates/contacts", "", 404, "CertificateContactsNotFound"},
		{"a wrong method", "PUT", "/certificates/www", "{}", 405, "MethodNotAllowed"},
	} {
		if a := n.do(c.method, n.Vault, c.path, token, c.body); a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s, not %d %s\n%s", c.name, a.status, a.code(), c.status, c.code, a.text)
		}
	}
	if a := n.do("GET", n.Vault, "/keys/x", token, ""); a.status != 404 {
		t.Errorf("a refused request left a key: %s", a.text)
	}
}
