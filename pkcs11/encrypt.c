/* SPDX-License-Identifier: Apache-2.0
 *
 * Encryption and decryption (PKCS #11 3.2 sections 5.8 and 5.10).
 */

#include "module.h"

CK_RV C_EncryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_init(&c, USE_ENCRYPT, pMechanism, hKey);
	return leave(&c, rv);
}

CK_RV C_Encrypt(CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pEncryptedData,
	CK_ULONG *pulEncryptedDataLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_single(&c, USE_ENCRYPT, pData, ulDataLen, pEncryptedData, pulEncryptedDataLen);
	return leave(&c, rv);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen, CK_BYTE *pEncryptedPart,
	CK_ULONG *pulEncryptedPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_update(&c, USE_ENCRYPT, pPart, ulPartLen, pEncryptedPart, pulEncryptedPartLen);
	return leave(&c, rv);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE hSession, CK_BYTE *pLastEncryptedPart, CK_ULONG *pulLastEncryptedPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_final(&c, USE_ENCRYPT, pLastEncryptedPart, pulLastEncryptedPartLen);
	return leave(&c, rv);
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_init(&c, USE_DECRYPT, pMechanism, hKey);
	return leave(&c, rv);
}

CK_RV C_Decrypt(CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedData, CK_ULONG ulEncryptedDataLen, CK_BYTE *pData,
	CK_ULONG *pulDataLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_single(&c, USE_DECRYPT, pEncryptedData, ulEncryptedDataLen, pData, pulDataLen);
	return leave(&c, rv);
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedPart, CK_ULONG ulEncryptedPartLen, CK_BYTE *pPart,
	CK_ULONG *pulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_update(&c, USE_DECRYPT, pEncryptedPart, ulEncryptedPartLen, pPart, pulPartLen);
	return leave(&c, rv);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE hSession, CK_BYTE *pLastPart, CK_ULONG *pulLastPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_final(&c, USE_DECRYPT, pLastPart, pulLastPartLen);
	return leave(&c, rv);
}
