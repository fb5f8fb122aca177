/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the marshalling of what programs pass: mechanism parameters and templates. The input is a script that builds
 * structures whose pointers and lengths are those of real memory, or NULL, or of the wrong size: as far as C allows a
 * library to defend itself. The result must then be exactly as long as it says.
 */

#include <stdlib.h>
#include <string.h>

#include "../module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t byte(struct input *in)
{
	return in->n ? in->n--, *in->p++ : 0;
}

static uint64_t word(struct input *in)
{
	uint64_t v = byte(in);
	return v < 200 ? v : v < 220 ? ~UINT64_C(0) - (v - 200) : (uint64_t)1 << (v - 200);
}

enum { KEEP = 4096 };
static void *kept[KEEP]; /* freed after each run */
static size_t kept_count;

/* Memory of exactly n bytes with the script's next bytes in it. */
static void *memory(struct input *in, size_t n)
{
	if (kept_count == KEEP)
		return NULL;
	uint8_t *p = malloc(n ? n : 1);
	for (size_t i = 0; i < n; i++)
		p[i] = byte(in);
	kept[kept_count++] = p;
	return p;
}

/* A pointer and a length that agree, or NULL with any length. */
static void *bytes(struct input *in, CK_ULONG *n)
{
	uint8_t how = byte(in);
	if (how >= 240) {
		*n = word(in);
		return NULL;
	}
	*n = how % 40;
	return memory(in, *n);
}

static CK_ATTRIBUTE *attributes(struct input *in, CK_ULONG *n, int depth)
{
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_LABEL, CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS, CKA_VALUE};
	*n = byte(in) % 5;
	CK_ATTRIBUTE *a = memory(&(struct input){0}, *n * sizeof *a);
	for (CK_ULONG i = 0; a && i < *n; i++) {
		a[i].type = types[byte(in) % 5];
		if (byte(in) & 1 && depth < 7) {
			CK_ULONG inner;
			a[i].pValue = attributes(in, &inner, depth + 1);
			a[i].ulValueLen = inner * sizeof *a;
		} else {
			a[i].type = types[byte(in) & 1 ? 0 : 4];
			a[i].pValue = bytes(in, &a[i].ulValueLen);
		}
	}
	if (!a)
		*n = 0;
	return a;
}

