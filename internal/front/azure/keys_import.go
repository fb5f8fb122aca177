// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// keyImport is ImportKey: material in clear, or a blob that was wrapped for a key of this vault (BYOK).
func keyImport(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	hsm := o.flag("Hsm")
	j, ok := o.object("key")
	if !ok {
		o.fail("key", "is required")
		return o.end()
	}
	k := c.readKind(j)
	k.software = k.software && !or(hsm, false)
	j.skip("kid")
	spec := client.KeySpec{Name: c.name, Type: k.typ}
	var m material
	defer m.clear()
	if blob := j.bytes("key_hsm"); blob != nil {
		m.wrapped = blob
	}
	switch k.typ {
	case key.TypeRSA:
		spec.Ops = opsRSA
		m.readRSA(j)
	case key.TypeEC:
		spec.Ops = opsEC
		m.readEC(j, &spec)
	default:
		spec.Ops = opsOct
		m.readOct(j, &spec)
	}
	spec.Ops, _ = readOps(j, spec.Ops)
	j.end()
	n := note{Software: k.software}
	if err := c.readSpec(o, &spec, &n); err != nil {
		return err
	}
	if err := c.inherit(&n); err != nil {
		return err
	}
	spec.Door = n.bytes()
	if k.typ == key.TypeAES && spec.Ops&(key.OpSign|key.OpVerify) != 0 {
		spec.Type = key.TypeGeneric
	}
	var made client.Named
	if m.wrapped != nil {
		made, err = c.unwrapImport(spec, m.wrapped)
	} else {
		made, err = c.session.ImportKey(spec, m.secret, m.public)
	}
	if err != nil {
		return c.taken(err)
	}
	return c.answerKey(made.Version)
}

// material is what a client brings, as attributes of PKCS #11.
type material struct {
	secret, public client.Template
	wrapped        []byte
}

// clear zeroes what was secret.
func (m *material) clear() {
	for _, a := range m.secret {
		clear(a.Value)
	}
}

// readRSA reads RFC 7518 section 6.3. Some clients send numbers with zeros before them.
func (m *material) readRSA(j object) {
	number := func(t key.Attr, name string, needed bool) client.Attribute {
		b := j.bytes(name)
		if len(b) == 0 && needed && m.wrapped == nil {
			j.fail(name, "is required")
		}
		if len(b) > 1024 {
			j.fail(name, "is too long")
		}
		return client.Bytes(t, bytes.TrimLeft(b, "\x00"))
	}
	n, e := number(key.AttrModulus, "n", true), number(key.AttrPublicExponent, "e", true)
	m.public = client.Template{n, e}
	m.secret = client.Template{client.Bytes(n.Type, bytes.Clone(n.Value)), client.Bytes(e.Type, bytes.Clone(e.Value)), number(key.AttrPrivateExponent, "d", true),
		number(key.AttrPrime1, "p", true), number(key.AttrPrime2, "q", true), number(key.AttrExponent1, "dp", false), number(key.AttrExponent2, "dq", false),
		number(key.AttrCoefficient, "qi", false)}
	m.secret = slices.DeleteFunc(m.secret, func(a client.Attribute) bool { return len(a.Value) == 0 })
}

// readEC reads RFC 7518 section 6.2.
func (m *material) readEC(j object, spec *client.KeySpec) {
	cv := curveNamed(j.text("crv"))
	x, y, d := j.bytes("x"), j.bytes("y"), j.bytes("d")
	if m.wrapped != nil {
		if cv != nil {
			spec.Curve = cv.params
		}
		return
	}
	if cv == nil {
		j.fail("crv", "is not known")
		return
	}
	for name, b := range map[string][]byte{"x": x, "y": y, "d": d} {
		if len(b) == 0 {
			j.fail(name, "is required")
			return
		}
		if new(big.Int).SetBytes(b).BitLen() > 8*cv.size {
			j.fail(name, "is too long for its curve")
			return
		}
	}
	point := append([]byte{4}, pad(x, cv.size)...)
	point = append(point, pad(y, cv.size)...)
	var b cryptobyte.Builder
	b.AddASN1OctetString(point)
	octets, _ := b.Bytes() // cannot fail
	spec.Curve = cv.params
	m.public = client.Template{client.Bytes(key.AttrECParams, cv.params), client.Bytes(key.AttrECPoint, octets)}
	// With the public half in it the core refuses a private key that does not belong to it, before anything is made.
	m.secret = client.Template{client.Bytes(key.AttrECParams, bytes.Clone(cv.params)), client.Bytes(key.AttrValue, pad(d, cv.size)),
		client.Bytes(key.AttrPublicKeyInfo, spki(cv, point))}
	clear(d)
}

