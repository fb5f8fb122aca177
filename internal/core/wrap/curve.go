// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"bytes"

	"github.com/genbu-hsm/genbu/key"
)

// Curve is one named curve of CKA_EC_PARAMS.
type Curve struct {
	Name   string
	Type   key.Type
	OID    []byte // DER, tag and length included: the canonical mech.Material.Params
	Bits   int
	Scalar int // bytes of a secret scalar or seed
	Point  int // bytes of a public key: uncompressed point, or its RFC 7748 or RFC 8032 encoding
	others []string
	old    []byte // an OID in use before RFC 8410
}

var curves = []Curve{
	{Name: "secp224r1", Type: key.TypeEC, Bits: 224, Scalar: 28, Point: 57, others: []string{"P-224"},
		OID: []byte{6, 5, 0x2B, 0x81, 0x04, 0x00, 0x21}},
	{Name: "secp256r1", Type: key.TypeEC, Bits: 256, Scalar: 32, Point: 65, others: []string{"prime256v1", "P-256"},
		OID: []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}},
	{Name: "secp384r1", Type: key.TypeEC, Bits: 384, Scalar: 48, Point: 97, others: []string{"P-384"},
		OID: []byte{6, 5, 0x2B, 0x81, 0x04, 0x00, 0x22}},
	{Name: "secp521r1", Type: key.TypeEC, Bits: 521, Scalar: 66, Point: 133, others: []string{"P-521"},
		OID: []byte{6, 5, 0x2B, 0x81, 0x04, 0x00, 0x23}},
	{Name: "secp256k1", Type: key.TypeEC, Bits: 256, Scalar: 32, Point: 65,
		OID: []byte{6, 5, 0x2B, 0x81, 0x04, 0x00, 0x0A}},
	{Name: "edwards25519", Type: key.TypeEdwards, Bits: 255, Scalar: 32, Point: 32, others: []string{"Ed25519"},
		OID: []byte{6, 3, 0x2B, 0x65, 0x70}, old: []byte{6, 9, 0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01}},
	{Name: "edwards448", Type: key.TypeEdwards, Bits: 448, Scalar: 57, Point: 57, others: []string{"Ed448"},
		OID: []byte{6, 3, 0x2B, 0x65, 0x71}},
	{Name: "curve25519", Type: key.TypeMontgomery, Bits: 255, Scalar: 32, Point: 32, others: []string{"X25519"},
		OID: []byte{6, 3, 0x2B, 0x65, 0x6E}, old: []byte{6, 10, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01}},
	{Name: "curve448", Type: key.TypeMontgomery, Bits: 448, Scalar: 56, Point: 56, others: []string{"X448"},
		OID: []byte{6, 3, 0x2B, 0x65, 0x6F}},
}

// Short is the curve's name as NIST writes it, where it does.
func (c *Curve) Short() string {
	if len(c.others) > 0 {
		return c.others[len(c.others)-1]
	}
	return c.Name
}

// CurveOf finds the curve that CKA_EC_PARAMS names: an OID, or a PrintableString with the curve's name, which PKCS #11
// 3.x allows for all curves and pkcs11-tool uses for Edwards and Montgomery. Explicit parameters name no curve: nil.
func CurveOf(params []byte) *Curve {
	if len(params) < 3 || int(params[1]) != len(params)-2 {
		return nil
	}
	for i := range curves {
		c := &curves[i]
		switch params[0] {
		case 0x06:
			if bytes.Equal(params, c.OID) || c.old != nil && bytes.Equal(params, c.old) {
				return c
			}
		case 0x13:
			name := string(params[2:])
			if name == c.Name {
				return c
			}
			for _, other := range c.others {
				if name == other {
					return c
				}
			}
		}
	}
	return nil
}
