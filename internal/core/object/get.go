// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"math/bits"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mldsa"
	"github.com/genbu-hsm/genbu/internal/core/mech/mlkem"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Get answers one attribute. The value is the object's own and not to be changed. An attribute that the object may have
// and that was never set is Given with an empty value, or with the standard's default.
func (o *Object) Get(t key.Attr) (value []byte, st Status) {
	r, _ := ruleOf(t, o.scope)
	if r == nil {
		return nil, StatusUnknown
	}
	switch {
	case r.note&secret != 0 && (o.Sensitive() || !o.Extractable()):
		return nil, Sensitive
	case r.note&secret != 0, t == key.AttrValue && o.secretData():
		return nil, NeedsMaterial
	case r.kind == kindBool:
		if o.bools&bitOf[t] != 0 {
			return valueTrue, Given
		}
		return valueFalse, Given
	case r.note&derived != 0:
		return o.derived(t), Given
	}
	if v := o.find(t); v != nil {
		return v, Given
	}
	if v := o.implied(t); v != nil {
		return v, Given
	}
	return absent(t), Given
}

// Derived reads attributes that are not stored, because something stored says them already.
func (o *Object) derived(t key.Attr) []byte {
	switch t {
	case key.AttrClass:
		return putULong(uint64(o.class))
	case key.AttrKeyType, key.AttrCertificateType, key.AttrProfileID:
		return putULong(o.sub)
	case key.AttrUniqueID:
		return []byte(o.ID.String())
	case key.AttrModulusBits:
		return putULong(uint64(o.bits))
	case key.AttrValueLen:
		return putULong(uint64(o.bits / 8))
	case key.AttrECParams, key.AttrParameterSet:
		return o.params
	case key.AttrECPoint:
		return octetString(o.public)
	case key.AttrValue:
		return o.public
	case key.AttrModulus:
		n, _, _ := wrap.RSAPublic(o.public)
		return n
	case key.AttrPublicExponent:
		_, e, _ := wrap.RSAPublic(o.public)
		return e
	}
	return nil
}

// Absent is the default of an attribute that was never set.
func absent(t key.Attr) []byte {
	switch t {
	case key.AttrKeyGenMechanism:
		return putULong(key.Unavailable)
	case key.AttrCertCategory, key.AttrJavaMIDP: // "unspecified"
		return putULong(0)
	case key.AttrNameHashAlg:
		return putULong(uint64(key.MechSHA1))
	case key.AttrState:
		return putULong(uint64(key.StateActive))
	}
	return []byte{}
}

// SecretAttr reads a secret attribute out of material, for attributes whose Status is NeedsMaterial. The value is a view
// into the material where possible. False when the material does not hold it: the seed of a key that came expanded.
func SecretAttr(m mech.Material, t key.Attr) ([]byte, bool) {
	switch {
	case m.Type == key.TypeRSA:
		k, ok := wrap.ParseRSAPrivate(m.Secret)
		if !ok {
			return nil, false
		}
		switch t {
		case key.AttrPrivateExponent:
			return k.D, true
		case key.AttrPrime1:
			return k.P, true
		case key.AttrPrime2:
			return k.Q, true
		case key.AttrExponent1:
			return k.DP, true
		case key.AttrExponent2:
			return k.DQ, true
		case key.AttrCoefficient:
			return k.QInv, true
		}
		return nil, false
	case t == key.AttrSeed:
		return m.Secret, isSeed(m)
	case t == key.AttrValue && isSeed(m):
		v, err := expand(m)
		return v, err == nil
	}
	return m.Secret, t == key.AttrValue
}

// isSeed tells whether post-quantum material is kept as its seed.
func isSeed(m mech.Material) bool {
	_, seed, _, ok := wrap.Lengths(m.Type, m.Params)
	return ok && seed > 0 && len(m.Secret) == seed
}

// expand computes the expanded form of a seed; the result is the caller's to clear.
func expand(m mech.Material) ([]byte, error) {
	switch m.Type {
	case key.TypeMLKEM:
		return mlkem.Expand(m)
	case key.TypeMLDSA:
		return mldsa.Expand(m)
	}
	return nil, fault.Internal.At("expand a key that has no seed")
}

// Matches tells whether the object fits a search (C_FindObjects) or a key's template: each attribute named must be there
// with the same value. An attribute that may not be read never matches, or a search would be an oracle for it; nor does
// part of a secret that may be read, since a search opens no material.
func (o *Object) Matches(t Template) bool {
	for _, a := range t {
		v, st := o.Get(a.Type)
		if st != Given || !o.sameAttr(a.Type, v, a.Value) {
			return false
		}
	}
	return true
}

func (o *Object) sameAttr(t key.Attr, have, want []byte) bool {
	switch t {
	case key.AttrECParams: // asked for by OID or by name
		c := wrap.CurveOf(want)
		return c != nil && bytes.Equal(have, c.OID)
	case key.AttrECPoint: // in any of its forms
		point, ok := pointOf(want, wrap.CurveOf(o.params))
		return ok && bytes.Equal(o.public, point)
	case key.AttrModulus, key.AttrPublicExponent:
		return bytes.Equal(have, trim(want))
	}
	return sameValue(t, have, want)
}

// Find scans the stored attributes; nil when there is none.
func (o *Object) find(t key.Attr) []byte {
	b := o.body
	for len(b) >= 8 {
		typ, n := getU32(b), int(getU32(b[4:]))
		if typ >= uint32(t) {
			if typ == uint32(t) {
				return b[8 : 8+n : 8+n]
			}
			return nil
		}
		b = b[8+n:]
	}
	return nil
}

// Attrs lists every stored attribute in the order of their numbers, CK_BBOOLs included: what a record holds.
func (o *Object) Attrs() Template {
	t := make(Template, 0, 32)
	for _, r := range boolRules {
		if r.in&o.scope != 0 {
			v, _ := o.Get(r.attr)
			t = append(t, Attribute{r.attr, v})
		}
	}
	for b := o.body; len(b) >= 8; {
		n := int(getU32(b[4:]))
		t = append(t, Attribute{key.Attr(getU32(b)), b[8 : 8+n : 8+n]})
		b = b[8+n:]
	}
	sortTemplate(t)
	return t
}

// sizeOf is the key size as letter O of channel.md counts it.
func (o *Object) sizeOf(m mech.Material) uint32 {
	switch {
	case o.class == key.ClassSecret:
		return uint32(8 * len(m.Secret))
	case o.scope&rsaPair != 0:
		n, _, _ := wrap.RSAPublic(o.public)
		if len(n) == 0 {
			return 0
		}
		return uint32(8*len(n) - bits.LeadingZeros8(n[0]))
	case o.scope&ecPair != 0:
		return uint32(wrap.CurveOf(o.params).Bits)
	case o.scope&pqPair != 0:
		return uint32(o.params[0])
	}
	return 0
}
