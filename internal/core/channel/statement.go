// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Statements (docs/spec/azure.md) are what the core says about a key to those outside, signed by the domain. The core writes
// every claim itself: what a door adds is the nonce and the api-version of its client, in places of their own.

const (
	kindRelease     = "JWT"
	kindAttestation = "genbu-key-attestation+jwt"

	// maxNonce and maxAPIVersion bound what a client may have put into a statement.
	maxNonce, maxAPIVersion = 1024, 32
)

var b64 = base64.RawURLEncoding.EncodeToString

// oaepNames are the doors' names of CKM_RSA_AES_KEY_WRAP with each hash.
var oaepNames = map[key.Hash]string{key.MechSHA1: "CKM_RSA_AES_KEY_WRAP", key.MechSHA256: "RSA_AES_KEY_WRAP_256", key.MechSHA384: "RSA_AES_KEY_WRAP_384"}

// released is the statement about a key that goes out: what was asked, the key with its wrapped material, and the
// conditions under which it went.
func (v view) released(o *object.Object, hash key.Hash, to string, wrapped, nonce, version []byte) (*jose.Writer, error) {
	if len(nonce) > maxNonce || !utf8.Valid(nonce) || len(version) > maxAPIVersion || !utf8.Valid(version) {
		return nil, fault.ArgumentsBad.At("read nonce and version of release")
	}
	var claims, request, response, outer, inner, blob, header jose.Writer
	request.Text("api-version", string(version))
	request.Text("enc", oaepNames[hash])
	request.Text("kid", v.kid(o))
	request.Text("nonce", string(nonce))
	header.Text("kid", to)
	header.Text("alg", "dir")
	header.Text("enc", oaepNames[hash])
	blob.Text("schema_version", "1.0.0")
	blob.Object("header", &header)
	blob.Text("ciphertext", b64(wrapped))
	blob.Text("generator", "genbu")
	v.public(&inner, o)
	inner.Text("key_hsm", b64([]byte(blob.String())))
	outer.Object("key", &inner)
	outer.Object("attributes", attributesOf(o))
	outer.Object("release_policy", releaseOf(o))
	response.Object("key", &outer)
	claims.Number("iat", uint64(v.channel.module.Now()))
	claims.Text("iss", v.channel.module.Issuer())
	claims.Object("request", &request)
	claims.Object("response", &response)
	return &claims, nil
}

// attested is the statement that a key is in the module, and what it is there.
func (v view) attested(o *object.Object, about string, nonce []byte) *jose.Writer {
	var claims, inner, origin jose.Writer
	claims.Text("iss", v.channel.module.Issuer())
	claims.Number("iat", uint64(v.channel.module.Now()))
	claims.Text("about", about)
	if len(nonce) > 0 {
		claims.Text("nonce", string(nonce))
	}
	v.public(&inner, o)
	claims.Object("key", &inner)
	if about == aboutPublic {
		return &claims
	}
	claims.Object("attributes", attributesOf(o))
	if len(o.ReleasePolicy()) > 0 {
		claims.Object("release_policy", releaseOf(o))
	}
	for _, f := range []struct {
		name string
		t    key.Attr
	}{{"local", key.AttrLocal}, {"sensitive", key.AttrSensitive}, {"always_sensitive", key.AttrAlwaysSensitive}, {"extractable", key.AttrExtractable},
		{"never_extractable", key.AttrNeverExtractable}} {
		origin.Flag(f.name, o.Bool(f.t))
	}
	if m, ok := o.ULong(key.AttrKeyGenMechanism); ok && o.Bool(key.AttrLocal) {
		origin.Number("key_gen_mechanism", m)
	}
	claims.Object("origin", &origin)
	var module jose.Writer
	module.Text("version", v.channel.module.Version())
	module.Flag("fips", v.channel.module.FIPS())
	module.Flag("strict", !v.channel.module.Fast())
	claims.Object("module", &module)
	return &claims
}

const (
	aboutPrivate = "private"
	aboutPublic  = "public"
)

// kid is the address of a key, as the doors say it.
func (v view) kid(o *object.Object) string {
	return v.tokens.Address() + "/keys/" + string(o.Label()) + "/" + o.VersionID().String()
}

// public writes the members of a JSON web key (RFC 7517, RFC 7518 section 6) that everybody may know.
func (v view) public(w *jose.Writer, o *object.Object) {
	w.Text("kid", v.kid(o))
	m := o.Material(nil)
	switch {
	case m.Type == key.TypeRSA:
		w.Text("kty", "RSA-HSM")
		n, e, _ := wrap.RSAPublic(m.Public)
		w.Text("n", b64(n))
		w.Text("e", b64(e))
	case m.Type == key.TypeEC && len(m.Public) > 1:
		w.Text("kty", "EC-HSM")
		half := (len(m.Public) - 1) / 2
		w.Text("crv", curveName(m.Params))
		w.Text("x", b64(m.Public[1:1+half]))
		w.Text("y", b64(m.Public[1+half:]))
	case o.Class() == key.ClassSecret:
		w.Text("kty", "oct-HSM")
	}
	w.Texts("key_ops", opNames(o.Ops()))
}

// curveName is what RFC 7518 and RFC 8812 call a curve, as far as Azure knows it, and else our own name for it.
func curveName(params []byte) string {
	c := wrap.CurveOf(params)
	switch {
	case c == nil:
		return ""
	case c.Name == "secp256k1":
		return "P-256K"
	}
	return c.Short()
}

func opNames(ops key.Ops) []string {
	list := []string{}
	for i, name := range []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "import", "export"} {
		if ops&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

func attributesOf(o *object.Object) *jose.Writer {
	w := &jose.Writer{}
	w.Flag("enabled", o.State() == key.StateActive)
	for _, t := range []struct {
		name string
		t    key.Attr
		unit uint64
	}{{"nbf", key.AttrNotBefore, 1}, {"exp", key.AttrExpires, 1}, {"created", key.AttrCreated, 1e9}, {"updated", key.AttrUpdated, 1e9}} {
		if n, ok := o.ULong(t.t); ok && n != 0 {
			w.Number(t.name, n/t.unit)
		}
	}
	w.Flag("exportable", o.Exportable())
	return w
}

func releaseOf(o *object.Object) *jose.Writer {
	w := &jose.Writer{}
	w.Text("contentType", "application/json; charset=utf-8")
	w.Text("data", b64(o.ReleasePolicy()))
	w.Flag("immutable", o.ReleaseFixed())
	return w
}

// attest answers statements about a key: about its private or secret half, and about its public one where it has one.
func attest(c *channel) error {
	id, handle, name, nonce := c.r.U64(), c.r.U64(), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, r, err := c.keyNamed(id, handle, name)
	if err != nil {
		return err
	}
	c.about.Object = r.ID
	switch {
	case r.Group() != key.GroupKeys:
		return fault.KeyUnknown.At("attest a key by name")
	case len(nonce) > maxNonce || !utf8.Valid(nonce):
		return fault.ArgumentsBad.At("read nonce of attestation")
	}
	if err := policy.Read(v.who(), r.Object); err != nil {
		return err
	}
	private, err := c.module.Vouch(kindAttestation, v.attested(r.Object, aboutPrivate, nonce))
	if err != nil {
		return err
	}
	public := ""
	if r.Class() == key.ClassPrivate {
		if public, err = c.module.Vouch(kindAttestation, v.attested(r.Object, aboutPublic, nonce)); err != nil {
			return err
		}
	}
	c.w.String(private)
	c.w.String(public)
	return nil
}
