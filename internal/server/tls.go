// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/durable"
)

// The node's transport keys are the host's own: they open no record. The CA's key stays in the directory so that the
// node's short-lived certificate can be renewed at each start; a thief of it can pose as this node's HTTPS door.
const (
	caFile   = "tls/ca.crt"
	caKey    = "tls/ca.key"
	caLife   = 10 * 365 * 24 * time.Hour
	nodeLife = 90 * 24 * time.Hour
)

// transport answers a TLS identity for some host names, and for loopback addresses, making the node's CA on first use.
func transport(dir string, names ...string) (*tls.Config, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tls"), 0o700); err != nil {
		return nil, err
	}
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, caFile), filepath.Join(dir, caKey))
	if errors.Is(err, os.ErrNotExist) {
		ca, err = makeCA(dir, time.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("the node's CA: %w", err)
	}
	l := &leaf{ca: ca, names: names}
	if _, err := l.certificate(nil); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: l.certificate, MinVersion: tls.VersionTLS12}, nil
}

// leaf is a door's certificate. It is made anew when two thirds of its life are over.
type leaf struct {
	ca    tls.Certificate
	names []string

	mu   sync.Mutex
	now  *tls.Certificate // guarded by mu
	till time.Time        // guarded by mu: when the next one is made
}

func (l *leaf) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.now != nil && now.Before(l.till) {
		return l.now, nil
	}
	issuer, err := x509.ParseCertificate(l.ca.Certificate[0])
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := certificate("genbu node", now, nodeLife)
	if err != nil {
		return nil, err
	}
	template.DNSNames = l.names
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, private.Public(), l.ca.PrivateKey)
	if err != nil {
		return nil, err
	}
	l.now, l.till = &tls.Certificate{Certificate: [][]byte{der, l.ca.Certificate[0]}, PrivateKey: private}, now.Add(nodeLife*2/3)
	return l.now, nil
}

// host is this machine's name.
func host() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

func makeCA(dir string, now time.Time) (tls.Certificate, error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template, err := certificate("genbu node CA", now, caLife)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := durable.WriteFile(filepath.Join(dir, caKey), keyPEM, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := durable.WriteFile(filepath.Join(dir, caFile), certPEM, 0o644); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

func certificate(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // a client's clock may be behind
		NotAfter:     now.Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}
