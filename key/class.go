// SPDX-License-Identifier: Apache-2.0

package key

// Class is CKO_*: what kind of object it is.
type Class uint64

const (
	ClassData        Class = 0
	ClassCertificate Class = 1
	ClassPublic      Class = 2
	ClassPrivate     Class = 3
	ClassSecret      Class = 4
	ClassMechanism   Class = 7
	ClassProfile     Class = 9
)

// Type is CKK_*: what kind of key it is.
type Type uint64

const (
	TypeRSA         Type = 0x00
	TypeEC          Type = 0x03
	TypeGeneric     Type = 0x10
	TypeDES3        Type = 0x15
	TypeAES         Type = 0x1F
	TypeSHA1HMAC    Type = 0x28
	TypeSHA256HMAC  Type = 0x2B
	TypeSHA384HMAC  Type = 0x2C
	TypeSHA512HMAC  Type = 0x2D
	TypeSHA224HMAC  Type = 0x2E
	TypeChaCha20    Type = 0x33
	TypeSHA3224HMAC Type = 0x36 // not in every header; 3.0 section 6.22
	TypeSHA3256HMAC Type = 0x37
	TypeSHA3384HMAC Type = 0x38
	TypeSHA3512HMAC Type = 0x39
	TypeEdwards     Type = 0x40
	TypeMontgomery  Type = 0x41
	TypeHKDF        Type = 0x42
	TypeMLKEM       Type = 0x49
	TypeMLDSA       Type = 0x4A
	TypeSLHDSA      Type = 0x4B
	TypeUnavailable Type = 1<<64 - 1
)

// CertType is CKC_*.
type CertType uint64

const (
	CertX509     CertType = 0
	CertX509Attr CertType = 1
	CertWTLS     CertType = 2
)

// Profile is CKP_*: what a CKO_PROFILE object claims.
type Profile uint64

const (
	ProfileBaseline       Profile = 1
	ProfileExtended       Profile = 2
	ProfileAuthentication Profile = 3
	ProfileCertificates   Profile = 4
)

// ParamSet is CKP_ML_KEM_*, CKP_ML_DSA_* or CKP_SLH_DSA_*; which one the key type tells.
type ParamSet uint64

const (
	MLKEM512  ParamSet = 1
	MLKEM768  ParamSet = 2
	MLKEM1024 ParamSet = 3

	MLDSA44 ParamSet = 1
	MLDSA65 ParamSet = 2
	MLDSA87 ParamSet = 3

	SLHDSASHA2128s  ParamSet = 1
	SLHDSASHAKE128s ParamSet = 2
	SLHDSASHA2128f  ParamSet = 3
	SLHDSASHAKE128f ParamSet = 4
	SLHDSASHA2192s  ParamSet = 5
	SLHDSASHAKE192s ParamSet = 6
	SLHDSASHA2192f  ParamSet = 7
	SLHDSASHAKE192f ParamSet = 8
	SLHDSASHA2256s  ParamSet = 9
	SLHDSASHAKE256s ParamSet = 10
	SLHDSASHA2256f  ParamSet = 11
	SLHDSASHAKE256f ParamSet = 12
)

// Unavailable is CK_UNAVAILABLE_INFORMATION.
const Unavailable uint64 = 1<<64 - 1
