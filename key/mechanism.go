// SPDX-License-Identifier: Apache-2.0

package key

// Mechanism is CKM_*.
type Mechanism uint64

const (
	MechRSAKeyPairGen      Mechanism = 0x0000
	MechRSAPKCS            Mechanism = 0x0001
	MechRSAX509            Mechanism = 0x0003
	MechSHA1RSAPKCS        Mechanism = 0x0006
	MechRSAOAEP            Mechanism = 0x0009
	MechRSAPSS             Mechanism = 0x000D
	MechSHA1RSAPSS         Mechanism = 0x000E
	MechMLKEMKeyPairGen    Mechanism = 0x000F
	MechMLKEM              Mechanism = 0x0017
	MechMLDSAKeyPairGen    Mechanism = 0x001C
	MechMLDSA              Mechanism = 0x001D
	MechHashMLDSA          Mechanism = 0x001F
	MechHashMLDSASHA224    Mechanism = 0x0023
	MechHashMLDSASHA256    Mechanism = 0x0024
	MechHashMLDSASHA384    Mechanism = 0x0025
	MechHashMLDSASHA512    Mechanism = 0x0026
	MechHashMLDSASHA3224   Mechanism = 0x0027
	MechHashMLDSASHA3256   Mechanism = 0x0028
	MechHashMLDSASHA3384   Mechanism = 0x0029
	MechHashMLDSASHA3512   Mechanism = 0x002A
	MechHashMLDSASHAKE128  Mechanism = 0x002B
	MechHashMLDSASHAKE256  Mechanism = 0x002C
	MechSLHDSAKeyPairGen   Mechanism = 0x002D
	MechSLHDSA             Mechanism = 0x002E
	MechHashSLHDSA         Mechanism = 0x0034
	MechHashSLHDSASHA224   Mechanism = 0x0036
	MechHashSLHDSASHA256   Mechanism = 0x0037
	MechHashSLHDSASHA384   Mechanism = 0x0038
	MechHashSLHDSASHA512   Mechanism = 0x0039
	MechHashSLHDSASHA3224  Mechanism = 0x003A
	MechHashSLHDSASHA3256  Mechanism = 0x003B
	MechHashSLHDSASHA3384  Mechanism = 0x003C
	MechHashSLHDSASHA3512  Mechanism = 0x003D
	MechHashSLHDSASHAKE128 Mechanism = 0x003E
	MechHashSLHDSASHAKE256 Mechanism = 0x003F
	MechSHA256RSAPKCS      Mechanism = 0x0040
	MechSHA384RSAPKCS      Mechanism = 0x0041
	MechSHA512RSAPKCS      Mechanism = 0x0042
	MechSHA256RSAPSS       Mechanism = 0x0043
	MechSHA384RSAPSS       Mechanism = 0x0044
	MechSHA512RSAPSS       Mechanism = 0x0045
	MechSHA224RSAPKCS      Mechanism = 0x0046
	MechSHA224RSAPSS       Mechanism = 0x0047
	MechSHA3256RSAPKCS     Mechanism = 0x0060
	MechSHA3384RSAPKCS     Mechanism = 0x0061
	MechSHA3512RSAPKCS     Mechanism = 0x0062
	MechSHA3256RSAPSS      Mechanism = 0x0063
	MechSHA3384RSAPSS      Mechanism = 0x0064
	MechSHA3512RSAPSS      Mechanism = 0x0065
	MechSHA3224RSAPKCS     Mechanism = 0x0066
	MechSHA3224RSAPSS      Mechanism = 0x0067
	MechDES3ECB            Mechanism = 0x0132
	MechDES3CBC            Mechanism = 0x0133
	MechDES3CBCPad         Mechanism = 0x0136
	MechSHA1               Mechanism = 0x0220
	MechSHA1HMAC           Mechanism = 0x0221
	MechSHA1HMACGeneral    Mechanism = 0x0222
	MechSHA256             Mechanism = 0x0250
	MechSHA256HMAC         Mechanism = 0x0251
	MechSHA256HMACGeneral  Mechanism = 0x0252
	MechSHA224             Mechanism = 0x0255
	MechSHA224HMAC         Mechanism = 0x0256
	MechSHA224HMACGeneral  Mechanism = 0x0257
	MechSHA384             Mechanism = 0x0260
	MechSHA384HMAC         Mechanism = 0x0261
	MechSHA384HMACGeneral  Mechanism = 0x0262
	MechSHA512             Mechanism = 0x0270
	MechSHA512HMAC         Mechanism = 0x0271
	MechSHA512HMACGeneral  Mechanism = 0x0272
	MechSHA3256            Mechanism = 0x02B0
	MechSHA3256HMAC        Mechanism = 0x02B1
	MechSHA3256HMACGeneral Mechanism = 0x02B2
	MechSHA3224            Mechanism = 0x02B5
	MechSHA3224HMAC        Mechanism = 0x02B6
	MechSHA3224HMACGeneral Mechanism = 0x02B7
	MechSHA3384            Mechanism = 0x02C0
	MechSHA3384HMAC        Mechanism = 0x02C1
	MechSHA3384HMACGeneral Mechanism = 0x02C2
	MechSHA3512            Mechanism = 0x02D0
	MechSHA3512HMAC        Mechanism = 0x02D1
	MechSHA3512HMACGeneral Mechanism = 0x02D2
	MechGenericKeyGen      Mechanism = 0x0350
	MechSP800108Counter    Mechanism = 0x03AC
	MechPBKDF2             Mechanism = 0x03B0
	MechECKeyPairGen       Mechanism = 0x1040
	MechECDSA              Mechanism = 0x1041
	MechECDSASHA1          Mechanism = 0x1042
	MechECDSASHA224        Mechanism = 0x1043
	MechECDSASHA256        Mechanism = 0x1044
	MechECDSASHA384        Mechanism = 0x1045
	MechECDSASHA512        Mechanism = 0x1046
	MechECDSASHA3224       Mechanism = 0x1047
	MechECDSASHA3256       Mechanism = 0x1048
	MechECDSASHA3384       Mechanism = 0x1049
	MechECDSASHA3512       Mechanism = 0x104A
	MechECDH1Derive        Mechanism = 0x1050
	MechECDH1Cofactor      Mechanism = 0x1051
	MechRSAAESKeyWrap      Mechanism = 0x1054
	MechEdwardsKeyPairGen  Mechanism = 0x1055
	MechMontgomeryPairGen  Mechanism = 0x1056
	MechEDDSA              Mechanism = 0x1057
	MechAESKeyGen          Mechanism = 0x1080
	MechAESECB             Mechanism = 0x1081
	MechAESCBC             Mechanism = 0x1082
	MechAESCBCPad          Mechanism = 0x1085
	MechAESCTR             Mechanism = 0x1086
	MechAESGCM             Mechanism = 0x1087
	MechAESCCM             Mechanism = 0x1088
	MechAESCMAC            Mechanism = 0x108A
	MechAESCMACGeneral     Mechanism = 0x108B
	MechAESGMAC            Mechanism = 0x108E
	MechChaCha20KeyGen     Mechanism = 0x1225
	MechAESKeyWrap         Mechanism = 0x2109
	MechAESKeyWrapPad      Mechanism = 0x210A
	MechAESKeyWrapKWP      Mechanism = 0x210B
	MechSHA1KeyGen         Mechanism = 0x4003
	MechSHA224KeyGen       Mechanism = 0x4004
	MechSHA256KeyGen       Mechanism = 0x4005
	MechSHA384KeyGen       Mechanism = 0x4006
	MechSHA512KeyGen       Mechanism = 0x4007
	MechChaCha20Poly1305   Mechanism = 0x4021
	MechHKDFDerive         Mechanism = 0x402A
	MechHKDFData           Mechanism = 0x402B
	MechHKDFKeyGen         Mechanism = 0x402C
)

