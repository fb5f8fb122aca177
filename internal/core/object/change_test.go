// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func TestAttributesChangeOnlyAsTheirNotesSay(t *testing.T) {
	open := secretKey(key.TypeAES, aesValue, key.AttrSensitive, false, key.AttrExtractable, true, key.AttrLabel, "old")
	closed := secretKey(key.TypeAES, aesValue, key.AttrSensitive, true, key.AttrExtractable, false, key.AttrWrapWithTrusted, true, key.AttrCopyable, false, key.AttrDestroyable, false)
	cert := with(key.AttrClass, key.ClassCertificate, key.AttrCertificateType, key.CertX509, key.AttrSubject, "s", key.AttrValue, "v")
	for _, c := range []struct {
		name string
		from Template
		t    Template
		who  Actor
		want fault.Code
	}{
		{"label", open, with(key.AttrLabel, "new"), ActorUser, fault.OK},
		{"id, as NSS does", open, with(key.AttrID, bytes.Repeat([]byte{1}, 20)), ActorUser, fault.OK},
		{"usage", open, with(key.AttrDerive, true, key.AttrSign, false), ActorUser, fault.OK},
		{"dates", open, with(key.AttrStartDate, "20260101", key.AttrEndDate, "20270101"), ActorUser, fault.OK},
		{"dates in the wrong order", open, with(key.AttrStartDate, "20270101", key.AttrEndDate, "20260101"), ActorUser, fault.TemplateInconsistent},
		{"to sensitive", open, with(key.AttrSensitive, true), ActorUser, fault.OK},
		{"from sensitive", closed, with(key.AttrSensitive, false), ActorUser, fault.AttributeReadOnly},
		{"from sensitive, by an admin", closed, with(key.AttrSensitive, false), ActorAdmin, fault.AttributeReadOnly},
		{"sensitive again", closed, with(key.AttrSensitive, true), ActorUser, fault.OK},
		{"to unextractable", open, with(key.AttrExtractable, false), ActorUser, fault.OK},
		{"from unextractable", closed, with(key.AttrExtractable, true), ActorUser, fault.AttributeReadOnly},
		{"to wrap with trusted", open, with(key.AttrWrapWithTrusted, true), ActorUser, fault.OK},
		{"from wrap with trusted", closed, with(key.AttrWrapWithTrusted, false), ActorUser, fault.AttributeReadOnly},
		{"to uncopyable", open, with(key.AttrCopyable, false), ActorUser, fault.OK},
		{"from uncopyable", closed, with(key.AttrCopyable, true), ActorUser, fault.AttributeReadOnly},
		{"from undestroyable", closed, with(key.AttrDestroyable, true), ActorUser, fault.AttributeReadOnly},
		{"trusted, by a user", open, with(key.AttrTrusted, true), ActorUser, fault.AttributeReadOnly},
		{"trusted, by an admin", open, with(key.AttrTrusted, true), ActorAdmin, fault.OK},
		{"token", open, with(key.AttrToken, true), ActorUser, fault.AttributeReadOnly},
		{"private", open, with(key.AttrPrivate, false), ActorUser, fault.AttributeReadOnly},
		{"modifiable", open, with(key.AttrModifiable, false), ActorUser, fault.AttributeReadOnly},
		{"class", open, with(key.AttrClass, key.ClassSecret), ActorUser, fault.AttributeReadOnly},
		{"key type", open, with(key.AttrKeyType, key.TypeGeneric), ActorUser, fault.AttributeReadOnly},
		{"value", open, with(key.AttrValue, "x"), ActorUser, fault.AttributeReadOnly},
		{"local", open, with(key.AttrLocal, true), ActorAdmin, fault.AttributeReadOnly},
		{"always sensitive", open, with(key.AttrAlwaysSensitive, true), ActorAdmin, fault.AttributeReadOnly},
		{"allowed mechanisms", open, with(key.AttrAllowedMechs, []key.Mechanism{key.MechAESGCM}), ActorUser, fault.AttributeReadOnly},
		{"wrap template", open, with(key.AttrWrapTemplate, Template{}), ActorUser, fault.AttributeReadOnly},
		{"owner", open, with(key.AttrOwnerID, make([]byte, 16)), ActorAdmin, fault.AttributeReadOnly},
		{"shared", open, with(key.AttrShared, make([]byte, 16)), ActorAdmin, fault.AttributeReadOnly},
		{"state", open, with(key.AttrState, 2), ActorUser, fault.OK},
		{"state that leads nowhere", open, with(key.AttrState, 5), ActorAdmin, fault.ActionProhibited},
		{"unknown", open, with(key.Attr(0x99999), "x"), ActorUser, fault.AttributeUnknown},
		{"of another class", open, with(key.AttrIssuer, "x"), ActorUser, fault.TemplateInconsistent},
		{"bad value", open, with(key.AttrSign, "xx"), ActorUser, fault.AttributeValueInvalid},
		{"twice, differing", open, with(key.AttrLabel, "a", key.AttrLabel, "b"), ActorUser, fault.TemplateInconsistent},
		{"one good and one bad", open, with(key.AttrLabel, "new", key.AttrClass, key.ClassSecret), ActorUser, fault.AttributeReadOnly},
		{"issuer of a certificate", cert, with(key.AttrIssuer, "i", key.AttrSerialNumber, "1", key.AttrID, "x"), ActorUser, fault.OK},
		{"subject of a certificate", cert, with(key.AttrSubject, "x"), ActorUser, fault.AttributeReadOnly},
		{"anything of what is not modifiable", open.and(key.AttrModifiable, false), with(key.AttrLabel, "new"), ActorUser, fault.ActionProhibited},
		{"value of public data", with(key.AttrClass, key.ClassData, key.AttrPrivate, false), with(key.AttrValue, "x"), ActorUser, fault.OK},
		{"value of private data", with(key.AttrClass, key.ClassData), with(key.AttrValue, "x"), ActorUser, fault.AttributeReadOnly},
		{"usage of a trusted key, by a user", open.and(key.AttrTrusted, true, key.AttrWrap, true), with(key.AttrDecrypt, true), ActorUser, fault.AttributeReadOnly},
		{"usage of a trusted key, by an admin", open.and(key.AttrTrusted, true, key.AttrWrap, true), with(key.AttrDecrypt, true), ActorAdmin, fault.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := must(t, c.from, admin)
			o.Version, o.Resting = 3, []byte("sealed")
			before := o.Attrs()
			n, err := o.With(c.t, c.who, 0)
			wantFault(t, err, c.want)
			if !slices.EqualFunc(before, o.Attrs(), sameAttribute) {
				t.Error("the published object was changed")
			}
			if err != nil {
				return
			}
			for _, a := range c.t {
				if v, st := n.Get(a.Type); st != Given || !bytes.Equal(v, a.Value) {
					t.Errorf("attribute %#x is %x (%d), want %x", a.Type, v, st, a.Value)
				}
			}
			for _, a := range before {
				if v, _ := n.Get(a.Type); !bytes.Equal(v, a.Value) {
					if _, named := c.t.Find(a.Type); !named {
						t.Errorf("attribute %#x changed unasked", a.Type)
					}
				}
			}
			if n.ID != o.ID || n.Bits() != o.Bits() || string(n.Resting) != "sealed" || n.Version != 3 {
				t.Error("the object lost its identity")
			}
		})
	}
}

