// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Generate plans C_GenerateKey: it judges the template, says what to generate, and finish makes the object of it.
func Generate(t Template, row *mech.Row, rules Rules) (spec mech.GenSpec, finish func(mech.Material) (*Object, error), err error) {
	typ, err := typeFor(row, t)
	if err != nil {
		return spec, nil, err
	}
	if err := classIs(t, key.ClassSecret); err != nil {
		return spec, nil, err
	}
	d, err := newDraft(t, generated, key.ClassSecret, uint64(typ), rules)
	if err != nil {
		return spec, nil, err
	}
	spec.Type, spec.Bits = typ, fixedLength(typ)
	if n, ok := d.given.ULong(key.AttrValueLen); ok {
		if spec.Bits != 0 && uint64(spec.Bits) != n || n > maxSecret {
			return spec, nil, fault.AttributeValueInvalid.At("read value length")
		}
		spec.Bits = int(n)
	}
	if spec.Bits == 0 {
		return spec, nil, fault.TemplateIncomplete.At("read value length")
	}
	if err := checkLength(typ, spec.Bits); err != nil {
		return spec, nil, err
	}
	size := spec.Bits
	if row.ID == key.MechGenericKeyGen {
		size *= 8 // section 6.8.3 counts its limits in bits, unlike all others
	}
	if err := checkRange(row, size); err != nil {
		return spec, nil, err
	}
	d.madeHere(row)
	return spec, func(m mech.Material) (*Object, error) {
		m.Type = typ // a generic secret may be asked for under an HMAC's type
		if len(m.Secret) != spec.Bits {
			return nil, fault.Internal.At("generate key")
		}
		return d.finish(m)
	}, nil
}

// GeneratePair plans C_GenerateKeyPair. Material of finish holds both halves; the public object has no secret.
func GeneratePair(pub, priv Template, row *mech.Row, rules Rules) (spec mech.GenSpec, finish func(mech.Material) (public, private *Object, err error), err error) {
	typ, err := typeFor(row, pub, priv)
	if err != nil {
		return spec, nil, err
	}
	if err := classIs(pub, key.ClassPublic); err != nil {
		return spec, nil, err
	}
	if err := classIs(priv, key.ClassPrivate); err != nil {
		return spec, nil, err
	}
	spec.Type = typ
	dpub, err := newDraft(pub, generated, key.ClassPublic, uint64(typ), rules)
	if err != nil {
		return spec, nil, err
	}
	dpriv, err := newDraft(priv, generated, key.ClassPrivate, uint64(typ), rules)
	if err != nil {
		return spec, nil, err
	}
	if err := dpub.takeSpec(&spec, row); err != nil {
		return spec, nil, err
	}
	dpub.madeHere(row)
	dpriv.madeHere(row)
	return spec, func(m mech.Material) (*Object, *Object, error) {
		private, err := dpriv.finish(m)
		if err != nil {
			return nil, nil, err
		}
		m.Secret = nil
		public, err := dpub.finish(m)
		if err != nil {
			return nil, nil, err
		}
		return public, private, nil
	}, nil
}

// takeSpec reads out of the public template what the algorithm needs.
func (d *draft) takeSpec(spec *mech.GenSpec, row *mech.Row) error {
	if spec.Type != key.TypeRSA {
		var err error
		spec.Params, err = paramsOf(d.given, spec.Type)
		return err
	}
	bits, ok := d.given.ULong(key.AttrModulusBits)
	if !ok {
		return fault.TemplateIncomplete.At("read modulus bits")
	}
	if bits > 8*maxInteger {
		return fault.KeySize.At("read modulus bits")
	}
	spec.Bits = int(bits)
	if e, ok := d.given.Find(key.AttrPublicExponent); ok { // 2.40 asks for it; 3.x programs leave it out
		if e = trim(e); len(e) == 0 || e[len(e)-1]&1 == 0 || len(e) == 1 && e[0] == 1 {
			return fault.AttributeValueInvalid.At("read public exponent")
		}
		spec.Exponent = e
	}
	return checkRange(row, spec.Bits)
}

// madeHere sets what the standard says of keys that were generated on the token.
func (d *draft) madeHere(row *mech.Row) {
	d.made.local, d.made.mechanism = true, uint64(row.ID)
	d.made.wasSensitive, d.made.wasNeverExtracable = true, true
}

// typeFor finds the key type that templates ask for among those the mechanism makes.
func typeFor(row *mech.Row, templates ...Template) (key.Type, error) {
	typ, named := key.TypeUnavailable, false
	for _, t := range templates {
		v, ok := t.Find(key.AttrKeyType)
		if !ok {
			continue
		}
		if len(v) != 8 {
			return 0, fault.AttributeValueInvalid.At("read key type")
		}
		if named && key.Type(getULong(v)) != typ {
			return 0, fault.TemplateInconsistent.At("compare key types")
		}
		typ, named = key.Type(getULong(v)), true
	}
	if len(row.KeyTypes) == 0 {
		return 0, fault.MechanismInvalid.At("read key types of the mechanism")
	}
	if !named {
		return row.KeyTypes[0], nil
	}
	// crypto11 makes its HMAC keys with the mechanism of generic secrets, before SHA256_KEY_GEN and the like existed.
	if !slices.Contains(row.KeyTypes, typ) && !(row.ID == key.MechGenericKeyGen && isHMAC(typ)) {
		return 0, fault.TemplateInconsistent.At("compare key type and mechanism")
	}
	return typ, nil
}

// classIs checks a class that a template need not name.
func classIs(t Template, class key.Class) error {
	v, ok := t.Find(key.AttrClass)
	switch {
	case !ok:
		return nil
	case len(v) != 8:
		return fault.AttributeValueInvalid.At("read class")
	case key.Class(getULong(v)) != class:
		return fault.TemplateInconsistent.At("compare class and call")
	}
	return nil
}

// checkRange holds a size to the mechanism's own limits (CK_MECHANISM_INFO).
func checkRange(row *mech.Row, bits int) error {
	if row.Max != 0 && (bits < row.Min || bits > row.Max) {
		return fault.KeySize.At("compare key size and mechanism")
	}
	return nil
}
