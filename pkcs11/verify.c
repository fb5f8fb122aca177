/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifying signatures and MACs (PKCS #11 3.2 section 5.15). Signatures go to the core as they come: ECDSA ones whose
 * common leading zeros were stripped are of any even length.
 */

#include "module.h"

CK_RV C_VerifyInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_init(&c, USE_VERIFY, pMechanism, hKey);
	return leave(&c, rv);
}

/* Takes the signature of an operation that got none at its Init; signature_first says which kind the caller is. */
static CK_RV take(struct ctx *c, bool signature_first, const void *signature, CK_ULONG n)
{
	struct op *op = &c->s->op[USE_VERIFY];
	if (!op->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->signature_first != signature_first)
		return op_fail(c, USE_VERIFY, CKR_OPERATION_ACTIVE);
	if (signature_first)
		return CKR_OK;
	if (!signature && n)
		return op_fail(c, USE_VERIFY, CKR_ARGUMENTS_BAD);
	if (n > PART_MAX)
		return op_fail(c, USE_VERIFY, CKR_SIGNATURE_LEN_RANGE);
	put_raw(&op->signature, signature, n);
	return op->signature.failed ? op_fail(c, USE_VERIFY, CKR_HOST_MEMORY) : CKR_OK;
}

CK_RV C_Verify(CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pSignature, CK_ULONG ulSignatureLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = take(&c, false, pSignature, ulSignatureLen);
	if (rv == CKR_OK)
		rv = op_single(&c, USE_VERIFY, pData, ulDataLen, NULL, NULL);
	return leave(&c, rv);
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && c.s->op[USE_VERIFY].active && c.s->op[USE_VERIFY].signature_first)
		rv = op_fail(&c, USE_VERIFY, CKR_OPERATION_ACTIVE);
	if (rv == CKR_OK)
		rv = op_update(&c, USE_VERIFY, pPart, ulPartLen, NULL, NULL);
	return leave(&c, rv);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE hSession, CK_BYTE *pSignature, CK_ULONG ulSignatureLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = take(&c, false, pSignature, ulSignatureLen);
	if (rv == CKR_OK)
		rv = op_final(&c, USE_VERIFY, NULL, NULL);
	return leave(&c, rv);
}

/* 3.2: the signature comes first. */

CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey,
	CK_BYTE *pSignature, CK_ULONG ulSignatureLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && pMechanism && !pSignature && ulSignatureLen)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && ulSignatureLen > PART_MAX)
		rv = CKR_SIGNATURE_LEN_RANGE;
	if (rv == CKR_OK)
		rv = op_init(&c, USE_VERIFY, pMechanism, hKey);
	if (rv == CKR_OK && pMechanism) {
		rv = take(&c, false, pSignature, ulSignatureLen);
		c.s->op[USE_VERIFY].signature_first = true;
	}
	return leave(&c, rv);
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = take(&c, true, NULL, 0);
	if (rv == CKR_OK)
		rv = op_single(&c, USE_VERIFY, pData, ulDataLen, NULL, NULL);
	return leave(&c, rv);
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = take(&c, true, NULL, 0);
	if (rv == CKR_OK)
		rv = op_update(&c, USE_VERIFY, pPart, ulPartLen, NULL, NULL);
	return leave(&c, rv);
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE hSession)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = take(&c, true, NULL, 0);
	if (rv == CKR_OK)
		rv = op_final(&c, USE_VERIFY, NULL, NULL);
	return leave(&c, rv);
}
