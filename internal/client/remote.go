// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Identity is what an agent shows to the cores of its domain: a certificate of the domain's CA (Enroll, Renew) and its key.
type Identity struct {
	Domain      key.ID
	Agent       key.ID
	Certificate []byte // DER
	CA          []byte // DER
	Key         crypto.Signer
}

const dialTimeout = 10 * time.Second

// ConnectRemote opens a channel that ends in a node's core, over TLS 1.3 with both sides' certificates. What is read and
// written are the frames of docs/design/channel.md; those with secrets are to be sealed (Sealer).
func ConnectRemote(ctx context.Context, address string, id *Identity) (net.Conn, error) {
	conn, _, err := enterDoor(ctx, address, wire.DoorChannel, id, trust{ca: id.CA, domain: id.Domain})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// DialRemote is Dial to a core on another machine. Requests with secrets are sealed to the core.
func DialRemote(ctx context.Context, address string, id *Identity) (*Conn, error) {
	return remote(ctx, address, id, (*Conn).Hello)
}

// JoinRemote is Join to a core on another machine.
func JoinRemote(ctx context.Context, address string, id *Identity, secret []byte) (*Conn, error) {
	return remote(ctx, address, id, func(c *Conn) error { return c.HelloJoin(secret) })
}

func remote(ctx context.Context, address string, id *Identity, hello func(*Conn) error) (*Conn, error) {
	stream, err := ConnectRemote(ctx, address, id)
	if err != nil {
		return nil, err
	}
	c := New(stream)
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	defer stop()
	public, err := c.SealKey()
	if err == nil {
		c.sealer, err = NewSealer(public)
	}
	if err == nil {
		err = hello(c)
	}
	return c, closeUnless(c, err)
}

// trust is what a door must show: a node's certificate of this domain's CA, or of a CA whose key has this SHA-256.
type trust struct {
	ca     []byte
	pin    []byte
	domain key.ID
}

// enterDoor connects to a node's door and shakes hands with its core. id is nil for one who has no certificate yet. The CA is
// answered too. Locked is what a core says that cannot prove who it is.
func enterDoor(ctx context.Context, address string, purpose uint8, id *Identity, t trust) (conn *tls.Conn, ca []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fault.Unavailable.At("connect to " + address)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"genbu/1"},
		InsecureSkipVerify: true, // a node's name is a URI, not its address: verify looks at it
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			ca, err = t.verify(s.PeerCertificates)
			return err
		}}
	if id != nil {
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{id.Certificate, id.CA}, PrivateKey: id.Key}}
	}
	conn = tls.Client(raw, config)
	if _, err = raw.Write(append([]byte(wire.Preface), purpose)); err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err == nil && conn.ConnectionState().NegotiatedProtocol != "genbu/1" {
		err = errors.New("another protocol")
	}
	if err != nil {
		raw.Close()
		var instead tls.RecordHeaderError
		if errors.As(err, &instead) && string(instead.RecordHeader[:]) == wire.Preface+string(rune(wire.DoorLocked)) {
			return nil, nil, fault.Locked.At("shake hands with " + address)
		}
		var refused *tls.CertificateVerificationError
		if errors.As(err, &refused) || errors.Is(err, errNotTheNode) {
			return nil, nil, fault.Denied.At("shake hands with " + address + ": " + err.Error())
		}
		return nil, nil, fault.Unavailable.At("shake hands with " + address + ": " + err.Error())
	}
	return conn, ca, nil
}

var errNotTheNode = errors.New("what answers is not a node of the expected domain")

func (t trust) verify(chain []*x509.Certificate) (ca []byte, err error) {
	if len(chain) < 2 {
		return nil, errNotTheNode
	}
	anchor := chain[1]
	if sum := sha256.Sum256(anchor.RawSubjectPublicKeyInfo); t.ca == nil && string(sum[:]) != string(t.pin) {
		return nil, errNotTheNode
	}
	if t.ca != nil {
		if anchor, err = x509.ParseCertificate(t.ca); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(anchor)
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots}); err != nil {
		return nil, errors.Join(errNotTheNode, err)
	}
	if len(chain[0].URIs) != 1 || !strings.HasPrefix(chain[0].URIs[0].String(), "genbu://"+t.domain.String()+"/node/") {
		return nil, errNotTheNode // a host with the certificate of its transport key, or an agent
	}
	return anchor.Raw, nil
}
