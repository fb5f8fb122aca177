// SPDX-License-Identifier: Apache-2.0

package holder

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Statement is what the holders allow beyond opening their domain; all of a quorum must state the same.
type Statement struct {
	Older  bool     // an older backup may take the place of a newer state
	Backup [32]byte // but only the one with this digest of its head; zero: any
}

// Wrapped is a share on its way to a core, as a file that only that core can read.
type Wrapped struct {
	Form     string `json:"form"` // "genbu wrapped share 1"
	Share           // of the file, its JWE being encrypted to the transfer key
	Required int    `json:"required"`
	Transfer string `json:"transfer"` // thumbprint of the transfer certificate
}

// WrappedForm names the form of Wrapped.
const WrappedForm = "genbu wrapped share 1"

const shareLen = 64

// Wrap opens the share that is for this key and wraps it, with the statement, to a transfer certificate (DER).
func (f *File) Wrap(key *rsa.PrivateKey, transfer []byte, s Statement) (*Wrapped, error) {
	cert, err := x509.ParseCertificate(transfer)
	if err != nil {
		return nil, fmt.Errorf("the transfer certificate: %w", err)
	}
	to, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the transfer certificate is not of an RSA key")
	}
	for _, share := range f.SharedKeys.Shares {
		j, err := parse(share.JWE, "RSA-OAEP-256")
		if err != nil {
			return nil, err
		}
		plain, err := j.open(key)
		if err == errOther {
			continue
		}
		if err == nil && len(plain) != shareLen {
			err = errors.New("it has a wrong length")
		}
		if err != nil {
			return nil, fmt.Errorf("the share of holder %.8s: %w", share.Thumbprint, err)
		}
		defer clear(plain)
		text := make([]byte, 0, shareLen+1+len(s.Backup)) // never outgrown, so no share is left behind
		text = append(text, plain...)
		defer clear(text[:cap(text)])
		older := byte(0)
		if s.Older {
			older = 1
		}
		text = append(append(text, older), s.Backup[:]...)
		wrapped, err := seal(to, text)
		if err != nil {
			return nil, fmt.Errorf("wrap the share: %w", err)
		}
		return &Wrapped{WrappedForm, Share{wrapped, share.Thumbprint}, f.SharedKeys.Required, Thumbprint(transfer)}, nil
	}
	return nil, errors.New("no share in the file is for this key, or it is damaged")
}

// ReadWrapped reads a share that was wrapped elsewhere.
func ReadWrapped(text []byte) (*Wrapped, error) {
	w := &Wrapped{}
	if err := unmarshal(text, w); err != nil || w.Form != WrappedForm {
		return nil, errors.New("this is no wrapped share")
	}
	if _, err := thumbprint(w.Thumbprint); err != nil {
		return nil, err
	}
	if _, err := parse(w.JWE, "RSA-OAEP-256"); err != nil {
		return nil, err
	}
	return w, nil
}

// ParseKey reads a holder's private key: PEM, PKCS #8 or PKCS #1, not encrypted.
func ParseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no PEM in it")
	}
	defer clear(block.Bytes)
	switch block.Type {
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] == "" {
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		}
	case "PRIVATE KEY":
		k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		if k, ok := k.(*rsa.PrivateKey); ok {
			return k, nil
		}
		return nil, errors.New("it is not an RSA key")
	}
	return nil, fmt.Errorf("its PEM is %q: an RSA key that is not encrypted is wanted (openssl rsa -in FILE decrypts one)", block.Type)
}

// ParseCertificate reads a certificate, PEM or DER, and answers its DER.
func ParseCertificate(text []byte) ([]byte, error) {
	der := text
	if block, _ := pem.Decode(text); block != nil {
		der = block.Bytes
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return c.Raw, nil
}
