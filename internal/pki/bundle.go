// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/genbu-hsm/genbu/internal/opaque"
)

// Bundle is a certificate, those of the CAs above it, and perhaps its key.
type Bundle struct {
	Chain []*x509.Certificate // the key's own first
	Key   opaque.Bytes        // PKCS #8; empty for none
}

// maxChain bounds the certificates of one file.
const maxChain = 16

// Why a file is not taken.
var (
	ErrFile     = errors.New("neither PKCS #12 nor PEM with a certificate in it")
	ErrPassword = errors.New("the password is wrong")
	ErrForeign  = errors.New("the private key is not the certificate's")
)

// keyPair is what every private key of Go's library has.
type keyPair interface{ Public() crypto.PublicKey }

// ReadPFX reads PKCS #12 (RFC 7292) with a password, which may be empty.
func ReadPFX(der []byte, password opaque.Bytes) (b Bundle, err error) {
	k, leaf, above, err := pkcs12.DecodeChain(der, string(password.ExposeToCodec()))
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return b, ErrPassword
	}
	if err != nil || leaf == nil || len(above) >= maxChain {
		return b, ErrFile
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return b, ErrFile
	}
	b = Bundle{append([]*x509.Certificate{leaf}, above...), opaque.New(pkcs8)}
	return b, b.fits()
}

// ReadPEM reads certificates and at most one private key (PKCS #8, PKCS #1 or SEC 1), not encrypted.
func ReadPEM(text []byte) (b Bundle, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil || len(b.Chain) == maxChain {
				return Bundle{}, ErrFile
			}
			b.Chain = append(b.Chain, c)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			k, err := privateKey(block)
			if err != nil || b.Key.Len() > 0 {
				return Bundle{}, ErrFile
			}
			pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
			clear(block.Bytes)
			if err != nil {
				return Bundle{}, ErrFile
			}
			b.Key = opaque.New(pkcs8)
		}
	}
	if len(b.Chain) == 0 {
		return Bundle{}, ErrFile
	}
	// The key's own certificate may stand anywhere in the file.
	if b.Key.Len() > 0 {
		for i, c := range b.Chain {
			if (Bundle{[]*x509.Certificate{c}, b.Key}).fits() == nil {
				b.Chain[0], b.Chain[i] = b.Chain[i], b.Chain[0]
				break
			}
		}
	}
	return b, b.fits()
}

func privateKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// Private answers the key for Go's library; nil for none.
func (b Bundle) Private() (any, error) {
	if b.Key.Len() == 0 {
		return nil, nil
	}
	return x509.ParsePKCS8PrivateKey(b.Key.ExposeToCodec())
}

// fits tells whether the key is the first certificate's.
func (b Bundle) fits() error {
	k, err := b.Private()
	if err != nil || k == nil {
		return err
	}
	pair, ok := k.(keyPair)
	if !ok {
		return ErrFile
	}
	public, err := x509.MarshalPKIXPublicKey(pair.Public())
	if err != nil {
		return ErrFile
	}
	if !bytes.Equal(public, b.Chain[0].RawSubjectPublicKeyInfo) {
		return ErrForeign
	}
	return nil
}

// PFX writes PKCS #12 with AES-256 and SHA-256, under the empty password: so Key Vault gives it, and whoever may have the file
// may have the key.
func (b Bundle) PFX() (opaque.Bytes, error) {
	k, err := b.Private()
	if err != nil {
		return opaque.Bytes{}, err
	}
	var der []byte
	if k == nil {
		der, err = pkcs12.Modern.EncodeTrustStore(b.Chain, "")
	} else {
		der, err = pkcs12.Modern.Encode(k, b.Chain[0], b.Chain[1:], "")
	}
	return opaque.New(der), err
}

// PEM writes the key, if there is one, and the certificates after it.
func (b Bundle) PEM() opaque.Bytes {
	var out bytes.Buffer
	if b.Key.Len() > 0 {
		pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: b.Key.ExposeToCodec()})
	}
	for _, c := range b.Chain {
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return opaque.New(out.Bytes())
}