func sameAttribute(a, b Attribute) bool { return a.Type == b.Type && bytes.Equal(a.Value, b.Value) }

func TestAnEmptyValueRemovesAnAttribute(t *testing.T) {
	o, _ := must(t, secretKey(key.TypeAES, aesValue, key.AttrLabel, "l"), user)
	o, err := o.With(with(key.AttrLabel, ""), ActorUser, 0)
	if err != nil {
		t.Fatal(err)
	}
	if v, st := o.Get(key.AttrLabel); st != Given || len(v) != 0 || o.find(key.AttrLabel) != nil {
		t.Errorf("label %q, %d", v, st)
	}
}

func TestCopiesAreNewObjectsUnderTheSameRules(t *testing.T) {
	open := secretKey(key.TypeAES, aesValue, key.AttrSensitive, false, key.AttrExtractable, true, key.AttrLabel, "old")
	for _, c := range []struct {
		name string
		from Template
		t    Template
		want fault.Code
	}{
		{"as it is", open, nil, fault.OK},
		{"to the token, as SunPKCS11 does", open, with(key.AttrToken, true, key.AttrLabel, "new", key.AttrID, "1"), fault.OK},
		{"to sensitive", open, with(key.AttrSensitive, true, key.AttrExtractable, false), fault.OK},
		{"from sensitive", secretKey(key.TypeAES, aesValue), with(key.AttrSensitive, false), fault.AttributeReadOnly},
		{"to extractable", secretKey(key.TypeAES, aesValue), with(key.AttrExtractable, true), fault.AttributeReadOnly},
		{"to public", open, with(key.AttrPrivate, false), fault.TemplateInconsistent},
		{"to private", open.and(key.AttrPrivate, false), with(key.AttrPrivate, true), fault.OK},
		{"of data to private", with(key.AttrClass, key.ClassData, key.AttrPrivate, false), with(key.AttrPrivate, true), fault.TemplateInconsistent},
		{"to unmodifiable", open, with(key.AttrModifiable, false), fault.OK},
		{"of what is not modifiable", open.and(key.AttrModifiable, false), with(key.AttrLabel, "new", key.AttrModifiable, true), fault.OK},
		{"of what is not copyable", open.and(key.AttrCopyable, false), nil, fault.ActionProhibited},
		{"of what is not destroyable", open.and(key.AttrDestroyable, false), with(key.AttrDestroyable, true), fault.OK},
		{"key type", open, with(key.AttrKeyType, key.TypeGeneric), fault.AttributeReadOnly},
		{"value", open, with(key.AttrValue, "x"), fault.AttributeReadOnly},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := must(t, c.from, user)
			o.Version, o.Resting, o.Session = 3, []byte("sealed"), 9
			rules := user
			rules.Owner = key.ID{1, 2, 3}
			n, err := o.Copy(c.t, rules)
			wantFault(t, err, c.want)
			if err != nil {
				return
			}
			if n.ID == o.ID || n.Version != 0 || n.Resting != nil || n.Session != 0 || n.Owner() != rules.Owner || n.Bits() != o.Bits() {
				t.Error("the copy is not an object of its own")
			}
			for _, a := range c.t {
				if v, _ := n.Get(a.Type); !bytes.Equal(v, a.Value) {
					t.Errorf("attribute %#x is %x, want %x", a.Type, v, a.Value)
				}
			}
		})
	}
}

