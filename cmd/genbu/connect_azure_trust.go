// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/server"
)

// trustStorePassword is no secret: the store holds public certificates, and Java wants one.
const trustStorePassword = "changeit"

// systemRoots are where distributions keep their roots, as crypto/x509 knows them.
var systemRoots = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"}

// writeTrust writes the system's roots and the node's CA as PEM and as a trust store for Java.
func writeTrust(dir string) (bundle, store string, err error) {
	ca, err := os.ReadFile(filepath.Join(dir, server.CAFile))
	if err != nil {
		return "", "", err
	}
	var roots []byte
	for _, path := range systemRoots {
		if roots, err = os.ReadFile(path); err == nil {
			break
		}
	}
	if err != nil {
		note("this system's roots were not found, so the bundles trust this node alone")
		roots = nil
	}
	text := append(append(bytes.TrimRight(roots, "\n"), '\n'), ca...)
	bundle, store = filepath.Join(dir, "azure", "ca-bundle.pem"), filepath.Join(dir, "azure", "truststore.p12")
	if old, err := os.ReadFile(bundle); err == nil && bytes.Equal(old, text) && exists(store) {
		return bundle, store, nil
	}
	var entries []pkcs12.TrustStoreEntry
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue // a root that Go does not read, such as one with a negative serial number
		}
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: cert, FriendlyName: fmt.Sprintf("%d %s", len(entries), cert.Subject.CommonName)})
	}
	if len(entries) == 0 {
		return "", "", errors.New("there is no certificate to trust")
	}
	p12, err := pkcs12.Modern.EncodeTrustStoreEntries(entries, trustStorePassword)
	if err != nil {
		return "", "", err
	}
	if err := durable.WriteFile(store, p12, 0o644); err != nil {
		return "", "", err
	}
	return bundle, store, durable.WriteFile(bundle, text, 0o644)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
