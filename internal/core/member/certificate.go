// SPDX-License-Identifier: Apache-2.0

package member

import (
	"crypto/rand"
	"crypto/sha256"
	stdasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Certificates are written here field by field (RFC 5280), so that nothing in one is there because somebody outside put it
// into a template.

type asn1OID = stdasn1.ObjectIdentifier

var (
	oidECDSAWithSHA256 = asn1OID{1, 2, 840, 10045, 4, 3, 2}
	oidCommonName      = asn1OID{2, 5, 4, 3}
	oidBasic           = asn1OID{2, 5, 29, 19}
	oidKeyUsage        = asn1OID{2, 5, 29, 15}
	oidExtKeyUsage     = asn1OID{2, 5, 29, 37}
	oidAltName         = asn1OID{2, 5, 29, 17}
	oidSubjectKeyID    = asn1OID{2, 5, 29, 14}
	oidAuthorityKeyID  = asn1OID{2, 5, 29, 35}
	oidServerAuth      = asn1OID{1, 3, 6, 1, 5, 5, 7, 3, 1}
	oidClientAuth      = asn1OID{1, 3, 6, 1, 5, 5, 7, 3, 2}
)

const (
	day = 24 * 3600

	// Life of a certificate. Whoever holds one asks for the next at half of it.
	Life = 7 * day
	// TransportLife of a host's certificate, which is renewed as often as the others: so long may a cluster be switched off as
	// a whole. Nobody could renew then: no core opens without the store, no store without certificates.
	TransportLife = 90 * day
	// caLife is as long as a domain may be expected to go on without a new CA.
	caLife = 10 * 365 * day
	// skew is how far the clocks of two machines may differ: also by a time zone, which is how clocks are set wrong.
	skew = day

	usageSignature = 0x80 // digitalSignature
	usageCA        = 0x06 // keyCertSign, cRLSign
)

// Kind is what a certificate says its holder is.
type Kind uint8

const (
	KindUnknown Kind = iota
	KindNode
	KindAgent
)

func (k Kind) String() string {
	switch k {
	case KindNode:
		return "node"
	case KindAgent:
		return "agent"
	}
	return "unknown"
}

// URI names a holder: genbu://<domain>/node/<id> or /agent/<id>.
func URI(domain key.ID, kind Kind, id key.ID) string {
	return "genbu://" + domain.String() + "/" + kind.String() + "/" + id.String()
}

// ParseURI is the way back, for the URIs of one domain.
func ParseURI(domain key.ID, uri string) (kind Kind, id key.ID, ok bool) {
	for _, kind := range []Kind{KindNode, KindAgent} {
		prefix := "genbu://" + domain.String() + "/" + kind.String() + "/"
		if len(uri) == len(prefix)+32 && uri[:len(prefix)] == prefix {
			id, ok := key.ParseID(uri[len(prefix):])
			return kind, id, ok && URI(domain, kind, id) == uri
		}
	}
	return KindUnknown, id, false
}

// URIDomain reads the domain from a URI, for a newcomer who knows only the CA.
func URIDomain(uri string) (domain key.ID, ok bool) {
	const prefix = "genbu://"
	if len(uri) < len(prefix)+32 || uri[:len(prefix)] != prefix {
		return domain, false
	}
	return key.ParseID(uri[len(prefix) : len(prefix)+32])
}

// certificate is what differs between the kinds of ours.
type certificate struct {
	issuer, subject string // common names
	from, until     int64  // unix seconds
	spki            []byte
	ca              bool
	uri             string
	dns             []string
	ips             [][]byte
	purpose         asn1OID // instead of TLS
	issuerSPKI      []byte
}

// NewCA makes the domain's own certificate. now is unix seconds, here and below.
func NewCA(k *SigningKey, domain key.ID, now int64) ([]byte, error) {
	name := caName(domain)
	return certificate{issuer: name, subject: name, from: now - skew, until: now + caLife, spki: k.SPKI(), ca: true, issuerSPKI: k.SPKI()}.sign(k)
}

// Issue makes the certificate of a node's or an agent's identity.
func Issue(ca *SigningKey, domain key.ID, kind Kind, id key.ID, spki []byte, now int64) ([]byte, error) {
	if _, err := parsePublicKeyInfo(spki); err != nil {
		return nil, err
	}
	return certificate{issuer: caName(domain), subject: kind.String() + " " + id.String(), from: now - skew, until: now + Life, spki: spki,
		uri: URI(domain, kind, id), issuerSPKI: ca.SPKI()}.sign(ca)
}

// IssueTransport makes the certificate of a host's transport key, which speaks for no core: it has no URI.
func IssueTransport(ca *SigningKey, domain, node key.ID, spki []byte, dns []string, ips [][]byte, now int64) (der []byte, until int64, err error) {
	if _, err := parsePublicKeyInfo(spki); err != nil {
		return nil, 0, err
	}
	if len(dns)+len(ips) == 0 || len(dns)+len(ips) > maxNames {
		return nil, 0, fault.ArgumentsBad.At("issue transport certificate: 1 to 32 names")
	}
	for _, name := range dns {
		if !hostName(name) {
			return nil, 0, fault.ArgumentsBad.At("issue transport certificate: not a host name")
		}
	}
	for _, ip := range ips {
		if len(ip) != 4 && len(ip) != 16 {
			return nil, 0, fault.ArgumentsBad.At("issue transport certificate: not an address")
		}
	}
	der, err = certificate{issuer: caName(domain), subject: node.String(), from: now - skew, until: now + TransportLife, spki: spki, dns: dns, ips: ips,
		issuerSPKI: ca.SPKI()}.sign(ca)
	return der, now + TransportLife, err
}

const (
	maxNames    = 32
	maxHostName = 253
)

func hostName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= maxHostName
}

