/* SPDX-License-Identifier: Apache-2.0
 *
 * Key management (PKCS #11 3.2 section 5.18): keys made, wrapped, unwrapped, derived and encapsulated.
 */

#include "module.h"

/* Begins a request with session and mechanism. */
static CK_RV start(struct ctx *c, const CK_MECHANISM *m, struct buf **b)
{
	if (!m)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = mechanisms_fetch(c, c->s->slot);
	if (rv != CKR_OK)
		return rv;
	*b = request(c);
	put_u64(*b, c->s->wire);
	size_t extra;
	return put_mechanism(*b, m, c->s->slot, &extra);
}

/* The handle in question is a key's. */
static CK_RV of_key(CK_RV rv)
{
	return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount,
	CK_OBJECT_HANDLE *phKey)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !phKey)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = start(&c, pMechanism, &b);
	if (rv == CKR_OK)
		rv = put_template(b, pTemplate, ulCount);
	if (rv == CKR_OK)
		rv = call(&c, CALL_GENERATE);
	if (rv == CKR_OK)
		rv = take_objects(&c, phKey, 1);
	return leave(&c, rv);
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pPublicKeyTemplate,
	CK_ULONG ulPublicKeyAttributeCount, CK_ATTRIBUTE *pPrivateKeyTemplate, CK_ULONG ulPrivateKeyAttributeCount,
	CK_OBJECT_HANDLE *phPublicKey, CK_OBJECT_HANDLE *phPrivateKey)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && (!phPublicKey || !phPrivateKey))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = start(&c, pMechanism, &b);
	if (rv == CKR_OK)
		rv = put_template(b, pPublicKeyTemplate, ulPublicKeyAttributeCount);
	if (rv == CKR_OK)
		rv = put_template(b, pPrivateKeyTemplate, ulPrivateKeyAttributeCount);
	if (rv == CKR_OK)
		rv = call(&c, CALL_GENERATE_PAIR);
	CK_OBJECT_HANDLE pair[2];
	if (rv == CKR_OK)
		rv = take_objects(&c, pair, 2);
	if (rv == CKR_OK) {
		*phPublicKey = pair[0];
		*phPrivateKey = pair[1];
	}
	return leave(&c, rv);
}

/* The length of a wrapped key cannot be told without wrapping it; what was made for a size query is kept. */
CK_RV C_WrapKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hWrappingKey, CK_OBJECT_HANDLE hKey,
	CK_BYTE *pWrappedKey, CK_ULONG *pulWrappedKeyLen)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !pulWrappedKeyLen)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = start(&c, pMechanism, &b);
	if (rv != CKR_OK)
		return leave(&c, rv);
	put_u64(b, hWrappingKey);
	put_u64(b, hKey);
	rv = call_kept(&c, CALL_WRAP, true, true);
	if (rv == CKR_OK)
		rv = answer_bytes(get_bytes(&c.in), pWrappedKey, pulWrappedKeyLen);
	if (rv == CKR_OK && pWrappedKey)
		c.keep = false;
	return leave(&c, of_key(rv));
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hUnwrappingKey, CK_BYTE *pWrappedKey,
	CK_ULONG ulWrappedKeyLen, CK_ATTRIBUTE *pTemplate, CK_ULONG ulAttributeCount, CK_OBJECT_HANDLE *phKey)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && (!phKey || (!pWrappedKey && ulWrappedKeyLen)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = start(&c, pMechanism, &b);
	if (rv == CKR_OK) {
		put_u64(b, hUnwrappingKey);
		put_bytes(b, pWrappedKey, ulWrappedKeyLen);
		rv = put_template(b, pTemplate, ulAttributeCount);
	}
	if (rv == CKR_OK)
		rv = call(&c, CALL_UNWRAP);
	if (rv == CKR_OK)
		rv = take_objects(&c, phKey, 1);
	return leave(&c, rv == CKR_OBJECT_HANDLE_INVALID ? CKR_UNWRAPPING_KEY_HANDLE_INVALID : rv);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hBaseKey, CK_ATTRIBUTE *pTemplate,
	CK_ULONG ulAttributeCount, CK_OBJECT_HANDLE *phKey)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !phKey)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = start(&c, pMechanism, &b);
	if (rv == CKR_OK) {
		put_u64(b, hBaseKey);
		rv = put_template(b, pTemplate, ulAttributeCount);
	}
	if (rv == CKR_OK)
		rv = call(&c, CALL_DERIVE);
	if (rv == CKR_OK)
		rv = take_objects(&c, phKey, 1);
	if (rv == CKR_OK)
		rv = derived_handles(pMechanism, &c.in);
	return leave(&c, of_key(rv));
}

/* 3.2. A size query must not make a key, so the length of the ciphertext is told from the public key. */
CK_RV C_EncapsulateKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hPublicKey,
	CK_ATTRIBUTE *pTemplate, CK_ULONG ulAttributeCount, CK_BYTE *pCiphertext, CK_ULONG *pulCiphertextLen, CK_OBJECT_HANDLE *phKey)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && (!pulCiphertextLen || (pCiphertext && !phKey)))
		rv = CKR_ARGUMENTS_BAD;
	struct summary key;
	struct offered o;
	bool remembered;
	if (rv == CKR_OK)
		rv = pMechanism ? mechanisms_fetch(&c, c.s->slot) : CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && (!mechanism_offered(c.s->slot, pMechanism->mechanism, &o) || !(o.info.flags & CKF_ENCAPSULATE)))
		rv = CKR_MECHANISM_INVALID; /* a question for the size, too, is told so */
	if (rv == CKR_OK)
		rv = summary_of(&c, hPublicKey, &key, &remembered);
	if (rv != CKR_OK)
		return leave(&c, rv);
	size_t size = ciphertext_size(&key);
	if (size == 0)
		return leave(&c, CKR_KEY_TYPE_INCONSISTENT);
	if (!pCiphertext || *pulCiphertextLen < size) {
		*pulCiphertextLen = size;
		return leave(&c, pCiphertext ? CKR_BUFFER_TOO_SMALL : CKR_OK);
	}
	rv = start(&c, pMechanism, &b);
	if (rv == CKR_OK) {
		put_u64(b, hPublicKey);
		rv = put_template(b, pTemplate, ulAttributeCount);
	}
	if (rv == CKR_OK)
		rv = call(&c, CALL_ENCAPSULATE);
	if (rv == CKR_OK)
		rv = answer_bytes(get_bytes(&c.in), pCiphertext, pulCiphertextLen);
	if (rv == CKR_OK)
		rv = take_objects(&c, phKey, 1);
	return leave(&c, of_key(rv));
}

CK_RV C_DecapsulateKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hPrivateKey,
	CK_ATTRIBUTE *pTemplate, CK_ULONG ulAttributeCount, CK_BYTE *pCiphertext, CK_ULONG ulCiphertextLen, CK_OBJECT_HANDLE *phKey)
{
	struct ctx c;
	struct buf *b;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && (!phKey || (!pCiphertext && ulCiphertextLen)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = start(&c, pMechanism, &b);
	if (rv == CKR_OK) {
		put_u64(b, hPrivateKey);
		put_bytes(b, pCiphertext, ulCiphertextLen);
		rv = put_template(b, pTemplate, ulAttributeCount);
	}
	if (rv == CKR_OK)
		rv = call(&c, CALL_DECAPSULATE);
	if (rv == CKR_OK)
		rv = take_objects(&c, phKey, 1);
	return leave(&c, of_key(rv));
}
