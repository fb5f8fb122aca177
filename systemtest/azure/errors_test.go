// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"
	"testing"
)

const p256 = `{"kty":"EC","crv":"P-256"}`

// TestEveryDocumentedErrorIsProvokedAndChangesNothing sends what Key Vault refuses, and then looks that the keys are as they were.
func TestEveryDocumentedErrorIsProvokedAndChangesNothing(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	key := n.must200("POST", n.Vault, "/keys/k/create", token, p256)
	kid := key.body["key"].(map[string]any)["kid"].(string)
	version32 := kid[len(kid)-32:]
	n.must200("POST", n.Vault, "/keys/gone/create", token, p256)
	n.must200("DELETE", n.Vault, "/keys/gone", token, "")
	n.must200("PUT", n.Vault, "/secrets/s", token, `{"value":"v"}`)
	n.must200("POST", n.Vault, "/keys/off/create", token, `{"kty":"EC","attributes":{"enabled":false}}`)
	n.must200("POST", n.Vault, "/keys/later/create", token, `{"kty":"EC","attributes":{"nbf":4102444800}}`)
	n.must200("POST", n.Vault, "/keys/verify/create", token, `{"kty":"EC","key_ops":["verify"]}`)
	backup := n.must200("POST", n.Vault, "/keys/k/backup", token, "").body["value"].(string)
	before := n.must200("GET", n.Vault, "/keys", token, "").text + n.must200("GET", n.Vault, "/keys/k/versions", token, "").text + n.must200("GET", n.Vault, "/secrets", token, "").text

	digest := b64(make([]byte, 32))
	sign := `{"alg":"ES256","value":"` + digest + `"}`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code, inner              string
	}{
		{"no such key", "GET", "/keys/none", "", 404, "KeyNotFound", ""},
		{"no such version", "GET", "/keys/k/" + strings.Repeat("0", 32), "", 404, "KeyNotFound", ""},
		{"a version of another key", "GET", "/keys/off/" + version32, "", 404, "KeyNotFound", ""},
		{"use of a version of another key", "POST", "/keys/off/" + version32 + "/sign", sign, 404, "KeyNotFound", ""},
		{"no such secret", "GET", "/secrets/none", "", 404, "SecretNotFound", ""},
		{"a key is no secret", "GET", "/secrets/k", "", 404, "SecretNotFound", ""},
		{"a deleted key", "GET", "/keys/gone", "", 404, "KeyNotFound", ""},
		{"a deleted key's use", "POST", "/keys/gone/sign", sign, 404, "KeyNotFound", ""},
		{"a deleted key's name", "POST", "/keys/gone/create", p256, 409, "Conflict", "ObjectIsDeletedButRecoverable"},
		{"restoring over a key", "POST", "/keys/restore", `{"value":"` + backup + `"}`, 409, "Conflict", ""},
		{"restoring what was changed", "POST", "/keys/restore", `{"value":"` + flip(backup) + `"}`, 400, "BadParameter", ""},
		{"restoring nothing", "POST", "/keys/restore", `{}`, 400, "BadParameter", ""},
		{"a disabled key", "POST", "/keys/off/sign", sign, 403, "Forbidden", "KeyDisabled"},
		{"a key that is not valid yet", "POST", "/keys/later/sign", sign, 403, "Forbidden", ""},
		{"a key that is not for this", "POST", "/keys/verify/sign", sign, 403, "Forbidden", "OperationNotAllowed"},
		{"an algorithm of another curve", "POST", "/keys/k/sign", `{"alg":"ES384","value":"` + b64(make([]byte, 48)) + `"}`, 400, "BadParameter", ""},
		{"an algorithm that nobody knows", "POST", "/keys/k/sign", `{"alg":"ES1","value":"` + digest + `"}`, 400, "BadParameter", ""},
		{"a digest of another length", "POST", "/keys/k/sign", `{"alg":"ES256","value":"AQI"}`, 400, "BadParameter", ""},
		{"no digest", "POST", "/keys/k/sign", `{"alg":"ES256"}`, 400, "BadParameter", ""},
		{"wrong base64url", "POST", "/keys/k/sign", `{"alg":"ES256","value":"` + strings.Repeat("+", 43) + `"}`, 400, "BadParameter", ""},
		{"malformed JSON", "POST", "/keys/x/create", `{"kty":"EC"`, 400, "BadParameter", ""},
		{"two JSON values", "POST", "/keys/x/create", p256 + p256, 400, "BadParameter", ""},
		{"a member twice", "POST", "/keys/x/create", `{"kty":"EC","kty":"RSA"}`, 400, "BadParameter", ""},
		{"a member that is not known", "POST", "/keys/x/create", `{"kty":"EC","exportable":true}`, 400, "BadParameter", ""},
		{"a member of another type", "POST", "/keys/x/create", `{"kty":"RSA","key_size":"2048"}`, 400, "BadParameter", ""},
		{"no kty", "POST", "/keys/x/create", `{}`, 400, "BadParameter", ""},
		{"a kty that is not known", "POST", "/keys/x/create", `{"kty":"OKP"}`, 400, "BadParameter", ""},
		{"oct in a vault", "POST", "/keys/x/create", `{"kty":"oct"}`, 400, "BadParameter", ""},
		{"a weak key", "POST", "/keys/x/create", `{"kty":"RSA","key_size":1024}`, 400, "BadParameter", ""},
		{"a curve that is not known", "POST", "/keys/x/create", `{"kty":"EC","crv":"P-192"}`, 400, "BadParameter", ""},
		{"import beside other operations", "POST", "/keys/x/create", `{"kty":"RSA","key_ops":["import","sign"]}`, 400, "BadParameter", ""},
		{"an expiry before the start", "POST", "/keys/x/create", `{"kty":"EC","attributes":{"nbf":20,"exp":10}}`, 400, "BadParameter", ""},
		{"a bad private key", "PUT", "/keys/x", `{"key":{"kty":"EC","crv":"P-256","x":"` + digest + `","y":"` + digest + `","d":"AQ"}}`, 400, "BadParameter", ""},
		{"a private key of another public key", "PUT", "/keys/x", `{"key":{"kty":"EC","crv":"P-256","x":"` + key.body["key"].(map[string]any)["x"].(string) + `","y":"` + key.body["key"].(map[string]any)["y"].(string) + `","d":"AQ"}}`, 400, "BadParameter", ""},
		{"a key without its secret", "PUT", "/keys/x", `{"key":{"kty":"RSA","n":"AQ","e":"AQAB"}}`, 400, "BadParameter", ""},
		{"a name that cannot be", "POST", "/keys/a_b/create", p256, 400, "BadParameter", ""},
		{"a name that is too long", "POST", "/keys/" + strings.Repeat("a", 128) + "/create", p256, 400, "BadParameter", ""},
		{"no api-version", "POST", "/keys/x/create?", p256, 400, "BadParameter", ""},
		{"an api-version that cannot be", "POST", "/keys/x/create?api-version=now", p256, 400, "BadParameter", ""},
		{"maxresults 26", "GET", "/keys" + version + "&maxresults=26", "", 400, "BadParameter", ""},
		{"a skiptoken that is not ours", "GET", "/keys" + version + "&$skiptoken=%2B%2B", "", 400, "BadParameter", ""},
		{"a wrong method", "POST", "/keys/k", p256, 405, "MethodNotAllowed", ""},
		{"another wrong method", "PUT", "/keys/k/create", p256, 405, "MethodNotAllowed", ""},
		{"no such resource", "GET", "/kings", "", 404, "NotFound", ""},
		{"a body of half a megabyte", "PUT", "/secrets/x", `{"value":"` + strings.Repeat("x", 512<<10) + `"}`, 413, "RequestEntityTooLarge", ""},
		{"a value of 25 KiB and a byte", "PUT", "/secrets/x", `{"value":"` + strings.Repeat("x", 25<<10+1) + `"}`, 400, "BadParameter", ""},
		{"a secret without value", "PUT", "/secrets/x", `{}`, 400, "BadParameter", ""},
		{"random bytes of a vault", "POST", "/rng", `{"count":8}`, 400, "NotSupported", ""},
		{"a policy without a duration", "PUT", "/keys/k/rotationpolicy", `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"soon"},"action":{"type":"Rotate"}}]}`, 400, "BadParameter", ""},
		{"a policy with two triggers", "PUT", "/keys/k/rotationpolicy", `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P9D","timeBeforeExpiry":"P9D"},"action":{"type":"Rotate"}}]}`, 400, "BadParameter", ""},
		{"purging what is not deleted", "DELETE", "/deletedkeys/k", "", 404, "KeyNotFound", ""},
		{"recovering what is not deleted", "POST", "/deletedkeys/k/recover", "", 404, "KeyNotFound", ""},
		{"an exportable key without a policy", "POST", "/keys/x/create", `{"kty":"EC","attributes":{"exportable":true}}`, 400, "BadParameter", ""},
	} {
		a := n.do(c.method, n.Vault, c.path, token, c.body)
		if a.status != c.status || a.code() != c.code || c.inner != "" && a.inner() != c.inner {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
		for _, name := range []string{"X-Ms-Request-Id", "X-Ms-Keyvault-Region", "X-Ms-Keyvault-Service-Version", "Strict-Transport-Security"} {
			if a.header.Get(name) == "" {
				t.Errorf("%s: no header %s", c.name, name)
			}
		}
		if a.header.Get("X-Ms-Error-Code") != c.code || a.header.Get("Location") != "" {
			t.Errorf("%s: headers %v", c.name, a.header)
		}
	}
	if after := n.must200("GET", n.Vault, "/keys", token, "").text + n.must200("GET", n.Vault, "/keys/k/versions", token, "").text + n.must200("GET", n.Vault, "/secrets", token, "").text; after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	if a := n.do("DELETE", n.Vault, "/deletedkeys/gone", token, ""); a.status != http.StatusNoContent || a.text != "" {
		t.Errorf("purge: %d %s", a.status, a.text)
	}
}

