// SPDX-License-Identifier: Apache-2.0

package key

// Attr is CKA_*: the name of an attribute.
type Attr uint64

// ArrayAttribute (CKF_ARRAY_ATTRIBUTE) marks an attribute whose value is a template or a list of mechanisms.
const ArrayAttribute Attr = 0x40000000

const (
	AttrClass            Attr = 0x000
	AttrToken            Attr = 0x001
	AttrPrivate          Attr = 0x002
	AttrLabel            Attr = 0x003
	AttrUniqueID         Attr = 0x004
	AttrApplication      Attr = 0x010
	AttrValue            Attr = 0x011
	AttrObjectID         Attr = 0x012
	AttrCertificateType  Attr = 0x080
	AttrIssuer           Attr = 0x081
	AttrSerialNumber     Attr = 0x082
	AttrACIssuer         Attr = 0x083
	AttrOwner            Attr = 0x084
	AttrAttrTypes        Attr = 0x085
	AttrTrusted          Attr = 0x086
	AttrCertCategory     Attr = 0x087
	AttrJavaMIDP         Attr = 0x088
	AttrURL              Attr = 0x089
	AttrSubjectKeyHash   Attr = 0x08A
	AttrIssuerKeyHash    Attr = 0x08B
	AttrNameHashAlg      Attr = 0x08C
	AttrCheckValue       Attr = 0x090
	AttrKeyType          Attr = 0x100
	AttrSubject          Attr = 0x101
	AttrID               Attr = 0x102
	AttrSensitive        Attr = 0x103
	AttrEncrypt          Attr = 0x104
	AttrDecrypt          Attr = 0x105
	AttrWrap             Attr = 0x106
	AttrUnwrap           Attr = 0x107
	AttrSign             Attr = 0x108
	AttrSignRecover      Attr = 0x109
	AttrVerify           Attr = 0x10A
	AttrVerifyRecover    Attr = 0x10B
	AttrDerive           Attr = 0x10C
	AttrStartDate        Attr = 0x110
	AttrEndDate          Attr = 0x111
	AttrModulus          Attr = 0x120
	AttrModulusBits      Attr = 0x121
	AttrPublicExponent   Attr = 0x122
	AttrPrivateExponent  Attr = 0x123
	AttrPrime1           Attr = 0x124
	AttrPrime2           Attr = 0x125
	AttrExponent1        Attr = 0x126
	AttrExponent2        Attr = 0x127
	AttrCoefficient      Attr = 0x128
	AttrPublicKeyInfo    Attr = 0x129
	AttrValueBits        Attr = 0x160
	AttrValueLen         Attr = 0x161
	AttrExtractable      Attr = 0x162
	AttrLocal            Attr = 0x163
	AttrNeverExtractable Attr = 0x164
	AttrAlwaysSensitive  Attr = 0x165
	AttrKeyGenMechanism  Attr = 0x166
	AttrModifiable       Attr = 0x170
	AttrCopyable         Attr = 0x171
	AttrDestroyable      Attr = 0x172
	AttrECParams         Attr = 0x180
	AttrECPoint          Attr = 0x181
	AttrAlwaysAuth       Attr = 0x202
	AttrWrapWithTrusted  Attr = 0x210
	AttrWrapTemplate     Attr = ArrayAttribute | 0x211
	AttrUnwrapTemplate   Attr = ArrayAttribute | 0x212
	AttrDeriveTemplate   Attr = ArrayAttribute | 0x213
	AttrAllowedMechs     Attr = ArrayAttribute | 0x600
	AttrProfileID        Attr = 0x601
	AttrParameterSet     Attr = 0x61D
	AttrEncapsTemplate   Attr = ArrayAttribute | 0x62A
	AttrDecapsTemplate   Attr = ArrayAttribute | 0x62B
	AttrEncapsulate      Attr = 0x633
	AttrDecapsulate      Attr = 0x634
	AttrSeed             Attr = 0x637
)

// AttrVendor (CKA_VENDOR_DEFINED) opens the range of attributes that are our own.
const AttrVendor Attr = 0x80000000

// Our own attributes. PKCS #11 has no owner and no state; both are shown by the CLI and kept by the core.
const (
	AttrOwnerID Attr = AttrVendor | 0x47420001 // operator that created the object; zero when everybody in the partition may use it
	AttrShared  Attr = AttrVendor | 0x47420002 // operators that may use, but not manage, the object
	AttrState   Attr = AttrVendor | 0x47420003 // State, SP 800-57 part 1 section 7
)

// What the web doors know of an object and PKCS #11 does not (docs/spec/azure.md). Numbers are 8 bytes, as a CK_ULONG; times are seconds
// since 1970 where nothing else is said, and 0 takes one away.
const (
	AttrCreated      Attr = AttrVendor | 0x47420010 // nanoseconds since 1970, by the core's clock; orders the versions of a name
	AttrUpdated      Attr = AttrVendor | 0x47420011 // nanoseconds since 1970
	AttrNotBefore    Attr = AttrVendor | 0x47420012 // first second of use
	AttrExpires      Attr = AttrVendor | 0x47420013 // first second without use
	AttrKeyOps       Attr = AttrVendor | 0x47420014 // Ops, for keys that a web door made
	AttrDoor         Attr = AttrVendor | 0x47420015 // what only the door understands: tags, content type, rotation policy; JSON
	AttrRelease      Attr = AttrVendor | 0x47420016 // policy by which the key may be released; JSON
	AttrReleaseFlags Attr = AttrVendor | 0x47420017 // 1 exportable, 2 the policy cannot be changed
	AttrDeleted      Attr = AttrVendor | 0x47420018 // when it was deleted and can still be recovered
	AttrPurge        Attr = AttrVendor | 0x47420019 // when it will be destroyed
	AttrVersion      Attr = AttrVendor | 0x4742001A // version id (16 bytes) where it is not the object's own: restored objects, certificates
	AttrPart         Attr = AttrVendor | 0x4742001B // Part: what the object is made for; said when it is made, and never changed
)