// spki is the SubjectPublicKeyInfo of a point (RFC 5480 section 2).
func spki(cv *curve, point []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidEC)
			b.AddBytes(cv.params)
		})
		b.AddASN1BitString(point)
	})
	return b.BytesOrPanic() // of constants and lengths: cannot fail
}

// pad answers a number with exactly size bytes.
func pad(b []byte, size int) []byte {
	out := make([]byte, size)
	b = bytes.TrimLeft(b, "\x00")
	copy(out[size-len(b):], b)
	return out
}

// readOct reads RFC 7518 section 6.4.
func (m *material) readOct(j object, spec *client.KeySpec) {
	k := j.bytes("k")
	if m.wrapped != nil {
		return
	}
	if n := len(k); n != 16 && n != 24 && n != 32 {
		j.fail("k", "does not have 16, 24 or 32 bytes")
	}
	spec.Bits = 8 * len(k)
	m.secret = client.Template{client.Bytes(key.AttrValue, k)}
}

// transfer reads the file that key_hsm carries: which key wrapped it, and what came of it.
func transfer(blob []byte) (kid string, ciphertext []byte, err error) {
	var fault error
	v, err := parse(blob)
	if err != nil {
		return "", nil, badParameter("Property 'key.key_hsm' is not a transfer blob.")
	}
	members, ok := v.(map[string]any)
	if !ok {
		return "", nil, badParameter("Property 'key.key_hsm' is not a transfer blob.")
	}
	o := object{members, "key.key_hsm.", &fault}
	if v := o.must("schema_version"); v != "1.0.0" {
		o.fail("schema_version", "is not 1.0.0")
	}
	h, _ := o.object("header")
	kid = h.must("kid")
	if h.must("alg") != "dir" || h.must("enc") != "CKM_RSA_AES_KEY_WRAP" {
		h.fail("enc", "is not CKM_RSA_AES_KEY_WRAP, directly")
	}
	ciphertext = o.bytes("ciphertext")
	if len(ciphertext) == 0 {
		o.fail("ciphertext", "is required")
	}
	o.skip("generator")
	h.end()
	return kid, ciphertext, o.end()
}

// unwrapImport lets the core open a transfer blob with a key whose only operation is import.
func (c *call) unwrapImport(spec client.KeySpec, blob []byte) (client.Named, error) {
	kid, ciphertext, err := transfer(blob)
	if err != nil {
		return client.Named{}, err
	}
	name, version, ok := c.ownKey(kid)
	if !ok {
		return client.Named{}, badParameter("Property 'key.key_hsm.header.kid' is no key of this vault.")
	}
	kek, err := c.session.Name(key.GroupKeys, name, version, false)
	if err != nil {
		return client.Named{}, err
	}
	mech := client.RSAAES(256, key.MechSHA1, key.MGF1SHA1, nil)
	return c.session.UnwrapKey(spec, mech, kek.Handle, ciphertext)
}

// ownKey reads an address of a key of this vault.
func (c *call) ownKey(kid string) (name, version string, ok bool) {
	rest, ok := strings.CutPrefix(kid, c.host.base()+"/keys/")
	name, version, _ = strings.Cut(rest, "/")
	return name, version, ok && key.ValidName(name) && (version == "" || validVersion(version))
}
