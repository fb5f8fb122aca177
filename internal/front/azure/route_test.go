// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/key"
)

const (
	v32   = "0123456789abcdef0123456789abcdef"
	dated = "?api-version=2025-07-01"
)

func TestRoutes(t *testing.T) {
	for _, c := range []struct{ method, url, pattern, name, version string }{
		{"GET", "/keys" + dated, "keys", "", ""},
		{"GET", "/keys/" + dated, "keys", "", ""},
		{"GET", "/keys/k1" + dated, "keys/{n}/{v}", "k1", ""},
		{"GET", "/keys/k1/" + dated, "keys/{n}/{v}", "k1", ""},
		{"GET", "/keys/k1/" + v32 + "?api%2Dversion=7.4", "keys/{n}/{v}", "k1", v32},
		{"PATCH", "/keys/k1//" + dated, "keys/{n}/{v}", "k1", ""},
		{"POST", "/keys/k1//sign" + dated, "keys/{n}/{v}/sign", "k1", ""},
		{"POST", "/keys/k1/sign" + dated, "keys/{n}/{v}/sign", "k1", ""},
		{"POST", "/KEYS/k1/" + v32 + "/wrapKey" + dated, "keys/{n}/{v}/wrapkey", "k1", v32},
		{"POST", "//keys///k1/create" + dated, "keys/{n}/create", "k1", ""},
		{"GET", "/keys/k%31" + dated, "keys/{n}/{v}", "k1", ""},
		{"GET", "/keys/versions/versions" + dated, "keys/{n}/versions", "versions", ""},
		{"POST", "/keys/restore" + dated, "keys/restore", "", ""},
		{"GET", "/keys/restore" + dated, "keys/{n}/{v}", "restore", ""},
		{"DELETE", "/deletedsecrets/s" + dated, "deletedsecrets/{n}", "s", ""},
		{"POST", "/rng" + dated, "rng", "", ""},
		{"GET", "/providers/Microsoft.Authorization/roleDefinitions" + dated, "providers/microsoft.authorization/roledefinitions", "", ""},
		{"PUT", "/keys/k1/providers/Microsoft.Authorization/roleAssignments/12345678-1234-1234-1234-123456789abc" + dated,
			"keys/{n}/providers/microsoft.authorization/roleassignments/{id}", "k1", ""},
	} {
		r, err := find(httptest.NewRequest(c.method, "https://x"+c.url, nil))
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.url, err)
			continue
		}
		if r.op.pattern != c.pattern || r.name != c.name || r.version != c.version {
			t.Errorf("%s %s: %s %q %q", c.method, c.url, r.op.pattern, r.name, r.version)
		}
	}
}

func TestWhatIsNoRouteIsRefusedAsKeyVaultDoes(t *testing.T) {
	for _, c := range []struct {
		method, url string
		status      int
	}{
		{"GET", "/", 404}, {"GET", "/", 404}, {"GET", "/nothing" + dated, 404}, {"GET", "/keys/a/b/c/d" + dated, 404},
		{"GET", "/keys", 400}, {"GET", "/keys?api-version=", 400}, {"GET", "/keys?api-version=latest", 400}, {"GET", "/keys?api-version=7.4&api%2Dversion=7.4", 400},
		{"GET", "/keys?api-version=2025-13-01", 400}, {"GET", "/keys?api-version=%zz", 400}, {"GET", "/keys?api-version=7.4;a", 400},
		{"GET", "/keys/a_b" + dated, 400}, {"GET", "/keys/" + strings.Repeat("a", 128) + dated, 400}, {"GET", "/keys/a%2Fb" + dated, 400},
		{"GET", "/keys/providers/Microsoft.Authorization/roleAssignments/1" + dated, 400}, {"GET", "/keys/a/" + v32[1:] + dated, 400}, {"GET", "/keys/a/" + strings.ToUpper(v32) + dated, 400},
		{"PUT", "/keys" + dated, 405}, {"DELETE", "/keys/a/" + v32 + dated, 405}, {"GET", "/keys/a/sign/" + dated, 400}, {"TRACE", "/rng" + dated, 405},
	} {
		url := c.url
		if url == "/" {
			url += dated
		}
		_, err := find(httptest.NewRequest(c.method, "https://x"+url, nil))
		if err == nil {
			t.Errorf("%s %s: found", c.method, c.url)
			continue
		}
		if e := refusal(err, noun{}); e.status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.url, e.status, e.message)
		}
	}
}

