// SPDX-License-Identifier: Apache-2.0

package process

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Identity is whose end of a TLS connection this is. Key signs inside ssp.Do by itself.
type Identity struct {
	Certificate []byte // DER
	CA          []byte // DER: sent along, for a newcomer who knows the hash of its key only
	Key         crypto.Signer
}

// Trust is what the other end must show. Exactly one of CA and Pin is set.
type Trust struct {
	CA  []byte    // DER of the domain's CA
	Pin *[32]byte // SHA-256 of the CA's SubjectPublicKeyInfo; the other end sends the CA itself
}

// Secured is a TLS 1.3 connection that has shaken hands. One goroutine may read while another writes. Traffic keys and
// buffers lie in ordinary memory (SECURITY.md).
type Secured struct {
	conn    *tls.Conn
	raw     *Stream
	refused bool // what the other end showed

	URI    string // of the other end's certificate; empty when it showed none
	Key    []byte // its SubjectPublicKeyInfo
	CA     []byte // DER of the CA that issued it
	Export [32]byte
}

// exporter names the value that both ends derive from the handshake and nobody else can (RFC 8446 section 7.5).
const exporter = "EXPORTER-genbu-1"

// Accept answers a handshake as the server within so many nanoseconds. With trust the client must show a certificate;
// without, it shows none.
func Accept(raw *Stream, id Identity, trust *Trust, within int64) (*Secured, error) {
	s := &Secured{raw: raw}
	config := s.config(&id, trust)
	if trust != nil {
		config.ClientAuth = tls.RequireAnyClientCert // which, verify says
	}
	return s.shake(tls.Server(raw, config), within)
}

// Connect shakes hands as the client. id is nil for one who has no certificate yet.
func Connect(raw *Stream, id *Identity, trust Trust, within int64) (*Secured, error) {
	s := &Secured{raw: raw}
	config := s.config(id, &trust)
	config.InsecureSkipVerify = true // verify does it: the name of a node is a URI, not its address
	return s.shake(tls.Client(raw, config), within)
}

func (s *Secured) config(id *Identity, trust *Trust) *tls.Config {
	c := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true, // each connection proves its key anew: a member may have been removed meanwhile
		NextProtos:             []string{"genbu/1"},
	}
	if id != nil {
		c.Certificates = []tls.Certificate{{Certificate: [][]byte{id.Certificate, id.CA}, PrivateKey: id.Key}}
	}
	if trust != nil {
		c.VerifyConnection = func(state tls.ConnectionState) error {
			err := s.verify(state.PeerCertificates, trust)
			s.refused = err != nil
			return err
		}
	}
	return c
}

func (s *Secured) shake(conn *tls.Conn, within int64) (*Secured, error) {
	s.conn = conn
	s.raw.SetReadDeadline(time.Now().Add(time.Duration(within)))
	err := conn.Handshake()
	if err == nil && conn.ConnectionState().NegotiatedProtocol != "genbu/1" {
		err = errors.New("not our protocol")
	}
	if err == nil {
		state := conn.ConnectionState()
		var exported []byte
		exported, err = state.ExportKeyingMaterial(exporter, nil, len(s.Export))
		copy(s.Export[:], exported)
	}
	if err != nil {
		s.raw.Close()
		code := fault.Unavailable // it went away, said nothing, or is something else
		if s.refused {
			code = fault.Denied
		}
		return nil, code.At("shake hands: " + err.Error())
	}
	s.raw.SetReadDeadline(time.Time{})
	return s, nil
}

// verify checks the chain from the leaf to our CA, and that the leaf names one identity.
func (s *Secured) verify(chain []*x509.Certificate, trust *Trust) error {
	if len(chain) == 0 {
		return errors.New("no certificate was shown")
	}
	leaf, ca := chain[0], (*x509.Certificate)(nil)
	switch {
	case trust.CA != nil:
		var err error
		if ca, err = x509.ParseCertificate(trust.CA); err != nil {
			return err
		}
	case len(chain) == 2 && trust.Pin != nil && sha256.Sum256(chain[1].RawSubjectPublicKeyInfo) == *trust.Pin:
		ca = chain[1]
	default:
		return errors.New("the other end's ca is not the expected one")
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: time.Unix(0, Nanoseconds()),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return err
	}
	if leaf.IsCA || len(leaf.URIs) != 1 {
		return errors.New("the certificate is not a node's nor an agent's")
	}
	s.URI, s.Key, s.CA = leaf.URIs[0].String(), leaf.RawSubjectPublicKeyInfo, ca.Raw
	return nil
}

// Read reads what has come; io.EOF when the other end is gone, however it went.
func (s *Secured) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if err != nil && n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p.
func (s *Secured) Write(p []byte) (int, error) { return s.conn.Write(p) }

// Patience bounds how long the next reads may take altogether, in nanoseconds; 0 for ever.
func (s *Secured) Patience(within int64) {
	var until time.Time
	if within > 0 {
		until = time.Now().Add(time.Duration(within))
	}
	s.raw.SetReadDeadline(until)
}

// Close ends the connection. It says no goodbye that could block: what is at stake is framed above TLS.
func (s *Secured) Close() error { return s.raw.Close() }
