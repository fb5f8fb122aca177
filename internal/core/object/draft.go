// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Draft is an object between its template and its material.
type draft struct {
	rules Rules
	from  origin
	class key.Class
	sub   uint64
	scope scope
	bools uint32
	given Template // attributes that are part of the key itself
	kept  Template // all others that are stored

	length int // of derived data that the template wants; of keys it stands in given

	made struct { // set by the functions that make keys
		local              bool
		mechanism          uint64
		wasSensitive       bool // of the key it comes from
		wasNeverExtracable bool
	}
}

// newDraft judges a template in the order of PKCS #11 3.2 section 4.1.1: names, values, read-only attributes, what is
// missing, what does not go together.
func newDraft(t Template, from origin, class key.Class, sub uint64, rules Rules) (*draft, error) {
	d := &draft{rules: rules, from: from, class: class, sub: sub, scope: scopeOf(class, sub)}
	if d.scope == 0 || d.scope == inProfile {
		return nil, fault.AttributeValueInvalid.At("find the kind of object")
	}
	d.made.mechanism = key.Unavailable
	t = slices.Clone(t)
	sortTemplate(t)
	d.bools = defaultBools(d.scope, from)
	var named uint32 // usage flags set to true by name
	for i, a := range t {
		if i > 0 && t[i-1].Type == a.Type {
			if !sameValue(a.Type, t[i-1].Value, a.Value) {
				return nil, fault.TemplateInconsistent.At("read an attribute given twice")
			}
			continue
		}
		if a.Type == attrNSSDB && d.scope&inPrivate != 0 {
			continue
		}
		r, known := ruleOf(a.Type, d.scope)
		if !known {
			return nil, fault.AttributeUnknown.At("read template")
		}
		if r == nil {
			return nil, fault.TemplateInconsistent.At("read an attribute of another kind of object")
		}
		if err := checkValue(r, a.Value); err != nil {
			return nil, err
		}
		if err := d.take(r, a); err != nil {
			return nil, err
		}
		if r.kind == kindBool && a.Value[0] != 0 {
			named |= bitOf[a.Type] & bitsUsage
		}
	}
	if ops := d.value(key.AttrKeyOps); len(ops) > 0 {
		d.bools = withOps(d.scope, d.bools, key.Ops(getULong(ops)))
	} else if named == 0 {
		d.bools |= defaultUsage(d.scope, key.Type(sub)) &^ namedBools(t)
	}
	return d, d.check(t)
}

// take puts one attribute where it belongs.
func (d *draft) take(r *rule, a Attribute) error {
	switch {
	case r.note&ours != 0:
		return fault.AttributeReadOnly.At("read template")
	case r.note&byAdmin != 0 && a.Value[0] != 0 && d.rules.Who != ActorAdmin:
		return fault.AttributeReadOnly.At("set trusted")
	case a.Type == key.AttrPart && (getULong(a.Value) == 0 || getULong(a.Value) > uint64(key.PartSettings)),
		a.Type == key.AttrState && !mayBegin(a.Value):
		return fault.AttributeValueInvalid.At("read the state of a new object")
	case r.kind == kindTime && getULong(a.Value) == 0:
	case r.kind == kindBool:
		d.setBool(a.Type, a.Value[0] != 0)
	case r.note&(given|derived) != 0:
		if r.note&secret != 0 && d.from != created {
			return fault.TemplateInconsistent.At("read a secret value for a key that is made here")
		}
		d.given = append(d.given, a)
	case len(a.Value) > 0:
		d.kept = append(d.kept, a)
	}
	return nil
}

func (d *draft) setBool(t key.Attr, v bool) {
	if v {
		d.bools |= bitOf[t]
	} else {
		d.bools &^= bitOf[t]
	}
}

func namedBools(t Template) (named uint32) {
	for _, a := range t {
		named |= bitOf[a.Type]
	}
	return named
}

