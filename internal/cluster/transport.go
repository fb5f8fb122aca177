// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/genbu-hsm/genbu/internal/clock"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// The host has a transport key of its own for the store's traffic. It opens no record. The core issues a certificate for it; a
// new key is drawn each time, so an old copy of the file is of no use for long.

const (
	// renewEvery is half of a week, as the cores do with theirs, though these hold for longer (docs/design/members.md).
	renewEvery = 84 * time.Hour

	renewCheck = time.Minute
)

// names are those under which peers reach this host.
func (s *state) names() (dns []string, ips []net.IP) {
	for _, at := range []string{s.PeerAdvertise, s.Advertise} {
		host, _, err := net.SplitHostPort(at)
		if err != nil || host == "" {
			continue
		}
		if ip := net.ParseIP(host); ip == nil && !slices.Contains(dns, host) {
			dns = append(dns, host)
		} else if ip != nil && !slices.ContainsFunc(ips, ip.Equal) {
			ips = append(ips, ip)
		}
	}
	return dns, ips
}

// certificate is the one at hand; nil if there is none.
func (c *Cluster) certificate() *x509.Certificate {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return nil
	}
	return pair.Leaf
}

// fresh tells whether the certificate at hand needs no other.
func (c *Cluster) fresh(now time.Time) bool {
	cert, s := c.certificate(), c.current()
	if cert == nil || now.After(cert.NotBefore.Add(renewEvery)) || now.After(cert.NotAfter) {
		return false
	}
	dns, ips := s.names()
	for _, name := range dns {
		if cert.VerifyHostname(name) != nil {
			return false
		}
	}
	for _, ip := range ips {
		if cert.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	_, err := os.Stat(c.files.CA)
	return err == nil
}

// certify asks the core for a certificate, if the one at hand is old, and puts it where the store looks for it. The core of a
// newcomer keeps the request until it is admitted; take has the answer then.
func (c *Cluster) certify() error {
	c.certifying.Lock()
	defer c.certifying.Unlock()
	if c.fresh(clock.Now()) {
		return nil
	}
	core, err := c.attached()
	if err != nil {
		return err
	}
	joining := c.Joining()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	spki, err := x509.MarshalPKIXPublicKey(secret.Public())
	if err != nil {
		return err
	}
	s := c.current()
	ask := wire.CertificateRequest{Public: spki}
	var ips []net.IP
	ask.DNS, ips = s.names()
	for _, ip := range ips {
		if four := ip.To4(); four != nil {
			ip = four
		}
		ask.IPs = append(ask.IPs, ip)
	}
	var w wire.Writer
	ask.Encode(&w)
	body, err := core.Call(wire.OpNodeCertificate, w.B)
	if joining && fault.Of(err) == fault.Uninitialized {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pending = secret
		return nil
	}
	if err != nil {
		return err
	}
	return c.take(secret, body)
}

// take keeps a key with the certificate that the core answered.
func (c *Cluster) take(secret *ecdsa.PrivateKey, body []byte) error {
	var reply wire.CertificateReply
	r := wire.NewReader(body)
	reply.Decode(&r)
	if err := r.End(); err != nil {
		return err
	}
	return c.keepFiles(secret, &reply)
}

func (c *Cluster) keepFiles(secret *ecdsa.PrivateKey, reply *wire.CertificateReply) error {
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return err
	}
	var both bytes.Buffer
	pem.Encode(&both, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	pem.Encode(&both, &pem.Block{Type: "CERTIFICATE", Bytes: reply.Certificate})
	if _, err := tls.X509KeyPair(both.Bytes(), both.Bytes()); err != nil {
		return errors.Join(errors.New("the core's certificate is not for this key"), err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: reply.CA})
	if old, err := os.ReadFile(c.files.CA); err != nil || !bytes.Equal(old, ca) {
		if err := durable.WriteFile(filepath.Join(c.config.Dir, caFile), ca, 0o644); err != nil {
			return err
		}
	}
	return durable.Replace(filepath.Join(c.config.Dir, identityFile), both.Bytes(), 0o600)
}

// keepCertificate renews in time. A locked core issues nothing; it is asked again.
func (c *Cluster) keepCertificate(ctx context.Context) {
	tick := time.NewTicker(renewCheck)
	defer tick.Stop()
	for {
		if s := c.current(); s.Peers && !s.Joining && !c.fresh(clock.Now()) {
			if err := c.certify(); err != nil {
				c.log.Warn("the certificate for peers is not renewed", "error", err)
			} else {
				c.log.Info("certificate for peers renewed", "until", c.certificate().NotAfter)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
