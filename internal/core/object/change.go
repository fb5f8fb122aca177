// SPDX-License-Identifier: Apache-2.0

package object

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// With answers the object as C_SetAttributeValue changes it at a time (nanoseconds since 1970). The secret is not
// touched: Resting stays.
func (o *Object) With(t Template, who Actor, now int64) (*Object, error) {
	if !o.Modifiable() {
		return nil, fault.ActionProhibited.At("change an object that is not modifiable")
	}
	n, err := o.changed(t, who, settable)
	if err != nil {
		return nil, err
	}
	return n.updated(now)
}

// Copy answers a copy of the object with a new id, changed by the template as C_CopyObject allows. Its material is the
// original's; Resting is nil, since the vault binds it to the id.
func (o *Object) Copy(t Template, rules Rules) (*Object, error) {
	if !o.Copyable() {
		return nil, fault.ActionProhibited.At("copy an object that is not copyable")
	}
	n, err := o.changed(t, rules.Who, settable|inCopy)
	if err != nil {
		return nil, err
	}
	if n.Private() != o.Private() && (o.Private() || o.class == key.ClassData) {
		// A secret does not become public by copying, and the value of a data object does not change its place.
		return nil, fault.TemplateInconsistent.At("copy between private and public")
	}
	n.ID, n.Version, n.Session, n.Resting = rules.NewID(), 0, 0, nil
	owner := []byte(nil)
	if !rules.Owner.IsZero() {
		owner = slices.Clone(rules.Owner[:])
	}
	t = Template{{key.AttrOwnerID, owner}, {key.AttrShared, nil}, {key.AttrCreated, nil}, {key.AttrUpdated, nil}, {key.AttrVersion, nil}}
	if rules.Now != 0 && n.Token() {
		t[2].Value, t[3].Value = putULong(uint64(rules.Now)), putULong(uint64(rules.Now))
	}
	return n.store(t)
}

// changed applies a template to a copy of the object; may are the notes by which an attribute can be changed here.
func (o *Object) changed(t Template, who Actor, may note) (*Object, error) {
	n := *o
	var stored Template
	for i, a := range t {
		if earlier, twice := t[:i].Find(a.Type); twice && !sameValue(a.Type, earlier, a.Value) {
			return nil, fault.TemplateInconsistent.At("read an attribute given twice")
		}
		r, known := ruleOf(a.Type, o.scope)
		if !known {
			return nil, fault.AttributeUnknown.At("read template")
		}
		if r == nil {
			return nil, fault.TemplateInconsistent.At("read an attribute of another kind of object")
		}
		if err := checkValue(r, a.Value); err != nil {
			return nil, err
		}
		if err := o.mayChange(r, a, who, may); err != nil {
			return nil, err
		}
		if r.kind == kindTime && getULong(a.Value) == 0 {
			a.Value = nil
		}
		if r.kind != kindBool {
			stored = append(stored, a)
		} else if bit := bitOf[a.Type]; a.Value[0] != 0 {
			n.bools |= bit
		} else {
			n.bools &^= bit
		}
	}
	if n.bools&bitAlwaysAuth != 0 && n.bools&bitPrivate == 0 {
		return nil, fault.TemplateInconsistent.At("ask for a login with every use of a public object")
	}
	return n.store(o.followOps(&n, stored))
}

// mayChange refuses changes that the attribute's notes do not allow. To say again what is already so is no change.
func (o *Object) mayChange(r *rule, a Attribute, who Actor, may note) error {
	readOnly := fault.AttributeReadOnly.At("change attribute")
	if r.note&may == 0 || a.Type == key.AttrValue && o.secretData() {
		// BUG(objects): the value of a private data object is sealed apart, so it is changed by writing a new object.
		return readOnly
	}
	switch a.Type {
	case key.AttrState:
		if to := getULong(a.Value); to > uint64(key.StateDestroyed) || !o.State().May(key.State(to)) {
			return fault.ActionProhibited.At("change state")
		}
	case key.AttrKeyOps:
		if o.Trusted() && who != ActorAdmin && key.Ops(getULong(a.Value)) != o.Ops() {
			return readOnly // as below
		}
	case key.AttrRelease, key.AttrReleaseFlags:
		if was, _ := o.Get(a.Type); o.ReleaseFixed() && !bytes.Equal(was, a.Value) {
			return readOnly
		}
	}
	if r.kind != kindBool {
		return nil
	}
	was, is := o.bools&bitOf[a.Type] != 0, a.Value[0] != 0
	switch {
	case was == is:
		return nil
	case r.note&byAdmin != 0 && is && who != ActorAdmin,
		r.note&stickyTrue != 0 && was,
		r.note&stickyFalse != 0 && is && !(may&inCopy != 0 && r.note&inCopy != 0):
		return readOnly
	case o.Trusted() && bitOf[a.Type]&bitsUsage != 0 && who != ActorAdmin:
		// The admin trusted the key for what it could do then. One that wraps and, since a moment, also decrypts, would
		// hand out every key it wrapped.
		return readOnly
	}
	return nil
}

// store replaces stored attributes (an empty value removes one) and checks the dates of the whole.
func (o *Object) store(t Template) (*Object, error) {
	var all Template
	for b := o.body; len(b) >= 8; {
		n := int(getU32(b[4:]))
		a := Attribute{key.Attr(getU32(b)), b[8 : 8+n]}
		if _, replaced := t.Find(a.Type); !replaced {
			all = append(all, a)
		}
		b = b[8+n:]
	}
	for i, a := range t {
		if _, twice := t[:i].Find(a.Type); !twice && len(a.Value) > 0 {
			all = append(all, a)
		}
	}
	n := *o
	bits := n.bits
	if err := n.setBody(all, mech.Material{}); err != nil {
		return nil, err
	}
	n.bits = bits // a secret key's is not in the body
	if err := checkTimes(n.find(key.AttrNotBefore), n.find(key.AttrExpires)); err != nil {
		return nil, err
	}
	return &n, checkDates(n.find(key.AttrStartDate), n.find(key.AttrEndDate))
}

// WithState answers the key in another state of SP 800-57; which changes are allowed policy.NextState says.
func (o *Object) WithState(s key.State, now int64) (*Object, error) {
	if !o.IsKey() {
		return nil, fault.TemplateInconsistent.At("set the state of what is not a key")
	}
	n, err := o.store(Template{{key.AttrState, putULong(uint64(s))}})
	if err != nil {
		return nil, err
	}
	return n.updated(now)
}

// WithShared answers the object shared, or no longer shared, with an operator.
func (o *Object) WithShared(operator key.ID, on bool) (*Object, error) {
	var list []byte
	for v := o.find(key.AttrShared); len(v) >= 16; v = v[16:] {
		if [16]byte(v[:16]) != operator {
			list = append(list, v[:16]...)
		}
	}
	if on {
		list = append(list, operator[:]...)
	}
	if len(list) > 16*maxShared {
		return nil, fault.QuotaExceeded.At("share object")
	}
	return o.store(Template{{key.AttrShared, list}})
}
