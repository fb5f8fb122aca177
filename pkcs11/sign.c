/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing and MACing (PKCS #11 3.2 section 5.13).
 */

#include "module.h"

CK_RV C_SignInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_init(&c, USE_SIGN, pMechanism, hKey);
	return leave(&c, rv);
}

CK_RV C_Sign(CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG *pulSignatureLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_single(&c, USE_SIGN, pData, ulDataLen, pSignature, pulSignatureLen);
	return leave(&c, rv);
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_update(&c, USE_SIGN, pPart, ulPartLen, NULL, NULL);
	return leave(&c, rv);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE hSession, CK_BYTE *pSignature, CK_ULONG *pulSignatureLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_final(&c, USE_SIGN, pSignature, pulSignatureLen);
	return leave(&c, rv);
}
