// SPDX-License-Identifier: Apache-2.0

package object

import "github.com/genbu-hsm/genbu/key"

// Scope is the set of tables of the standard that an object's attributes come from.
type scope uint32

const (
	inData scope = 1 << iota
	inX509
	inAttrCert
	inPublic
	inPrivate
	inSecret
	inProfile
	rsaPublic
	rsaPrivate
	ecPublic // EC, Edwards and Montgomery
	ecPrivate
	pqPublic // ML-KEM, ML-DSA and SLH-DSA
	pqPrivate
	seeded // ML-KEM and ML-DSA private keys

	inCert   = inX509 | inAttrCert
	inPair   = inPublic | inPrivate
	inKey    = inPair | inSecret
	inNamed  = inData | inCert | inKey
	inAny    = inNamed | inProfile
	rsaPair  = rsaPublic | rsaPrivate
	ecPair   = ecPublic | ecPrivate
	pqPair   = pqPublic | pqPrivate
	withheld = inPrivate | inSecret // objects that SENSITIVE and EXTRACTABLE speak of
)

type kind uint8

const (
	kindUnknown kind = iota
	kindBool
	kindULong
	kindBytes
	kindInteger // Big integer: big-endian, leading zeros of no account
	kindDate    // CK_DATE, or empty
	kindTemplate
	kindMechanisms
	kindIDs  // our own lists of operators
	kindTime // seconds since 1970; 0 takes it away
	kindOps  // key.Ops
)

// Notes are the footnotes of PKCS #11 3.2 table 13, in our words.
type note uint16

const (
	needCreate  note = 1 << iota // 1: C_CreateObject must have it
	needMake                     // 3: generation must have it
	ours                         // 2, 4, 6: only the core sets it; a template that names it is AttributeReadOnly
	given                        // part of the key itself: input of C_CreateObject, else made by the function
	secret                       // 7: part of the secret
	settable                     // 8: C_SetAttributeValue may change it
	byAdmin                      // 10: only an admin may set it to true
	stickyTrue                   // 11
	stickyFalse                  // 12
	inCopy                       // C_CopyObject may give it another value
	derived                      // not stored: read out of the public key, the class or the id
)

// Rule is one attribute within some tables of the standard.
type rule struct {
	attr key.Attr
	kind kind
	in   scope
	note note
	max  int // bytes, for values without a size of their own
}

