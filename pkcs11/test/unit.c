/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts that need no peer: signatures of answers, parameters, templates, lengths.
 */

#include "test.h"

static void answers_are_held_to_their_signature(void)
{
	struct {
		const char *signature;
		const char *bytes;
		size_t n;
		bool ok;
	} cases[] = {
		{"", "", 0, true}, {"", "x", 1, false},
		{"u", "12345678", 8, true}, {"u", "1234567", 7, false}, {"u", "123456789", 9, false},
		{"b", "\2\0\0\0ab", 6, true}, {"b", "\3\0\0\0ab", 6, false}, {"b", "\377\377\377\377ab", 6, false},
		{"[b]", "\2\0\0\0\0\0\0\0\1\0\0\0x", 13, true}, {"[b]", "\3\0\0\0\0\0\0\0\1\0\0\0x", 13, false},
		{"[u[u]]", "\1\0\0\0" "12345678" "\1\0\0\0" "12345678", 24, true},
		{"[u[u]]", "\1\0\0\0" "12345678" "\2\0\0\0" "12345678", 24, false},
		{"[u]", "\377\377\377\377", 4, false}, {"O", "\377\377\377\377", 4, false}, {"O", "\0\0\0\0", 4, true},
		{"yO", "\1\0\0\0\0", 5, true}, {"V", "\0\0\0\0", 4, true},
		{"V", "\1\0\0\0" "12345678" "\2" "\0\0\0\0", 17, true}, {"V", "\1\0\0\0" "12345678" "\3" "\0\0\0\0", 17, false},
		{"*", "anything", 8, true}, {"u*", "1234567", 7, false}, {"A", "\0\0\0\0", 4, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(wire_matches(cases[i].signature, (const uint8_t *)cases[i].bytes, cases[i].n) == cases[i].ok);
}

static void every_call_has_one_row(void)
{
	CHECK(strcmp(call_row(CALL_SIGN)->name, "SIGN") == 0 && strcmp(call_row(CALL_SIGN)->response, "b") == 0);
	CHECK(call_row(0) == NULL && call_row(0x47) == NULL && call_row(256) == NULL && call_row(70000) == NULL);
}

static void mechanism_rows_are_found(void)
{
	static const CK_MECHANISM_TYPE all[] = {
#define MECH(type, shape, rule, n, iv_min, iv_max) type,
#include "../mechanisms.def"
#undef MECH
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		CHECK(mech_row(all[i]) && mech_row(all[i])->type == all[i]);
	CHECK(mech_row(0x7FFFFFFF) == NULL);
}

/* The parameter as it goes out, without the mechanism's number and the length before it. */
static struct buf marshalled(CK_MECHANISM_TYPE type, void *p, size_t n, CK_RV want)
{
	struct buf b = {0};
	size_t extra;
	CK_MECHANISM m = {type, p, n};
	CHECK_RV(put_mechanism(&b, &m, NULL, &extra), want);
	if (want != CKR_OK) {
		buf_free(&b);
		return b;
	}
	struct view v = view_of(b.p, b.len);
	CHECK(get_u64(&v) == type);
	struct view param = get_bytes(&v);
	CHECK(!v.failed && v.len == 0);
	struct buf out = {0};
	put_raw(&out, param.p, param.len);
	buf_free(&b);
	return out;
}

static void expect(CK_MECHANISM_TYPE type, void *p, size_t n, const char *bytes, size_t len)
{
	struct buf b = marshalled(type, p, n, CKR_OK);
	CHECK(b.len == len && (len == 0 || memcmp(b.p, bytes, len) == 0));
	buf_free(&b);
}

#define U(c) c "\0\0\0\0\0\0\0"
#define B(c) c "\0\0\0"

static void parameters_travel_in_their_documented_shape(void)
{
	CK_BYTE iv[16], data[] = {'d', 'a', 't', 'a'}, label[] = {'l', 'a', 'b'};
	memset(iv, 'i', sizeof iv);
	expect(CKM_RSA_PKCS, NULL, 0, "", 0);
	expect(CKM_AES_CBC, iv, 16, B("\20") "iiiiiiiiiiiiiiii", 20);
	expect(CKM_AES_KEY_WRAP, NULL, 0, "", 0);
	CK_ULONG len = 20;
	expect(CKM_SHA256_HMAC_GENERAL, &len, 8, U("\24"), 8);
	CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, 3};
	expect(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep, "\x50\2\0\0\0\0\0\0" U("\1") U("\1") B("\3") "lab", 31);
	CK_RSA_AES_KEY_WRAP_PARAMS rsaaes = {256, &oaep};
	expect(CKM_RSA_AES_KEY_WRAP, &rsaaes, sizeof rsaaes, "\0\1\0\0\0\0\0\0\x50\2\0\0\0\0\0\0" U("\1") U("\1") B("\3") "lab", 39);
	CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
	expect(CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss, "\x50\2\0\0\0\0\0\0" U("\2") U("\40"), 24);
	CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 32};
	memset(ctr.cb, 'c', 16);
	expect(CKM_AES_CTR, &ctr, sizeof ctr, U("\40") B("\20") "cccccccccccccccc", 28);
	CK_GCM_PARAMS gcm = {iv, 12, 96, data, 4, 128};
	expect(CKM_AES_GCM, &gcm, sizeof gcm, B("\14") "iiiiiiiiiiii" U("\140") B("\4") "data" U("\200"), 40);
	struct {
		CK_BYTE *iv;
		CK_ULONG iv_len;
		CK_BYTE *aad;
		CK_ULONG aad_len, tag_bits;
	} old_gcm = {iv, 12, data, 4, 128};
	expect(CKM_AES_GCM, &old_gcm, sizeof old_gcm, B("\14") "iiiiiiiiiiii" U("\140") B("\4") "data" U("\200"), 40);
	CK_CCM_PARAMS ccm = {9, iv, 7, NULL, 0, 8};
	expect(CKM_AES_CCM, &ccm, sizeof ccm, U("\11") B("\7") "iiiiiii" B("\0") U("\10"), 31);
	CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha = {iv, 12, data, 4};
	expect(CKM_CHACHA20_POLY1305, &chacha, sizeof chacha, B("\14") "iiiiiiiiiiii" B("\4") "data", 24);
	chacha.ulNonceLen = 96;
	expect(CKM_CHACHA20_POLY1305, &chacha, sizeof chacha, B("\14") "iiiiiiiiiiii" B("\4") "data", 24);
	CK_ECDH1_DERIVE_PARAMS ecdh = {CKD_NULL, 0, NULL, 4, data};
	expect(CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh, U("\1") B("\0") B("\4") "data", 20);
	CK_HKDF_PARAMS hkdf = {1, 1, CKM_SHA256, CKF_HKDF_SALT_DATA, label, 3, 99, data, 4};
	expect(CKM_HKDF_DERIVE, &hkdf, sizeof hkdf, U("\1") U("\1") "\x50\2\0\0\0\0\0\0" U("\2") B("\3") "lab" U("\0") B("\4") "data", 55);
	hkdf.ulSaltType = CKF_HKDF_SALT_KEY;
	expect(CKM_HKDF_DERIVE, &hkdf, sizeof hkdf, U("\1") U("\1") "\x50\2\0\0\0\0\0\0" U("\4") B("\0") U("\143") B("\4") "data", 52);
	CK_PKCS5_PBKD2_PARAMS2 pbkdf2 = {CKZ_SALT_SPECIFIED, label, 3, 10, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, data, 4};
	expect(CKM_PKCS5_PBKD2, &pbkdf2, sizeof pbkdf2, U("\1") B("\3") "lab" U("\12") U("\4") B("\0") B("\4") "data", 43);
	CK_EDDSA_PARAMS eddsa = {1, 4, data};
	expect(CKM_EDDSA, &eddsa, sizeof eddsa, U("\1") U("\1") B("\4") "data", 24);
	expect(CKM_EDDSA, NULL, 0, "", 0);
	CK_SIGN_ADDITIONAL_CONTEXT context = {CKH_HEDGE_REQUIRED, data, 4};
	expect(CKM_ML_DSA, &context, sizeof context, U("\1") U("\1") B("\4") "data", 24);
	expect(CKM_ML_DSA, NULL, 0, U("\0"), 8);
	CK_HASH_SIGN_ADDITIONAL_CONTEXT hashed = {CKH_HEDGE_PREFERRED, NULL, 0, CKM_SHA256};
	expect(CKM_HASH_ML_DSA, &hashed, sizeof hashed, U("\0") B("\0") "\x50\2\0\0\0\0\0\0", 20);
}

static void sp800_108_travels_without_padding(void)
{
	CK_SP800_108_COUNTER_FORMAT counter;
	memset(&counter, 0xFF, sizeof counter); /* the padding, too */
	counter.bLittleEndian = 0;
	counter.ulWidthInBits = 16;
	CK_SP800_108_DKM_LENGTH_FORMAT dkm;
	memset(&dkm, 0xFF, sizeof dkm);
	dkm.dkmLengthMethod = 1;
	dkm.bLittleEndian = 1;
	dkm.ulWidthInBits = 32;
	CK_PRF_DATA_PARAM fields[] = {
		{CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter}, {CK_SP800_108_BYTE_ARRAY, "xyz", 3},
		{CK_SP800_108_DKM_LENGTH, &dkm, sizeof dkm},
	};
	CK_ULONG value_len = 16;
	CK_ATTRIBUTE template[] = {{CKA_VALUE_LEN, &value_len, 8}};
	CK_OBJECT_HANDLE further;
	CK_DERIVED_KEY key = {template, 1, &further};
	CK_SP800_108_KDF_PARAMS p = {CKM_SHA256_HMAC, 3, fields, 1, &key};
	expect(CKM_SP800_108_COUNTER_KDF, &p, sizeof p,
		"\x51\2\0\0\0\0\0\0" U("\3")
		U("\1") B("\20") U("\0") U("\20")
		U("\4") B("\3") "xyz"
		U("\3") B("\30") U("\1") U("\1") U("\40")
		U("\1") B("\1") "\x61\1\0\0\0\0\0\0" B("\10") U("\20"), 127);
	fields[0].ulValueLen = 8;
	marshalled(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, CKR_MECHANISM_PARAM_INVALID);
	fields[0].ulValueLen = sizeof counter;
	key.phKey = NULL;
	marshalled(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, CKR_MECHANISM_PARAM_INVALID);
	p.ulNumberOfDataParams = ~0UL;
	marshalled(CKM_SP800_108_COUNTER_KDF, &p, sizeof p, CKR_MECHANISM_PARAM_INVALID);
}

static void wrong_parameters_are_refused_before_they_are_read(void)
{
	CK_BYTE few[4] = {0};
	for (CK_MECHANISM_TYPE type = 0; type < 0x4100; type++) {
		if (!mech_row(type))
			continue;
		enum shape shape = mech_row(type)->shape;
		if (shape != SHAPE_BYTES) /* four bytes are no structure at all */
			marshalled(type, few, sizeof few, CKR_MECHANISM_PARAM_INVALID);
		marshalled(type, NULL, 16, CKR_MECHANISM_PARAM_INVALID);
		if (shape != SHAPE_NONE && shape != SHAPE_BYTES && shape != SHAPE_EDDSA && shape != SHAPE_SIGNCTX)
			marshalled(type, NULL, 0, CKR_MECHANISM_PARAM_INVALID);
	}
	CK_BYTE iv[16] = {0};
	marshalled(CKM_AES_CBC, iv, 15, CKR_MECHANISM_PARAM_INVALID);
	marshalled(CKM_AES_CBC, NULL, 0, CKR_MECHANISM_PARAM_INVALID);
	CK_GCM_PARAMS gcm = {NULL, 12, 96, NULL, 0, 128};
	marshalled(CKM_AES_GCM, &gcm, sizeof gcm, CKR_MECHANISM_PARAM_INVALID);
	gcm = (CK_GCM_PARAMS){iv, 12, 96, NULL, 0, 136};
	marshalled(CKM_AES_GCM, &gcm, sizeof gcm, CKR_MECHANISM_PARAM_INVALID);
	gcm = (CK_GCM_PARAMS){iv, 12, 96, iv, ~0UL, 128};
	marshalled(CKM_AES_GCM, &gcm, sizeof gcm, CKR_MECHANISM_PARAM_INVALID);
	CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 129};
	marshalled(CKM_AES_CTR, &ctr, sizeof ctr, CKR_MECHANISM_PARAM_INVALID);
	CK_RSA_AES_KEY_WRAP_PARAMS rsaaes = {256, NULL};
	marshalled(CKM_RSA_AES_KEY_WRAP, &rsaaes, sizeof rsaaes, CKR_MECHANISM_PARAM_INVALID);
	marshalled(0x12345, iv, 16, CKR_MECHANISM_INVALID); /* unknown altogether, whatever comes with it */
}

