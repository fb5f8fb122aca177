// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"fmt"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// readable makes a key whose value its owner may read.
var readable = client.Template{client.Bool(key.AttrSensitive, false), client.Bool(key.AttrExtractable, true)}

// generateAll makes keys of every type in the core and reads them back; post-quantum ones are then imported as well, as
// seed and in expanded form.
func (p *planter) generateAll() error {
	for _, g := range []struct {
		name string
		typ  key.Type
		mech client.Mechanism
		size uint64
	}{
		{"aes-256", key.TypeAES, client.Mech(key.MechAESKeyGen), 32}, {"chacha20", key.TypeChaCha20, client.Mech(key.MechChaCha20KeyGen), 0},
		{"generic", key.TypeGeneric, client.Mech(key.MechGenericKeyGen), 48}, {"hkdf", key.TypeHKDF, client.Mech(key.MechHKDFKeyGen), 32},
		{"hmac-sha1", key.TypeSHA1HMAC, client.Mech(key.MechSHA1KeyGen), 20}, {"hmac-sha224", key.TypeSHA224HMAC, client.Mech(key.MechSHA224KeyGen), 28},
		{"hmac-sha256", key.TypeSHA256HMAC, client.Mech(key.MechSHA256KeyGen), 32}, {"hmac-sha384", key.TypeSHA384HMAC, client.Mech(key.MechSHA384KeyGen), 48},
		{"hmac-sha512", key.TypeSHA512HMAC, client.Mech(key.MechSHA512KeyGen), 64}, {"pbkdf2", key.TypeGeneric, p.pbkdf2(), 32},
	} {
		t := append(common(key.ClassSecret, g.typ, "made "+g.name, g.name != "pbkdf2"), readable...)
		if g.size > 0 {
			t = append(t, client.ULong(key.AttrValueLen, g.size))
		}
		o, err := p.s.Generate(g.mech, t)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		p.did[useName(g.mech.ID, "generate")] = true
		v, err := p.read(o.Handle, key.AttrValue)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		p.keepParts("made "+g.name, secretParts(g.typ, v[0]))
		p.add(&held{name: "made " + g.name, typ: g.typ, class: key.ClassSecret, handle: o.Handle, value: v[0], bits: o.Bits})
	}
	if err := p.generateRSA(); err != nil {
		return fmt.Errorf("rsa: %w", err)
	}
	for _, c := range curves {
		if err := p.generateCurve(c.name, c.typ, oid(c.oid)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for _, l := range []struct {
		name string
		typ  key.Type
		mech key.Mechanism
		sets []key.ParamSet
	}{
		{"ml-kem", key.TypeMLKEM, key.MechMLKEMKeyPairGen, []key.ParamSet{key.MLKEM512, key.MLKEM768, key.MLKEM1024}},
		{"ml-dsa", key.TypeMLDSA, key.MechMLDSAKeyPairGen, []key.ParamSet{key.MLDSA44, key.MLDSA65, key.MLDSA87}},
		{"slh-dsa", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, []key.ParamSet{key.SLHDSASHA2128f, key.SLHDSASHAKE128f, key.SLHDSASHA2192f, key.SLHDSASHAKE256f}},
	} {
		for _, set := range l.sets {
			if err := p.generateLattice(fmt.Sprintf("%s %d", l.name, set), l.typ, l.mech, set); err != nil {
				return fmt.Errorf("%s %d: %w", l.name, set, err)
			}
		}
	}
	return nil
}

// pbkdf2 makes a key of a password, which is a secret of its own.
func (p *planter) pbkdf2() client.Mechanism {
	password := bytesOf(24)
	p.keep("key pbkdf2 password", memscan.Bytes, password)
	var w wire.Writer
	w.U64(1) // CKZ_SALT_SPECIFIED
	w.Bytes(bytesOf(16))
	w.U64(1000)
	w.U64(4) // CKP_PKCS5_PBKD2_HMAC_SHA256
	w.Bytes(nil)
	w.Bytes(password)
	return client.Mechanism{ID: key.MechPBKDF2, Param: w.B}
}

// read reads parts of a secret; a part that the key does not have is nil.
func (p *planter) read(handle uint64, types ...key.Attr) ([][]byte, error) {
	got, err := p.s.Get(handle, types...)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, v := range got {
		if v.Status == client.Sensitive {
			return nil, fmt.Errorf("attribute %#x is sensitive", uint64(v.Type))
		}
		if len(v.Value) == 0 {
			v.Value = nil
		}
		all = append(all, v.Value)
	}
	return all, nil
}

func (p *planter) pair(name string, typ key.Type, mech key.Mechanism, token bool, public, private client.Template) (*held, error) {
	pub, priv, err := p.s.GeneratePair(client.Mech(mech), append(common(key.ClassPublic, typ, name, token), public...),
		append(append(common(key.ClassPrivate, typ, name, token), readable...), private...))
	if err != nil {
		return nil, err
	}
	p.did[useName(mech, "generate pair")] = true
	k := &held{name: name, typ: typ, class: key.ClassPrivate, handle: priv.Handle, public: pub.Handle, bits: priv.Bits}
	p.add(k)
	return k, nil
}

func (p *planter) generateRSA() error {
	k, err := p.pair("made rsa-2048", key.TypeRSA, key.MechRSAKeyPairGen, true,
		client.Template{client.ULong(key.AttrModulusBits, uint64(2048)), client.Bytes(key.AttrPublicExponent, []byte{1, 0, 1})}, nil)
	if err != nil {
		return err
	}
	types := []key.Attr{key.AttrPrivateExponent, key.AttrPrime1, key.AttrPrime2, key.AttrExponent1, key.AttrExponent2, key.AttrCoefficient}
	v, err := p.read(k.handle, types...)
	if err != nil {
		return err
	}
	var attrs client.Template
	for i, t := range types {
		attrs = append(attrs, client.Bytes(t, v[i]))
	}
	p.keepParts(k.name, rsaParts(attrs))
	return nil
}

func (p *planter) generateCurve(name string, typ key.Type, oid []byte) error {
	mech := map[key.Type]key.Mechanism{key.TypeEC: key.MechECKeyPairGen, key.TypeEdwards: key.MechEdwardsKeyPairGen, key.TypeMontgomery: key.MechMontgomeryPairGen}[typ]
	if name == "ed25519" {
		p.did[useName(key.MechEDDSA, "generate pair")] = true // the same call under another name
	}
	params := client.Bytes(key.AttrECParams, oid)
	k, err := p.pair("made "+name, typ, mech, name != "p384", client.Template{params}, nil)
	if err != nil {
		return err
	}
	k.params = params
	v, err := p.read(k.handle, key.AttrValue)
	if err != nil {
		return err
	}
	p.keepParts(k.name, curveParts(name, v[0]))
	return p.pointOf(k)
}

func (p *planter) generateLattice(name string, typ key.Type, mech key.Mechanism, set key.ParamSet) error {
	params := client.ULong(key.AttrParameterSet, set)
	k, err := p.pair("made "+name, typ, mech, true, client.Template{params}, nil)
	if err != nil {
		return err
	}
	k.params = params
	types := []key.Attr{key.AttrValue}
	if typ != key.TypeSLHDSA {
		types = append(types, key.AttrSeed)
	}
	v, err := p.read(k.handle, types...)
	if err != nil {
		return err
	}
	var seed []byte
	if len(v) > 1 {
		seed = v[1]
	}
	p.keepParts(k.name, latticeParts(typ, set, v[0], seed))
	for _, form := range []client.Attribute{client.Bytes(key.AttrValue, v[0]), client.Bytes(key.AttrSeed, seed)} {
		if form.Value == nil {
			continue
		}
		t := append(common(key.ClassPrivate, typ, "imported "+name, form.Type == key.AttrSeed), params, form, client.Bool(key.AttrSensitive, true), client.Bool(key.AttrExtractable, true))
		o, err := p.s.Create(t)
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		p.add(&held{name: "imported " + name, typ: typ, class: key.ClassPrivate, handle: o.Handle, public: k.public, params: params, bits: o.Bits})
	}
	return nil
}
