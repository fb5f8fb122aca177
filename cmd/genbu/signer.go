// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// signer is a key in the module as Go's crypto.Signer, for certificates and requests.
type signer struct {
	session *session
	key     client.Summary
	public  crypto.PublicKey
}

// signer finds a signing key and its public half.
func (s *session) signer(name string) (*signer, error) {
	o, err := s.one(name, client.CanSign)
	if err != nil {
		return nil, err
	}
	values, err := s.Get(o.Handle, key.AttrPublicKeyInfo)
	if err != nil {
		return nil, err
	}
	if len(values) != 1 || len(values[0].Value) == 0 {
		return nil, next(errors.New("a certificate needs a key pair"), "genbu key create LABEL --type ec-p256")
	}
	public, err := x509.ParsePKIXPublicKey(values[0].Value)
	if err != nil {
		return nil, next(fmt.Errorf("certificates are made of RSA, NIST curves and Ed25519 here: %w", err), "genbu key create LABEL --type ec-p256")
	}
	return &signer{s, o, public}, nil
}

func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign signs a digest: PKCS #1 v1.5 or PSS for RSA, DER for ECDSA; for Ed25519 the message itself.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sign := func(m client.Mechanism, data []byte) ([]byte, error) {
		return s.session.use(client.UseSign, m, s.key, bytes.NewReader(data), nil)
	}
	switch s.key.Type {
	case key.TypeEC:
		raw, err := sign(client.Mech(key.MechECDSA), digest)
		if err != nil {
			return nil, err
		}
		return derSignature(raw)
	case key.TypeEdwards:
		return sign(plain(key.MechEDDSA), digest)
	case key.TypeRSA:
		prefix, ok := digestInfo[opts.HashFunc()]
		if _, pss := opts.(*rsa.PSSOptions); pss || !ok {
			return nil, errors.New("only PKCS #1 v1.5 with SHA-2 is used for certificates")
		}
		return sign(client.Mech(key.MechRSAPKCS), append(bytes.Clone(prefix), digest...))
	}
	return nil, next(errors.New("this type of key cannot sign certificates here"), "genbu key create LABEL --type ec-p256")
}

// digestInfo are the DER prefixes of RFC 8017 section 9.2, note 1.
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}
