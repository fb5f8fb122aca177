// SPDX-License-Identifier: Apache-2.0

package mech

// Shape names the form in which a mechanism parameter travels from the C library: the fields of the standard's C
// struct, in order, without pointers. u is a u64, b is a u32 length and bytes. The C library refuses a struct of the
// wrong size before it reads it (MECHANISM_PARAM_INVALID); the core decodes and judges the values.
type Shape uint8

const (
	ShapeNone   Shape = iota // no parameter; an empty one is accepted
	ShapeBytes               // b: the raw parameter bytes: IV of CBC, IV of KEY_WRAP (may be empty)
	ShapeULong               // u: CK_MAC_GENERAL_PARAMS and others that are one CK_ULONG
	ShapeOAEP                // u hashAlg, u mgf, u source, b sourceData          (CK_RSA_PKCS_OAEP_PARAMS)
	ShapePSS                 // u hashAlg, u mgf, u sLen                          (CK_RSA_PKCS_PSS_PARAMS)
	ShapeCTR                 // u counterBits, b cb (16)                          (CK_AES_CTR_PARAMS)
	ShapeGCM                 // b iv, u ivBits, b aad, u tagBits                  (CK_GCM_PARAMS, also of AES_GMAC)
	ShapeCCM                 // u dataLen, b nonce, b aad, u macLen               (CK_CCM_PARAMS)
	ShapeChaCha              // b nonce, b aad                                    (CK_SALSA20_CHACHA20_POLY1305_PARAMS)
	ShapeECDH1               // u kdf, b sharedData, b publicData                 (CK_ECDH1_DERIVE_PARAMS)
	ShapeRSAAES              // u aesKeyBits, then the fields of ShapeOAEP        (CK_RSA_AES_KEY_WRAP_PARAMS)
	ShapeHKDF                // u extract, u expand, u prfHash, u saltType, b salt, u saltKey, b info  (CK_HKDF_PARAMS)
	ShapeKBKDF               // u prf, u n, n x {u type, b value}, u n, n x {A template}  (CK_SP800_108_KDF_PARAMS)
	// value: ITERATION_VARIABLE and COUNTER u littleEndian, u bits; DKM_LENGTH u method, u littleEndian, u bits; KEY_HANDLE u.
	// Of littleEndian only the low byte counts, so that the C struct, padding included, has this form as it lies in memory.
	ShapePBKDF2    // u saltSource, b salt, u iterations, u prf, b prfData, b password  (CK_PKCS5_PBKD2_PARAMS2)
	ShapeEDDSA     // u present; if 1: u phFlag, b context              (CK_EDDSA_PARAMS, or no parameter)
	ShapeSignCtx   // u present; if 1: u hedge, b context               (CK_SIGN_ADDITIONAL_CONTEXT, or none)
	ShapeHashCtx   // u hedge, b context, u hash                        (CK_HASH_SIGN_ADDITIONAL_CONTEXT)
	ShapeGCMMsg    // b iv, u ivFixedBits, u ivGenerator, u tagBits     (CK_GCM_MESSAGE_PARAMS)
	ShapeCCMMsg    // u dataLen, b nonce, u nonceFixedBits, u nonceGenerator, u macLen  (CK_CCM_MESSAGE_PARAMS)
	ShapeChaChaMsg // b nonce                                           (CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS)
)
