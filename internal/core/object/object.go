// SPDX-License-Identifier: Apache-2.0

// Package object keeps the objects of PKCS #11 3.2 section 4 as the core sees them: their attributes, the rules by which
// they are created, generated, unwrapped, derived, copied, changed and found, and the plaintext of their records.
//
// An Object is immutable once it is published: a change makes another one (With, Copy, WithState). It holds no secret.
// The secret of a key, and the value of a private data object, is mech.Material, which Create and its like hand out once
// and Decode hands out again; the vault seals it into Resting. Every function that takes or answers material is called
// inside ssp.Do. Who may do what with an object is decided by core/policy, before.
package object

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Object is one object without its secret.
type Object struct {
	ID      key.ID
	Version uint64 // of its record; 0 until it has one
	Session uint64 // session it belongs to; 0 for a token object
	Resting []byte // the material, sealed by the vault's resting key; nil when there is none

	class key.Class
	sub   uint64 // key, certificate or profile type
	scope scope
	bools uint32 // bools.go
	bits  uint32 // key size as letter O of channel.md counts it
	marks marks  // what of the body every use asks for
	body  []byte // all other stored attributes, sorted: u32 type, u32 length, value

	params, public []byte // of the material; views into body (PUBLIC_KEY_INFO)
}

// Status tells what came of asking for an attribute.
type Status uint8

const (
	StatusUnknown Status = iota // the object has no such attribute
	Given
	Sensitive
	NeedsMaterial // part of the secret and allowed out: ask SecretAttr
)

// Handle is the handle by which clients name the object. A session object's is drawn from its random id as well, so
// that a fork's copy of an application keeps it.
func (o *Object) Handle() uint64 {
	if o.Token() {
		return o.ID.Handle()
	}
	return o.ID.Handle() | key.SessionHandle
}

func (o *Object) Class() key.Class { return o.class }

// KeyType is the key's type, TypeUnavailable for what is not a key.
func (o *Object) KeyType() key.Type {
	if o.scope&inKey == 0 {
		return key.TypeUnavailable
	}
	return key.Type(o.sub)
}

func (o *Object) Token() bool           { return o.bools&bitToken != 0 }
func (o *Object) Private() bool         { return o.bools&bitPrivate != 0 }
func (o *Object) Sensitive() bool       { return o.bools&bitSensitive != 0 }
func (o *Object) Extractable() bool     { return o.bools&bitExtractable != 0 }
func (o *Object) Trusted() bool         { return o.bools&bitTrusted != 0 }
func (o *Object) WrapWithTrusted() bool { return o.bools&bitWrapWithTrusted != 0 }
func (o *Object) AlwaysAuth() bool      { return o.bools&bitAlwaysAuth != 0 }
func (o *Object) Modifiable() bool      { return o.bools&bitModifiable != 0 }
func (o *Object) Copyable() bool        { return o.bools&bitCopyable != 0 }
func (o *Object) Destroyable() bool     { return o.bools&bitDestroyable != 0 }

// IsKey tells whether it is a public, private or secret key.
func (o *Object) IsKey() bool { return o.scope&inKey != 0 }

// HasSecret tells whether the object has material to rest and to seal: secret and private keys, private data objects.
func (o *Object) HasSecret() bool { return o.scope&withheld != 0 || o.secretData() }

// SecretData: programs keep passwords in private data objects, so their value is kept as a key's is.
func (o *Object) secretData() bool { return o.class == key.ClassData && o.Private() }

// Bits is the key size: modulus or curve bits, 8 times the value length, or the parameter set.
func (o *Object) Bits() int { return int(o.bits) }

// Usage is the set of uses as bits of channel.md.
func (o *Object) Usage() uint64 {
	var u uint64
	for _, b := range usageBits {
		if o.bools&b.bit != 0 {
			u |= b.usage
		}
	}
	return u
}

// Bool is the value of a CK_BBOOL attribute, false for one that the object does not have.
func (o *Object) Bool(t key.Attr) bool { return o.bools&bitOf[t] != 0 }

