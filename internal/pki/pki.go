// SPDX-License-Identifier: Apache-2.0

// Package pki makes X.509 certificates and requests (RFC 5280, RFC 2986) over keys that it never sees: each is a
// crypto.Signer whose key stays in the core.
//
//	csr, err := profile.Request(k)
//	der, err := profile.SelfSigned(k, now)
//	der, err := profile.Issue(ca, caKey, public, now)
//
// It also reads and writes the files in which certificates travel with their keys, PEM and PKCS #12. The key of such a file
// is in the host's memory, as an opaque.Bytes, which nothing prints.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Profile is what a certificate is to say.
type Profile struct {
	Subject  pkix.RDNSequence
	DNS      []string
	Emails   []string
	UPNs     []string // user principal names, as Windows logs in with them
	URIs     []string
	IPs      []string // addresses, of either kind
	Usages   []string // object identifiers of the extended key usage
	KeyUsage x509.KeyUsage
	Months   int
	CA       bool
	PathLen  int // of a CA; negative for no limit
}

// backdate lets a certificate be used by machines whose clocks are a little slow.
const backdate = 10 * time.Minute

var (
	oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidUPN = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
)

// alternative answers the subject alternative names (RFC 5280 section 4.2.1.6); ok is false when there are none. It is
// written here because Go's library has no word for UPNs.
func (p Profile) alternative() (ext pkix.Extension, ok bool, err error) {
	if len(p.DNS)+len(p.Emails)+len(p.UPNs)+len(p.URIs)+len(p.IPs) == 0 {
		return ext, false, nil
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		text := func(tag uint8, list []string) {
			for _, s := range list {
				b.AddASN1(casn1.Tag(tag).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
			}
		}
		text(1, p.Emails)
		text(2, p.DNS)
		text(6, p.URIs)
		for _, s := range p.IPs {
			ip, _ := netip.ParseAddr(s) // Check knows that it is one
			b.AddASN1(casn1.Tag(7).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(ip.Unmap().AsSlice()) })
		}
		for _, s := range p.UPNs {
			b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidUPN)
				b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(casn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
				})
			})
		}
	})
	ext = pkix.Extension{Id: oidSAN, Critical: len(p.Subject) == 0}
	ext.Value, err = b.Bytes()
	return ext, true, err
}

// Check finds out whether a certificate could be made of the profile.
func (p Profile) Check() error {
	for _, list := range [][]string{p.DNS, p.Emails} {
		for _, s := range list {
			if s == "" || strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
				return fmt.Errorf("the alternative name %q is not ASCII; write a domain in its xn-- form", s)
			}
		}
	}
	for _, s := range p.URIs {
		if u, err := url.Parse(s); err != nil || !u.IsAbs() || strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
			return fmt.Errorf("the alternative name %q is no URI with a scheme", s)
		}
	}
	for _, s := range p.IPs {
		if ip, err := netip.ParseAddr(s); err != nil || ip.Zone() != "" {
			return fmt.Errorf("the alternative name %q is no address", s)
		}
	}
	_, err := p.template(nil)
	return err
}

// template is the profile in the words of Go's library.
func (p Profile) template(public crypto.PublicKey) (*x509.Certificate, error) {
	raw, err := asn1.Marshal(p.Subject)
	if err != nil {
		return nil, fmt.Errorf("the subject cannot be written: %w", err)
	}
	t := &x509.Certificate{RawSubject: raw, KeyUsage: p.KeyUsage, BasicConstraintsValid: true}
	if ext, ok, err := p.alternative(); err != nil {
		return nil, err
	} else if ok {
		t.ExtraExtensions = append(t.ExtraExtensions, ext)
	}
	for _, u := range p.Usages {
		oid, err := x509.ParseOID(u)
		if err != nil {
			return nil, fmt.Errorf("the extended key usage %q is no object identifier", u)
		}
		var id asn1.ObjectIdentifier
		if der, err := oid.MarshalBinary(); err != nil || !readOID(der, &id) {
			return nil, fmt.Errorf("the extended key usage %q is too long", u)
		}
		t.UnknownExtKeyUsage = append(t.UnknownExtKeyUsage, id)
	}
	if p.CA {
		t.IsCA, t.MaxPathLen, t.MaxPathLenZero = true, p.PathLen, p.PathLen == 0
		t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if public == nil {
		return t, nil
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	id := sha1.Sum(der) // an identifier: RFC 5280 section 4.2.1.2 leaves the method open
	t.SubjectKeyId = id[:]
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always as long
	t.SerialNumber = new(big.Int).SetBytes(serial)
	return t, nil
}

func readOID(content []byte, id *asn1.ObjectIdentifier) bool {
	var b cryptobyte.Builder
	b.AddASN1(casn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	der, err := b.Bytes()
	s := cryptobyte.String(der)
	return err == nil && s.ReadASN1ObjectIdentifier(id)
}

// valid sets the time of validity.
func (p Profile) valid(t *x509.Certificate, now time.Time) {
	t.NotBefore, t.NotAfter = now.Add(-backdate), now.AddDate(0, p.Months, 0)
}

// SelfSigned answers a certificate that the key signs for itself.
func (p Profile) SelfSigned(k crypto.Signer, now time.Time) ([]byte, error) {
	t, err := p.template(k.Public())
	if err != nil {
		return nil, err
	}
	p.valid(t, now)
	t.SignatureAlgorithm = algorithm(k.Public())
	t.AuthorityKeyId = t.SubjectKeyId
	return x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)
}

// ErrNotCA says that a certificate may not issue others, or not for so long.
var ErrNotCA = errors.New("the issuer's certificate is not one of a CA, or it is not valid now")

// Issue answers a certificate that a CA signs. It does not outlive the CA's.
func (p Profile) Issue(ca *x509.Certificate, k crypto.Signer, public crypto.PublicKey, now time.Time) ([]byte, error) {
	if !ca.IsCA || !ca.BasicConstraintsValid || now.Before(ca.NotBefore) || !now.Before(ca.NotAfter) || p.CA && ca.MaxPathLenZero {
		return nil, ErrNotCA
	}
	t, err := p.template(public)
	if err != nil {
		return nil, err
	}
	p.valid(t, now)
	if t.NotBefore.Before(ca.NotBefore) {
		t.NotBefore = ca.NotBefore
	}
	if t.NotAfter.After(ca.NotAfter) {
		t.NotAfter = ca.NotAfter
	}
	t.SignatureAlgorithm = algorithm(k.Public())
	return x509.CreateCertificate(rand.Reader, t, ca, public, k)
}

// Request answers a certification request.
func (p Profile) Request(k crypto.Signer) ([]byte, error) {
	t, err := p.template(k.Public())
	if err != nil {
		return nil, err
	}
	r := &x509.CertificateRequest{RawSubject: t.RawSubject, ExtraExtensions: t.ExtraExtensions, SignatureAlgorithm: algorithm(k.Public())}
	return x509.CreateCertificateRequest(rand.Reader, r, k)
}

// algorithm is the one that goes with a key: PKCS #1 v1.5 with SHA-256, or ECDSA with the hash of the curve's size.
func algorithm(public crypto.PublicKey) x509.SignatureAlgorithm {
	k, ok := public.(*ecdsa.PublicKey)
	switch {
	case !ok:
		return x509.SHA256WithRSA
	case k.Curve.Params().BitSize > 384:
		return x509.ECDSAWithSHA512
	case k.Curve.Params().BitSize > 256:
		return x509.ECDSAWithSHA384
	}
	return x509.ECDSAWithSHA256
}
