// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// RecordVersion is the first byte of every record's plaintext. A form with another meaning gets another number; the
// old ones are read for ever.
const recordVersion = 1

// Encode writes the plaintext of the object's record:
//
//	y version (1) | id (16) | A attributes, sorted, without those that are read out of others | b secret
//
// CLASS and KEY_TYPE (or CERTIFICATE_TYPE, PROFILE_ID) are among the attributes. The caller seals and clears it.
func (o *Object) Encode(w *wire.Writer, m mech.Material) {
	w.U8(recordVersion)
	w.PutID(o.ID)
	t := append(o.Attrs(), Attribute{key.AttrClass, putULong(uint64(o.class))})
	if a, ok := subAttr(o.class); ok {
		t = append(t, Attribute{a, putULong(o.sub)})
	}
	sortTemplate(t)
	EncodeTemplate(w, t)
	w.Bytes(m.Secret)
}

// EncodedLen is the number of bytes Encode will write, or a little more.
func (o *Object) EncodedLen(m mech.Material) int {
	return 32 + 13*(len(boolRules)) + 20*4 + 2*len(o.body) + len(m.Secret)
}

// Decode reads what Encode wrote. The material's secret is a view into b; everything else is copied.
func Decode(b []byte) (*Object, mech.Material, error) {
	bad := fault.RecordInvalid.At("decode object")
	r := wire.NewReader(b)
	if len(b) > maxRecord || r.U8() != recordVersion {
		return nil, mech.Material{}, bad
	}
	o := &Object{ID: r.ID()}
	t, err := DecodeTemplate(&r)
	secret := r.Bytes()
	if err != nil || r.End() != nil || o.ID.IsZero() || !o.restore(t) {
		return nil, mech.Material{}, bad
	}
	m := mech.Material{Type: o.KeyType()}
	if o.HasSecret() {
		m.Secret = secret
		if len(secret) == 0 && o.IsKey() {
			return nil, mech.Material{}, bad
		}
	} else if len(secret) > 0 {
		return nil, mech.Material{}, bad
	}
	o.bits = o.sizeOf(m)
	m.Params, m.Public = o.params, o.public
	return o, m, nil
}

// restore fills in the object from its stored attributes, which must be sorted and exactly those of its kind: a record
// has one form only.
func (o *Object) restore(t Template) bool {
	class, err := number(t, key.AttrClass)
	if err != nil {
		return false
	}
	o.class = key.Class(class)
	sub, hasSub := subAttr(o.class)
	if hasSub {
		if o.sub, err = number(t, sub); err != nil {
			return false
		}
	}
	if o.scope = scopeOf(o.class, o.sub); o.scope == 0 {
		return false
	}
	bools := 0
	var stored Template
	for i, a := range t {
		if i > 0 && t[i-1].Type >= a.Type {
			return false
		}
		if a.Type == key.AttrClass || hasSub && a.Type == sub {
			continue
		}
		rule, _ := ruleOf(a.Type, o.scope)
		switch {
		case rule == nil, rule.note&(derived|secret) != 0, checkValue(rule, a.Value) != nil:
			return false
		case a.Type == key.AttrValue && o.secretData():
			return false
		case rule.kind != kindBool:
			if len(a.Value) == 0 {
				return false
			}
			stored = append(stored, a)
			continue
		case a.Value[0] > 1:
			return false
		}
		bools++
		if a.Value[0] == 1 {
			o.bools |= bitOf[a.Type]
		}
	}
	for _, r := range boolRules {
		if r.in&o.scope != 0 {
			bools--
		}
	}
	return bools == 0 && o.setBody(slices.Clip(stored), mech.Material{}) == nil
}

// subAttr names the attribute that holds an object's type.
func subAttr(c key.Class) (key.Attr, bool) {
	switch c {
	case key.ClassCertificate:
		return key.AttrCertificateType, true
	case key.ClassProfile:
		return key.AttrProfileID, true
	case key.ClassData:
		return 0, false
	}
	return key.AttrKeyType, true
}