func TestKnownVersionsAndThoseToCome(t *testing.T) {
	for _, v := range []string{"7.0", "7.1", "7.2", "7.3", "7.4-preview.1", "7.4", "7.5", "7.6-preview.2", "2016-10-01", "2025-07-01", "2026-04-01", "2031-12-31"} {
		if _, err := readQuery("api-version=" + v); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestHostNames(t *testing.T) {
	for name, want := range map[string]host{
		"genbu-vault.vault.genbu.localhost:8443": {vault: "genbu-vault", kind: KindVault, name: "genbu-vault.vault.genbu.localhost", port: ":8443"},
		"HSM1.managedhsm.genbu.localhost":        {vault: "hsm1", kind: KindManagedHSM, name: "hsm1.managedhsm.genbu.localhost"},
		"login.genbu.localhost:8443":             {label: "login", name: "login.genbu.localhost", port: ":8443"},
	} {
		if h, ok := parseHost(name, "genbu.localhost"); !ok || h != want {
			t.Errorf("%s: %+v %t", name, h, ok)
		}
	}
	for _, name := range []string{"", "genbu.localhost", "localhost:8443", "a.vault.genbu.localhost", "x..vault.genbu.localhost", "abc.other.genbu.localhost",
		"abc.vault.genbu.localhost:844311", "abc.vault.genbu.localhost:8x", "abc.vault.genbu.localhost.evil", "a_c.vault.genbu.localhost", "abc.vaultgenbu.localhost",
		"abc\".vault.genbu.localhost", "[::1]:8443", "-bc.vault.genbu.localhost", "abcdefghijklmnopqrstuvwxy.vault.genbu.localhost"} {
		if h, ok := parseHost(name, "genbu.localhost"); ok {
			t.Errorf("%q: %+v", name, h)
		}
	}
}

// The parsers of the SDKs take nothing but this form: Go splits at blanks and equals signs, JavaScript takes the path whole.
func TestTheChallengeIsWhatEverySDKParses(t *testing.T) {
	h, _ := parseHost("abc.vault.genbu.localhost:8443", "genbu.localhost")
	w := httptest.NewRecorder()
	h.challenge(w, "genbu.localhost", "")
	const want = `Bearer authorization="https://login.genbu.localhost:8443/adfs", resource="https://vault.genbu.localhost:8443"`
	if got := w.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != want {
		t.Error(got)
	}
	if !strings.HasSuffix("."+"abc.vault.genbu.localhost:8443", ".vault.genbu.localhost:8443") {
		t.Error("the resource is not the end of the host's name")
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("POST", "/keys/k1//sign", "api%2Dversion=7.4", "abc.vault.genbu.localhost:1")
	f.Add("GET", "/keys/%2e%2e/x", "api-version=2025-07-01&maxresults=3&$skiptoken=AQ", "[::1]:0")
	f.Fuzz(func(t *testing.T, method, path, query, name string) {
		r := &http.Request{Method: method}
		r.URL = httptest.NewRequest("GET", "https://x/", nil).URL
		r.URL.Path, r.URL.RawQuery = path, query
		if h, ok := parseHost(name, "genbu.localhost"); ok && h.vault == "" && h.label == "" {
			t.Errorf("%q is ours, and nothing", name)
		}
		out, err := find(r)
		if err != nil {
			if e := refusal(err, noun{}); e.status < 400 || e.status > 405 {
				t.Errorf("%d %v", e.status, err)
			}
			return
		}
		if strings.Contains(out.op.pattern, "{n}") && !key.ValidName(out.name) || out.version != "" && !validVersion(out.version) {
			t.Errorf("%q %q", out.name, out.version)
		}
		out.query.page()
	})
}
