// SPDX-License-Identifier: Apache-2.0

package process

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

const patience = 30 * int64(time.Second)

func streams(t *testing.T) (a, b *Stream) {
	t.Helper()
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []**Stream{&a, &b} {
		if *s, err = NewStream(fd[i]); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*s).Close() })
	}
	return a, b
}

// identities are two ends with certificates of one CA. (The core writes its own; these are made by crypto/x509.)
func identities(t *testing.T, uris ...string) (list []Identity, ca []byte) {
	t.Helper()
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	top := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca, err = x509.CreateCertificate(rand.Reader, top, top, issuer.Public(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uris {
		uri, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), URIs: []*url.URL{uri}}
		der, err := x509.CreateCertificate(rand.Reader, leaf, top, k.Public(), issuer)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Identity{Certificate: der, CA: ca, Key: k})
	}
	return list, ca
}

func TestBothEndsKnowEachOtherAndShareASecretOfTheirConnection(t *testing.T) {
	list, ca := identities(t, "genbu://d/node/a", "genbu://d/node/b")
	exports := map[[32]byte]bool{}
	for range 2 {
		x, y := streams(t)
		accepted := make(chan *Secured)
		go func() {
			s, err := Accept(x, list[0], &Trust{CA: ca}, patience)
			if err != nil {
				t.Error(err)
			}
			accepted <- s
		}()
		client, err := Connect(y, &list[1], Trust{CA: ca}, patience)
		if err != nil {
			t.Fatal(err)
		}
		server := <-accepted
		if client.URI != "genbu://d/node/a" || server.URI != "genbu://d/node/b" || client.Export != server.Export {
			t.Errorf("%s and %s", client.URI, server.URI)
		}
		exports[client.Export] = true
		state := client.conn.ConnectionState()
		if state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519MLKEM768 || state.DidResume {
			t.Errorf("version %x, group %v, resumed %t", state.Version, state.CurveID, state.DidResume)
		}
		go client.Write([]byte("hello"))
		if n, err := server.Read(make([]byte, 8)); n != 5 || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if len(exports) != 2 {
		t.Error("two connections have the same secret")
	}
}

func TestANewcomerBelievesTheKeyThatItWasTold(t *testing.T) {
	list, ca := identities(t, "genbu://d/node/a")
	_, other := identities(t)
	for name, c := range map[string]struct {
		ca   []byte
		want fault.Code
	}{"the ca it was told of": {ca, fault.OK}, "another": {other, fault.Denied}} {
		parsed, err := x509.ParseCertificate(c.ca)
		if err != nil {
			t.Fatal(err)
		}
		pin := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
		x, y := streams(t)
		go Accept(x, list[0], nil, patience)
		if _, err := Connect(y, nil, Trust{Pin: &pin}, patience); fault.Of(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASlowHandshakeEndsWhenItsTimeIsOver(t *testing.T) {
	list, ca := identities(t, "genbu://d/node/a")
	for name, drip := range map[string]bool{"silent": false, "a byte now and then": true} {
		x, y := streams(t)
		done := make(chan struct{})
		if drip {
			go func() {
				for {
					select {
					case <-done:
						return
					case <-time.After(5 * time.Millisecond):
						y.Write([]byte{22})
					}
				}
			}()
		}
		if _, err := Accept(x, list[0], &Trust{CA: ca}, int64(100*time.Millisecond)); fault.Of(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		close(done)
	}
}

func TestOlderTLSAndOtherProtocolsAreRefused(t *testing.T) {
	list, _ := identities(t, "genbu://d/node/a")
	for name, config := range map[string]*tls.Config{
		"TLS 1.2":          {MaxVersion: tls.VersionTLS12, NextProtos: []string{"genbu/1"}},
		"another protocol": {NextProtos: []string{"h2"}},
		"no protocol":      {},
	} {
		config.InsecureSkipVerify = true
		x, y := streams(t)
		failed := make(chan error)
		go func() {
			_, err := Accept(x, list[0], nil, patience)
			failed <- err
		}()
		tls.Client(y, config).Handshake()
		if err := <-failed; err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