func caName(domain key.ID) string { return "genbu domain " + domain.String() }

func (c certificate) sign(by *SigningKey) ([]byte, error) {
	var tbs cryptobyte.Builder
	tbs.AddASN1(asn1.SEQUENCE, c.body)
	signed, err := tbs.Bytes()
	if err != nil {
		return nil, fault.Internal.At("write certificate")
	}
	digest := sha256.Sum256(signed)
	signature, err := by.Sign(nil, digest[:], nil)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(signed)
		algorithm(b)
		b.AddASN1BitString(signature)
	})
	return b.BytesOrPanic(), nil
}

func (c certificate) body(b *cryptobyte.Builder) {
	b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) }) // v3
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always of the same length
	b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(serial) })
	algorithm(b)
	commonName(b, c.issuer)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		calendar(b, c.from)
		calendar(b, c.until)
	})
	commonName(b, c.subject)
	b.AddBytes(c.spki)
	b.AddASN1(asn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, c.extensions)
	})
}

func (c certificate) extensions(b *cryptobyte.Builder) {
	extension(b, oidBasic, true, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if c.ca {
				b.AddASN1Boolean(true)
				b.AddASN1Int64(0) // issues no CA below it
			}
		})
	})
	extension(b, oidKeyUsage, true, func(b *cryptobyte.Builder) {
		usage, unused := byte(usageSignature), byte(7)
		if c.ca {
			usage, unused = usageCA, 1
		}
		b.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddBytes([]byte{unused, usage}) })
	})
	extension(b, oidSubjectKeyID, false, func(b *cryptobyte.Builder) { b.AddASN1OctetString(keyID(c.spki)) })
	extension(b, oidAuthorityKeyID, false, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(keyID(c.issuerSPKI)) })
		})
	})
	if c.ca {
		return
	}
	extension(b, oidExtKeyUsage, false, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if c.purpose != nil {
				b.AddASN1ObjectIdentifier(c.purpose)
				return
			}
			b.AddASN1ObjectIdentifier(oidServerAuth)
			b.AddASN1ObjectIdentifier(oidClientAuth)
		})
	})
	extension(b, oidAltName, false, func(b *cryptobyte.Builder) {
		const dns, uri, ip = 2, 6, 7 // GeneralName, RFC 5280 section 4.2.1.6
		name := func(tag uint8, value []byte) {
			b.AddASN1(asn1.Tag(tag).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(value) })
		}
		b.AddASN1(asn1.SEQUENCE, func(inner *cryptobyte.Builder) {
			b = inner
			if c.uri != "" {
				name(uri, []byte(c.uri))
			}
			for _, v := range c.dns {
				name(dns, []byte(v))
			}
			for _, v := range c.ips {
				name(ip, v)
			}
		})
	})
}

func extension(b *cryptobyte.Builder, id asn1OID, critical bool, value func(b *cryptobyte.Builder)) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		if critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1(asn1.OCTET_STRING, value)
	})
}

func algorithm(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidECDSAWithSHA256) })
}

func commonName(b *cryptobyte.Builder, name string) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidCommonName)
				b.AddASN1(asn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
			})
		})
	})
}

// calendar writes a time as RFC 5280 section 4.1.2.5 wants it: two digits for the year until 2049, then four.
func calendar(b *cryptobyte.Builder, unix int64) {
	text := process.Calendar(unix)
	tag := asn1.GeneralizedTime
	if text < "2050" {
		text, tag = text[2:], asn1.UTCTime
	}
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
}

func keyID(spki []byte) []byte {
	sum := sha256.Sum256(spki)
	return sum[:20]
}