// Rules is the whole of section 4 and of the key tables of section 6 that the module knows. An attribute whose duties
// differ between tables has several lines.
var rulesTable = []rule{
	{key.AttrClass, kindULong, inAny, derived, 0},
	{key.AttrToken, kindBool, inAny, inCopy, 0},
	{key.AttrPrivate, kindBool, inAny, inCopy, 0},
	{key.AttrLabel, kindBytes, inAny, settable, maxText},
	{key.AttrUniqueID, kindBytes, inAny, ours | derived, maxText},
	{key.AttrModifiable, kindBool, inAny, inCopy, 0},
	{key.AttrCopyable, kindBool, inAny, settable | stickyFalse, 0},
	{key.AttrDestroyable, kindBool, inAny, settable | stickyFalse | inCopy, 0},
	{key.AttrProfileID, kindULong, inProfile, ours | derived, 0},

	{key.AttrApplication, kindBytes, inData, settable, maxText},
	{key.AttrObjectID, kindBytes, inData, settable, maxName},
	{key.AttrValue, kindBytes, inData, settable, maxData},

	{key.AttrCertificateType, kindULong, inCert, needCreate | derived, 0},
	{key.AttrTrusted, kindBool, inCert, settable | byAdmin, 0},
	{key.AttrCertCategory, kindULong, inCert, 0, 0},
	{key.AttrCheckValue, kindBytes, inCert | inSecret, given, 3},
	{key.AttrStartDate, kindDate, inCert, 0, 0},
	{key.AttrEndDate, kindDate, inCert, 0, 0},
	{key.AttrPublicKeyInfo, kindBytes, inX509, 0, maxName},
	{key.AttrSubject, kindBytes, inX509, 0, maxName},
	{key.AttrID, kindBytes, inX509, settable, maxText},
	{key.AttrIssuer, kindBytes, inX509, settable, maxName},
	{key.AttrSerialNumber, kindBytes, inCert, settable, maxName},
	{key.AttrValue, kindBytes, inX509, 0, maxData},
	{key.AttrURL, kindBytes, inX509, 0, maxText},
	{key.AttrSubjectKeyHash, kindBytes, inX509, 0, maxText},
	{key.AttrIssuerKeyHash, kindBytes, inX509, 0, maxText},
	{key.AttrJavaMIDP, kindULong, inX509, 0, 0},
	{key.AttrNameHashAlg, kindULong, inX509, 0, 0},
	{key.AttrOwner, kindBytes, inAttrCert, needCreate, maxName},
	{key.AttrACIssuer, kindBytes, inAttrCert, settable, maxName},
	{key.AttrAttrTypes, kindBytes, inAttrCert, settable, maxName},
	{key.AttrValue, kindBytes, inAttrCert, needCreate, maxData},

	{key.AttrKeyType, kindULong, inKey, needCreate | derived, 0},
	{key.AttrID, kindBytes, inKey, settable, maxText},
	{key.AttrStartDate, kindDate, inKey, settable, 0},
	{key.AttrEndDate, kindDate, inKey, settable, 0},
	{key.AttrDerive, kindBool, inKey, settable, 0},
	{key.AttrLocal, kindBool, inKey, ours, 0},
	{key.AttrKeyGenMechanism, kindULong, inKey, ours, 0},
	{key.AttrAllowedMechs, kindMechanisms, inKey, 0, 8 * maxMechanisms},
	{key.AttrSubject, kindBytes, inPair, settable, maxName},
	{key.AttrPublicKeyInfo, kindBytes, inPair, given, maxPublic},
	{key.AttrEncrypt, kindBool, inPublic | inSecret, settable, 0},
	{key.AttrVerify, kindBool, inPublic | inSecret, settable, 0},
	{key.AttrVerifyRecover, kindBool, inPublic, settable, 0},
	{key.AttrWrap, kindBool, inPublic | inSecret, settable, 0},
	{key.AttrEncapsulate, kindBool, inPublic, settable, 0},
	{key.AttrTrusted, kindBool, inPublic | inSecret, settable | byAdmin, 0},
	{key.AttrWrapTemplate, kindTemplate, inPublic | inSecret, 0, maxNested},
	{key.AttrEncapsTemplate, kindTemplate, inPublic, 0, maxNested},
	{key.AttrDecrypt, kindBool, withheld, settable, 0},
	{key.AttrSign, kindBool, withheld, settable, 0},
	{key.AttrSignRecover, kindBool, inPrivate, settable, 0},
	{key.AttrUnwrap, kindBool, withheld, settable, 0},
	{key.AttrDecapsulate, kindBool, inPrivate, settable, 0},
	{key.AttrSensitive, kindBool, withheld, settable | stickyTrue, 0},
	{key.AttrExtractable, kindBool, withheld, settable | stickyFalse, 0},
	{key.AttrAlwaysSensitive, kindBool, withheld, ours, 0},
	{key.AttrNeverExtractable, kindBool, withheld, ours, 0},
	{key.AttrWrapWithTrusted, kindBool, withheld, settable | stickyTrue, 0},
	{key.AttrAlwaysAuth, kindBool, inPrivate, 0, 0},
	{key.AttrUnwrapTemplate, kindTemplate, withheld, 0, maxNested},
	{key.AttrDeriveTemplate, kindTemplate, withheld, 0, maxNested},
	{key.AttrDecapsTemplate, kindTemplate, inPrivate, 0, maxNested},
	{key.AttrValue, kindBytes, inSecret, needCreate | given | secret, maxSecret},
	{key.AttrValueLen, kindULong, inSecret, given | derived, 0},

	{key.AttrModulus, kindInteger, rsaPair, given | derived, maxInteger},
	{key.AttrPublicExponent, kindInteger, rsaPair, given | derived, maxInteger},
	{key.AttrModulusBits, kindULong, rsaPublic, needMake | given | derived, 0},
	{key.AttrPrivateExponent, kindInteger, rsaPrivate, needCreate | given | secret, maxInteger},
	{key.AttrPrime1, kindInteger, rsaPrivate, given | secret, maxInteger},
	{key.AttrPrime2, kindInteger, rsaPrivate, given | secret, maxInteger},
	{key.AttrExponent1, kindInteger, rsaPrivate, given | secret, maxInteger},
	{key.AttrExponent2, kindInteger, rsaPrivate, given | secret, maxInteger},
	{key.AttrCoefficient, kindInteger, rsaPrivate, given | secret, maxInteger},
	{key.AttrECParams, kindBytes, ecPair, needMake | given | derived, maxText},
	{key.AttrECPoint, kindBytes, ecPair, given | derived, maxPublic},
	{key.AttrValue, kindBytes, ecPrivate, needCreate | given | secret, maxInteger},
	{key.AttrParameterSet, kindULong, pqPair, needMake | given | derived, 0},
	{key.AttrValue, kindBytes, pqPublic, given | derived, maxPublic},
	{key.AttrValue, kindBytes, pqPrivate, given | secret, maxSecret},
	{key.AttrSeed, kindBytes, seeded, given | secret, maxText},

	{key.AttrOwnerID, kindIDs, inAny, ours, 16},
	{key.AttrShared, kindIDs, inAny, ours, 16 * maxShared},
	{key.AttrState, kindULong, inNamed, settable, 0}, // With holds it to key.State.May
	{key.AttrCreated, kindULong, inNamed, ours, 0},
	{key.AttrUpdated, kindULong, inNamed, ours, 0},
	{key.AttrNotBefore, kindTime, inNamed, settable, 0},
	{key.AttrExpires, kindTime, inNamed, settable, 0},
	{key.AttrKeyOps, kindOps, withheld, settable, 0},
	{key.AttrDoor, kindBytes, inNamed, settable, maxDoor},
	{key.AttrRelease, kindBytes, withheld, settable, maxDoor},
	{key.AttrReleaseFlags, kindULong, withheld, settable, 0},
	{key.AttrDeleted, kindULong, inNamed, ours, 0},
	{key.AttrPurge, kindULong, inNamed, ours, 0},
	{key.AttrVersion, kindIDs, inNamed, 0, 16},
	{key.AttrPart, kindULong, inData | inKey, 0, 0}, // the draft holds it to key.Part
}

