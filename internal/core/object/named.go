// SPDX-License-Identifier: Apache-2.0

package object

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// This file is what the web doors know of an object beside PKCS #11 (docs/design/names.md).

// marks are facts about the body that every use asks for, so that it need not be searched.
type marks uint8

const (
	markTimed   marks = 1 << iota // it has dates or times
	markDeleted                   // it was deleted and can still be recovered
	markPart                      // it is a part of something
)

func marksOf(t Template) (m marks) {
	for _, a := range t {
		switch a.Type {
		case key.AttrStartDate, key.AttrEndDate, key.AttrNotBefore, key.AttrExpires:
			m |= markTimed
		case key.AttrDeleted:
			m |= markDeleted
		case key.AttrPart:
			m |= markPart
		}
	}
	return m
}

// Timed tells whether Validity has anything to say.
func (o *Object) Timed() bool { return o.marks&markTimed != 0 }

// Deleted tells whether the object was deleted and can still be recovered: nobody uses it, and few find it.
func (o *Object) Deleted() bool { return o.marks&markDeleted != 0 }

// Part says what the object is made for, if not for itself.
func (o *Object) Part() key.Part {
	if o.marks&markPart == 0 {
		return key.PartNone
	}
	return key.Part(o.number(key.AttrPart))
}

// Validity is what was set of CKA_START_DATE and CKA_END_DATE, and the first second of use and the first without it; 0 for
// none.
func (o *Object) Validity() (start, end []byte, from, until int64) {
	return o.find(key.AttrStartDate), o.find(key.AttrEndDate), o.number(key.AttrNotBefore), o.number(key.AttrExpires)
}

func (o *Object) number(t key.Attr) int64 {
	if v := o.find(t); len(v) == 8 {
		return int64(getULong(v))
	}
	return 0
}

// Created is when the object was made, in nanoseconds since 1970; 0 for those made before this was kept.
func (o *Object) Created() uint64 { return uint64(o.number(key.AttrCreated)) }

// PurgeDate is when a deleted object will be destroyed, in seconds.
func (o *Object) PurgeDate() int64 { return o.number(key.AttrPurge) }

// VersionID is the id of the object as a version of its name.
func (o *Object) VersionID() key.ID {
	if v := o.find(key.AttrVersion); len(v) == 16 {
		return key.ID(v)
	}
	return o.ID
}

// Label is CKA_LABEL, KeyID CKA_ID; views.
func (o *Object) Label() []byte { return o.find(key.AttrLabel) }
func (o *Object) KeyID() []byte { return o.find(key.AttrID) }

// Group tells among what kind of things the object is known by its label; GroupUnknown when it is not.
func (o *Object) Group() key.Group {
	if !o.Token() || !key.ValidName(o.Label()) {
		return key.GroupUnknown
	}
	return o.Kind()
}

// Kind is Group whatever the label: the doors' rights are told apart by it.
func (o *Object) Kind() key.Group {
	switch {
	case o.scope&withheld != 0:
		return key.GroupKeys
	case o.secretData() && string(o.find(key.AttrApplication)) == key.SecretApplication:
		return key.GroupSecrets
	case o.scope&inX509 != 0:
		return key.GroupCertificates
	}
	return key.GroupUnknown
}

// Exportable tells whether the key may be released under its policy.
func (o *Object) Exportable() bool { return o.number(key.AttrReleaseFlags)&1 != 0 }

// ReleasePolicy is the JSON by which the key may be released; a view.
func (o *Object) ReleasePolicy() []byte { return o.find(key.AttrRelease) }

// ReleaseFixed tells that the release policy cannot be changed any more.
func (o *Object) ReleaseFixed() bool { return o.number(key.AttrReleaseFlags)&2 != 0 }

// implied are attributes that follow from others where they were not set.
func (o *Object) implied(t key.Attr) []byte {
	switch t {
	case key.AttrKeyOps:
		return putULong(uint64(o.Ops()))
	case key.AttrStartDate:
		if s := o.number(key.AttrNotBefore); s != 0 {
			d := DateOf(s)
			return d[:]
		}
	case key.AttrEndDate:
		if s := o.number(key.AttrExpires); s != 0 {
			d := DateOf(s - 1)
			return d[:]
		}
	case key.AttrNotBefore:
		return o.dayOf(key.AttrStartDate, 0)
	case key.AttrExpires:
		return o.dayOf(key.AttrEndDate, 86400) // the last day counts
	}
	return nil
}

// dayOf is a date that PKCS #11 set as the web doors' time, so many seconds after its beginning; nil when there is none.
func (o *Object) dayOf(t key.Attr, after int64) []byte {
	v := o.find(t)
	if len(v) != len(Date{}) {
		return nil
	}
	unix, ok := Date(v).Unix()
	if !ok || unix+after <= 0 {
		return nil
	}
	return putULong(uint64(unix + after))
}

// updated notes the time of a change.
func (o *Object) updated(now int64) (*Object, error) {
	if o.find(key.AttrCreated) == nil { // session objects, and those made before times were kept
		return o, nil
	}
	return o.store(Template{{key.AttrUpdated, putULong(uint64(now))}})
}

// WithCreated answers a new object as made at another time, so that it comes after the version before it.
func (o *Object) WithCreated(at uint64) (*Object, error) {
	return o.store(Template{{key.AttrCreated, putULong(at)}, {key.AttrUpdated, putULong(at)}})
}

// WithDeleted answers the object deleted at a time, to be destroyed at another, both in seconds; 0 and 0 recover it.
func (o *Object) WithDeleted(at, purge int64) (*Object, error) {
	t := Template{{key.AttrDeleted, nil}, {key.AttrPurge, nil}}
	if at != 0 {
		t = Template{{key.AttrDeleted, putULong(uint64(at))}, {key.AttrPurge, putULong(uint64(purge))}}
	}
	return o.store(t)
}

// Reborn answers the object under a new id, as its backup is restored: it stays the same version of its name, belongs to
// everybody, and is alive.
func (o *Object) Reborn(id key.ID) (*Object, error) {
	version := o.VersionID()
	n, err := o.store(Template{{key.AttrVersion, version[:]}, {key.AttrOwnerID, nil}, {key.AttrShared, nil},
		{key.AttrDeleted, nil}, {key.AttrPurge, nil}})
	if err == nil {
		n.ID, n.Version, n.Session, n.Resting = id, 0, 0, nil
	}
	return n, err
}

// mayBegin: a new object is active or, made not enabled, suspended.
func mayBegin(state []byte) bool {
	s := getULong(state)
	return s == uint64(key.StateActive) || s == uint64(key.StateSuspended)
}

func checkTimes(from, until []byte) error {
	if len(from) == 8 && len(until) == 8 && getULong(from) > getULong(until) {
		return fault.TemplateInconsistent.At("compare the times of validity")
	}
	return nil
}
