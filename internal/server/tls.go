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

// transport answers the node's TLS identity, making its CA on first use.
func transport(dir string, now time.Time) (*tls.Config, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tls"), 0o700); err != nil {
		return nil, err
	}
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, caFile), filepath.Join(dir, caKey))
	if errors.Is(err, os.ErrNotExist) {
		ca, err = makeCA(dir, now)
	}
	if err != nil {
		return nil, fmt.Errorf("the node's CA: %w", err)
	}
	issuer, err := x509.ParseCertificate(ca.Certificate[0])
	if err != nil {
		return nil, err
	}
	node, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	template, err := certificate("genbu node "+host, now, nodeLife)
	if err != nil {
		return nil, err
	}
	template.DNSNames = []string{"localhost", host}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, node.Public(), ca.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf := tls.Certificate{Certificate: [][]byte{der, ca.Certificate[0]}, PrivateKey: node}
	return &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12}, nil
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
