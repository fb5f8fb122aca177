// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTheChallengeComesBeforeTheBodyIsRead announces a body that never comes.
func TestTheChallengeComesBeforeTheBodyIsRead(t *testing.T) {
	n := newNode(t)
	u, err := url.Parse(n.Vault)
	must(t, err)
	config := n.http.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = u.Hostname(), nil
	conn, err := tls.Dial("tcp", "127.0.0.1:"+u.Port(), config)
	must(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	_, err = io.WriteString(conn, "POST /keys/k/create"+version+" HTTP/1.1\r\nHost: "+u.Host+"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	want := `Bearer authorization="` + n.Authority + `/adfs", resource="` + resource(n.Vault) + `"`
	if got := res.Header["Www-Authenticate"]; res.StatusCode != http.StatusUnauthorized || len(got) != 1 || got[0] != want {
		t.Errorf("%d, challenge %q, not %q", res.StatusCode, got, want)
	}
}

// TestTokensThatAreNotWhatTheyMustBe shows tokens to the vault that are forged, changed, of another audience and over.
func TestTokensThatAreNotWhatTheyMustBe(t *testing.T) {
	n := newNode(t)
	good := n.access(n.Vault)
	n.must200("GET", n.Vault, "/keys", good, "")
	parts := strings.Split(good, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	forge := func(change func(c map[string]any)) string {
		var c map[string]any
		must(t, json.Unmarshal(claims, &c))
		change(c)
		text, err := json.Marshal(c)
		must(t, err)
		return b64(text)
	}
	none := b64([]byte(`{"alg":"none","typ":"JWT"}`))
	longer := forge(func(c map[string]any) { c["exp"] = time.Now().Add(24 * time.Hour).Unix() })
	for name, token := range map[string]string{
		"not a token":             "x",
		"no signature":            parts[0] + "." + parts[1] + ".",
		"two parts":               parts[0] + "." + parts[1],
		"a changed signature":     parts[0] + "." + parts[1] + "." + flip(parts[2]),
		"algorithm none":          none + "." + parts[1] + ".",
		"none with the signature": none + "." + parts[1] + "." + parts[2],
		"a longer life":           parts[0] + "." + longer + "." + parts[2],
		"another operator":        parts[0] + "." + forge(func(c map[string]any) { c["oid"] = "00000000-0000-0000-0000-000000000001" }) + "." + parts[2],
		"for managed HSMs":        n.access(n.HSM),
		"another scheme's":        "Basic " + good,
	} {
		a := n.do("GET", n.Vault, "/keys", token, "")
		if a.status != http.StatusUnauthorized || a.code() != "Unauthorized" || !strings.Contains(a.header.Get("Www-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	n.must200("GET", n.Vault, "/keys", good, "")
	if a := n.do("GET", strings.Replace(n.Vault, "genbu-vault", "other", 1), "/keys", good, ""); a.status != http.StatusNotFound || a.code() != "VaultNotFound" {
		t.Errorf("another vault: %d %s", a.status, a.text)
	}
}

// TestADisabledIdentityIsOutAtOnce: the token that it holds is over with it, and it gets no other.
func TestADisabledIdentityIsOutAtOnce(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.must200("GET", n.Vault, "/keys", token, "")
	n.run("operator", "set", "azure", "--domain", "--disable")
	if a := n.do("GET", n.Vault, "/keys", token, ""); a.status != http.StatusUnauthorized {
		t.Errorf("a token of a disabled identity: %d %s", a.status, a.text)
	}
	if a := n.token(n.Vault, n.ClientID, n.Secret); a.status != http.StatusUnauthorized || a.body["error"] != "invalid_client" {
		t.Errorf("a disabled identity signs in: %d %s", a.status, a.text)
	}
	n.run("operator", "set", "azure", "--domain", "--enable")
	n.must200("GET", n.Vault, "/keys", n.access(n.Vault), "")
}

func TestSignInRefusesWrongEvidence(t *testing.T) {
	n := newNode(t)
	for name, c := range map[string][2]string{"a wrong secret": {n.ClientID, n.Secret + "x"}, "no such client": {"00000000-0000-0000-0000-000000000001", n.Secret},
		"no id": {"x", n.Secret}} {
		if a := n.token(n.Vault, c[0], c[1]); a.status != http.StatusUnauthorized || a.body["error"] != "invalid_client" || a.body["access_token"] != nil {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if a := n.token("https://a.example.com", n.ClientID, n.Secret); a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized {
		t.Errorf("a token for somebody else's resource: %d %s", a.status, a.text)
	}
	n.access(n.Vault)
}

// TestRequestsGoOnWhenTheCoreIsAnotherOne: a token outlives the core that it was shown to.
func TestRequestsGoOnWhenTheCoreIsAnotherOne(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	n.must200("POST", n.Vault, "/keys/k/create", token, p256)
	n.run("down")
	n.run("up")
	sign := `{"alg":"ES256","value":"` + b64(make([]byte, 32)) + `"}`
	deadline := time.Now().Add(time.Minute)
	for {
		n.http.CloseIdleConnections()
		r, err := http.NewRequest("POST", n.Vault+"/keys/k/sign"+version, strings.NewReader(sign))
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := n.http.Do(r)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
			if res.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("%d, which no client tries again", res.StatusCode)
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the token is not good any more", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestForgedTokensAndWrongSecretsTakeNothingFromOthers sends more of them than the core has room for applications, and more than a
// minute's worth of those would last.
func TestForgedTokensAndWrongSecretsTakeNothingFromOthers(t *testing.T) {
	if os.Getenv("GENBU_SOAK") == "" {
		t.Skip("GENBU_SOAK=1 sends 9000 requests")
	}
	n := newNode(t)
	good := n.access(n.Vault)
	parts := strings.Split(good, ".")
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 600 {
				forged := parts[0] + "." + parts[1] + "." + b64(fmt.Appendf(nil, "%032d", worker*1000+i))
				if a := n.do("GET", n.Vault, "/keys", forged, ""); a.status != http.StatusUnauthorized {
					t.Errorf("%d %s", a.status, a.text)
					return
				}
				if a := n.token(n.Vault, n.ClientID, "wrong"); a.status != http.StatusUnauthorized && a.status != http.StatusTooManyRequests {
					t.Errorf("%d %s", a.status, a.text)
					return
				}
			}
		})
	}
	wg.Wait()
	n.must200("GET", n.Vault, "/keys", n.access(n.Vault), "")
	n.must200("GET", n.HSM, "/keys", n.access(n.HSM), "")
}