/* Fills a structure of the mechanism's shape; every pointer is followed by its length or preceded by it. */
static size_t parameter(struct input *in, enum shape shape, void **p)
{
	union {
		CK_ULONG number;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_AES_KEY_WRAP_PARAMS rsaaes;
		CK_AES_CTR_PARAMS ctr;
		CK_GCM_PARAMS gcm;
		CK_CCM_PARAMS ccm;
		CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha;
		CK_ECDH1_DERIVE_PARAMS ecdh;
		CK_HKDF_PARAMS hkdf;
		CK_SP800_108_KDF_PARAMS kbkdf;
		CK_PKCS5_PBKD2_PARAMS2 pbkdf2;
		CK_EDDSA_PARAMS eddsa;
		CK_SIGN_ADDITIONAL_CONTEXT sign;
		CK_HASH_SIGN_ADDITIONAL_CONTEXT hash;
	} u;
	size_t n = 0;
	memset(&u, 0, sizeof u);
	switch (shape) {
	case SHAPE_BYTES: *p = bytes(in, &u.number); return *p ? u.number : 0;
	case SHAPE_ULONG: u.number = word(in), n = sizeof u.number; break;
	case SHAPE_OAEP: u.oaep.mgf = word(in), u.oaep.pSourceData = bytes(in, &u.oaep.ulSourceDataLen), n = sizeof u.oaep; break;
	case SHAPE_PSS: u.pss.sLen = word(in), n = sizeof u.pss; break;
	case SHAPE_RSAAES: {
		CK_RSA_PKCS_OAEP_PARAMS o = {CKM_SHA256, 1, 1, NULL, 0};
		o.pSourceData = bytes(in, &o.ulSourceDataLen);
		u.rsaaes.pOAEPParams = byte(in) & 1 ? memory(in, sizeof o) : NULL;
		if (u.rsaaes.pOAEPParams)
			memcpy(u.rsaaes.pOAEPParams, &o, sizeof o);
		n = sizeof u.rsaaes;
		break;
	}
	case SHAPE_CTR: u.ctr.ulCounterBits = word(in), n = sizeof u.ctr; break;
	case SHAPE_GCM:
		u.gcm.pIv = bytes(in, &u.gcm.ulIvLen), u.gcm.pAAD = bytes(in, &u.gcm.ulAADLen), u.gcm.ulTagBits = word(in);
		n = sizeof u.gcm;
		break;
	case SHAPE_CCM:
		u.ccm.pNonce = bytes(in, &u.ccm.ulNonceLen), u.ccm.pAAD = bytes(in, &u.ccm.ulAADLen), u.ccm.ulMACLen = word(in);
		n = sizeof u.ccm;
		break;
	case SHAPE_CHACHA: {
		CK_ULONG len;
		u.chacha.pNonce = bytes(in, &len);
		u.chacha.ulNonceLen = byte(in) & 1 ? len : len * 8; /* bits, where these are a known number */
		if (u.chacha.ulNonceLen != len && len != 8 && len != 12 && len != 24)
			u.chacha.ulNonceLen = len;
		u.chacha.pAAD = bytes(in, &u.chacha.ulAADLen);
		n = sizeof u.chacha;
		break;
	}
	case SHAPE_ECDH1:
		u.ecdh.pSharedData = bytes(in, &u.ecdh.ulSharedDataLen), u.ecdh.pPublicData = bytes(in, &u.ecdh.ulPublicDataLen);
		n = sizeof u.ecdh;
		break;
	case SHAPE_HKDF:
		u.hkdf.ulSaltType = word(in), u.hkdf.pSalt = bytes(in, &u.hkdf.ulSaltLen), u.hkdf.pInfo = bytes(in, &u.hkdf.ulInfoLen);
		n = sizeof u.hkdf;
		break;
	case SHAPE_KBKDF: {
		u.kbkdf.ulNumberOfDataParams = byte(in) % 4;
		CK_PRF_DATA_PARAM *d = memory(&(struct input){0}, 4 * sizeof *d);
		for (CK_ULONG i = 0; d && i < 4; i++) {
			d[i].type = byte(in) % 6;
			d[i].pValue = bytes(in, &d[i].ulValueLen);
		}
		u.kbkdf.pDataParams = byte(in) & 7 ? d : NULL;
		u.kbkdf.ulAdditionalDerivedKeys = byte(in) % 3;
		CK_DERIVED_KEY *k = memory(&(struct input){0}, 2 * sizeof *k);
		for (CK_ULONG i = 0; k && i < 2; i++) {
			k[i].pTemplate = attributes(in, &k[i].ulAttributeCount, 0);
			k[i].phKey = byte(in) & 7 ? memory(in, sizeof(CK_OBJECT_HANDLE)) : NULL;
		}
		u.kbkdf.pAdditionalDerivedKeys = k;
		n = sizeof u.kbkdf;
		break;
	}
	case SHAPE_PBKDF2:
		u.pbkdf2.pSaltSourceData = bytes(in, &u.pbkdf2.ulSaltSourceDataLen);
		u.pbkdf2.pPrfData = bytes(in, &u.pbkdf2.ulPrfDataLen);
		u.pbkdf2.pPassword = bytes(in, &u.pbkdf2.ulPasswordLen);
		n = sizeof u.pbkdf2;
		break;
	case SHAPE_EDDSA: u.eddsa.pContextData = bytes(in, &u.eddsa.ulContextDataLen), n = sizeof u.eddsa; break;
	case SHAPE_SIGNCTX: u.sign.pContext = bytes(in, &u.sign.ulContextLen), n = sizeof u.sign; break;
	case SHAPE_HASHCTX: u.hash.pContext = bytes(in, &u.hash.ulContextLen), n = sizeof u.hash; break;
	default: break;
	}
	uint8_t size = byte(in);
	if (size >= 200) /* a structure of another size: must not be read beyond its end */
		n = n * (size - 200u) / 56;
	*p = memory(&(struct input){0}, n);
	if (*p)
		memcpy(*p, &u, n);
	return *p ? n : 0;
}

static void marshal(struct input *in)
{
	static const CK_MECHANISM_TYPE all[] = {
#define MECH(type, shape, rule, n, iv_min, iv_max) type,
#include "../mechanisms.def"
#undef MECH
	};
	CK_MECHANISM m = {.mechanism = all[byte(in) % (sizeof all / sizeof *all)]};
	m.ulParameterLen = parameter(in, mech_row(m.mechanism)->shape, &m.pParameter);
	struct buf b = {0};
	size_t extra;
	if (put_mechanism(&b, &m, NULL, &extra) == CKR_OK) {
		struct view v = view_of(b.p, b.len);
		get_u64(&v);
		get_bytes(&v);
		if (v.failed || v.len)
			abort();
	}
	buf_free(&b);
	CK_ULONG n;
	CK_ATTRIBUTE *a = attributes(in, &n, 0);
	if (put_template(&b, a, n) == CKR_OK) {
		struct view v = view_of(b.p, b.len);
		for (uint32_t k = get_u32(&v); k; k--)
			get_u64(&v), get_bytes(&v);
		if (v.failed || v.len)
			abort();
	}
	buf_free(&b);
	struct message_params mp;
	static const CK_MECHANISM_TYPE messages[] = {CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305, CKM_AES_CBC};
	uint8_t tag[16];
	CK_GCM_MESSAGE_PARAMS gcm = {.pTag = tag, .ulTagBits = word(in)};
	gcm.pIv = bytes(in, &gcm.ulIvLen);
	if (put_message_mechanism(&b, messages[byte(in) % 4], &gcm, byte(in) & 1 ? sizeof gcm : 8, &mp) == CKR_OK && mp.tag_len > 16)
		abort();
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	marshal(&in);
	while (kept_count)
		free(kept[--kept_count]);
	return 0;
}
