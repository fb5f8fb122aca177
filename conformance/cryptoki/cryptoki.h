/* SPDX-License-Identifier: Apache-2.0
 *
 * What a PKCS #11 program needs of Cryptoki 3.2, written down from the text of the standard for the programs in this folder,
 * without a look at the library they test: a slip in its headers cannot hide behind the same slip here. All handles and enumerations are
 * CK_ULONG, and the function lists of 2.40 and 3.0 are the beginnings of the one of 3.2.
 */
#ifndef CONFORMANCE_CRYPTOKI_H
#define CONFORMANCE_CRYPTOKI_H

#include <stddef.h>

typedef unsigned char CK_BYTE;
typedef unsigned long CK_ULONG;
typedef unsigned long CK_RV;

typedef struct { CK_BYTE major, minor; } CK_VERSION;
typedef struct { CK_ULONG type; void *pValue; CK_ULONG ulValueLen; } CK_ATTRIBUTE;
typedef struct { CK_ULONG mechanism; void *pParameter; CK_ULONG ulParameterLen; } CK_MECHANISM;
typedef struct { CK_ULONG ulMinKeySize, ulMaxKeySize, flags; } CK_MECHANISM_INFO;
typedef struct { CK_ULONG slotID, state, flags, ulDeviceError; } CK_SESSION_INFO;
typedef struct { CK_BYTE *pInterfaceName; void *pFunctionList; CK_ULONG flags; } CK_INTERFACE;
typedef struct {
    void *CreateMutex, *DestroyMutex, *LockMutex, *UnlockMutex;
    CK_ULONG flags;
    void *pReserved;
} CK_C_INITIALIZE_ARGS;
typedef struct {
    CK_BYTE label[32], manufacturerID[32], model[16], serialNumber[16];
    CK_ULONG flags, ulMaxSessionCount, ulSessionCount, ulMaxRwSessionCount, ulRwSessionCount, ulMaxPinLen, ulMinPinLen;
    CK_ULONG ulTotalPublicMemory, ulFreePublicMemory, ulTotalPrivateMemory, ulFreePrivateMemory;
    CK_VERSION hardwareVersion, firmwareVersion;
    CK_BYTE utcTime[16];
} CK_TOKEN_INFO;

