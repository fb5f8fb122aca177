// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Unwrapped makes the object of a key that by unwrapped to plain (C_UnwrapKey): a value, or PKCS #8. The material is
// a view into plain, or computed. Such a key is neither LOCAL nor ALWAYS_SENSITIVE nor NEVER_EXTRACTABLE: its past is
// not known.
func Unwrapped(t Template, by *Object, row *mech.Row, plain []byte, rules Rules) (*Object, mech.Material, error) {
	d, err := draftOf(t, by, key.AttrUnwrapTemplate, unwrapped, rules)
	if err != nil {
		return nil, mech.Material{}, err
	}
	m := mech.Material{Type: key.Type(d.sub)}
	switch d.class {
	case key.ClassSecret:
		m.Secret, err = d.unwrappedValue(row, plain)
	case key.ClassPrivate:
		m, err = d.unwrappedPrivate(row, plain)
	default:
		err = fault.TemplateInconsistent.At("read class of an unwrapped key")
	}
	if err != nil {
		return nil, mech.Material{}, err
	}
	return d.finishWith(m)
}

// CheckUnwrap judges the template of C_UnwrapKey before the secret operation is done.
func CheckUnwrap(t Template, by *Object, rules Rules) error {
	d, err := draftOf(t, by, key.AttrUnwrapTemplate, unwrapped, rules)
	if err == nil && d.class != key.ClassSecret && d.class != key.ClassPrivate {
		err = fault.TemplateInconsistent.At("read class of an unwrapped key")
	}
	return err
}

// draftOf joins a template with the nested one of the key that acts, which names class and type as well.
func draftOf(t Template, by *Object, nested key.Attr, from origin, rules Rules) (*draft, error) {
	t, err := merge(t, by.find(nested))
	if err != nil {
		return nil, err
	}
	class, sub, err := kindNamed(t)
	if err != nil {
		return nil, err
	}
	return newDraft(t, from, class, sub, rules)
}

// unwrappedValue is the value of a secret key. Mechanisms that keep no length give back what was padded: those with
// zeros at the end (section 6.13.6, ECB and CBC) or in front (raw RSA) are cut to VALUE_LEN or to the type's length.
func (d *draft) unwrappedValue(row *mech.Row, plain []byte) ([]byte, error) {
	typ := key.Type(d.sub)
	n := fixedLength(typ)
	if v, ok := d.given.ULong(key.AttrValueLen); ok {
		if v == 0 || v > maxSecret || n != 0 && uint64(n) != v {
			return nil, fault.TemplateInconsistent.At("read value length")
		}
		n = int(v)
	}
	if n != 0 && n < len(plain) {
		switch row.ID {
		case key.MechAESECB, key.MechAESCBC, key.MechDES3ECB, key.MechDES3CBC:
			plain = plain[:n]
		case key.MechRSAX509:
			plain = plain[len(plain)-n:]
		}
	}
	if n != 0 && n != len(plain) {
		return nil, fault.TemplateInconsistent.At("compare value length")
	}
	if checkLength(typ, len(plain)) != nil {
		return nil, fault.WrappedKeyInvalid.At("check length of the unwrapped key")
	}
	return plain, nil
}

// unwrappedPrivate reads PKCS #8.
func (d *draft) unwrappedPrivate(row *mech.Row, plain []byte) (mech.Material, error) {
	p, err := wrap.ParsePKCS8(plain)
	if err != nil {
		return p.Material, err
	}
	padded := row.ID == key.MechAESECB || row.ID == key.MechAESCBC || row.ID == key.MechDES3CBC || row.ID == key.MechDES3ECB
	if len(p.Rest) > 0 && (!padded || len(p.Rest) > 15 || !isZero(p.Rest)) {
		return p.Material, fault.WrappedKeyInvalid.At("read the end of the unwrapped key")
	}
	if p.Type != key.Type(d.sub) {
		return p.Material, fault.WrappedKeyInvalid.At("compare key type and unwrapped key")
	}
	m := p.Material
	if p.Expanded != nil {
		m, err = d.withBoth(m, p.Expanded)
	} else {
		m, err = d.withPublic(m)
	}
	if fault.Of(err) == fault.AttributeValueInvalid { // nothing that the template said
		err = fault.WrappedKeyInvalid.At("check the unwrapped key")
	}
	return m, err
}

func isZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// Imported makes the object of a private key in PKCS #8 or a public key in SubjectPublicKeyInfo (genbu key import).
// The template need not name class and type.
func Imported(t Template, der []byte, rules Rules) (*Object, mech.Material, error) {
	class := key.ClassPrivate
	p, err := wrap.ParsePKCS8(der)
	if err != nil {
		var perr error
		if p.Material, perr = wrap.ParseSPKI(der); perr != nil {
			return nil, mech.Material{}, err
		}
		class = key.ClassPublic
	}
	if len(p.Rest) > 0 {
		return nil, mech.Material{}, fault.WrappedKeyInvalid.At("read the end of the key")
	}
	if err := classIs(t, class); err != nil {
		return nil, mech.Material{}, err
	}
	d, err := newDraft(t, unwrapped, class, uint64(p.Type), rules)
	if err != nil {
		return nil, mech.Material{}, err
	}
	if _, named := t.Find(key.AttrExtractable); !named { // the standard's default for C_UnwrapKey is not for this call
		d.bools &^= bitExtractable
	}
	m := p.Material
	switch {
	case class == key.ClassPublic:
		err = d.parse(m)
	case p.Expanded != nil:
		m, err = d.withBoth(m, p.Expanded)
	default:
		m, err = d.withPublic(m)
	}
	if err != nil {
		return nil, mech.Material{}, err
	}
	return d.finishWith(m)
}

// DeriveLen judges the template of C_DeriveKey and answers how many bytes to derive; 0 for what comes naturally.
func DeriveLen(t Template, base *Object, row *mech.Row, rules Rules) (int, error) {
	d, err := draftDerived(t, base, row, rules)
	if err != nil {
		return 0, err
	}
	return d.wantedLen()
}

// Derived makes the object of value that was derived from base by row.
func Derived(t Template, base *Object, row *mech.Row, value []byte, rules Rules) (*Object, mech.Material, error) {
	d, err := draftDerived(t, base, row, rules)
	if err != nil {
		return nil, mech.Material{}, err
	}
	d.made.wasSensitive = base.bools&bitAlwaysSensitive != 0
	d.made.wasNeverExtracable = base.bools&bitNeverExtractable != 0
	if d.class == key.ClassData {
		m := mech.Material{Type: key.TypeUnavailable}
		if d.bools&bitPrivate != 0 {
			m.Secret = value
		} else {
			d.kept = append(d.kept, Attribute{key.AttrValue, value})
		}
		return d.finishWith(m)
	}
	return d.finishValue(value)
}

// draftDerived fills in the class and type that templates of C_DeriveKey commonly leave out.
func draftDerived(t Template, base *Object, row *mech.Row, rules Rules) (*draft, error) {
	t, err := merge(t, base.find(key.AttrDeriveTemplate))
	if err != nil {
		return nil, err
	}
	class := key.ClassSecret
	if row.ID == key.MechHKDFData {
		class = key.ClassData
	}
	if err := classIs(t, class); err != nil {
		return nil, err
	}
	if class == key.ClassData {
		return draftDerivedData(t, rules)
	}
	typ, err := secretType(t)
	if err != nil {
		return nil, err
	}
	return newDraft(t, derivedFrom, class, uint64(typ), rules)
}

