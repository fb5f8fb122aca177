// SPDX-License-Identifier: Apache-2.0

package edwards

import (
	"bytes"
	"crypto/ed25519"

	"github.com/cloudflare/circl/sign/ed448"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// curve is one line of the table.
type curve struct {
	oid      []byte   // DER of the object identifier: CKA_EC_PARAMS in canonical form
	oids     [][]byte // others that are accepted
	name     string   // the PrintableString form
	bits     int
	size     int // bytes of a seed and of a public key; a signature has twice as many
	publicOf func(seed []byte) []byte
}

var (
	edwards25519 = &curve{
		oid:  []byte{6, 3, 0x2B, 0x65, 0x70},                          // 1.3.101.112, RFC 8410
		oids: [][]byte{{6, 9, 0x2B, 6, 1, 4, 1, 0xDA, 0x47, 0x0F, 1}}, // 1.3.6.1.4.1.11591.15.1, before RFC 8410
		name: "edwards25519", bits: 255, size: ed25519.SeedSize, publicOf: publicOf25519,
	}
	edwards448 = &curve{
		oid:  []byte{6, 3, 0x2B, 0x65, 0x71}, // 1.3.101.113
		name: "edwards448", bits: 448, size: ed448.SeedSize, publicOf: publicOf448,
	}
	curves = []*curve{edwards25519, edwards448}
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
		if tag == asn1.PrintableString && string(body) == c.name || bytes.Equal(params, c.oid) {
			return c, nil
		}
		for _, o := range c.oids {
			if bytes.Equal(params, o) {
				return c, nil
			}
		}
	}
	return nil, fault.CurveUnsupported.At("find curve")
}

// maxContext is the longest context of RFC 8032.
const maxContext = 255

// eddsaParams is decoded from CK_EDDSA_PARAMS. Without a parameter the scheme is the pure one.
type eddsaParams struct {
	prehash bool
	context string
}

// decode reads the parameter. An empty context without pre-hash is pure EdDSA: RFC 8032 section 8.3 says that
// Ed25519ctx should not be used with an empty one, and Go and others know no difference.
func decode(p mech.Params) (eddsaParams, error) {
	if len(p) == 0 {
		return eddsaParams{}, nil
	}
	bad := fault.MechanismParamInvalid.At("decode eddsa parameter")
	r := wire.NewReader(p)
	switch r.U64() {
	case 0:
		if r.End() != nil {
			return eddsaParams{}, bad
		}
		return eddsaParams{}, nil
	case 1:
		flag, context := r.U64(), r.Bytes()
		if r.End() != nil || flag > 1 || len(context) > maxContext {
			return eddsaParams{}, bad
		}
		return eddsaParams{prehash: flag == 1, context: string(context)}, nil
	}
	return eddsaParams{}, bad
}
