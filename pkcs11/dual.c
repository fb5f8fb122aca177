/* SPDX-License-Identifier: Apache-2.0
 *
 * Dual-function operations (PKCS #11 3.2 section 5.17), composed of two: first the one that gives output, so that a
 * buffer that is too small leaves the other untouched.
 */

#include "module.h"

/* Encrypts a part and gives its plaintext to a digest or signature. */
static CK_RV encrypt_and(struct ctx *c, enum use other, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len)
{
	if (!c->s->op[USE_ENCRYPT].active || !c->s->op[other].active)
		return CKR_OPERATION_NOT_INITIALIZED;
	struct buf plain = {0}; /* the output may overwrite the input */
	put_raw(&plain, in, in ? n : 0);
	CK_RV rv = plain.failed ? CKR_HOST_MEMORY : op_update(c, USE_ENCRYPT, in, n, out, out_len);
	if (rv == CKR_OK && out)
		rv = op_update(c, other, plain.p, n, NULL, NULL);
	buf_free(&plain);
	return rv;
}

/* Decrypts a part and gives the plaintext to a digest or verification. */
static CK_RV decrypt_and(struct ctx *c, enum use other, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len)
{
	if (!c->s->op[USE_DECRYPT].active || !c->s->op[other].active)
		return CKR_OPERATION_NOT_INITIALIZED;
	CK_RV rv = op_update(c, USE_DECRYPT, in, n, out, out_len);
	return rv == CKR_OK && out ? op_update(c, other, out, *out_len, NULL, NULL) : rv;
}

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen, CK_BYTE *pEncryptedPart,
	CK_ULONG *pulEncryptedPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = encrypt_and(&c, USE_DIGEST, pPart, ulPartLen, pEncryptedPart, pulEncryptedPartLen);
	return leave(&c, rv);
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedPart, CK_ULONG ulEncryptedPartLen,
	CK_BYTE *pPart, CK_ULONG *pulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = decrypt_and(&c, USE_DIGEST, pEncryptedPart, ulEncryptedPartLen, pPart, pulPartLen);
	return leave(&c, rv);
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen, CK_BYTE *pEncryptedPart,
	CK_ULONG *pulEncryptedPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = encrypt_and(&c, USE_SIGN, pPart, ulPartLen, pEncryptedPart, pulEncryptedPartLen);
	return leave(&c, rv);
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pEncryptedPart, CK_ULONG ulEncryptedPartLen,
	CK_BYTE *pPart, CK_ULONG *pulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = decrypt_and(&c, USE_VERIFY, pEncryptedPart, ulEncryptedPartLen, pPart, pulPartLen);
	return leave(&c, rv);
}
