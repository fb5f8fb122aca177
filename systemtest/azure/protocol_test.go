// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// raw sends bytes as they are, over HTTP/1.1.
func (n *node) raw(base, text string) *http.Response {
	n.t.Helper()
	u, err := url.Parse(base)
	must(n.t, err)
	config := n.http.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = u.Hostname(), []string{"http/1.1"}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+u.Port(), config)
	must(n.t, err)
	n.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	_, err = io.WriteString(conn, strings.ReplaceAll(text, "HOST", u.Host))
	must(n.t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(n.t, err)
	return res
}

// TestRequestsThatNoSDKWouldSend: paths, methods, hosts, headers and bodies as no client writes them get an error of the protocol, and change
// nothing.
func TestRequestsThatNoSDKWouldSend(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.must200("POST", n.Vault, "/keys/k/create", token, p256)
	state := func() string {
		return n.must200("GET", n.Vault, "/keys", token, "").text + n.must200("GET", n.Vault, "/keys/k/versions", token, "").text + n.must200("GET", n.Vault, "/secrets", token, "").text
	}
	before := state()
	auth := "Authorization: Bearer " + token + "\r\n"
	request := func(method, path, headers, body string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: HOST\r\n" + auth + headers + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	chunked := func(body string) string {
		return "POST /keys/x/create" + version + " HTTP/1.1\r\nHost: HOST\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	for _, c := range []struct {
		name, text string
		status     int
		code       string
	}{
		{"HEAD", request("HEAD", "/keys/k"+version, "", ""), 405, ""},
		{"OPTIONS", request("OPTIONS", "/keys/k"+version, "", ""), 405, "MethodNotAllowed"},
		{"TRACE", request("TRACE", "/keys/k"+version, "", ""), 405, "MethodNotAllowed"},
		{"a method that nobody knows", request("SIGN", "/keys/k"+version, "", ""), 405, "MethodNotAllowed"},
		{"a slash in a name", request("POST", "/keys/a%2Fb/create"+version, "", p256), 400, "BadParameter"},
		{"a NUL in a name", request("POST", "/keys/a%00/create"+version, "", p256), 400, "BadParameter"},
		{"a path upwards", request("POST", "/secrets/../keys/x/create"+version, "", p256), 404, "NotFound"},
		{"the same, encoded", request("POST", "/keys/%2e%2e/create"+version, "", p256), 400, "BadParameter"},
		{"a path that is not decodable", request("GET", "/keys/%zz"+version, "", ""), 400, ""},
		{"a path of 1,000 steps", request("GET", strings.Repeat("/keys", 1000)+version, "", ""), 404, "NotFound"},
		{"a query that is not decodable", request("GET", "/keys"+version+"&x=%zz", "", ""), 400, "BadParameter"},
		{"a query of 4 KiB", request("GET", "/keys"+version+"&x="+strings.Repeat("x", 4096), "", ""), 400, "BadParameter"},
		{"an encoded name of a parameter, twice", request("GET", "/keys?api%2Dversion=7.4&api-version=7.4", "", ""), 400, "BadParameter"},
		{"a body that is no UTF-8", request("POST", "/keys/x/create"+version, "", "{\"kty\":\"E\xff\"}"), 400, "BadParameter"},
		{"a byte order mark", request("POST", "/keys/x/create"+version, "", "\xef\xbb\xbf"+p256), 400, "BadParameter"},
		{"a NUL behind the body", request("POST", "/keys/x/create"+version, "", p256+"\x00"), 400, "BadParameter"},
		{"half a surrogate pair", request("PUT", "/secrets/x"+version, "", `{"value":"\ud800"}`), 400, "BadParameter"},
		{"10,000 brackets", request("POST", "/keys/x/create"+version, "", strings.Repeat("[", 10000)), 400, "BadParameter"},
		{"a number that is too large", request("POST", "/keys/x/create"+version, "", `{"kty":"RSA","key_size":1e999}`), 400, "BadParameter"},
		{"a number with a fraction", request("POST", "/keys/x/create"+version, "", `{"kty":"RSA","key_size":2048.5}`), 400, "BadParameter"},
		{"a chunked body of half a megabyte", chunked(`{"kty":"EC","x":"` + strings.Repeat("x", 512<<10) + `"}`), 413, "RequestEntityTooLarge"},
		{"a body that says it is a gigabyte", "POST /keys/x/create" + version + " HTTP/1.1\r\nHost: HOST\r\n" + auth + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat(" ", 300<<10), 413, "RequestEntityTooLarge"},
		{"another host", strings.Replace(request("GET", "/keys"+version, "", ""), "HOST", "www.example.com", 1), 404, "NotFound"},
		{"no host", "GET /keys" + version + " HTTP/1.1\r\n" + auth + "\r\n", 400, ""},
		{"a vault that there is not", strings.Replace(request("GET", "/keys"+version, "", ""), "HOST", "none.vault.genbu.localhost", 1), 404, "VaultNotFound"},
		{"a token of 10 KiB", "GET /keys" + version + " HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer " + strings.Repeat("x", 10<<10) + "\r\n\r\n", 401, "Unauthorized"},
		{"a header of 64 KiB", request("GET", "/keys"+version, "X: "+strings.Repeat("x", 64<<10)+"\r\n", ""), 431, ""},
		{"another version of HTTP", "GET /keys HTTP/3.9\r\nHost: HOST\r\n\r\n", 505, ""},
		{"something else", "hello\r\n\r\n", 400, ""},
	} {
		res := n.raw(n.Vault, c.text)
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode != c.status || c.code != "" && !strings.HasPrefix(string(text), `{"error":{"code":"`+c.code+`"`) || res.Header.Get("Location") != "" {
			t.Errorf("%s: %d %.300s", c.name, res.StatusCode, text)
		}
	}
	if after := state(); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	res := n.raw(n.Vault, chunked(p256))
	if res.StatusCode != http.StatusOK {
		t.Errorf("a chunked body: %d", res.StatusCode)
	}
	res = n.raw(n.Vault, strings.Replace(request("GET", "/keys/x"+version, "", ""), "Authorization: Bearer", "authorization: bearer", 1))
	if res.StatusCode != http.StatusOK {
		t.Errorf("a scheme in small letters: %d", res.StatusCode)
	}
}

