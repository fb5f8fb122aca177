/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters of message-based encryption (PKCS #11 3.2 sections 5.9 and 6.13): the IV may be made by the core and the tag
 * comes beside the ciphertext, so both are written back into the program's structure.
 */

#include "module.h"

static CK_RV check(const struct message_params *p, struct buf *b, size_t at)
{
	set_u32(b, at, (uint32_t)(b->len - at - 4));
	bool ok = p->iv && p->iv_len && p->iv_len <= FRAME_MAX && p->tag && p->tag_len && p->tag_len <= 16;
	return ok ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* Writes letter M for one message. p is the program's structure of n bytes. */
CK_RV put_message_mechanism(struct buf *b, CK_MECHANISM_TYPE type, const void *p, CK_ULONG n, struct message_params *out)
{
	put_u64(b, type);
	size_t at = b->len;
	put_u32(b, 0);
	if (type == CKM_AES_GCM) {
		const CK_GCM_MESSAGE_PARAMS *q = p;
		if (!q || n != sizeof *q || q->ulTagBits > 128)
			return CKR_MECHANISM_PARAM_INVALID;
		*out = (struct message_params){q->pIv, q->pTag, q->ulIvLen, (q->ulTagBits + 7) / 8};
		put_bytes(b, q->pIv, q->pIv ? q->ulIvLen : 0);
		put_u64(b, q->ulIvFixedBits);
		put_u64(b, q->ivGenerator);
		put_u64(b, q->ulTagBits);
		return check(out, b, at);
	}
	if (type == CKM_AES_CCM) {
		const CK_CCM_MESSAGE_PARAMS *q = p;
		if (!q || n != sizeof *q)
			return CKR_MECHANISM_PARAM_INVALID;
		*out = (struct message_params){q->pNonce, q->pMAC, q->ulNonceLen, q->ulMACLen};
		put_u64(b, q->ulDataLen);
		put_bytes(b, q->pNonce, q->pNonce ? q->ulNonceLen : 0);
		put_u64(b, q->ulNonceFixedBits);
		put_u64(b, q->nonceGenerator);
		put_u64(b, q->ulMACLen);
		return check(out, b, at);
	}
	if (type == CKM_CHACHA20_POLY1305) {
		const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *q = p;
		if (!q || n != sizeof *q)
			return CKR_MECHANISM_PARAM_INVALID;
		*out = (struct message_params){q->pNonce, q->pTag, chacha_nonce_len(q->ulNonceLen), 16};
		put_bytes(b, q->pNonce, q->pNonce ? out->iv_len : 0);
		return check(out, b, at);
	}
	return CKR_MECHANISM_INVALID;
}
