// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"

	"github.com/genbu-hsm/genbu/internal/clock"
)

// Files are a member's certificate and key, and the CA that all members' certificates come from; PEM. They are read anew at
// each handshake, so a certificate is renewed by replacing its file. Only the CA by which this member checks the others when
// it dials them is read once: a new CA needs Reopen.
type Files struct{ Cert, Key, CA string }

func (f Files) info() transport.TLSInfo {
	return transport.TLSInfo{CertFile: f.Cert, KeyFile: f.Key, TrustedCAFile: f.CA, ClientCertAuth: true, MinVersion: tls.VersionTLS13}
}

func (f Files) certificate() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	return &c, err
}

func (f Files) pool() (*x509.CertPool, error) {
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(f.CA + " holds no certificate")
	}
	return pool, nil
}

// server asks for the other side's certificate, and wants one of the CA. HTTP/2 is not offered: raft's streams need a
// connection each.
func (f Files) server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		cert, err := f.certificate()
		if err != nil {
			return nil, err
		}
		pool, err := f.pool()
		if err != nil {
			return nil, err
		}
		return &tls.Config{MinVersion: tls.VersionTLS13, Time: clock.Now, Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, nil
	}}
}

const clientTimeout = 5 * time.Second

// Client calls other members' hosts, with this one's certificate.
func (f Files) Client() *http.Client {
	config := &tls.Config{MinVersion: tls.VersionTLS13, Time: clock.Now,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.certificate() },
	}
	if pool, err := f.pool(); err == nil {
		config.RootCAs = pool
	} else {
		config.RootCAs = x509.NewCertPool() // trusts nobody
	}
	return &http.Client{Timeout: clientTimeout, Transport: &http.Transport{TLSClientConfig: config, Proxy: nil,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: clientTimeout}}
}

func getJSON(ctx context.Context, client *http.Client, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r, err := client.Do(request)
	if err != nil {
		return err
	}
	defer closeBody(r)
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, r.Status)
	}
	return json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(into)
}
