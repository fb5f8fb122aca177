// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// plain is a Go HTTPS handler that does the same cryptography in its own process, without tokens, policy or audit: no door of
// this protocol can be faster.
const plain = "Go HTTPS"

// endpoint is one server of the comparison of Azure's protocol.
type endpoint struct {
	name     string
	address  string
	roots    *x509.CertPool
	requests map[string][]byte // by operation, whole
	pids     []int             // of its processes
}

// azureOps are the operations, by the path and body that ask for them.
var azureOps = []struct{ op, hsm, path, body string }{
	{"azure p256-sign", "", "sign", `{"alg":"ES256","value":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + `"}`},
	{"azure aes256-gcm-1k", "hsm", "encrypt", `{"alg":"A256GCM","value":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 1024)) + `"}`},
}

// azure compares the door for Azure clients with a plain handler: requests over TLS connections that stay open.
func (b *bench) azure(r *report) error {
	floor, err := b.plainHTTPS()
	if err != nil {
		return err
	}
	all := []*endpoint{floor}
	for name, flags := range map[string][]string{fast: {"--fast"}, strict: nil} {
		e, err := b.azureNode(name, flags...)
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	var lines []*line
	for _, o := range azureOps {
		for _, n := range []int{1, 16, 64} {
			lines = append(lines, &line{o.op, n, map[string][]measured{}})
		}
	}
	for turn := range b.rounds {
		b.say("azure: turn %d of %d", turn+1, b.rounds)
		for _, l := range lines {
			order := slices.Clone(all)
			if turn%2 == 1 {
				slices.Reverse(order)
			}
			for _, e := range order {
				m, err := e.drive(l.op, l.threads)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", e.name, l.op, err)
				}
				l.slices[e.name] = append(l.slices[e.name], m)
			}
		}
	}
	for _, l := range lines {
		for _, e := range all {
			r.Rates = append(r.Rates, l.rate(e.name))
		}
		r.Ratios = append(r.Ratios, l.ratios()...)
	}
	return nil
}

// drive sends requests over so many connections for a slice of time.
func (e *endpoint) drive(op string, connections int) (m measured, err error) {
	var mu sync.Mutex
	var all []float64
	var wg sync.WaitGroup
	request := e.requests[op]
	start, ready := make(chan struct{}), make(chan error, connections)
	var begin time.Time
	for range connections {
		wg.Go(func() {
			conn, failed := tls.Dial("tcp", e.address, &tls.Config{RootCAs: e.roots, ServerName: "genbu-vault.vault.genbu.localhost", NextProtos: []string{"http/1.1"}})
			if failed == nil {
				defer conn.Close()
			}
			in := bufio.NewReader(conn)
			for i := 0; i < 3 && failed == nil; i++ { // the first shows the token
				failed = ask(conn, in, request)
			}
			ready <- failed
			<-start
			var mine []float64
			for now := time.Now(); failed == nil && now.Sub(begin) < slice; {
				failed = ask(conn, in, request)
				next := time.Now()
				mine = append(mine, float64(next.Sub(now).Nanoseconds())/1000)
				now = next
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			if failed != nil {
				err = failed
			}
		})
	}
	for range connections {
		<-ready
	}
	begin = time.Now()
	before, theirs := ownCPU(), processorTime(e.pids...)
	close(start)
	wg.Wait()
	if err != nil || len(all) == 0 {
		return m, err
	}
	took := time.Since(begin).Seconds()
	return measured{rate: float64(len(all)) / took, p50: quantile(all, 0.5), p99: quantile(all, 0.99), operations: float64(len(all)),
		clientCPU: (ownCPU() - before) / float64(len(all)), othersCPU: (processorTime(e.pids...) - theirs) / float64(len(all))}, nil
}

// ask sends one request and reads its answer, with as little work as possible: the client shares the processors.
func ask(conn net.Conn, in *bufio.Reader, request []byte) error {
	if conn == nil {
		return net.ErrClosed
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		row, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		row = bytes.TrimRight(row, "\r\n")
		if first && !bytes.HasPrefix(row, []byte("HTTP/1.1 200")) {
			return errors.New(string(row))
		}
		if len(row) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(row, []byte(": ")); ok && string(name) == "Content-Length" {
			fmt.Sscan(string(value), &length)
		}
	}
	if length < 0 {
		return errors.New("an answer without Content-Length")
	}
	_, err := in.Discard(length)
	return err
}

// azureNode starts a node, with a key for each operation.
func (b *bench) azureNode(name string, flags ...string) (*endpoint, error) {
	dir := filepath.Join(b.dir, "a"+strings.ReplaceAll(name, " ", ""))
	genbu := func(args ...string) ([]byte, error) {
		cmd := exec.Command(b.genbu, append(args, "--dir", dir)...)
		cmd.Stderr = os.Stderr
		return cmd.Output()
	}
	if _, err := genbu(append([]string{"up"}, flags...)...); err != nil {
		return nil, err
	}
	b.stops = append(b.stops, func() { genbu("down") })
	pids, err := genbu("env", "--json")
	if err != nil {
		return nil, err
	}
	var about struct {
		Core int `json:"core_pid"`
		Host int `json:"host_pid"`
	}
	if err := json.Unmarshal(pids, &about); err != nil {
		return nil, err
	}
	text, err := genbu("connect", "azure", "--no-hosts", "--json")
	if err != nil {
		return nil, err
	}
	var env struct {
		Authority string `json:"authority_host"`
		ClientID  string `json:"client_id"`
		Secret    string `json:"client_secret"`
		Vault     string `json:"keyvault_url"`
		HSM       string `json:"managedhsm_url"`
		Bundle    string `json:"ca_bundle"`
	}
	if err := json.Unmarshal(text, &env); err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(env.Bundle)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(env.Vault)
	if err != nil {
		return nil, err
	}
	e := &endpoint{name: name, address: "127.0.0.1:" + u.Port(), roots: x509.NewCertPool(), requests: map[string][]byte{}, pids: []int{about.Host, about.Core}}
	e.roots.AppendCertsFromPEM(pem)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: e.roots},
		Dial: func(network, _ string) (net.Conn, error) { return net.Dial(network, e.address) }}}
	defer web.CloseIdleConnections()
	for _, o := range azureOps {
		base, create := env.Vault, `{"kty":"EC"}`
		if o.hsm != "" {
			base, create = env.HSM, `{"kty":"oct-HSM","key_size":256}`
		}
		token, err := accessToken(web, env.Authority, base, env.ClientID, env.Secret)
		if err != nil {
			return nil, err
		}
		r, _ := http.NewRequest("POST", base+"/keys/bench/create?api-version=2025-07-01", strings.NewReader(create))
		r.Header.Set("Authorization", "Bearer "+token)
		var made struct{ Key struct{ Kid string } }
		if err := answered(web.Do(r))(&made); err != nil {
			return nil, err
		}
		kid, err := url.Parse(made.Key.Kid)
		if err != nil {
			return nil, err
		}
		e.requests[o.op] = rawRequest(kid.Host, kid.Path+"/"+o.path, token, o.body)
	}
	return e, nil
}

func accessToken(web *http.Client, authority, base, id, secret string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	_, parent, _ := strings.Cut(u.Host, ".")
	var t struct {
		Token string `json:"access_token"`
	}
	err = answered(web.PostForm(authority+"/adfs/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret},
		"scope": {"https://" + parent + "/.default"}}))(&t)
	return t.Token, err
}

func answered(res *http.Response, err error) func(to any) error {
	return func(to any) error {
		if err != nil {
			return err
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", res.Status, text)
		}
		return json.Unmarshal(text, to)
	}
}

func rawRequest(host, path, token, body string) []byte {
	return fmt.Appendf(nil, "POST %s?api-version=2025-07-01 HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, host, token, len(body), body)
}
