/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that stand in the lists and are not done: recovery from signatures, message-based signing, authenticated
 * wrapping, asynchronous sessions (PKCS #11 3.2 sections 5.13 to 5.21). Whether the module is initialized comes first.
 */

#include "module.h"

static CK_RV not_supported(const char *function, CK_RV rv)
{
	struct ctx c;
	CK_RV begun = enter(&c, function);
	return leave(&c, begun == CKR_OK ? rv : begun);
}

#define UNSUPPORTED(name, parameters) \
	CK_RV name parameters \
	{ \
		return not_supported(__func__, CKR_FUNCTION_NOT_SUPPORTED); \
	}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"

UNSUPPORTED(C_SignRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key))
UNSUPPORTED(C_SignRecover, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len))
UNSUPPORTED(C_VerifyRecoverInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key))
UNSUPPORTED(C_VerifyRecover, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len))

UNSUPPORTED(C_MessageSignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key))
UNSUPPORTED(C_SignMessage, (CK_SESSION_HANDLE s, void *p, CK_ULONG p_len, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len))
UNSUPPORTED(C_SignMessageBegin, (CK_SESSION_HANDLE s, void *p, CK_ULONG p_len))
UNSUPPORTED(C_SignMessageNext, (CK_SESSION_HANDLE s, void *p, CK_ULONG p_len, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len))
UNSUPPORTED(C_MessageSignFinal, (CK_SESSION_HANDLE s))
UNSUPPORTED(C_MessageVerifyInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key))
UNSUPPORTED(C_VerifyMessage, (CK_SESSION_HANDLE s, void *p, CK_ULONG p_len, CK_BYTE *in, CK_ULONG n, CK_BYTE *sig, CK_ULONG sig_len))
UNSUPPORTED(C_VerifyMessageBegin, (CK_SESSION_HANDLE s, void *p, CK_ULONG p_len))
UNSUPPORTED(C_VerifyMessageNext, (CK_SESSION_HANDLE s, void *p, CK_ULONG p_len, CK_BYTE *in, CK_ULONG n, CK_BYTE *sig, CK_ULONG sig_len))
UNSUPPORTED(C_MessageVerifyFinal, (CK_SESSION_HANDLE s))

UNSUPPORTED(C_GetSessionValidationFlags, (CK_SESSION_HANDLE s, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS *flags))
UNSUPPORTED(C_AsyncComplete, (CK_SESSION_HANDLE s, CK_UTF8CHAR *function, CK_ASYNC_DATA *result))
UNSUPPORTED(C_AsyncGetID, (CK_SESSION_HANDLE s, CK_UTF8CHAR *function, CK_ULONG *id))
UNSUPPORTED(C_AsyncJoin, (CK_SESSION_HANDLE s, CK_UTF8CHAR *function, CK_ULONG id, CK_BYTE *data, CK_ULONG n))
UNSUPPORTED(C_WrapKeyAuthenticated, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
	CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *out, CK_ULONG *out_len))
UNSUPPORTED(C_UnwrapKeyAuthenticated, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping, CK_BYTE *in,
	CK_ULONG n, CK_ATTRIBUTE *attrs, CK_ULONG count, CK_BYTE *aad, CK_ULONG aad_len, CK_OBJECT_HANDLE *key))

#pragma GCC diagnostic pop

/* Relics of parallel functions, whose answer the standard fixes (5.20). */

CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE hSession)
{
	(void)hSession;
	return not_supported(__func__, CKR_FUNCTION_NOT_PARALLEL);
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE hSession)
{
	(void)hSession;
	return not_supported(__func__, CKR_FUNCTION_NOT_PARALLEL);
}
