/* SPDX-License-Identifier: Apache-2.0
 *
 * Message-based encryption (PKCS #11 3.2 sections 5.9 and 5.11): the key stays, each message is one round trip. A message
 * in parts is gathered here and comes out whole with its last part, IV and tag with it; so no plaintext is given out
 * before its tag was checked, and a generated IV is known with the last part only.
 */

#include "module.h"

#include <string.h>

void message_end(struct message_op *m)
{
	buf_reset(&m->aad);
	buf_reset(&m->data);
	m->active = m->begun = false;
}

static struct message_op *of(struct session *s, enum use use)
{
	return use == USE_ENCRYPT ? &s->encrypt : &s->decrypt;
}

static CK_RV init(struct ctx *c, enum use use, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct message_op *m = of(c->s, use);
	if (!mechanism) {
		if (!m->active)
			return CKR_ARGUMENTS_BAD;
		message_end(m);
		return CKR_OK;
	}
	if (m->active)
		return CKR_OPERATION_ACTIVE;
	CK_RV rv = mechanisms_fetch(c, c->s->slot);
	if (rv != CKR_OK)
		return rv;
	struct offered o;
	CK_FLAGS flag = use == USE_ENCRYPT ? CKF_MESSAGE_ENCRYPT : CKF_MESSAGE_DECRYPT;
	if (!mechanism_offered(c->s->slot, mechanism->mechanism, &o) || !(o.info.flags & flag))
		return CKR_MECHANISM_INVALID;
	struct summary k;
	rv = op_check_key(c, use, key, &o, &k);
	if (rv != CKR_OK)
		return rv;
	m->active = true;
	m->type = mechanism->mechanism; /* its parameter comes with each message */
	m->key = key;
	return CKR_OK;
}