/* Parameters of mechanisms, each named in the clause of its mechanism. */
typedef struct { CK_ULONG hashAlg, mgf, sLen; } CK_RSA_PKCS_PSS_PARAMS;
typedef struct { CK_ULONG hashAlg, mgf, source; void *pSourceData; CK_ULONG ulSourceDataLen; } CK_RSA_PKCS_OAEP_PARAMS;
typedef struct { CK_ULONG ulAESKeyBits; CK_RSA_PKCS_OAEP_PARAMS *pOAEPParams; } CK_RSA_AES_KEY_WRAP_PARAMS;
typedef struct { CK_ULONG kdf, ulSharedDataLen; CK_BYTE *pSharedData; CK_ULONG ulPublicDataLen; CK_BYTE *pPublicData; } CK_ECDH1_DERIVE_PARAMS;
typedef struct { CK_BYTE phFlag; CK_ULONG ulContextDataLen; CK_BYTE *pContextData; } CK_EDDSA_PARAMS;
typedef struct { CK_ULONG hedgeVariant; CK_BYTE *pContext; CK_ULONG ulContextLen; } CK_SIGN_ADDITIONAL_CONTEXT;
typedef struct { CK_ULONG hedgeVariant; CK_BYTE *pContext; CK_ULONG ulContextLen, hash; } CK_HASH_SIGN_ADDITIONAL_CONTEXT;
typedef struct { CK_BYTE *pIv; CK_ULONG ulIvLen, ulIvBits; CK_BYTE *pAAD; CK_ULONG ulAADLen, ulTagBits; } CK_GCM_PARAMS;
typedef struct { CK_BYTE *pIv; CK_ULONG ulIvLen, ulIvFixedBits, ivGenerator; CK_BYTE *pTag; CK_ULONG ulTagBits; } CK_GCM_MESSAGE_PARAMS;
typedef struct { CK_ULONG ulDataLen; CK_BYTE *pNonce; CK_ULONG ulNonceLen; CK_BYTE *pAAD; CK_ULONG ulAADLen, ulMACLen; } CK_CCM_PARAMS;
typedef struct {
    CK_ULONG ulDataLen;
    CK_BYTE *pNonce;
    CK_ULONG ulNonceLen, ulNonceFixedBits, nonceGenerator;
    CK_BYTE *pMAC;
    CK_ULONG ulMACLen;
} CK_CCM_MESSAGE_PARAMS;
typedef struct { CK_ULONG ulCounterBits; CK_BYTE cb[16]; } CK_AES_CTR_PARAMS;
typedef struct { CK_BYTE *pNonce; CK_ULONG ulNonceLen; CK_BYTE *pAAD; CK_ULONG ulAADLen; } CK_SALSA20_CHACHA20_POLY1305_PARAMS;
typedef struct { CK_BYTE *pNonce; CK_ULONG ulNonceLen; CK_BYTE *pTag; } CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS;
typedef struct {
    CK_BYTE bExtract, bExpand;
    CK_ULONG prfHashMechanism, ulSaltType;
    CK_BYTE *pSalt;
    CK_ULONG ulSaltLen, hSaltKey;
    CK_BYTE *pInfo;
    CK_ULONG ulInfoLen;
} CK_HKDF_PARAMS;
typedef struct {
    CK_ULONG saltSource;
    void *pSaltSourceData;
    CK_ULONG ulSaltSourceDataLen, iterations, prf;
    void *pPrfData;
    CK_ULONG ulPrfDataLen;
    CK_BYTE *pPassword;
    CK_ULONG ulPasswordLen;
} CK_PKCS5_PBKD2_PARAMS2;
typedef struct { CK_ULONG type; void *pValue; CK_ULONG ulValueLen; } CK_PRF_DATA_PARAM;
typedef struct { CK_BYTE bLittleEndian; CK_ULONG ulWidthInBits; } CK_SP800_108_COUNTER_FORMAT;
typedef struct { CK_ULONG dkmLengthMethod; CK_BYTE bLittleEndian; CK_ULONG ulWidthInBits; } CK_SP800_108_DKM_LENGTH_FORMAT;
typedef struct { CK_ATTRIBUTE *pTemplate; CK_ULONG ulAttributeCount; CK_ULONG *phKey; } CK_DERIVED_KEY;
typedef struct {
    CK_ULONG prfType, ulNumberOfDataParams;
    CK_PRF_DATA_PARAM *pDataParams;
    CK_ULONG ulAdditionalDerivedKeys;
    CK_DERIVED_KEY *pAdditionalDerivedKeys;
} CK_SP800_108_KDF_PARAMS;

