// SPDX-License-Identifier: Apache-2.0

// Package mech says what a mechanism is: a row that tells the core by which keys, for which uses and how an algorithm
// works. The rows themselves live in one subpackage per family (mech/rsa, mech/ec, mech/aes ...), each a list of Row;
// mech/all joins them into the one table that the core looks into.
//
// A family parses, uses and serialises material, nothing else: who may use a key, and for what, is decided before it is
// asked (core/policy, core/object). Every function that takes a Key or Material is called inside ssp.Do; what it
// allocates there is erased after the call. A family never keeps a reference to Material.Secret, and keeps parsed
// secrets only in the value that Parse returns.
package mech

import (
	"github.com/genbu-hsm/genbu/key"
)

// Use is one way of using a mechanism.
type Use uint8

const (
	UseUnknown Use = iota
	Encrypt
	Decrypt
	Sign
	Verify
	Digest
	Derive
	Wrap
	Unwrap
	Encapsulate
	Decapsulate
	Generate
	MessageEncrypt // C_EncryptMessage: an AEAD's SealMessage; only Approved is asked about it
	MessageDecrypt
)

// Material is a key between the record and the algorithm, in the one canonical form of its type:
//
//	RSA                Params: none            Public: DER RSAPublicKey (PKCS #1)       Secret: DER RSAPrivateKey (PKCS #1, two primes)
//	EC                 Params: DER OID         Public: uncompressed point 04||x||y      Secret: scalar, fixed length of the order
//	Edwards            Params: DER OID         Public: RFC 8032 encoding                Secret: RFC 8032 seed (32 or 57 bytes)
//	Montgomery         Params: DER OID         Public: RFC 7748 u coordinate            Secret: RFC 7748 scalar
//	ML-KEM             Params: set, u64 LE     Public: FIPS 203 ek                      Secret: seed d||z (64), or the expanded dk
//	ML-DSA             Params: set, u64 LE     Public: FIPS 204 pk                      Secret: seed xi (32), or the expanded sk
//	SLH-DSA            Params: set, u64 LE     Public: FIPS 205 pk                      Secret: FIPS 205 sk
//	AES, generic, ...  Params: none            Public: none                             Secret: the value
type Material struct {
	Type   key.Type
	Params []byte
	Public []byte
	Secret []byte // nil for a public key; the caller's, valid during the call
}

// Key is material parsed into the form its algorithm works with. In strict mode it lives for one operation, inside
// ssp.Do; in fast mode the core may keep it, so it must be safe for use by many goroutines at once.
type Key interface {
	Type() key.Type
	Bits() int     // key size as CK_MECHANISM_INFO counts it: bits for RSA, EC; bytes for AES; bytes of the public key for ML-*, SLH-DSA
	Private() bool // true when it holds a private or secret part
}

// Op is one running operation. For the uses Encrypt, Decrypt, Sign, Digest: Update appends output to dst as soon as
// there is some, Final appends the rest. A failed operation is over. For Verify, see Verifier.
type Op interface {
	Update(dst, in []byte) ([]byte, error)
	Final(dst []byte) ([]byte, error)
}

// Verifier is an Op whose Final is not used: Verify ends it with the signature.
type Verifier interface {
	Update(dst, in []byte) ([]byte, error)
	Verify(sig []byte) error
}

// Params is the mechanism parameter as it came from the client, in the shape Row.Shape names (docs/spec/mechanisms.md).
// A family decodes it with a wire.Reader and answers fault.MechanismParamInvalid for anything else.
type Params []byte

