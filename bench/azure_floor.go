// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// plainHTTPS starts this program once more, as the plain handler in a process of its own.
func (b *bench) plainHTTPS() (*endpoint, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "plain")
	cmd := exec.Command(self, "plain-https", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.stops = append(b.stops, func() { cmd.Process.Kill(); cmd.Wait() })
	for range 200 {
		if address, err := os.ReadFile(file); err == nil {
			text, err := os.ReadFile(file + ".pem")
			if err != nil {
				return nil, err
			}
			e := &endpoint{name: plain, address: string(address), roots: x509.NewCertPool(), requests: map[string][]byte{}, pids: []int{cmd.Process.Pid}}
			e.roots.AppendCertsFromPEM(text)
			for _, o := range azureOps {
				e.requests[o.op] = rawRequest(e.address, "/keys/bench/00000000000000000000000000000000/"+o.path, "x", o.body)
			}
			return e, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("the plain handler does not start")
}

// servePlain is the plain handler: the same requests, the same answers, the same cryptography.
func servePlain(file string) error {
	sign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	block, err := aes.NewCipher(secret)
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Alg, Value string }
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = json.Unmarshal(text, &q)
		}
		data, err2 := b64.DecodeString(q.Value)
		if err != nil || err2 != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		a := map[string]string{"kid": "https://" + r.Host + r.URL.Path}
		if q.Alg == "ES256" {
			x, y, err := ecdsa.Sign(rand.Reader, sign, data)
			if err != nil {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			raw := make([]byte, 64)
			x.FillBytes(raw[:32])
			y.FillBytes(raw[32:])
			a["value"] = b64.EncodeToString(raw)
		} else {
			nonce := make([]byte, 12)
			rand.Read(nonce)
			out := gcm.Seal(nil, nonce, data, nil)
			n := len(out) - 16
			a["value"], a["tag"], a["iv"] = b64.EncodeToString(out[:n]), b64.EncodeToString(out[n:]), b64.EncodeToString(nonce)
		}
		answer, _ := json.Marshal(a)
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	})
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"*.vault.genbu.localhost"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, sign.Public(), sign)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", []byte(l.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	s := &http.Server{Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: sign}}}}
	return s.ServeTLS(l, "", "")
}
