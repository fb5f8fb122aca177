/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of PKCS #11 in the order of the three function lists. CK_FN(name, parameters) is expanded to members,
 * prototypes and initialisers; nothing but the lists themselves depends on the order.
 */
#ifndef GENBU_CRYPTOKI_FUNCTIONS_H
#define GENBU_CRYPTOKI_FUNCTIONS_H

typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;
typedef struct CK_FUNCTION_LIST_3_0 CK_FUNCTION_LIST_3_0;
typedef struct CK_FUNCTION_LIST_3_2 CK_FUNCTION_LIST_3_2;

/* Added by 2.40: 68 functions. */
#define CK_FUNCTIONS_2_40(CK_FN) \
	CK_FN(C_Initialize, (void *pInitArgs)) \
	CK_FN(C_Finalize, (void *pReserved)) \
	CK_FN(C_GetInfo, (CK_INFO *pInfo)) \
	CK_FN(C_GetFunctionList, (CK_FUNCTION_LIST **ppFunctionList)) \
	CK_FN(C_GetSlotList, (CK_BBOOL tokenPresent, CK_SLOT_ID *pSlotList, CK_ULONG *pulCount)) \
	CK_FN(C_GetSlotInfo, (CK_SLOT_ID slotID, CK_SLOT_INFO *pInfo)) \
	CK_FN(C_GetTokenInfo, (CK_SLOT_ID slotID, CK_TOKEN_INFO *pInfo)) \
	CK_FN(C_GetMechanismList, (CK_SLOT_ID slotID, CK_MECHANISM_TYPE *pMechanismList, CK_ULONG *pulCount)) \
	CK_FN(C_GetMechanismInfo, (CK_SLOT_ID slotID, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *pInfo)) \
	CK_FN(C_InitToken, (CK_SLOT_ID slotID, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen, CK_UTF8CHAR *pLabel)) \
	CK_FN(C_InitPIN, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen)) \
	CK_FN(C_SetPIN, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pOldPin, CK_ULONG ulOldLen, CK_UTF8CHAR *pNewPin, \
		CK_ULONG ulNewLen)) \
	CK_FN(C_OpenSession, (CK_SLOT_ID slotID, CK_FLAGS flags, void *pApplication, CK_NOTIFY Notify, CK_SESSION_HANDLE \
		*phSession)) \
	CK_FN(C_CloseSession, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_CloseAllSessions, (CK_SLOT_ID slotID)) \
	CK_FN(C_GetSessionInfo, (CK_SESSION_HANDLE hSession, CK_SESSION_INFO *pInfo)) \
	CK_FN(C_GetOperationState, (CK_SESSION_HANDLE hSession, CK_BYTE *pOperationState, CK_ULONG *pulOperationStateLen)) \
	CK_FN(C_SetOperationState, (CK_SESSION_HANDLE hSession, CK_BYTE *pOperationState, CK_ULONG ulOperationStateLen, \
		CK_OBJECT_HANDLE hEncryptionKey, CK_OBJECT_HANDLE hAuthenticationKey)) \
	CK_FN(C_Login, (CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen)) \
	CK_FN(C_Logout, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_CreateObject, (CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE \
		*phObject)) \
	CK_FN(C_CopyObject, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG \
		ulCount, CK_OBJECT_HANDLE *phNewObject)) \
	CK_FN(C_DestroyObject, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject)) \
	CK_FN(C_GetObjectSize, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ULONG *pulSize)) \
	CK_FN(C_GetAttributeValue, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, \
		CK_ULONG ulCount)) \
	CK_FN(C_SetAttributeValue, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, \
		CK_ULONG ulCount)) \
	CK_FN(C_FindObjectsInit, (CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)) \
	CK_FN(C_FindObjects, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE *phObject, CK_ULONG ulMaxObjectCount, CK_ULONG \
		*pulObjectCount)) \
	CK_FN(C_FindObjectsFinal, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_EncryptInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_Encrypt, (CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pEncryptedData, \
		CK_ULONG *pulEncryptedDataLen)) \
	CK_FN(C_EncryptUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen, CK_BYTE *pEncryptedPart, \
		CK_ULONG *pulEncryptedPartLen)) \
	CK_FN(C_EncryptFinal, (CK_SESSION_HANDLE hSession, CK_BYTE *pLastEncryptedPart, CK_ULONG \
		*pulLastEncryptedPartLen)) \
	CK_FN(C_DecryptInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_Decrypt, (CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedData, CK_ULONG ulEncryptedDataLen, CK_BYTE \
		*pData, CK_ULONG *pulDataLen)) \
	CK_FN(C_DecryptUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedPart, CK_ULONG ulEncryptedPartLen, CK_BYTE \
		*pPart, CK_ULONG *pulPartLen)) \
	CK_FN(C_DecryptFinal, (CK_SESSION_HANDLE hSession, CK_BYTE *pLastPart, CK_ULONG *pulLastPartLen)) \
	CK_FN(C_DigestInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism)) \
	CK_FN(C_Digest, (CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pDigest, CK_ULONG \
		*pulDigestLen)) \
	CK_FN(C_DigestUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)) \
	CK_FN(C_DigestKey, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_DigestFinal, (CK_SESSION_HANDLE hSession, CK_BYTE *pDigest, CK_ULONG *pulDigestLen)) \
	CK_FN(C_SignInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_Sign, (CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG \
		*pulSignatureLen)) \
	CK_FN(C_SignUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)) \
	CK_FN(C_SignFinal, (CK_SESSION_HANDLE hSession, CK_BYTE *pSignature, CK_ULONG *pulSignatureLen)) \
	CK_FN(C_SignRecoverInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_SignRecover, (CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pSignature, \
		CK_ULONG *pulSignatureLen)) \
	CK_FN(C_VerifyInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_Verify, (CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG \
		ulSignatureLen)) \
	CK_FN(C_VerifyUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)) \
	CK_FN(C_VerifyFinal, (CK_SESSION_HANDLE hSession, CK_BYTE *pSignature, CK_ULONG ulSignatureLen)) \
	CK_FN(C_VerifyRecoverInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_VerifyRecover, (CK_SESSION_HANDLE hSession, CK_BYTE *pSignature, CK_ULONG ulSignatureLen, CK_BYTE *pData, \
		CK_ULONG *pulDataLen)) \
	CK_FN(C_DigestEncryptUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen, CK_BYTE \
		*pEncryptedPart, CK_ULONG *pulEncryptedPartLen)) \
	CK_FN(C_DecryptDigestUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedPart, CK_ULONG ulEncryptedPartLen, \
		CK_BYTE *pPart, CK_ULONG *pulPartLen)) \
	CK_FN(C_SignEncryptUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen, CK_BYTE \
		*pEncryptedPart, CK_ULONG *pulEncryptedPartLen)) \
	CK_FN(C_DecryptVerifyUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedPart, CK_ULONG ulEncryptedPartLen, \
		CK_BYTE *pPart, CK_ULONG *pulPartLen)) \
	CK_FN(C_GenerateKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pTemplate, CK_ULONG \
		ulCount, CK_OBJECT_HANDLE *phKey)) \
	CK_FN(C_GenerateKeyPair, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pPublicKeyTemplate, \
		CK_ULONG ulPublicKeyAttributeCount, CK_ATTRIBUTE *pPrivateKeyTemplate, CK_ULONG ulPrivateKeyAttributeCount, \
		CK_OBJECT_HANDLE *phPublicKey, CK_OBJECT_HANDLE *phPrivateKey)) \
	CK_FN(C_WrapKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hWrappingKey, \
		CK_OBJECT_HANDLE hKey, CK_BYTE *pWrappedKey, CK_ULONG *pulWrappedKeyLen)) \
	CK_FN(C_UnwrapKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hUnwrappingKey, CK_BYTE \
		*pWrappedKey, CK_ULONG ulWrappedKeyLen, CK_ATTRIBUTE *pTemplate, CK_ULONG ulAttributeCount, CK_OBJECT_HANDLE \
		*phKey)) \
	CK_FN(C_DeriveKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hBaseKey, CK_ATTRIBUTE \
		*pTemplate, CK_ULONG ulAttributeCount, CK_OBJECT_HANDLE *phKey)) \
	CK_FN(C_SeedRandom, (CK_SESSION_HANDLE hSession, CK_BYTE *pSeed, CK_ULONG ulSeedLen)) \
	CK_FN(C_GenerateRandom, (CK_SESSION_HANDLE hSession, CK_BYTE *RandomData, CK_ULONG ulRandomLen)) \
	CK_FN(C_GetFunctionStatus, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_CancelFunction, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *pSlot, void *pRserved))