// draftDerivedData takes CKA_VALUE_LEN out of the template: it says how much to derive (PKCS #11 3.2 section 6.62.4), and
// is no attribute of the data object that comes of it.
func draftDerivedData(t Template, rules Rules) (*draft, error) {
	length := 0
	if v, ok := t.Find(key.AttrValueLen); ok {
		if len(v) != 8 {
			return nil, fault.AttributeValueInvalid.At("read value length")
		}
		if getULong(v) > maxSecret {
			return nil, fault.TemplateInconsistent.At("read value length")
		}
		length = int(getULong(v))
		t = slices.DeleteFunc(slices.Clone(t), func(a Attribute) bool { return a.Type == key.AttrValueLen })
	}
	d, err := newDraft(t, derivedFrom, key.ClassData, 0, rules)
	if err != nil {
		return nil, err
	}
	d.length = length
	return d, nil
}

// secretType reads the key type of a secret key; generic when a template does not say.
func secretType(t Template) (key.Type, error) {
	v, ok := t.Find(key.AttrKeyType)
	if !ok {
		return key.TypeGeneric, nil
	}
	if len(v) != 8 {
		return 0, fault.AttributeValueInvalid.At("read key type")
	}
	typ := key.Type(getULong(v))
	if !isSecretType(typ) {
		return 0, fault.TemplateInconsistent.At("read key type")
	}
	return typ, nil
}

// wantedLen is the length that a template asks of a made secret; 0 when it leaves that open.
func (d *draft) wantedLen() (int, error) {
	n := fixedLength(key.Type(d.sub))
	if d.class == key.ClassData {
		return d.length, nil
	}
	if v, ok := d.given.ULong(key.AttrValueLen); ok {
		if n != 0 && v != uint64(n) || v > maxSecret {
			return 0, fault.TemplateInconsistent.At("read value length")
		}
		n = int(v)
		if err := checkLength(key.Type(d.sub), n); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// Encapsulated makes the object of a shared secret (C_EncapsulateKey with a public, C_DecapsulateKey with a private
// key). A secret longer than the template asks for is cut at its end.
func Encapsulated(t Template, by *Object, secret []byte, rules Rules) (*Object, mech.Material, error) {
	d, err := draftEncapsulated(t, by, rules)
	if err != nil {
		return nil, mech.Material{}, err
	}
	n, err := d.wantedLen()
	if err != nil {
		return nil, mech.Material{}, err
	}
	if n != 0 && n <= len(secret) {
		secret = secret[:n]
	}
	return d.finishValue(secret)
}

// CheckEncapsulate judges the template of C_EncapsulateKey or C_DecapsulateKey before the operation is done.
func CheckEncapsulate(t Template, by *Object, rules Rules) error {
	d, err := draftEncapsulated(t, by, rules)
	if err == nil {
		_, err = d.wantedLen()
	}
	return err
}

func draftEncapsulated(t Template, by *Object, rules Rules) (*draft, error) {
	nested := key.AttrEncapsTemplate
	if by.class == key.ClassPrivate {
		nested = key.AttrDecapsTemplate
	}
	t, err := merge(t, by.find(nested))
	if err != nil {
		return nil, err
	}
	if err := classIs(t, key.ClassSecret); err != nil {
		return nil, err
	}
	typ, err := secretType(t)
	if err != nil {
		return nil, err
	}
	return newDraft(t, encapsulated, key.ClassSecret, uint64(typ), rules)
}

// finishValue checks the length of a made secret and finishes.
func (d *draft) finishValue(value []byte) (*Object, mech.Material, error) {
	typ := key.Type(d.sub)
	if checkLength(typ, len(value)) != nil { // the mechanism's natural length is none of this type's
		return nil, mech.Material{}, fault.TemplateIncomplete.At("choose a length for the key")
	}
	return d.finishWith(mech.Material{Type: typ, Secret: value})
}

func (d *draft) finishWith(m mech.Material) (*Object, mech.Material, error) {
	o, err := d.finish(m)
	if err != nil {
		return nil, mech.Material{}, err
	}
	return o, m, nil
}