// check refuses what is missing or does not go together, as far as the template alone can tell.
func (d *draft) check(t Template) error {
	for i := range rulesTable {
		r := &rulesTable[i]
		if r.in&d.scope == 0 || d.from != created || r.note&needCreate == 0 {
			continue
		}
		if _, ok := t.Find(r.attr); !ok {
			return fault.TemplateIncomplete.At("read template")
		}
	}
	if d.bools&bitAlwaysAuth != 0 && d.bools&bitPrivate == 0 {
		return fault.TemplateInconsistent.At("ask for a login with every use of a public object")
	}
	if err := checkTimes(d.value(key.AttrNotBefore), d.value(key.AttrExpires)); err != nil {
		return err
	}
	return checkDates(d.value(key.AttrStartDate), d.value(key.AttrEndDate))
}

func checkDates(start, end []byte) error {
	if len(start) > 0 && len(end) > 0 && bytes.Compare(start, end) > 0 {
		return fault.TemplateInconsistent.At("compare start and end date")
	}
	return nil
}

func (d *draft) value(t key.Attr) []byte {
	v, _ := d.kept.Find(t)
	return v
}

// finish joins the draft with its material. The object is complete but for Version, Session and Resting.
func (d *draft) finish(m mech.Material) (*Object, error) {
	o := &Object{ID: d.rules.NewID(), class: d.class, sub: d.sub, scope: d.scope, bools: d.bools}
	kept := d.kept
	add := func(t key.Attr, v []byte) { kept = append(kept, Attribute{t, v}) }
	if d.scope&inKey != 0 {
		if m.Type != key.Type(d.sub) {
			return nil, fault.Internal.At("join key and template")
		}
		if d.made.mechanism != key.Unavailable {
			add(key.AttrKeyGenMechanism, putULong(d.made.mechanism))
		}
		if d.made.local {
			o.bools |= bitLocal
		}
	}
	if d.scope&withheld != 0 {
		if d.made.wasSensitive && o.Sensitive() {
			o.bools |= bitAlwaysSensitive
		}
		if d.made.wasNeverExtracable && !o.Extractable() {
			o.bools |= bitNeverExtractable
		}
	}
	if d.scope&inPair != 0 {
		info, err := wrap.SPKI(m)
		if err != nil {
			return nil, err
		}
		add(key.AttrPublicKeyInfo, info)
	}
	if cv, err := d.checkValueOf(m); err != nil {
		return nil, err
	} else if len(cv) > 0 {
		add(key.AttrCheckValue, cv)
	}
	if !d.rules.Owner.IsZero() {
		add(key.AttrOwnerID, slices.Clone(d.rules.Owner[:]))
	}
	if d.rules.Now != 0 && o.Token() {
		add(key.AttrCreated, putULong(uint64(d.rules.Now)))
		add(key.AttrUpdated, putULong(uint64(d.rules.Now)))
	}
	if err := o.setBody(kept, m); err != nil {
		return nil, err
	}
	return o, d.compareGiven(o)
}

// compareGiven holds what the template said about the key itself against the key. Naming what a function contributes is
// allowed as long as it is the same (section 4.1.1).
func (d *draft) compareGiven(o *Object) error {
	for _, a := range d.given {
		v, st := o.Get(a.Type)
		switch {
		case st != Given, a.Type == key.AttrCheckValue: // secret input; checkValueOf
		case a.Type == key.AttrPublicKeyInfo && len(a.Value) == 0:
		case !o.sameAttr(a.Type, v, a.Value):
			return fault.TemplateInconsistent.At("compare the template with the key")
		}
	}
	return nil
}

// setBody stores attributes, sorted, and computes what is read out of them.
func (o *Object) setBody(t Template, m mech.Material) error {
	sortTemplate(t)
	size := 0
	for _, a := range t {
		size += 8 + len(a.Value)
	}
	w := wire.Writer{B: make([]byte, 0, size)}
	for _, a := range t {
		w.U32(uint32(a.Type))
		w.Bytes(a.Value)
	}
	o.body = w.B
	o.marks = marksOf(t)
	if err := o.setPublic(); err != nil {
		return err
	}
	o.bits = o.sizeOf(m)
	return nil
}
