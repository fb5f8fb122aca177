// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/key"
)

// KeySpec is a key of a web door: what CreateKey generates, and what ImportKey says beside the material.
type KeySpec struct {
	Name               string
	Type               key.Type // TypeRSA, TypeEC or TypeAES
	Bits               int      // of RSA and AES
	Curve              []byte   // CKA_EC_PARAMS
	Ops                key.Ops
	Disabled           bool
	NotBefore, Expires uint64 // seconds since 1970, 0 for none
	Door               []byte // the door's own JSON
	Release            []byte // release policy
	Exportable         bool
	Immutable          bool // of the release policy
	Version            []byte
	Extractable        bool // keys of certificates whose policy lets them out
	Part               key.Part
}

// CreateKey generates a new version of a name. It answers the private or secret key's version and handle.
func (s *Session) CreateKey(k KeySpec) (Named, error) {
	var o Summary
	var err error
	id := keyID()
	switch k.Type {
	case key.TypeRSA:
		_, o, err = s.GeneratePair(Mech(key.MechRSAKeyPairGen), append(k.public(id), ULong(key.AttrModulusBits, uint64(k.Bits)), Bytes(key.AttrPublicExponent, []byte{1, 0, 1})), k.private(id))
	case key.TypeEC:
		_, o, err = s.GeneratePair(Mech(key.MechECKeyPairGen), append(k.public(id), Bytes(key.AttrECParams, k.Curve)), k.private(id))
	default:
		mech := key.MechAESKeyGen
		if k.Type != key.TypeAES {
			mech = key.MechGenericKeyGen
		}
		o, err = s.Generate(Mech(mech), append(k.private(id), ULong(key.AttrKeyType, k.Type), ULong(key.AttrValueLen, uint64(k.Bits/8))))
	}
	return s.made(o, err)
}

// ImportKey makes a version of a name of material given as attributes: those of a private key, with which come those of
// its public half, or of a secret key.
func (s *Session) ImportKey(k KeySpec, secret, public Template) (Named, error) {
	id := keyID()
	class := key.ClassSecret
	if len(public) > 0 {
		class = key.ClassPrivate
	}
	t := append(k.private(id), ULong(key.AttrClass, class), ULong(key.AttrKeyType, k.Type))
	n, err := s.made(s.Create(append(t, secret...)))
	if err != nil || class == key.ClassSecret {
		return n, err
	}
	t = append(k.public(id), ULong(key.AttrClass, key.ClassPublic), ULong(key.AttrKeyType, k.Type))
	_, err = s.Create(append(t, public...))
	return n, err
}

func (s *Session) made(o Summary, err error) (Named, error) {
	if err != nil {
		return Named{}, err
	}
	values, err := s.Get(o.Handle, key.AttrLabel, key.AttrUniqueID)
	if err != nil {
		return Named{}, err
	}
	return Named{Name: string(values[0].Value), Version: string(values[1].Value), Handle: o.Handle}, nil
}

// keyID is CKA_ID of a pair, by which PKCS #11 programs find the one half by the other.
func keyID() []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return id
}

// private is the template of a private or secret key. The usage flags of PKCS #11 follow from the ops, in the core.
func (k KeySpec) private(id []byte) Template {
	t := Template{Bool(key.AttrToken, true), Bool(key.AttrPrivate, true), Bool(key.AttrSensitive, true), Bool(key.AttrExtractable, k.Extractable),
		Text(key.AttrLabel, k.Name), Bytes(key.AttrID, id), ULong(key.AttrKeyOps, k.Ops)}
	if k.Disabled {
		t = append(t, ULong(key.AttrState, uint64(key.StateSuspended)))
	}
	flags := uint64(0)
	if k.Exportable {
		flags |= ReleaseExportable
	}
	if k.Immutable {
		flags |= ReleaseImmutable
	}
	for _, n := range []struct {
		t key.Attr
		v uint64
	}{{key.AttrPart, uint64(k.Part)}, {key.AttrNotBefore, k.NotBefore}, {key.AttrExpires, k.Expires}, {key.AttrReleaseFlags, flags}} {
		if n.v != 0 {
			t = append(t, ULong(n.t, n.v))
		}
	}
	for _, b := range []Attribute{{key.AttrDoor, k.Door}, {key.AttrRelease, k.Release}, {key.AttrVersion, k.Version}} {
		if len(b.Value) > 0 {
			t = append(t, b)
		}
	}
	return t
}

// public is the template of the other half, which PKCS #11 programs use.
func (k KeySpec) public(id []byte) Template {
	t := Template{Bool(key.AttrToken, true), Bool(key.AttrPrivate, false), Text(key.AttrLabel, k.Name), Bytes(key.AttrID, id),
		Bool(key.AttrVerify, k.Ops&key.OpVerify != 0)}
	if k.Part != key.PartNone {
		t = append(t, ULong(key.AttrPart, uint64(k.Part)))
	}
	if k.Type == key.TypeRSA {
		t = append(t, Bool(key.AttrEncrypt, k.Ops&(key.OpEncrypt|key.OpWrap) != 0), Bool(key.AttrWrap, k.Ops&key.OpImport != 0))
	}
	return t
}

// Bits of key.AttrReleaseFlags.
const (
	ReleaseExportable uint64 = 1
	ReleaseImmutable  uint64 = 2
)

// UnwrapKey makes a version of a name of a private or secret key that was wrapped for another.
func (s *Session) UnwrapKey(k KeySpec, m Mechanism, unwrapping uint64, wrapped []byte) (Named, error) {
	class := key.ClassPrivate
	if k.Type == key.TypeAES || k.Type == key.TypeGeneric {
		class = key.ClassSecret
	}
	return s.made(s.Unwrap(m, unwrapping, wrapped, append(k.private(keyID()), ULong(key.AttrClass, class), ULong(key.AttrKeyType, k.Type))))
}