/* Sends one whole message. */
static CK_RV whole(struct ctx *c, enum use use, const void *param, CK_ULONG param_len, const void *aad, size_t aad_len,
	const void *in, size_t n, CK_BYTE *out, CK_ULONG *out_len)
{
	struct message_op *m = of(c->s, use);
	if (!out || *out_len < n) { /* the text is as long on both sides */
		*out_len = n;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	struct message_params p = {0};
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	CK_RV rv = put_message_mechanism(b, m->type, param, param_len, &p);
	if (rv != CKR_OK)
		return rv;
	put_u64(b, m->key);
	put_bytes(b, aad, aad_len);
	put_bytes(b, in, n);
	if (use == USE_DECRYPT) {
		put_bytes(b, p.tag, p.tag_len);
		rv = call(c, CALL_MSG_DECRYPT);
		return rv == CKR_OK ? answer_bytes(get_bytes(&c->in), out, out_len) : rv;
	}
	rv = call(c, CALL_MSG_ENCRYPT);
	if (rv != CKR_OK)
		return rv;
	struct view iv = get_bytes(&c->in), text = get_bytes(&c->in), tag = get_bytes(&c->in);
	if (iv.len != p.iv_len || tag.len != p.tag_len)
		return CKR_GENERAL_ERROR;
	memcpy(p.iv, iv.p, iv.len);
	memcpy(p.tag, tag.p, tag.len);
	return answer_bytes(text, out, out_len);
}

static CK_RV single(struct ctx *c, enum use use, const void *param, CK_ULONG param_len, const void *aad, CK_ULONG aad_len,
	const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len)
{
	struct message_op *m = of(c->s, use);
	if (!m->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (m->begun)
		return CKR_OPERATION_ACTIVE;
	if ((!aad && aad_len) || (!in && n) || !out_len)
		return CKR_ARGUMENTS_BAD;
	return whole(c, use, param, param_len, aad, aad_len, in, n, out, out_len);
}

static CK_RV begin(struct ctx *c, enum use use, const void *param, CK_ULONG param_len, const void *aad, CK_ULONG aad_len)
{
	struct message_op *m = of(c->s, use);
	if (!m->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (m->begun)
		return CKR_OPERATION_ACTIVE;
	if ((!aad && aad_len) || aad_len > FRAME_MAX)
		return CKR_ARGUMENTS_BAD;
	struct message_params p;
	CK_RV rv = put_message_mechanism(request(c), m->type, param, param_len, &p);
	if (rv != CKR_OK)
		return rv;
	put_raw(&m->aad, aad, aad_len);
	if (m->aad.failed) {
		buf_reset(&m->aad);
		return CKR_HOST_MEMORY;
	}
	m->begun = true;
	return CKR_OK;
}

/* Ends the message in parts, not the message-based operation. */
static void end_message(struct message_op *m)
{
	buf_reset(&m->aad);
	buf_reset(&m->data);
	m->begun = false;
}

static CK_RV next(struct ctx *c, enum use use, const void *param, CK_ULONG param_len, const void *in, CK_ULONG n,
	CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags)
{
	struct message_op *m = of(c->s, use);
	if (!m->active || !m->begun)
		return CKR_OPERATION_NOT_INITIALIZED;
	if ((!in && n) || !out_len) {
		end_message(m);
		return CKR_ARGUMENTS_BAD;
	}
	bool last = flags & CKF_END_OF_MESSAGE;
	size_t before = m->data.len;
	if (!last && !out) {
		*out_len = 0; /* nothing comes out before the end */
		return CKR_OK;
	}
	if (n > FRAME_MAX - before) {
		end_message(m);
		return CKR_DATA_LEN_RANGE;
	}
	put_raw(&m->data, in, n);
	if (m->data.failed) {
		end_message(m);
		return CKR_HOST_MEMORY;
	}
	if (!last) {
		*out_len = 0;
		return CKR_OK;
	}
	CK_RV rv = whole(c, use, param, param_len, m->aad.p, m->aad.len, m->data.p, m->data.len, out, out_len);
	if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && !out)) {
		/* This part comes again. */
		explicit_bzero(m->data.p + before, m->data.len - before);
		m->data.len = before;
		return rv;
	}
	end_message(m);
	return rv;
}

static CK_RV final(struct ctx *c, enum use use)
{
	struct message_op *m = of(c->s, use);
	if (!m->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	message_end(m);
	return CKR_OK;
}

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	return leave(&c, rv != CKR_OK ? rv : init(&c, USE_ENCRYPT, pMechanism, hKey));
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pAssociatedData,
	CK_ULONG ulAssociatedDataLen, CK_BYTE *pPlaintext, CK_ULONG ulPlaintextLen, CK_BYTE *pCiphertext, CK_ULONG *pulCiphertextLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = single(&c, USE_ENCRYPT, pParameter, ulParameterLen, pAssociatedData, ulAssociatedDataLen, pPlaintext,
			ulPlaintextLen, pCiphertext, pulCiphertextLen);
	return leave(&c, rv);
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pAssociatedData,
	CK_ULONG ulAssociatedDataLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = begin(&c, USE_ENCRYPT, pParameter, ulParameterLen, pAssociatedData, ulAssociatedDataLen);
	return leave(&c, rv);
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pPlaintextPart,
	CK_ULONG ulPlaintextPartLen, CK_BYTE *pCiphertextPart, CK_ULONG *pulCiphertextPartLen, CK_FLAGS flags)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = next(&c, USE_ENCRYPT, pParameter, ulParameterLen, pPlaintextPart, ulPlaintextPartLen, pCiphertextPart,
			pulCiphertextPartLen, flags);
	return leave(&c, rv);
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE hSession)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	return leave(&c, rv != CKR_OK ? rv : final(&c, USE_ENCRYPT));
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	return leave(&c, rv != CKR_OK ? rv : init(&c, USE_DECRYPT, pMechanism, hKey));
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pAssociatedData,
	CK_ULONG ulAssociatedDataLen, CK_BYTE *pCiphertext, CK_ULONG ulCiphertextLen, CK_BYTE *pPlaintext, CK_ULONG *pulPlaintextLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = single(&c, USE_DECRYPT, pParameter, ulParameterLen, pAssociatedData, ulAssociatedDataLen, pCiphertext,
			ulCiphertextLen, pPlaintext, pulPlaintextLen);
	return leave(&c, rv);
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pAssociatedData,
	CK_ULONG ulAssociatedDataLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = begin(&c, USE_DECRYPT, pParameter, ulParameterLen, pAssociatedData, ulAssociatedDataLen);
	return leave(&c, rv);
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE hSession, void *pParameter, CK_ULONG ulParameterLen, CK_BYTE *pCiphertextPart,
	CK_ULONG ulCiphertextPartLen, CK_BYTE *pPlaintextPart, CK_ULONG *pulPlaintextPartLen, CK_FLAGS flags)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = next(&c, USE_DECRYPT, pParameter, ulParameterLen, pCiphertextPart, ulCiphertextPartLen, pPlaintextPart,
			pulPlaintextPartLen, flags);
	return leave(&c, rv);
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE hSession)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	return leave(&c, rv != CKR_OK ? rv : final(&c, USE_DECRYPT));
}
