/* SPDX-License-Identifier: Apache-2.0
 *
 * Mechanism parameters on the wire: the fields of the standard's structures in order, without pointers
 * (docs/spec/mechanisms.md). A structure of the wrong size or a missing pointer is refused before anything is read
 * through it; what the values mean is the core's to judge, but for the few that every program gets wrong in the same way.
 */

#include "module.h"

#include <string.h>

static const struct mech rows[] = {
#define MECH(type, shape, rule, n, iv_min, iv_max) {type, SHAPE_##shape, SIZE_##rule, n, iv_min, iv_max},
#include "mechanisms.def"
#undef MECH
};

/* Finds a mechanism in our table, which is sorted by nothing but the standard's numbers. */
const struct mech *mech_row(CK_MECHANISM_TYPE type)
{
	size_t low = 0, high = sizeof rows / sizeof *rows;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (rows[mid].type == type)
			return &rows[mid];
		if (rows[mid].type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Writes pointer and length of a structure; false when they do not go together. */
static bool put_data(struct buf *b, const void *p, CK_ULONG n)
{
	if ((!p && n) || n > FRAME_MAX)
		return false;
	put_bytes(b, p, n);
	return true;
}

/* The standard counts the nonce of ChaCha20-Poly1305 in bits (64, 96, 192); NSS and others count bytes. No nonce has
 * that many bytes, so both are understood. */
size_t chacha_nonce_len(CK_ULONG n)
{
	return n == 64 || n == 96 || n == 192 ? n / 8 : n;
}

static bool put_oaep(struct buf *b, const CK_RSA_PKCS_OAEP_PARAMS *p)
{
	put_u64(b, p->hashAlg);
	put_u64(b, p->mgf);
	put_u64(b, p->source);
	return put_data(b, p->pSourceData, p->ulSourceDataLen);
}

static bool put_gcm(struct buf *b, const void *param, size_t n, size_t *extra)
{
	/* The structure of 2.40's text has no ulIvBits; programs compiled against it pass five members. */
	struct old {
		CK_BYTE *pIv;
		CK_ULONG ulIvLen;
		CK_BYTE *pAAD;
		CK_ULONG ulAADLen, ulTagBits;
	};
	CK_GCM_PARAMS p;
	if (n == sizeof(struct old)) {
		struct old q;
		memcpy(&q, param, sizeof q);
		p = (CK_GCM_PARAMS){q.pIv, q.ulIvLen, 8 * q.ulIvLen, q.pAAD, q.ulAADLen, q.ulTagBits};
	} else {
		memcpy(&p, param, sizeof p);
	}
	if (p.ulIvLen == 0 || p.ulTagBits > 128)
		return false;
	*extra = (p.ulTagBits + 7) / 8;
	bool ok = put_data(b, p.pIv, p.ulIvLen);
	put_u64(b, p.ulIvBits);
	ok = ok && put_data(b, p.pAAD, p.ulAADLen);
	put_u64(b, p.ulTagBits);
	return ok;
}

static bool put_ccm(struct buf *b, const CK_CCM_PARAMS *p, size_t *extra)
{
	/* SP 800-38C section A.1. Checked here so that Init says so: the core hears of the parameter only with the data. */
	if (p->ulNonceLen < 7 || p->ulNonceLen > 13 || p->ulMACLen < 4 || p->ulMACLen > 16 || p->ulMACLen % 2)
		return false;
	*extra = p->ulMACLen;
	put_u64(b, p->ulDataLen);
	bool ok = put_data(b, p->pNonce, p->ulNonceLen) && put_data(b, p->pAAD, p->ulAADLen);
	put_u64(b, p->ulMACLen);
	return ok;
}

static bool put_hkdf(struct buf *b, const CK_HKDF_PARAMS *p)
{
	put_u64(b, p->bExtract);
	put_u64(b, p->bExpand);
	put_u64(b, p->prfHashMechanism);
	put_u64(b, p->ulSaltType);
	/* Salt and salt key are read only as the salt type says: programs leave the other one as it is. */
	bool data = p->ulSaltType == CKF_HKDF_SALT_DATA;
	bool ok = put_data(b, data ? p->pSalt : NULL, data ? p->ulSaltLen : 0);
	put_u64(b, p->ulSaltType == CKF_HKDF_SALT_KEY ? p->hSaltKey : 0);
	return ok && put_data(b, p->pInfo, p->ulInfoLen);
}

/* A data field of SP 800-108. The structures travel as numbers, so that no padding does. */
static bool put_prf_data(struct buf *b, const CK_PRF_DATA_PARAM *d)
{
	put_u64(b, d->type);
	if (d->type == CK_SP800_108_BYTE_ARRAY)
		return put_data(b, d->pValue, d->ulValueLen);
	if (d->type == CK_SP800_108_DKM_LENGTH) {
		const CK_SP800_108_DKM_LENGTH_FORMAT *f = d->pValue;
		if (!f || d->ulValueLen != sizeof *f)
			return false;
		put_u32(b, 24);
		put_u64(b, f->dkmLengthMethod);
		put_u64(b, f->bLittleEndian);
		put_u64(b, f->ulWidthInBits);
		return true;
	}
	const CK_SP800_108_COUNTER_FORMAT *f = d->pValue;
	if ((d->type != CK_SP800_108_ITERATION_VARIABLE && d->type != CK_SP800_108_OPTIONAL_COUNTER) || !f ||
		d->ulValueLen != sizeof *f)
		return false;
	put_u32(b, 16);
	put_u64(b, f->bLittleEndian);
	put_u64(b, f->ulWidthInBits);
	return true;
}

enum { KBKDF_MOST = 1024 }; /* data fields, and further keys: far more than any program has */

static bool put_kbkdf(struct buf *b, const CK_SP800_108_KDF_PARAMS *p)
{
	CK_ULONG n = p->ulNumberOfDataParams, keys = p->ulAdditionalDerivedKeys;
	if (n > KBKDF_MOST || keys > KBKDF_MOST || (n && !p->pDataParams) || (keys && !p->pAdditionalDerivedKeys))
		return false;
	put_u64(b, p->prfType);
	put_u64(b, n);
	for (CK_ULONG i = 0; i < n; i++)
		if (!put_prf_data(b, &p->pDataParams[i]))
			return false;
	put_u64(b, keys);
	for (CK_ULONG i = 0; i < keys; i++) {
		const CK_DERIVED_KEY *k = &p->pAdditionalDerivedKeys[i];
		if (!k->phKey || put_template(b, k->pTemplate, k->ulAttributeCount) != CKR_OK)
			return false;
	}
	return true;
}

static bool put_pbkdf2(struct buf *b, const CK_PKCS5_PBKD2_PARAMS2 *p)
{
	put_u64(b, p->saltSource);
	bool ok = put_data(b, p->pSaltSourceData, p->ulSaltSourceDataLen);
	put_u64(b, p->iterations);
	put_u64(b, p->prf);
	return ok && put_data(b, p->pPrfData, p->ulPrfDataLen) && put_data(b, p->pPassword, p->ulPasswordLen);
}

/* Sizes that a parameter of a shape may have; 0 for shapes without a structure. */
static bool size_fits(enum shape shape, size_t n)
{
	static const size_t sizes[] = {
		[SHAPE_ULONG] = sizeof(CK_ULONG), [SHAPE_OAEP] = sizeof(CK_RSA_PKCS_OAEP_PARAMS),
		[SHAPE_PSS] = sizeof(CK_RSA_PKCS_PSS_PARAMS), [SHAPE_CTR] = sizeof(CK_AES_CTR_PARAMS),
		[SHAPE_GCM] = sizeof(CK_GCM_PARAMS), [SHAPE_CCM] = sizeof(CK_CCM_PARAMS),
		[SHAPE_CHACHA] = sizeof(CK_SALSA20_CHACHA20_POLY1305_PARAMS), [SHAPE_ECDH1] = sizeof(CK_ECDH1_DERIVE_PARAMS),
		[SHAPE_RSAAES] = sizeof(CK_RSA_AES_KEY_WRAP_PARAMS), [SHAPE_HKDF] = sizeof(CK_HKDF_PARAMS),
		[SHAPE_KBKDF] = sizeof(CK_SP800_108_KDF_PARAMS), [SHAPE_PBKDF2] = sizeof(CK_PKCS5_PBKD2_PARAMS2),
		[SHAPE_EDDSA] = sizeof(CK_EDDSA_PARAMS), [SHAPE_SIGNCTX] = sizeof(CK_SIGN_ADDITIONAL_CONTEXT),
		[SHAPE_HASHCTX] = sizeof(CK_HASH_SIGN_ADDITIONAL_CONTEXT),
	};
	return n == sizes[shape] || (shape == SHAPE_GCM && n == sizeof(CK_GCM_PARAMS) - sizeof(CK_ULONG));
}

/* Writes the parameter of a shape that has a structure, of the right size. */
static bool put_struct(struct buf *b, enum shape shape, const void *p, size_t n, size_t *extra)
{
	switch (shape) {
	case SHAPE_ULONG:
		*extra = *(const CK_ULONG *)p;
		put_u64(b, *extra);
		return true;
	case SHAPE_OAEP: return put_oaep(b, p);
	case SHAPE_PSS: {
		const CK_RSA_PKCS_PSS_PARAMS *q = p;
		put_u64(b, q->hashAlg);
		put_u64(b, q->mgf);
		put_u64(b, q->sLen);
		return true;
	}
	case SHAPE_CTR: {
		const CK_AES_CTR_PARAMS *q = p;
		put_u64(b, q->ulCounterBits);
		put_bytes(b, q->cb, sizeof q->cb);
		return q->ulCounterBits >= 1 && q->ulCounterBits <= 128;
	}
	case SHAPE_GCM: return put_gcm(b, p, n, extra);
	case SHAPE_CCM: return put_ccm(b, p, extra);
	case SHAPE_CHACHA: {
		const CK_SALSA20_CHACHA20_POLY1305_PARAMS *q = p;
		*extra = 16;
		return put_data(b, q->pNonce, chacha_nonce_len(q->ulNonceLen)) && put_data(b, q->pAAD, q->ulAADLen);
	}
	case SHAPE_ECDH1: {
		const CK_ECDH1_DERIVE_PARAMS *q = p;
		put_u64(b, q->kdf);
		return put_data(b, q->pSharedData, q->ulSharedDataLen) && put_data(b, q->pPublicData, q->ulPublicDataLen);
	}
	case SHAPE_RSAAES: {
		const CK_RSA_AES_KEY_WRAP_PARAMS *q = p;
		put_u64(b, q->ulAESKeyBits);
		return q->pOAEPParams && put_oaep(b, q->pOAEPParams);
	}
	case SHAPE_HKDF: return put_hkdf(b, p);
	case SHAPE_KBKDF: return put_kbkdf(b, p);
	case SHAPE_PBKDF2: return put_pbkdf2(b, p);
	case SHAPE_EDDSA: {
		const CK_EDDSA_PARAMS *q = p;
		put_u64(b, 1);
		put_u64(b, q->phFlag);
		return put_data(b, q->pContextData, q->ulContextDataLen);
	}
	case SHAPE_SIGNCTX: {
		const CK_SIGN_ADDITIONAL_CONTEXT *q = p;
		put_u64(b, 1);
		put_u64(b, q->hedgeVariant);
		return put_data(b, q->pContext, q->ulContextLen);
	}
	case SHAPE_HASHCTX: {
		const CK_HASH_SIGN_ADDITIONAL_CONTEXT *q = p;
		put_u64(b, q->hedgeVariant);
		bool ok = put_data(b, q->pContext, q->ulContextLen);
		put_u64(b, q->hash);
		return ok;
	}
	default: return false;
	}
}

/* Writes the parameter of a mechanism; false when it is not one. */
static bool put_parameter(struct buf *b, const struct mech *row, const void *p, size_t n, size_t *extra)
{
	if (row->shape == SHAPE_NONE)
		return n == 0;
	if (row->shape == SHAPE_BYTES) {
		if (n == 0 && row->iv_min == 0)
			return true;
		return n >= row->iv_min && n <= row->iv_max && put_data(b, p, n);
	}
	if (n == 0) { /* these have one only where the program wants other than the plain form */
		if (row->shape == SHAPE_SIGNCTX)
			put_u64(b, 0);
		return row->shape == SHAPE_EDDSA || row->shape == SHAPE_SIGNCTX;
	}
	return p && size_fits(row->shape, n) && put_struct(b, row->shape, p, n, extra);
}

/* Writes letter M. *extra becomes the number that sizes depend on: a tag's or a MAC's length. */
CK_RV put_mechanism(struct buf *b, const CK_MECHANISM *m, struct slot *slot, size_t *extra)
{
	*extra = 0;
	if (m->ulParameterLen && !m->pParameter)
		return CKR_MECHANISM_PARAM_INVALID;
	put_u64(b, m->mechanism);
	size_t at = b->len;
	put_u32(b, 0);
	const struct mech *row = mech_row(m->mechanism);
	struct offered o;
	bool ok;
	if (row)
		ok = put_parameter(b, row, m->pParameter, m->ulParameterLen, extra);
	else if (m->ulParameterLen == 0)
		ok = true;
	else if (!slot || !mechanism_offered(slot, m->mechanism, &o))
		return CKR_MECHANISM_INVALID;
	else /* newer than this library: only bytes can be passed on without knowing them */
		ok = o.shape == SHAPE_BYTES && put_data(b, m->pParameter, m->ulParameterLen);
	set_u32(b, at, (uint32_t)(b->len - at - 4));
	return ok ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* Gives the handles of the further keys of SP 800-108 to where the parameter wants them; handles is u32 n x u64. */
CK_RV derived_handles(const CK_MECHANISM *m, struct view *handles)
{
	size_t n = get_u32(handles);
	if (n == 0)
		return CKR_OK;
	const struct mech *row = mech_row(m->mechanism);
	const CK_SP800_108_KDF_PARAMS *p = m->pParameter;
	if (!row || row->shape != SHAPE_KBKDF || p->ulAdditionalDerivedKeys != n)
		return CKR_GENERAL_ERROR;
	for (size_t i = 0; i < n; i++)
		*p->pAdditionalDerivedKeys[i].phKey = get_u64(handles);
	return handles->failed ? CKR_GENERAL_ERROR : CKR_OK;
}
