// SPDX-License-Identifier: Apache-2.0

package object

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// takeCertificate checks an X.509 certificate's template (section 4.6.3) and fills in the names that the certificate
// itself says and the client left out, so that searches by issuer and serial number find it.
func (d *draft) takeCertificate() error {
	if d.scope != inX509 {
		return nil
	}
	v, url := d.value(key.AttrValue), d.value(key.AttrURL)
	if len(v) == 0 && len(url) == 0 {
		return fault.TemplateIncomplete.At("read certificate")
	}
	if len(v) == 0 && (len(d.value(key.AttrSubjectKeyHash)) == 0 || len(d.value(key.AttrIssuerKeyHash)) == 0) {
		return fault.TemplateIncomplete.At("read certificate by url") // its footnote: a URL comes with both hashes
	}
	for t, value := range certificateParts(v) {
		if d.value(t) == nil && len(value) > 0 && len(value) <= maxName {
			d.kept = append(d.kept, Attribute{t, value})
		}
	}
	if d.value(key.AttrSubject) == nil {
		return fault.TemplateIncomplete.At("read certificate subject")
	}
	return nil
}

// certificateParts reads RFC 5280 TBSCertificate as far as the public key; nothing when it is not one. The module does
// not judge certificates, it only files them.
func certificateParts(der []byte) map[key.Attr][]byte {
	in := cryptobyte.String(der)
	var cert, tbs, serial, issuer, subject, info cryptobyte.String
	version := asn1.Tag(0).ContextSpecific().Constructed()
	ok := in.ReadASN1(&cert, asn1.SEQUENCE) && cert.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(version) && tbs.ReadASN1Element(&serial, asn1.INTEGER) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.ReadASN1Element(&subject, asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&info, asn1.SEQUENCE)
	if !ok {
		return nil
	}
	return map[key.Attr][]byte{
		key.AttrSerialNumber: serial, key.AttrIssuer: issuer, key.AttrSubject: subject, key.AttrPublicKeyInfo: info,
	}
}
