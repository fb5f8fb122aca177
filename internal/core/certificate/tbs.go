// SPDX-License-Identifier: Apache-2.0

// Package certificate knows as much of X.509 (RFC 5280, RFC 2986) and of the files of certificates (RFC 7468, RFC 7292) as the
// core has to, so that a right to make certificates needs no right to sign with their keys or to take them out.
//
//	w, err := certificate.Read(tbs)                  // what is to be signed, and for which key
//	file := certificate.PEM(pkcs8, chain)            // the key and its certificates, as one value
//	file, err := certificate.PFX(pkcs8, chain)
package certificate

import (
	stdasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Wanted is what would be signed: a request or a certificate.
type Wanted struct {
	SPKI      []byte // SubjectPublicKeyInfo; a view
	Request   bool   // a CertificationRequestInfo, which only its own key signs
	Authority bool   // a certificate of a CA
}

var oidBasicConstraints = stdasn1.ObjectIdentifier{2, 5, 29, 19}

// Read tells what a TBSCertificate (version 3) or a CertificationRequestInfo is about. Anything else is refused: a signature
// over it could be of use for something else.
func Read(tbs []byte) (w Wanted, err error) {
	in := cryptobyte.String(tbs)
	var body, spki cryptobyte.String
	explicit := asn1.Tag(0).ContextSpecific().Constructed()
	ok := in.ReadASN1(&body, asn1.SEQUENCE) && in.Empty()
	w.Request = ok && body.PeekASN1Tag(asn1.INTEGER)
	if w.Request {
		var version int
		ok = body.ReadASN1Integer(&version) && version == 0 && body.SkipASN1(asn1.SEQUENCE) && body.ReadASN1Element(&spki, asn1.SEQUENCE) &&
			body.SkipASN1(explicit) && body.Empty()
	} else if ok {
		var outer cryptobyte.String
		var version int
		ok = body.ReadASN1(&outer, explicit) && outer.ReadASN1Integer(&version) && outer.Empty() && version == 2 && body.SkipASN1(asn1.INTEGER) &&
			body.SkipASN1(asn1.SEQUENCE) && body.SkipASN1(asn1.SEQUENCE) && body.SkipASN1(asn1.SEQUENCE) && body.SkipASN1(asn1.SEQUENCE) &&
			body.ReadASN1Element(&spki, asn1.SEQUENCE) && w.extensions(&body)
	}
	if !ok {
		return Wanted{}, fault.ArgumentsBad.At("read what is to be signed: it is neither a certificate nor a request for one")
	}
	w.SPKI = spki
	return w, nil
}

// extensions reads what comes behind the key of a certificate.
func (w *Wanted) extensions(in *cryptobyte.String) bool {
	var outer, list cryptobyte.String
	if in.Empty() {
		return true
	}
	if !in.ReadASN1(&outer, asn1.Tag(3).ContextSpecific().Constructed()) || !in.Empty() || !outer.ReadASN1(&list, asn1.SEQUENCE) || !outer.Empty() {
		return false
	}
	for !list.Empty() {
		var ext, value, constraints cryptobyte.String
		var id stdasn1.ObjectIdentifier
		if !list.ReadASN1(&ext, asn1.SEQUENCE) || !ext.ReadASN1ObjectIdentifier(&id) || !ext.SkipOptionalASN1(asn1.BOOLEAN) || !ext.ReadASN1(&value, asn1.OCTET_STRING) || !ext.Empty() {
			return false
		}
		if !id.Equal(oidBasicConstraints) {
			continue
		}
		if !value.ReadASN1(&constraints, asn1.SEQUENCE) || !value.Empty() {
			return false
		}
		w.Authority = w.Authority || !constraints.Empty() // cA is FALSE only where nothing is said
	}
	return true
}
