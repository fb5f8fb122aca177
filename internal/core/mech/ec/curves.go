// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"bytes"
	"crypto/ecdh"
	"crypto/elliptic"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// curve is one line of the table. On all of them field and order have the same length in bytes, and the cofactor is 1.
type curve struct {
	name     string
	oid      []byte   // DER of the object identifier: CKA_EC_PARAMS in canonical form
	aliases  []string // names accepted as PrintableString, the curveName choice of CKA_EC_PARAMS
	bits     int
	size     int // bytes of a coordinate and of a scalar
	approved bool
	engine   engine
	nist     elliptic.Curve
	ecdh     ecdh.Curve // nil where crypto/ecdh lacks the curve
}

// engine makes keys on a curve.
type engine interface {
	generate(c *curve) (public, scalar []byte, err error)
	basePoint(c *curve, scalar []byte) (public []byte, err error)
	parsePublic(c *curve, public []byte) (ecKey, error)
	parsePrivate(c *curve, scalar, public []byte) (ecKey, error)
}

var curves = []*curve{
	{name: "P-224", oid: []byte{6, 5, 0x2B, 0x81, 4, 0, 0x21}, aliases: []string{"secp224r1", "P-224"},
		bits: 224, size: 28, approved: true, engine: nist{}, nist: elliptic.P224()},
	{name: "P-256", oid: []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7}, aliases: []string{"secp256r1", "prime256v1", "P-256"},
		bits: 256, size: 32, approved: true, engine: nist{}, nist: elliptic.P256(), ecdh: ecdh.P256()},
	{name: "P-384", oid: []byte{6, 5, 0x2B, 0x81, 4, 0, 0x22}, aliases: []string{"secp384r1", "P-384"},
		bits: 384, size: 48, approved: true, engine: nist{}, nist: elliptic.P384(), ecdh: ecdh.P384()},
	{name: "P-521", oid: []byte{6, 5, 0x2B, 0x81, 4, 0, 0x23}, aliases: []string{"secp521r1", "P-521"},
		bits: 521, size: 66, approved: true, engine: nist{}, nist: elliptic.P521(), ecdh: ecdh.P521()},
	{name: "secp256k1", oid: []byte{6, 5, 0x2B, 0x81, 4, 0, 0x0A}, aliases: []string{"secp256k1"},
		bits: 256, size: 32, engine: koblitz{}},
}

// findCurve reads CKA_EC_PARAMS: an object identifier or a PrintableString with the curve's name.
func findCurve(params []byte) (*curve, error) {
	in := cryptobyte.String(params)
	var body cryptobyte.String
	var tag asn1.Tag
	if !in.ReadAnyASN1(&body, &tag) || !in.Empty() {
		return nil, fault.DomainParamsInvalid.At("parse ec parameters")
	}
	for _, c := range curves {
		switch tag {
		case asn1.OBJECT_IDENTIFIER:
			if bytes.Equal(params, c.oid) {
				return c, nil
			}
		case asn1.PrintableString:
			for _, a := range c.aliases {
				if string(body) == a {
					return c, nil
				}
			}
		}
	}
	return nil, fault.CurveUnsupported.At("find curve") // explicit parameters as well: they name no curve that we know
}
