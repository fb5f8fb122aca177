// SPDX-License-Identifier: Apache-2.0

package object

import (
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// takePublic builds a public key from its parts, or from PUBLIC_KEY_INFO alone.
func (d *draft) takePublic() (mech.Material, error) {
	m := mech.Material{Type: key.Type(d.sub)}
	if info, _ := d.given.Find(key.AttrPublicKeyInfo); len(info) > 0 && !d.hasParts() {
		p, err := wrap.ParseSPKI(info)
		if err != nil {
			return m, importFault(err)
		}
		if p.Type != m.Type {
			return m, fault.TemplateInconsistent.At("compare key type and public key info")
		}
		return p, d.parse(p)
	}
	err := d.takeParams(&m)
	if err == nil {
		m.Public, err = d.takePublicValue(m, true)
	}
	if err != nil {
		return m, err
	}
	return m, d.parse(m)
}

func (d *draft) hasParts() bool {
	for _, t := range []key.Attr{key.AttrModulus, key.AttrECPoint, key.AttrValue} {
		if _, ok := d.given.Find(t); ok {
			return true
		}
	}
	return false
}

// takeParams reads EC_PARAMS or PARAMETER_SET.
func (d *draft) takeParams(m *mech.Material) error {
	params, err := paramsOf(d.given, m.Type)
	m.Params = params
	return err
}

// paramsOf answers material's Params out of a template.
func paramsOf(t Template, typ key.Type) ([]byte, error) {
	switch {
	case isCurve(typ):
		v, ok := t.Find(key.AttrECParams)
		if !ok {
			return nil, fault.TemplateIncomplete.At("read curve")
		}
		c := wrap.CurveOf(v)
		if c == nil || c.Type != typ {
			return nil, fault.CurveUnsupported.At("read curve")
		}
		return c.OID, nil
	case isPQ(typ):
		v, ok := t.Find(key.AttrParameterSet)
		if !ok {
			return nil, fault.TemplateIncomplete.At("read parameter set")
		}
		if _, _, _, ok := wrap.Lengths(typ, v); !ok {
			return nil, fault.ParameterSetUnknown.At("read parameter set")
		}
		return v, nil
	}
	return nil, nil
}

// takePublicValue reads the public half in canonical form; nil when it is not there and need not be.
func (d *draft) takePublicValue(m mech.Material, must bool) ([]byte, error) {
	missing := error(nil)
	if must {
		missing = fault.TemplateIncomplete.At("read public key")
	}
	switch {
	case m.Type == key.TypeRSA:
		n, hasN := d.given.Find(key.AttrModulus)
		e, hasE := d.given.Find(key.AttrPublicExponent)
		if !hasN || !hasE {
			return nil, missing
		}
		if len(trim(n)) == 0 || len(trim(e)) == 0 {
			return nil, fault.AttributeValueInvalid.At("read public key")
		}
		return wrap.EncodeRSAPublic(n, e), nil
	case isCurve(m.Type):
		v, ok := d.given.Find(key.AttrECPoint)
		if !ok {
			return nil, missing
		}
		point, ok := pointOf(v, wrap.CurveOf(m.Params))
		if !ok {
			return nil, fault.AttributeValueInvalid.At("read public point")
		}
		return point, nil
	}
	v, ok := d.given.Find(key.AttrValue)
	if !ok {
		return nil, missing
	}
	if public, _, _, _ := wrap.Lengths(m.Type, m.Params); len(v) != public {
		return nil, fault.AttributeValueInvalid.At("read public key")
	}
	return v, nil
}

// takePrivate builds a private key from its parts and computes its public half.
func (d *draft) takePrivate() (mech.Material, error) {
	m := mech.Material{Type: key.Type(d.sub)}
	if m.Type == key.TypeRSA {
		var err error
		if m.Secret, err = rsaSecret(d.given); err != nil {
			return m, err
		}
		return d.withPublic(m)
	}
	if err := d.takeParams(&m); err != nil {
		return m, err
	}
	v, hasValue := d.given.Find(key.AttrValue)
	if isCurve(m.Type) {
		var err error
		var ok bool
		if m.Public, err = d.takePublicValue(m, false); err != nil {
			return m, err
		}
		c := wrap.CurveOf(m.Params)
		m.Secret, ok = v, len(v) == c.Scalar
		if c.Type == key.TypeEC { // a big integer; the others are strings of bytes
			m.Secret, ok = wrap.FixedLength(v, c.Scalar)
		}
		if !ok {
			return m, fault.AttributeValueInvalid.At("read private key")
		}
		return d.withPublic(m)
	}
	seed, hasSeed := d.given.Find(key.AttrSeed)
	hasValue, hasSeed = hasValue && len(v) > 0, hasSeed && len(seed) > 0
	_, seedLen, expanded, _ := wrap.Lengths(m.Type, m.Params)
	switch {
	case !hasValue && !hasSeed:
		return m, fault.TemplateIncomplete.At("read private key")
	case hasSeed && len(seed) != seedLen, hasValue && len(v) != expanded:
		return m, fault.AttributeValueInvalid.At("read private key")
	case hasSeed && hasValue:
		m.Secret = seed
		return d.withBoth(m, v)
	case hasSeed:
		m.Secret = seed
	default:
		m.Secret = v
	}
	return d.withPublic(m)
}

// withBoth takes a post-quantum key that came as seed and as expanded key. The seed is kept; the two must be one key, or
// two programs would work with two keys under one name (RFC 9881 and 9935, "Inconsistent Seed and Expanded").
func (d *draft) withBoth(m mech.Material, expanded []byte) (mech.Material, error) {
	want, err := expand(m)
	if err != nil {
		return m, importFault(err)
	}
	defer clear(want)
	if subtle.ConstantTimeCompare(want, expanded) != 1 {
		return m, fault.AttributeValueInvalid.At("compare seed and expanded key")
	}
	return d.withPublic(m)
}