func TestSharingAddsAndRemovesOperators(t *testing.T) {
	o, _ := must(t, secretKey(key.TypeAES, aesValue), user)
	a, b := key.ID{1}, key.ID{2}
	for _, step := range []struct {
		who  key.ID
		on   bool
		a, b bool
	}{{a, true, true, false}, {a, true, true, false}, {b, true, true, true}, {a, false, false, true}, {b, false, false, false}} {
		var err error
		if o, err = o.WithShared(step.who, step.on); err != nil {
			t.Fatal(err)
		}
		if o.SharedWith(a) != step.a || o.SharedWith(b) != step.b {
			t.Errorf("after %v: %t %t", step, o.SharedWith(a), o.SharedWith(b))
		}
	}
	var err error
	for i := range maxShared {
		if o, err = o.WithShared(key.ID{3, byte(i)}, true); err != nil {
			t.Fatal(err)
		}
	}
	_, err = o.WithShared(a, true)
	wantFault(t, err, fault.QuotaExceeded)
}

func TestOnlyKeysHaveAState(t *testing.T) {
	o, _ := must(t, secretKey(key.TypeAES, aesValue), user)
	if o.State() != key.StateActive {
		t.Errorf("a new key is in state %d", o.State())
	}
	n, err := o.WithState(key.StateSuspended, 0)
	if err != nil || n.State() != key.StateSuspended || o.State() != key.StateActive {
		t.Errorf("%v", err)
	}
	d, _ := must(t, with(key.AttrClass, key.ClassData), user)
	_, err = d.WithState(key.StateSuspended, 0)
	wantFault(t, err, fault.TemplateInconsistent)
}