/* Added by 3.0: 24 functions. */
#define CK_FUNCTIONS_3_0(CK_FN) \
	CK_FN(C_GetInterfaceList, (CK_INTERFACE *pInterfacesList, CK_ULONG *pulCount)) \
	CK_FN(C_GetInterface, (CK_UTF8CHAR *pInterfaceName, CK_VERSION *pVersion, CK_INTERFACE **ppInterface, CK_FLAGS \
		flags)) \
	CK_FN(C_LoginUser, (CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen, \
		CK_UTF8CHAR *pUsername, CK_ULONG ulUsernameLen)) \
	CK_FN(C_SessionCancel, (CK_SESSION_HANDLE hSession, CK_FLAGS flags)) \
	CK_FN(C_MessageEncryptInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_EncryptMessage, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE \
		*pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE *pPlaintext, CK_ULONG ulPlaintextLen, CK_BYTE \
		*pCiphertext, CK_ULONG *pulCiphertextLen)) \
	CK_FN(C_EncryptMessageBegin, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE \
		*pAssociatedData, CK_ULONG ulAssociatedDataLen)) \
	CK_FN(C_EncryptMessageNext, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE \
		*pPlaintextPart, CK_ULONG ulPlaintextPartLen, CK_BYTE *pCiphertextPart, CK_ULONG *pulCiphertextPartLen, CK_FLAGS \
		flags)) \
	CK_FN(C_MessageEncryptFinal, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_MessageDecryptInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_DecryptMessage, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE \
		*pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE *pCiphertext, CK_ULONG ulCiphertextLen, CK_BYTE \
		*pPlaintext, CK_ULONG *pulPlaintextLen)) \
	CK_FN(C_DecryptMessageBegin, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE \
		*pAssociatedData, CK_ULONG ulAssociatedDataLen)) \
	CK_FN(C_DecryptMessageNext, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE \
		*pCiphertextPart, CK_ULONG ulCiphertextPartLen, CK_BYTE *pPlaintextPart, CK_ULONG *pulPlaintextPartLen, CK_FLAGS \
		flags)) \
	CK_FN(C_MessageDecryptFinal, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_MessageSignInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_SignMessage, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pData, \
		CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG *pulSignatureLen)) \
	CK_FN(C_SignMessageBegin, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen)) \
	CK_FN(C_SignMessageNext, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pData, \
		CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG *pulSignatureLen)) \
	CK_FN(C_MessageSignFinal, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_MessageVerifyInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)) \
	CK_FN(C_VerifyMessage, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pData, \
		CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG ulSignatureLen)) \
	CK_FN(C_VerifyMessageBegin, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen)) \
	CK_FN(C_VerifyMessageNext, (CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pData, \
		CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG ulSignatureLen)) \
	CK_FN(C_MessageVerifyFinal, (CK_SESSION_HANDLE hSession))