static void templates_nest_and_have_an_end(void)
{
	CK_BBOOL yes = 1;
	CK_ATTRIBUTE inner[] = {{CKA_SIGN, &yes, 1}};
	CK_ATTRIBUTE outer[] = {{CKA_LABEL, "ab", 2}, {CKA_UNWRAP_TEMPLATE, inner, sizeof inner}};
	struct buf b = {0};
	OK(put_template(&b, outer, 2));
	static const char want[] = B("\2") "\3\0\0\0\0\0\0\0" B("\2") "ab" "\x12\2\0\x40\0\0\0\0" B("\21")
		B("\1") "\x08\1\0\0\0\0\0\0" B("\1") "\1";
	CHECK(b.len == sizeof want - 1 && memcmp(b.p, want, b.len) == 0);
	buf_reset(&b);
	CK_ATTRIBUTE loop[1] = {{CKA_WRAP_TEMPLATE, loop, sizeof loop}};
	CHECK_RV(put_template(&b, loop, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	outer[1].ulValueLen--;
	CHECK_RV(put_template(&b, outer, 2), CKR_ATTRIBUTE_VALUE_INVALID);
	CK_ATTRIBUTE bad[] = {{CKA_LABEL, NULL, 2}};
	CHECK_RV(put_template(&b, bad, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	bad[0] = (CK_ATTRIBUTE){CKA_LABEL, "x", ~0UL};
	CHECK_RV(put_template(&b, bad, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	CHECK_RV(put_template(&b, NULL, 1), CKR_ARGUMENTS_BAD);
	OK(put_template(&b, NULL, 0));
	buf_free(&b);
}

static size_t size_of(CK_MECHANISM_TYPE type, enum use use, uint64_t bits, size_t extra, size_t in)
{
	struct op op = {.mech = mech_row(type), .key_bits = bits, .extra = extra};
	size_t n;
	return output_size(&op, use, in, &n) ? n : 0;
}

static void lengths_are_those_of_the_standards(void)
{
	CHECK(size_of(CKM_RSA_PKCS, USE_SIGN, 2048, 0, 35) == 256);
	CHECK(size_of(CKM_ECDSA, USE_SIGN, 256, 0, 32) == 64);
	CHECK(size_of(CKM_ECDSA, USE_SIGN, 521, 0, 32) == 132);
	CHECK(size_of(CKM_EDDSA, USE_SIGN, 255, 0, 32) == 64 && size_of(CKM_EDDSA, USE_SIGN, 448, 0, 32) == 114);
	CHECK(size_of(CKM_ML_DSA, USE_SIGN, CKP_ML_DSA_44, 0, 1) == 2420);
	CHECK(size_of(CKM_ML_DSA, USE_SIGN, CKP_ML_DSA_65, 0, 1) == 3309);
	CHECK(size_of(CKM_ML_DSA, USE_SIGN, CKP_ML_DSA_87, 0, 1) == 4627);
	CHECK(size_of(CKM_SLH_DSA, USE_SIGN, CKP_SLH_DSA_SHA2_128S, 0, 1) == 7856);
	CHECK(size_of(CKM_SLH_DSA, USE_SIGN, CKP_SLH_DSA_SHAKE_256F, 0, 1) == 49856);
	CHECK(size_of(CKM_SLH_DSA, USE_SIGN, 99, 0, 1) == 0);
	CHECK(size_of(CKM_SHA384, USE_DIGEST, 0, 0, 1) == 48 && size_of(CKM_SHA3_224_HMAC, USE_SIGN, 0, 0, 1) == 28);
	CHECK(size_of(CKM_SHA256_HMAC_GENERAL, USE_SIGN, 0, 20, 1) == 20 && size_of(CKM_AES_GMAC, USE_SIGN, 128, 12, 1) == 12);
	CHECK(size_of(CKM_AES_CBC_PAD, USE_ENCRYPT, 256, 0, 16) == 32 && size_of(CKM_AES_CBC_PAD, USE_ENCRYPT, 256, 0, 15) == 16);
	CHECK(size_of(CKM_DES3_CBC_PAD, USE_ENCRYPT, 192, 0, 8) == 16 && size_of(CKM_AES_CTR, USE_ENCRYPT, 256, 0, 5) == 5);
	CHECK(size_of(CKM_AES_GCM, USE_ENCRYPT, 256, 12, 5) == 17 && size_of(CKM_AES_GCM, USE_DECRYPT, 256, 12, 17) == 17);
}

const struct test unit_tests[] = {
	TEST(answers_are_held_to_their_signature), TEST(every_call_has_one_row), TEST(mechanism_rows_are_found),
	TEST(parameters_travel_in_their_documented_shape), TEST(sp800_108_travels_without_padding),
	TEST(wrong_parameters_are_refused_before_they_are_read), TEST(templates_nest_and_have_an_end),
	TEST(lengths_are_those_of_the_standards), {0},
};
