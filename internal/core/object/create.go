// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Create makes an object out of a template that holds all of it (C_CreateObject). The material's secret may be a view
// into the template's values; it is nil where HasSecret is false.
func Create(t Template, rules Rules) (*Object, mech.Material, error) {
	class, sub, err := kindNamed(t)
	if err != nil {
		return nil, mech.Material{}, err
	}
	d, err := newDraft(t, created, class, sub, rules)
	if err != nil {
		return nil, mech.Material{}, err
	}
	m := mech.Material{Type: key.TypeUnavailable}
	switch class {
	case key.ClassData:
		m = d.takeData(m)
	case key.ClassCertificate:
		err = d.takeCertificate()
	case key.ClassPublic:
		m, err = d.takePublic()
	case key.ClassPrivate:
		m, err = d.takePrivate()
	case key.ClassSecret:
		m, err = d.takeSecret()
	}
	if err != nil {
		return nil, mech.Material{}, err
	}
	o, err := d.finish(m)
	if err != nil {
		return nil, mech.Material{}, err
	}
	return o, m, nil
}

// kindNamed reads class and type out of a template that must name them.
func kindNamed(t Template) (key.Class, uint64, error) {
	class, err := number(t, key.AttrClass)
	if err != nil {
		return 0, 0, err
	}
	typ := key.AttrKeyType
	switch key.Class(class) {
	case key.ClassData:
		return key.ClassData, 0, nil
	case key.ClassCertificate:
		typ = key.AttrCertificateType
	case key.ClassPublic, key.ClassPrivate, key.ClassSecret:
	default:
		return 0, 0, fault.AttributeValueInvalid.At("read class")
	}
	sub, err := number(t, typ)
	return key.Class(class), sub, err
}

// number reads a CK_ULONG that must be there.
func number(t Template, typ key.Attr) (uint64, error) {
	v, ok := t.Find(typ)
	if !ok {
		return 0, fault.TemplateIncomplete.At("read template")
	}
	if len(v) != 8 {
		return 0, fault.AttributeValueInvalid.At("read template")
	}
	return getULong(v), nil
}

// takeData moves the value of a private data object out of the attributes.
func (d *draft) takeData(m mech.Material) mech.Material {
	if d.bools&bitPrivate == 0 {
		return m
	}
	for i, a := range d.kept {
		if a.Type == key.AttrValue {
			m.Secret = a.Value
			d.kept = append(d.kept[:i:i], d.kept[i+1:]...)
			break
		}
	}
	return m
}

func (d *draft) takeSecret() (mech.Material, error) {
	v, _ := d.given.Find(key.AttrValue)
	m := mech.Material{Type: key.Type(d.sub), Secret: v}
	if err := checkLength(m.Type, len(v)); err != nil {
		return m, err
	}
	return m, d.parse(m)
}

// parse asks the family whether material makes a key.
func (d *draft) parse(m mech.Material) error {
	f := d.rules.Family(m.Type)
	if f == nil {
		return fault.AttributeValueInvalid.At("find the family of the key type")
	}
	if f.Parse == nil {
		return nil
	}
	if _, err := f.Parse(m, true); err != nil {
		return importFault(err)
	}
	return nil
}

// withPublic completes private material with the public half its family computes, and checks the whole.
func (d *draft) withPublic(m mech.Material) (mech.Material, error) {
	f := d.rules.Family(m.Type)
	if f == nil || f.PublicOf == nil {
		return m, fault.AttributeValueInvalid.At("find the family of the key type")
	}
	said := m.Public
	m.Public = nil
	p, err := f.PublicOf(m)
	if err != nil {
		return m, importFault(err)
	}
	if said != nil && !bytes.Equal(said, p.Public) {
		return m, fault.AttributeValueInvalid.At("compare public and private key")
	}
	m.Public = p.Public
	return m, d.parse(m)
}

// importFault keeps the codes that C_CreateObject and C_UnwrapKey may answer; all else that a family finds wrong with a
// key is a wrong value.
func importFault(err error) error {
	switch c := fault.Of(err); c {
	case fault.CurveUnsupported, fault.ParameterSetUnknown, fault.KeySize, fault.PublicKeyInvalid, fault.NotApproved,
		fault.DomainParamsInvalid, fault.Internal, fault.Unsupported:
		return err
	}
	return fault.AttributeValueInvalid.At("check key")
}