// flip changes a letter in the middle.
func flip(s string) string {
	i := len(s) / 2
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func TestPathsAndParametersAsClientsWriteThem(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	kid := n.must200("POST", n.Vault, "//keys/k//create?api%2Dversion=7.4", token, p256).body["key"].(map[string]any)["kid"].(string)
	if !strings.HasPrefix(kid, n.Vault+"/keys/k/") {
		t.Errorf("kid %s is not below %s", kid, n.Vault)
	}
	sign := `{"alg":"ES256","value":"` + b64(make([]byte, 32)) + `"}`
	for _, path := range []string{"/keys/k/sign", "/keys/k//sign", "/Keys/k/Sign", "/keys/%6b/sign", strings.TrimPrefix(kid, n.Vault) + "/sign"} {
		if a := n.must200("POST", n.Vault, path, token, sign); a.body["kid"] != kid {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	for _, path := range []string{"/keys/k/", "/keys/k", "/keys/k/?api-version=2031-01-01", "/keys/k/?api-version=7.6-preview.2"} {
		n.must200("GET", n.Vault, path, token, "")
	}
	padded := `{"alg":"ES256","value":"` + b64(make([]byte, 32)) + `="}`
	n.must200("POST", n.Vault, "/keys/k/sign", token, padded)
}
