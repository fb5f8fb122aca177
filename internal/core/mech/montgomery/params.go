// SPDX-License-Identifier: Apache-2.0

package montgomery

import (
	"bytes"

	"github.com/cloudflare/circl/dh/x448"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// curve is one line of the table.
type curve struct {
	oid      []byte // DER of the object identifier: CKA_EC_PARAMS in canonical form
	old      []byte // an identifier from before RFC 8410, accepted
	name     string // the PrintableString form
	bits     int
	size     int // bytes of a scalar, a public key and a shared secret
	publicOf func(scalar []byte) ([]byte, error)
	agree    func(scalar, peer []byte) ([]byte, error)
}

var (
	curve25519 = &curve{
		oid:  []byte{6, 3, 0x2B, 0x65, 0x6E},                       // 1.3.101.110, RFC 8410
		old:  []byte{6, 10, 0x2B, 6, 1, 4, 1, 0x97, 0x55, 1, 5, 1}, // 1.3.6.1.4.1.3029.1.5.1
		name: "curve25519", bits: 255, size: 32, publicOf: publicOf25519, agree: agree25519,
	}
	curve448 = &curve{
		oid:  []byte{6, 3, 0x2B, 0x65, 0x6F}, // 1.3.101.111
		name: "curve448", bits: 448, size: x448.Size, publicOf: publicOf448, agree: agree448,
	}
	curves = []*curve{curve25519, curve448}
)

// findCurve reads CKA_EC_PARAMS: an object identifier, or the curve's name as PrintableString, as pkcs11-tool sends it.
func findCurve(params []byte) (*curve, error) {
	in := cryptobyte.String(params)
	var body cryptobyte.String
	var tag asn1.Tag
	if !in.ReadAnyASN1(&body, &tag) || !in.Empty() {
		return nil, fault.DomainParamsInvalid.At("parse ec parameters")
	}
	for _, c := range curves {
		if tag == asn1.PrintableString && string(body) == c.name || bytes.Equal(params, c.oid) || bytes.Equal(params, c.old) {
			return c, nil
		}
	}
	return nil, fault.CurveUnsupported.At("find curve")
}