/* Added by 3.2: 12 functions. */
#define CK_FUNCTIONS_3_2(CK_FN) \
	CK_FN(C_EncapsulateKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hPublicKey, \
		CK_ATTRIBUTE *pTemplate, CK_ULONG ulAttributeCount, CK_BYTE *pCiphertext, CK_ULONG *pulCiphertextLen, \
		CK_OBJECT_HANDLE *phKey)) \
	CK_FN(C_DecapsulateKey, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hPrivateKey, \
		CK_ATTRIBUTE *pTemplate, CK_ULONG ulAttributeCount, CK_BYTE *pCiphertext, CK_ULONG ulCiphertextLen, \
		CK_OBJECT_HANDLE *phKey)) \
	CK_FN(C_VerifySignatureInit, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey, CK_BYTE \
		*pSignature, CK_ULONG ulSignatureLen)) \
	CK_FN(C_VerifySignature, (CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen)) \
	CK_FN(C_VerifySignatureUpdate, (CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)) \
	CK_FN(C_VerifySignatureFinal, (CK_SESSION_HANDLE hSession)) \
	CK_FN(C_GetSessionValidationFlags, (CK_SESSION_HANDLE hSession, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS \
		*pFlags)) \
	CK_FN(C_AsyncComplete, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pFunctionName, CK_ASYNC_DATA *pResult)) \
	CK_FN(C_AsyncGetID, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pFunctionName, CK_ULONG *pulID)) \
	CK_FN(C_AsyncJoin, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pFunctionName, CK_ULONG ulID, CK_BYTE *pData, \
		CK_ULONG ulData)) \
	CK_FN(C_WrapKeyAuthenticated, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE \
		hWrappingKey, CK_OBJECT_HANDLE hKey, CK_BYTE *pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE *pWrappedKey, \
		CK_ULONG *pulWrappedKeyLen)) \
	CK_FN(C_UnwrapKeyAuthenticated, (CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE \
		hUnwrappingKey, CK_BYTE *pWrappedKey, CK_ULONG ulWrappedKeyLen, CK_ATTRIBUTE *pTemplate, CK_ULONG \
		ulAttributeCount, CK_BYTE *pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_OBJECT_HANDLE *phKey))

#define CK_MEMBER(name, parameters) CK_RV (*name) parameters;
struct CK_FUNCTION_LIST {
	CK_VERSION version;
	CK_FUNCTIONS_2_40(CK_MEMBER)
};
struct CK_FUNCTION_LIST_3_0 {
	CK_VERSION version;
	CK_FUNCTIONS_2_40(CK_MEMBER)
	CK_FUNCTIONS_3_0(CK_MEMBER)
};
struct CK_FUNCTION_LIST_3_2 {
	CK_VERSION version;
	CK_FUNCTIONS_2_40(CK_MEMBER)
	CK_FUNCTIONS_3_0(CK_MEMBER)
	CK_FUNCTIONS_3_2(CK_MEMBER)
};
#undef CK_MEMBER

#define CK_PROTOTYPE(name, parameters) CK_RV name parameters;
CK_FUNCTIONS_2_40(CK_PROTOTYPE)
CK_FUNCTIONS_3_0(CK_PROTOTYPE)
CK_FUNCTIONS_3_2(CK_PROTOTYPE)
#undef CK_PROTOTYPE

#endif
