/* SPDX-License-Identifier: Apache-2.0
 *
 * Message digests (PKCS #11 3.2 section 5.12), and the operation state of section 5.6.4, which the module has for digests.
 */

#include "module.h"

#include <string.h>

CK_RV C_DigestInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_init(&c, USE_DIGEST, pMechanism, CK_INVALID_HANDLE);
	return leave(&c, rv);
}

CK_RV C_Digest(CK_SESSION_HANDLE hSession, CK_BYTE *pData, CK_ULONG ulDataLen, CK_BYTE *pDigest, CK_ULONG *pulDigestLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_single(&c, USE_DIGEST, pData, ulDataLen, pDigest, pulDigestLen);
	return leave(&c, rv);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE hSession, CK_BYTE *pPart, CK_ULONG ulPartLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_update(&c, USE_DIGEST, pPart, ulPartLen, NULL, NULL);
	return leave(&c, rv);
}

CK_RV C_DigestKey(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct op *op = &c.s->op[USE_DIGEST];
	if (!op->active)
		return leave(&c, CKR_OPERATION_NOT_INITIALIZED);
	if (op->asked || op->done)
		return leave(&c, op_fail(&c, USE_DIGEST, CKR_OPERATION_ACTIVE));
	op->parts = true;
	rv = op_flush(&c, USE_DIGEST);
	if (rv == CKR_OK) {
		struct buf *b = request(&c);
		put_u64(b, c.s->wire);
		put_u64(b, hKey);
		rv = call_pinned(&c, CALL_DIGEST_KEY, op->core);
	}
	if (rv == CKR_OBJECT_HANDLE_INVALID)
		rv = CKR_KEY_HANDLE_INVALID;
	if (rv != CKR_OK)
		op_abort(&c, USE_DIGEST);
	return leave(&c, rv);
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE hSession, CK_BYTE *pDigest, CK_ULONG *pulDigestLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = op_final(&c, USE_DIGEST, pDigest, pulDigestLen);
	return leave(&c, rv);
}

/* A saved state is the mechanism (u64) and what the core answered. */

static bool only_digest(const struct session *s)
{
	for (int use = USE_ENCRYPT; use < USES; use++)
		if (s->op[use].active && use != USE_DIGEST)
			return false;
	return true;
}

static CK_RV save(struct ctx *c, CK_BYTE *out, CK_ULONG *out_len)
{
	struct op *op = &c->s->op[USE_DIGEST];
	if (!out_len)
		return CKR_ARGUMENTS_BAD;
	if (!op_any(c->s))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!only_digest(c->s) || op->done)
		return CKR_STATE_UNSAVEABLE;
	CK_RV rv = op_flush(c, USE_DIGEST);
	if (rv == CKR_OK) {
		put_u64(request(c), c->s->wire);
		rv = call_pinned(c, CALL_SAVE, op->core);
	}
	if (rv != CKR_OK)
		return rv;
	struct view state = get_bytes(&c->in);
	struct buf b = {0};
	put_u64(&b, op->type);
	put_raw(&b, state.p, state.len);
	rv = b.failed ? CKR_HOST_MEMORY : answer_bytes(view_of(b.p, b.len), out, out_len);
	buf_free(&b);
	return rv;
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE hSession, CK_BYTE *pOperationState, CK_ULONG *pulOperationStateLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = save(&c, pOperationState, pulOperationStateLen);
	return leave(&c, rv);
}

static CK_RV restore(struct ctx *c, const CK_BYTE *state, CK_ULONG n)
{
	struct op *op = &c->s->op[USE_DIGEST];
	if (!state)
		return CKR_ARGUMENTS_BAD;
	struct view v = view_of(state, n);
	CK_MECHANISM mechanism = {.mechanism = get_u64(&v)};
	if (v.failed || n > FRAME_MAX / 2)
		return CKR_SAVED_STATE_INVALID;
	/* Restoring replaces whatever runs in the session (5.6.5). */
	for (int use = USE_ENCRYPT; use < USES; use++)
		op_abort(c, use);
	CK_RV rv = op_init(c, USE_DIGEST, &mechanism, CK_INVALID_HANDLE);
	if (rv != CKR_OK)
		return rv == CKR_MECHANISM_INVALID ? CKR_SAVED_STATE_INVALID : rv;
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	put_bytes(b, v.p, v.len);
	rv = call(c, CALL_RESTORE);
	if (rv != CKR_OK) {
		op_end(op);
		return rv;
	}
	op->core = c->ch->application;
	op->parts = true;
	return CKR_OK;
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE hSession, CK_BYTE *pOperationState, CK_ULONG ulOperationStateLen,
	CK_OBJECT_HANDLE hEncryptionKey, CK_OBJECT_HANDLE hAuthenticationKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && (hEncryptionKey || hAuthenticationKey))
		rv = CKR_KEY_NOT_NEEDED;
	if (rv == CKR_OK)
		rv = restore(&c, pOperationState, ulOperationStateLen);
	return leave(&c, rv);
}