typedef struct CK_FUNCTIONS CK_FUNCTIONS;
struct CK_FUNCTIONS {
    CK_VERSION version;
    CK_RV (*C_Initialize)(void *);
    CK_RV (*C_Finalize)(void *);
    CK_RV (*C_GetInfo)(void *);
    CK_RV (*C_GetFunctionList)(CK_FUNCTIONS **);
    CK_RV (*C_GetSlotList)(CK_BYTE, CK_ULONG *, CK_ULONG *);
    CK_RV (*C_GetSlotInfo)(CK_ULONG, void *);
    CK_RV (*C_GetTokenInfo)(CK_ULONG, CK_TOKEN_INFO *);
    CK_RV (*C_GetMechanismList)(CK_ULONG, CK_ULONG *, CK_ULONG *);
    CK_RV (*C_GetMechanismInfo)(CK_ULONG, CK_ULONG, CK_MECHANISM_INFO *);
    CK_RV (*C_InitToken)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *);
    CK_RV (*C_InitPIN)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_SetPIN)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_OpenSession)(CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *);
    CK_RV (*C_CloseSession)(CK_ULONG);
    CK_RV (*C_CloseAllSessions)(CK_ULONG);
    CK_RV (*C_GetSessionInfo)(CK_ULONG, CK_SESSION_INFO *);
    CK_RV (*C_GetOperationState)(CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_SetOperationState)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_ULONG, CK_ULONG);
    CK_RV (*C_Login)(CK_ULONG, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_Logout)(CK_ULONG);
    CK_RV (*C_CreateObject)(CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_CopyObject)(CK_ULONG, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_DestroyObject)(CK_ULONG, CK_ULONG);
    CK_RV (*C_GetObjectSize)(CK_ULONG, CK_ULONG, CK_ULONG *);
    CK_RV (*C_GetAttributeValue)(CK_ULONG, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG);
    CK_RV (*C_SetAttributeValue)(CK_ULONG, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG);
    CK_RV (*C_FindObjectsInit)(CK_ULONG, CK_ATTRIBUTE *, CK_ULONG);
    CK_RV (*C_FindObjects)(CK_ULONG, CK_ULONG *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_FindObjectsFinal)(CK_ULONG);
    CK_RV (*C_EncryptInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_Encrypt)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_EncryptUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_EncryptFinal)(CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DecryptInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_Decrypt)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DecryptUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DecryptFinal)(CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DigestInit)(CK_ULONG, CK_MECHANISM *);
    CK_RV (*C_Digest)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DigestUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_DigestKey)(CK_ULONG, CK_ULONG);
    CK_RV (*C_DigestFinal)(CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_SignInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_Sign)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_SignUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_SignFinal)(CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_SignRecoverInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_SignRecover)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_VerifyInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_Verify)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifyUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifyFinal)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifyRecoverInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_VerifyRecover)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DigestEncryptUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DecryptDigestUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_SignEncryptUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DecryptVerifyUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_GenerateKey)(CK_ULONG, CK_MECHANISM *, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_GenerateKeyPair)(CK_ULONG, CK_MECHANISM *, CK_ATTRIBUTE *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *, CK_ULONG *);
    CK_RV (*C_WrapKey)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_UnwrapKey)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_DeriveKey)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_SeedRandom)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_GenerateRandom)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_GetFunctionStatus)(CK_ULONG);
    CK_RV (*C_CancelFunction)(CK_ULONG);
    CK_RV (*C_WaitForSlotEvent)(CK_ULONG, CK_ULONG *, void *);
    /* 3.0 adds */
    CK_RV (*C_GetInterfaceList)(CK_INTERFACE *, CK_ULONG *);
    CK_RV (*C_GetInterface)(CK_BYTE *, CK_VERSION *, CK_INTERFACE **, CK_ULONG);
    CK_RV (*C_LoginUser)(CK_ULONG, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_SessionCancel)(CK_ULONG, CK_ULONG);
    CK_RV (*C_MessageEncryptInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_EncryptMessage)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_EncryptMessageBegin)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_EncryptMessageNext)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *, CK_ULONG);
    CK_RV (*C_MessageEncryptFinal)(CK_ULONG);
    CK_RV (*C_MessageDecryptInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_DecryptMessage)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_DecryptMessageBegin)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_DecryptMessageNext)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *, CK_ULONG);
    CK_RV (*C_MessageDecryptFinal)(CK_ULONG);
    CK_RV (*C_MessageSignInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_SignMessage)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_SignMessageBegin)(CK_ULONG, void *, CK_ULONG);
    CK_RV (*C_SignMessageNext)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_MessageSignFinal)(CK_ULONG);
    CK_RV (*C_MessageVerifyInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG);
    CK_RV (*C_VerifyMessage)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifyMessageBegin)(CK_ULONG, void *, CK_ULONG);
    CK_RV (*C_VerifyMessageNext)(CK_ULONG, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_MessageVerifyFinal)(CK_ULONG);
    /* 3.2 adds */
    CK_RV (*C_EncapsulateKey)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_BYTE *, CK_ULONG *, CK_ULONG *);
    CK_RV (*C_DecapsulateKey)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_ULONG *);
    CK_RV (*C_VerifySignatureInit)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifySignature)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifySignatureUpdate)(CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_VerifySignatureFinal)(CK_ULONG);
    CK_RV (*C_GetSessionValidationFlags)(CK_ULONG, CK_ULONG, CK_ULONG *);
    CK_RV (*C_AsyncComplete)(CK_ULONG, CK_BYTE *, void *);
    CK_RV (*C_AsyncGetID)(CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_AsyncJoin)(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG);
    CK_RV (*C_WrapKeyAuthenticated)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
    CK_RV (*C_UnwrapKeyAuthenticated)(CK_ULONG, CK_MECHANISM *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_ULONG
        *);
};

#endif
