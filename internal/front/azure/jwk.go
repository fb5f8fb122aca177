// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// jwk is a key as answers show it: its public half, if it has one (RFC 7517, RFC 7518 section 6).
type jwk struct {
	ID  string   `json:"kid"`
	Kty string   `json:"kty"`
	Ops []string `json:"key_ops,omitempty"`
	N   string   `json:"n,omitempty"`
	E   string   `json:"e,omitempty"`
	Crv string   `json:"crv,omitempty"`
	X   string   `json:"x,omitempty"`
	Y   string   `json:"y,omitempty"`
}

// curve is one of Azure's four.
type curve struct {
	name   string
	params []byte // CKA_EC_PARAMS
	size   int    // bytes of a coordinate
	alg    string // by which it signs
}

var curves = []curve{
	{"P-256", unhex("06082a8648ce3d030107"), 32, "ES256"},
	{"P-256K", unhex("06052b8104000a"), 32, "ES256K"},
	{"P-384", unhex("06052b81040022"), 48, "ES384"},
	{"P-521", unhex("06052b81040023"), 66, "ES512"},
}

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s) // constants
	return b
}

func curveNamed(name string) *curve {
	for i := range curves {
		if curves[i].name == name {
			return &curves[i]
		}
	}
	return nil
}

// opNames are key_ops in the order in which answers have them.
var opNames = []struct {
	name string
	op   key.Ops
}{{"encrypt", key.OpEncrypt}, {"decrypt", key.OpDecrypt}, {"sign", key.OpSign}, {"verify", key.OpVerify}, {"wrapKey", key.OpWrap},
	{"unwrapKey", key.OpUnwrap}, {"import", key.OpImport}, {"export", key.OpExport}}

func namesOf(ops key.Ops) (list []string) {
	for _, o := range opNames {
		if ops&o.op != 0 {
			list = append(list, o.name)
		}
	}
	return list
}

// readOps reads key_ops; given is false when the client says nothing of them. An empty list, which Java sends for none, is
// what otherwise says.
func readOps(o object, otherwise key.Ops) (ops key.Ops, given bool) {
	list := o.list("key_ops")
	if list == nil {
		return otherwise, false
	}
	if len(list) == 0 {
		return otherwise, true
	}
	for _, name := range list {
		known := false
		for _, have := range opNames {
			if have.name == name {
				ops, known = ops|have.op, true
			}
		}
		if !known {
			o.fail("key_ops", "has a member that is not known")
		}
	}
	if ops&key.OpImport != 0 && ops != key.OpImport {
		o.fail("key_ops", "has import beside others; it must stand alone")
	}
	return ops, true
}

// publicKey is what a SubjectPublicKeyInfo says (RFC 5280 section 4.1.2.7).
type publicKey struct {
	n, e, x, y []byte
	curve      *curve
}

var (
	oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC  = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

// readPublic reads the core's own encoding of a public key; ok is false for a kind that Azure has not.
func readPublic(der []byte) (p publicKey, ok bool) {
	var info, alg, params cryptobyte.String
	var oid asn1.ObjectIdentifier
	var bits []byte
	s := cryptobyte.String(der)
	if !s.ReadASN1(&info, casn1.SEQUENCE) || !info.ReadASN1(&alg, casn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) ||
		!info.ReadASN1BitStringAsBytes(&bits) {
		return p, false
	}
	if oid.Equal(oidRSA) {
		var pair cryptobyte.String
		b := cryptobyte.String(bits)
		return p, b.ReadASN1(&pair, casn1.SEQUENCE) && pair.ReadASN1Integer(&p.n) && pair.ReadASN1Integer(&p.e)
	}
	if !oid.Equal(oidEC) || !alg.ReadASN1Element(&params, casn1.OBJECT_IDENTIFIER) {
		return p, false
	}
	for i := range curves {
		if c := &curves[i]; bytes.Equal(c.params, params) && len(bits) == 1+2*c.size && bits[0] == 4 {
			p.curve, p.x, p.y = c, bits[1:1+c.size], bits[1+c.size:]
			return p, true
		}
	}
	return p, false
}

// keyTypes are the attributes behind a key's bundle.
var keyTypes = append([]key.Attr{key.AttrKeyType, key.AttrPublicKeyInfo, key.AttrKeyOps, key.AttrValueLen, key.AttrReleaseFlags, key.AttrRelease},
	commonTypes...)

// jwk describes a version of a key. Keys of a kind that Azure has no word for are shown with none.
func (c *call) jwk(n client.Named, soft bool) *jwk {
	k := &jwk{ID: c.id("keys", n.Name, n.Version), Ops: namesOf(key.Ops(n.Value(key.AttrKeyOps).ULong()))}
	suffix := "-HSM"
	if soft && c.host.kind == KindVault {
		suffix = ""
	}
	p, ok := readPublic(n.Value(key.AttrPublicKeyInfo).Value)
	switch t := key.Type(n.Value(key.AttrKeyType).ULong()); {
	case ok && p.curve != nil:
		k.Kty, k.Crv, k.X, k.Y = "EC"+suffix, p.curve.name, encode64(p.x), encode64(p.y)
	case ok:
		k.Kty, k.N, k.E = "RSA"+suffix, encode64(p.n), encode64(p.e)
	case t == key.TypeAES || t == key.TypeGeneric:
		k.Kty = "oct" + suffix
	}
	return k
}