// Row is one mechanism. Functions that do not apply are nil, and the corresponding flag is absent.
type Row struct {
	ID       key.Mechanism
	Name     string // as in the standard, without CKM_: "ECDSA_SHA256"
	Flags    key.MechFlags
	KeyTypes []key.Type // key types it works with or makes; empty for digests
	Min, Max int        // key sizes as CK_MECHANISM_INFO counts them for this mechanism
	Shape    Shape      // form of the parameter on the wire
	Family   string     // name of the Family whose self-test covers it

	// Approved tells whether this use counts as an approved service (FIPS 140-3), given the key and parameter.
	// k is nil for digests and for key generation, where bits is the size asked for.
	Approved func(use Use, k Key, p Params, bits int) bool

	// ApprovedGen is Approved for a generation whose answer hangs on the curve or parameter set in spec; nil where
	// Approved knows enough.
	ApprovedGen func(spec GenSpec) bool

	// Begin starts Encrypt, Decrypt, Sign or Digest; BeginVerify starts Verify. One-shot calls are Begin, one Update,
	// Final; mechanisms that sign a digest as it is collect their input in Update and answer fault.DataLength.
	Begin       func(use Use, k Key, p Params) (Op, error)
	BeginVerify func(k Key, p Params) (Verifier, error)

	// Generate makes a new key or pair. spec carries what the templates ask for.
	Generate func(spec GenSpec) (Material, error)

	// Derive answers n bytes derived from k (n 0: the natural length), to become the value of a new key.
	Derive func(k Key, p Params, n int) ([]byte, error)

	// Further answers the templates of the keys that the parameter asks for beside the one of the call (SP800-108
	// section "Deriving Additional Keys"), each in the form of field letter A; DeriveAll then answers the values of all
	// keys, lens[0] bytes for the call's own. Both are nil where one derivation makes one key.
	Further   func(p Params) ([][]byte, error)
	DeriveAll func(k Key, p Params, lens []int) ([][]byte, error)

	// WrapBytes and UnwrapBytes protect the serialised key of another object.
	WrapBytes   func(k Key, p Params, plain []byte) ([]byte, error)
	UnwrapBytes func(k Key, p Params, wrapped []byte) ([]byte, error)

	// Encapsulate answers ciphertext and shared secret; Decapsulate the shared secret.
	Encapsulate func(k Key, p Params) (ct, secret []byte, err error)
	Decapsulate func(k Key, p Params, ct []byte) ([]byte, error)

	// SignLen is the exact length of a signature or MAC, or 0 when it depends on the parameter only.
	SignLen func(k Key, p Params) int
}

// Message is implemented by Rows for message-based AEAD (C_EncryptMessage): see aead.go.

// GenSpec is what a key generation asks for, taken from the templates by core/object.
type GenSpec struct {
	Type     key.Type // from CKA_KEY_TYPE, or the mechanism's only one
	Bits     int      // CKA_MODULUS_BITS; for symmetric keys CKA_VALUE_LEN in bytes
	Exponent []byte   // CKA_PUBLIC_EXPONENT, big-endian; nil for 65537
	Params   []byte   // CKA_EC_PARAMS as DER OID, or the parameter set as u64 LE
	Param    Params   // the mechanism's own parameter, which PKCS5_PBKD2 has
}

// Family is the self-test and the parsing of one kind of key.
type Family struct {
	Name  string
	Types []key.Type

	// Parse checks material and makes it usable. It must reject any material whose public and secret halves do not
	// belong together when check is true (import); when false the material comes from an authenticated record.
	Parse func(m Material, check bool) (Key, error)

	// PublicOf answers the public half of private material in canonical form; nil for symmetric families.
	PublicOf func(m Material) (Material, error)

	// SelfTests are the CASTs (FIPS 140-3 IG 10.3.A) of the family, one per algorithm.
	SelfTests []SelfTest

	// Pairwise is the pairwise consistency test that every new pair must pass before its record is sealed;
	// nil for symmetric families.
	Pairwise func(m Material) error

	Rows []Row
}

// SelfTest is one known-answer test. Run must fail when Broken returns true, so that each test can be shown to fire.
type SelfTest struct {
	Name string
	Run  func(broken bool) error // broken: flip one bit of the computed answer before it is compared
}