// ULong is the value of a CK_ULONG attribute; false when there is none.
func (o *Object) ULong(t key.Attr) (uint64, bool) {
	v, st := o.Get(t)
	if st != Given || len(v) != 8 {
		return 0, false
	}
	return getULong(v), true
}

// State of a key as in SP 800-57; active unless it was changed.
func (o *Object) State() key.State {
	if v := o.find(key.AttrState); len(v) == 8 {
		return key.State(v[0])
	}
	return key.StateActive
}

// Owner is the operator that owns the object; zero when all crypto-users of the partition do.
func (o *Object) Owner() (id key.ID) {
	copy(id[:], o.find(key.AttrOwnerID))
	return id
}

// SharedWith tells whether the owner shares the object with an operator.
func (o *Object) SharedWith(operator key.ID) bool {
	for v := o.find(key.AttrShared); len(v) >= 16; v = v[16:] {
		if [16]byte(v[:16]) == operator {
			return true
		}
	}
	return false
}

// Allowed tells whether ALLOWED_MECHANISMS permits a mechanism; an empty list permits all.
func (o *Object) Allowed(m key.Mechanism) bool {
	v := o.find(key.AttrAllowedMechs)
	if len(v) == 0 {
		return true
	}
	for ; len(v) >= 8; v = v[8:] {
		if getULong(v[:8]) == uint64(m) {
			return true
		}
	}
	return false
}

// Template answers a stored nested template, to be matched with Matches; nil when there is none.
func (o *Object) Template(t key.Attr) Template {
	v := o.find(t)
	if len(v) == 0 {
		return nil
	}
	r := wire.NewReader(v)
	nested, err := DecodeTemplate(&r)
	if err != nil {
		return nil // cannot be: checked when it was stored, and sealed since
	}
	return nested
}

// Material joins the object's public half with its secret, for mech.Family.Parse; secret is nil for public keys.
func (o *Object) Material(secret []byte) mech.Material {
	return mech.Material{Type: o.KeyType(), Params: o.params, Public: o.public, Secret: secret}
}

// Summary writes one item of letter O.
func (o *Object) Summary(w *wire.Writer) {
	w.U64(o.Handle())
	w.U64(uint64(o.class))
	w.U64(uint64(o.KeyType()))
	if !o.IsKey() {
		w.U64(0)
		w.U64(0)
	} else {
		w.U64(o.Usage())
		w.U64(uint64(o.bits))
	}
	var flags uint64
	for _, f := range [...]struct {
		bit  uint32
		flag uint64
	}{{bitToken, 1}, {bitPrivate, 2}, {bitAlwaysAuth, 4}, {bitSensitive, 8}, {bitExtractable, 16}} {
		if o.bools&f.bit != 0 {
			flags |= f.flag
		}
	}
	if len(o.find(key.AttrAllowedMechs)) > 0 {
		flags |= 32
	}
	w.U64(flags)
}

// Meta is what the host's index may know.
func (o *Object) Meta(partition key.ID) *wire.Meta {
	return &wire.Meta{Partition: partition, Object: o.ID, Class: o.class, KeyType: o.KeyType(), Private: o.Private(),
		Label: o.find(key.AttrLabel), ID: o.find(key.AttrID), Group: o.Group(), Deleted: o.Deleted(), Created: o.Created()}
}

// Size is the answer of C_GetObjectSize: about what the record measures.
func (o *Object) Size() uint64 { return uint64(len(o.body) + len(o.Resting) + 160) }

// setPublic puts the views into PUBLIC_KEY_INFO in place.
func (o *Object) setPublic() error {
	if o.scope&inPair == 0 {
		return nil
	}
	m, err := wrap.ParseSPKI(o.find(key.AttrPublicKeyInfo))
	if err == nil && m.Type != key.Type(o.sub) {
		err = fault.Internal.At("compare key type and public key")
	}
	if err != nil {
		return err
	}
	o.params, o.public = m.Params, m.Public
	return nil
}
