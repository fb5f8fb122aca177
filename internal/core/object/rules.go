// SPDX-License-Identifier: Apache-2.0

package object

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Actor is the part of an identity that attributes' own rules depend on.
type Actor uint8

const (
	ActorUnknown Actor = iota
	ActorUser          // a crypto-user, or nobody logged in
	ActorAdmin         // may set TRUSTED
)

// Rules is what making an object needs from outside.
type Rules struct {
	Who    Actor
	Owner  key.ID        // operator that will own it; zero for everybody (policy.Owner)
	NewID  func() key.ID // draws a fresh random id
	Family func(key.Type) *mech.Family
	Now    int64 // nanoseconds since 1970; 0 where nobody asks for CREATED
}

// Origin is how the object came to be; LOCAL, ALWAYS_SENSITIVE and the defaults depend on it.
type origin uint8

const (
	created origin = iota
	generated
	unwrapped
	derivedFrom
	encapsulated
)

// DefaultBools are the values of CK_BBOOLs that no template named.
//
// TOKEN is false and PRIVATE true for what holds a secret, as the standard says. SENSITIVE is true and EXTRACTABLE
// false, as in SoftHSM and every HSM: programs that read values out (SunPKCS11 after ECDH, pkcs11-provider) say so in
// their templates. Only unwrapped and encapsulated keys are extractable by default, since sections 5.18.4 and 5.18.8 of
// the standard say so in as many words; SENSITIVE still keeps them from being read.
func defaultBools(in scope, from origin) uint32 {
	b := bitModifiable | bitCopyable | bitDestroyable
	if in&(withheld|inData) != 0 {
		b |= bitPrivate
	}
	if in&withheld != 0 {
		b |= bitSensitive
		if from == unwrapped || from == encapsulated {
			b |= bitExtractable
		}
	}
	return b
}

// DefaultUsage is what a key may do when its template names no use as true: all that its type is for. Programs rely on
// it: keytool and PyKCS11 make pairs without one usage flag and then sign, SoftHSM answers true for all. Once a template
// does name a use, those it leaves out are false (SoftHSM says true): a program that says SIGN means it, and a key that
// both wraps and decrypts gives away what it wraps. EC private keys may derive by default, since SunPKCS11 does ECDH
// with keys that keytool made.
func defaultUsage(in scope, t key.Type) uint32 {
	switch {
	case in&rsaPublic != 0:
		return bitEncrypt | bitVerify | bitWrap
	case in&rsaPrivate != 0:
		return bitDecrypt | bitSign | bitUnwrap
	case in&ecPrivate != 0 && t == key.TypeEC:
		return bitSign | bitDerive
	case t == key.TypeMontgomery && in&inPrivate != 0:
		return bitDerive
	case t == key.TypeMontgomery:
		return 0
	case t == key.TypeMLKEM && in&inPublic != 0:
		return bitEncapsulate
	case t == key.TypeMLKEM:
		return bitDecapsulate
	case in&inPublic != 0:
		return bitVerify
	case in&inPrivate != 0:
		return bitSign
	case t == key.TypeAES:
		return bitEncrypt | bitDecrypt | bitSign | bitVerify | bitWrap | bitUnwrap
	case t == key.TypeChaCha20:
		return bitEncrypt | bitDecrypt | bitWrap | bitUnwrap
	case t == key.TypeDES3: // kept for old data only
		return bitDecrypt | bitUnwrap
	case t == key.TypeHKDF:
		return bitDerive
	case t == key.TypeGeneric:
		return bitSign | bitVerify | bitDerive
	case isHMAC(t):
		return bitSign | bitVerify
	}
	return 0
}

// checkLength holds the value of a secret key to the lengths its type has.
func checkLength(t key.Type, n int) error {
	ok := false
	switch {
	case t == key.TypeAES:
		ok = n == 16 || n == 24 || n == 32
	case t == key.TypeDES3:
		ok = n == 24
	case t == key.TypeChaCha20:
		ok = n == 32
	default:
		ok = n > 0 && n <= maxSecret
	}
	if !ok {
		return fault.AttributeValueInvalid.At("check key length")
	}
	return nil
}

// fixedLength is the length of a type that has only one, else 0.
func fixedLength(t key.Type) int {
	switch t {
	case key.TypeDES3:
		return 24
	case key.TypeChaCha20:
		return 32
	}
	return 0
}