// TestBothVersionsOfHTTPAnswerTheSame compares answers and errors.
func TestBothVersionsOfHTTPAnswerTheSame(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.must200("POST", n.Vault, "/keys/k/create", token, p256)
	config := n.http.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"http/1.1"}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: config, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return n.http.Transport.(*http.Transport).DialContext(ctx, network, address)
		}}, Timeout: time.Minute}
	t.Cleanup(old.CloseIdleConnections)
	for _, c := range []struct{ method, path, token, body string }{
		{"GET", "/keys/k", token, ""}, {"GET", "/keys", token, ""}, {"GET", "/keys/none", token, ""}, {"POST", "/keys/k/sign", token, `{"alg":"ES1"}`}, {"PUT", "/keys/k/sign", token, "{}"},
		{"GET", "/keys", "", ""}, {"POST", "/keys/k/create", "", p256}, {"PUT", "/secrets/x", token, `{"value":"` + strings.Repeat("x", 300<<10) + `"}`},
	} {
		send := func(client *http.Client) (string, int) {
			r, err := http.NewRequest(c.method, n.Vault+c.path+version, strings.NewReader(c.body))
			must(t, err)
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			res, err := client.Do(r)
			must(t, err)
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			must(t, err)
			return fmt.Sprint(res.StatusCode, res.Header["Www-Authenticate"], res.Header["X-Ms-Error-Code"], res.Header["Content-Type"], string(text)), res.ProtoMajor
		}
		two, major := send(n.http)
		one, minor := send(old)
		if major != 2 || minor != 1 || one != two {
			t.Errorf("%s %s: HTTP/%d %s\nHTTP/%d %s", c.method, c.path, major, two, minor, one)
		}
	}
}