// MechFlags is CKF_* of CK_MECHANISM_INFO: what a mechanism can be used for.
type MechFlags uint64

const (
	CanMessageEncrypt MechFlags = 0x00000002
	CanMessageDecrypt MechFlags = 0x00000004
	CanEncrypt        MechFlags = 0x00000100
	CanDecrypt        MechFlags = 0x00000200
	CanDigest         MechFlags = 0x00000400
	CanSign           MechFlags = 0x00000800
	CanVerify         MechFlags = 0x00002000
	CanGenerate       MechFlags = 0x00008000
	CanGeneratePair   MechFlags = 0x00010000
	CanWrap           MechFlags = 0x00020000
	CanUnwrap         MechFlags = 0x00040000
	CanDerive         MechFlags = 0x00080000
	ECFp              MechFlags = 0x00100000
	ECOID             MechFlags = 0x00800000
	ECUncompressed    MechFlags = 0x01000000
	CanEncapsulate    MechFlags = 0x10000000
	CanDecapsulate    MechFlags = 0x20000000
)

// Hash is the mechanism number of a digest, as it stands in hashAlg fields of parameters.
type Hash = Mechanism

// MGF is CKG_MGF1_*: the mask generation function of OAEP and PSS.
type MGF uint64

const (
	MGF1SHA1    MGF = 1
	MGF1SHA256  MGF = 2
	MGF1SHA384  MGF = 3
	MGF1SHA512  MGF = 4
	MGF1SHA224  MGF = 5
	MGF1SHA3224 MGF = 6
	MGF1SHA3256 MGF = 7
	MGF1SHA3384 MGF = 8
	MGF1SHA3512 MGF = 9
)

// KDF is CKD_*: what ECDH1 does to the shared secret.
type KDF uint64

const (
	KDFNull    KDF = 1
	KDFSHA1    KDF = 2
	KDFSHA224  KDF = 5
	KDFSHA256  KDF = 6
	KDFSHA384  KDF = 7
	KDFSHA512  KDF = 8
	KDFSHA3224 KDF = 10
	KDFSHA3256 KDF = 11
	KDFSHA3384 KDF = 12
	KDFSHA3512 KDF = 13
)