// AttrNSSDB is a hint that NSS adds to each private key it imports (the public value, for its own database). Refusing
// it would refuse every EC key of a PKCS #12 file; it says nothing that the key does not.
const attrNSSDB key.Attr = 0xD5A0DB00

var rulesOf = func() map[key.Attr][]rule {
	m := make(map[key.Attr][]rule)
	for _, r := range rulesTable {
		m[r.attr] = append(m[r.attr], r)
	}
	return m
}()

// ruleOf finds the line that holds for an object; known tells whether the attribute exists at all.
func ruleOf(t key.Attr, in scope) (r *rule, known bool) {
	lines := rulesOf[t]
	for i := range lines {
		if lines[i].in&in != 0 {
			return &lines[i], true
		}
	}
	return nil, len(lines) > 0
}

func kindOf(t key.Attr) kind {
	if lines := rulesOf[t]; len(lines) > 0 {
		return lines[0].kind
	}
	return kindUnknown
}

// ScopeOf tells which tables hold for an object; sub is its key, certificate or profile type. 0: there is no such object.
func scopeOf(class key.Class, sub uint64) scope {
	switch class {
	case key.ClassData:
		return inData
	case key.ClassProfile:
		return inProfile
	case key.ClassCertificate:
		switch key.CertType(sub) {
		case key.CertX509:
			return inX509
		case key.CertX509Attr:
			return inAttrCert
		}
	case key.ClassPublic:
		switch {
		case key.Type(sub) == key.TypeRSA:
			return inPublic | rsaPublic
		case isCurve(key.Type(sub)):
			return inPublic | ecPublic
		case isPQ(key.Type(sub)):
			return inPublic | pqPublic
		}
	case key.ClassPrivate:
		switch {
		case key.Type(sub) == key.TypeRSA:
			return inPrivate | rsaPrivate
		case isCurve(key.Type(sub)):
			return inPrivate | ecPrivate
		case key.Type(sub) == key.TypeSLHDSA:
			return inPrivate | pqPrivate
		case isPQ(key.Type(sub)):
			return inPrivate | pqPrivate | seeded
		}
	case key.ClassSecret:
		if isSecretType(key.Type(sub)) {
			return inSecret
		}
	}
	return 0
}

func isCurve(t key.Type) bool {
	return t == key.TypeEC || t == key.TypeEdwards || t == key.TypeMontgomery
}

func isPQ(t key.Type) bool {
	return t == key.TypeMLKEM || t == key.TypeMLDSA || t == key.TypeSLHDSA
}

func isHMAC(t key.Type) bool {
	switch t {
	case key.TypeSHA1HMAC, key.TypeSHA224HMAC, key.TypeSHA256HMAC, key.TypeSHA384HMAC, key.TypeSHA512HMAC,
		key.TypeSHA3224HMAC, key.TypeSHA3256HMAC, key.TypeSHA3384HMAC, key.TypeSHA3512HMAC:
		return true
	}
	return false
}

func isSecretType(t key.Type) bool {
	switch t {
	case key.TypeAES, key.TypeDES3, key.TypeGeneric, key.TypeHKDF, key.TypeChaCha20:
		return true
	}
	return isHMAC(t)
}