// TestWhatMayNotBeDoneIsForbiddenInTheWordsThatClientsLookFor: disabled, not valid yet, not any more, and without the right.
func TestWhatMayNotBeDoneIsForbiddenInTheWordsThatClientsLookFor(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	past, now := "946684800", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
	n.must200("POST", n.Vault, "/keys/over/create", token, `{"kty":"RSA","attributes":{"exp":`+past+`}}`)
	n.must200("POST", n.Vault, "/keys/early/create", token, `{"kty":"RSA","attributes":{"nbf":`+now+`}}`)
	n.must200("POST", n.Vault, "/keys/k/create", token, p256)
	n.must200("PUT", n.Vault, "/secrets/off", token, `{"value":"v","attributes":{"enabled":false}}`)
	n.must200("PUT", n.Vault, "/secrets/over", token, `{"value":"v","attributes":{"exp":`+past+`}}`)
	var reader struct {
		ID          string `json:"client_id"`
		Credentials []struct {
			Secret string `json:"secret"`
		} `json:"credentials"`
	}
	unmarshal(t, n.run("operator", "create", "reader", "--client-secret", "--json"), &reader)
	signIn := func() string {
		t.Helper()
		token, _ := n.token(n.Vault, reader.ID, reader.Credentials[0].Secret).body["access_token"].(string)
		return token
	}
	if a := n.do("GET", n.Vault, "/keys", signIn(), ""); a.status != 403 || a.inner() != "ForbiddenByRbac" {
		t.Errorf("an identity without a role: %d %s", a.status, a.text)
	}
	n.run("operator", "grant", "reader", "--domain", "--token", "genbu-vault", "--role", "Key Vault Reader")
	reads := signIn()
	n.must200("GET", n.Vault, "/keys/k", reads, "")

	digest := b64(make([]byte, 32))
	for _, c := range []struct {
		name, token, method, path, body string
		status                          int
		code, inner, words              string
	}{
		{"a disabled secret", token, "GET", "/secrets/off", "", 403, "Forbidden", "SecretDisabled", "is not allowed on a disabled secret"},
		{"an expired secret", token, "GET", "/secrets/over", "", 200, "", "", ""}, // as Azure has it
		{"an expired key signs", token, "POST", "/keys/over/sign", `{"alg":"RS256","value":"` + digest + `"}`, 403, "Forbidden", "", ""},
		{"an expired key encrypts", token, "POST", "/keys/over/encrypt", `{"alg":"RSA-OAEP-256","value":"AQ"}`, 403, "Forbidden", "", ""},
		{"an early key wraps", token, "POST", "/keys/early/wrapkey", `{"alg":"RSA-OAEP-256","value":"AQ"}`, 403, "Forbidden", "", ""},
		{"an expired key verifies", token, "POST", "/keys/over/verify", `{"alg":"RS256","digest":"` + digest + `","value":"` + b64(make([]byte, 256)) + `"}`, 200, "", "", ""},
		{"a reader signs", reads, "POST", "/keys/k/sign", `{"alg":"ES256","value":"` + digest + `"}`, 403, "Forbidden", "ForbiddenByRbac", "not authorized"},
		{"a reader makes a key", reads, "POST", "/keys/x/create", p256, 403, "Forbidden", "ForbiddenByRbac", ""},
		{"a reader deletes", reads, "DELETE", "/keys/k", "", 403, "Forbidden", "ForbiddenByRbac", ""},
		{"a reader reads a secret", reads, "GET", "/secrets/over", "", 403, "Forbidden", "ForbiddenByRbac", ""},
		{"a reader sets one", reads, "PUT", "/secrets/x", `{"value":"v"}`, 403, "Forbidden", "ForbiddenByRbac", ""},
		{"a reader backs up", reads, "POST", "/keys/k/backup", "", 403, "Forbidden", "ForbiddenByRbac", ""},
	} {
		a := n.do(c.method, n.Vault, c.path, c.token, c.body)
		if a.status != c.status || a.code() != c.code || c.inner != "" && a.inner() != c.inner || !strings.Contains(a.text, c.words) {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
	}
	n.run("partition", "set", "genbu-vault", "--purge-protection")
	n.must200("DELETE", n.Vault, "/keys/k", token, "")
	if a := n.do("DELETE", n.Vault, "/deletedkeys/k", token, ""); a.status != 403 || a.code() != "Forbidden" || a.inner() != "OperationNotAllowed" {
		t.Errorf("purging with purge protection: %d %s", a.status, a.text)
	}
	if a := n.do("POST", n.Vault, "/keys/k/create", token, p256); a.status != 409 || a.inner() != "ObjectIsDeletedButRecoverable" {
		t.Errorf("the name of what was deleted: %d %s", a.status, a.text)
	}
}

// TestTooManyWrongSecretsAreThrottledAndTheRightOneIsNot: 429 says when to come again.
func TestTooManyWrongSecretsAreThrottledAndTheRightOneIsNot(t *testing.T) {
	n := newNode(t)
	for range 40 {
		a := n.token(n.Vault, n.ClientID, "wrong")
		if a.status == http.StatusTooManyRequests {
			if a.header.Get("Retry-After") == "" || a.body["error"] != "temporarily_unavailable" {
				t.Errorf("%v %s", a.header, a.text)
			}
			n.access(n.Vault)
			return
		}
	}
	t.Error("40 wrong secrets, and nobody minds")
}
