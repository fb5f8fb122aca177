/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects, searches, attributes and key management.
 */

#include "test.h"

static CK_BYTE iv[16];
static CK_MECHANISM cbc = {CKM_AES_CBC_PAD, iv, 16};

static void searches_come_in_batches(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->objects = 5000;
	static CK_OBJECT_HANDLE all[6000];
	CK_ULONG n, total = 0;
	OK(f->C_FindObjectsInit(s, NULL, 0));
	CHECK_RV(f->C_FindObjectsInit(s, NULL, 0), CKR_OPERATION_ACTIVE);
	CHECK(peer_calls(CALL_FIND) == 0);
	do {
		OK(f->C_FindObjects(s, all + total, total < 50 ? 1 : 700, &n)); /* one by one at first, as libp11 does */
		total += n;
	} while (n);
	CHECK(total == 5009 && all[0] == KEY_SIGN && all[9] == OBJECTS_MANY && all[5008] == OBJECTS_MANY + 4999);
	CHECK(peer_calls(CALL_FIND) == 1 && peer_calls(CALL_FIND_NEXT) < 8);
	OK(f->C_FindObjectsFinal(s));
	CHECK(peer_calls(CALL_FIND_END) == 0); /* at its end nothing is left to close */
	CHECK_RV(f->C_FindObjectsFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	CHECK_RV(f->C_FindObjects(s, all, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_FindObjectsInit(s, NULL, 0));
	OK(f->C_FindObjects(s, all, 1, &n));
	OK(f->C_FindObjectsFinal(s));
	CHECK(peer_calls(CALL_FIND_END) == 1);
}

static void each_attribute_has_its_own_outcome(void)
{
	CK_SESSION_HANDLE s = ready_session();
	char label[16] = "";
	CK_OBJECT_CLASS class = 0;
	CK_BYTE value[8], small[2];
	CK_ATTRIBUTE t[] = {
		{CKA_LABEL, label, sizeof label}, {CKA_VALUE, value, sizeof value}, {0x80001234, value, sizeof value},
		{CKA_CLASS, &class, sizeof class},
	};
	CHECK_RV(f->C_GetAttributeValue(s, KEY_SIGN, t, 4), CKR_ATTRIBUTE_SENSITIVE);
	CHECK(t[0].ulValueLen == 7 && memcmp(label, "key one", 7) == 0 && class == CKO_PRIVATE_KEY && t[3].ulValueLen == 8);
	CHECK(t[1].ulValueLen == CK_UNAVAILABLE_INFORMATION && t[2].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	CK_ATTRIBUTE u[] = {{0x80001234, NULL, 0}, {CKA_LABEL, small, sizeof small}, {CKA_CLASS, &class, sizeof class}};
	CHECK_RV(f->C_GetAttributeValue(s, KEY_SIGN, u, 3), CKR_ATTRIBUTE_TYPE_INVALID);
	CHECK(u[1].ulValueLen == CK_UNAVAILABLE_INFORMATION && u[2].ulValueLen == 8);
	CHECK_RV(f->C_GetAttributeValue(s, KEY_SIGN, u + 1, 1), CKR_BUFFER_TOO_SMALL);
	CHECK_RV(f->C_GetAttributeValue(s, 9999, t, 1), CKR_OBJECT_HANDLE_INVALID);
	CHECK_RV(f->C_GetAttributeValue(s, KEY_SIGN, NULL, 1), CKR_ARGUMENTS_BAD);
}

static void lengths_then_values_ask_the_core_once(void)
{
	CK_SESSION_HANDLE s = ready_session();
	char label[16];
	CK_ATTRIBUTE t = {CKA_LABEL, NULL, 0};
	OK(f->C_GetAttributeValue(s, KEY_SIGN, &t, 1));
	CHECK(t.ulValueLen == 7);
	t.pValue = label;
	OK(f->C_GetAttributeValue(s, KEY_SIGN, &t, 1));
	CHECK(memcmp(label, "key one", 7) == 0 && peer_calls(CALL_GET) == 1);
	OK(f->C_GetAttributeValue(s, KEY_SIGN, &t, 1)); /* beyond the pair nothing is remembered */
	CHECK(peer_calls(CALL_GET) == 2);
	t.pValue = NULL;
	OK(f->C_GetAttributeValue(s, KEY_SIGN, &t, 1));
	OK(f->C_GenerateRandom(s, iv, 1)); /* nor across another call */
	t.pValue = label;
	OK(f->C_GetAttributeValue(s, KEY_SIGN, &t, 1));
	CHECK(peer_calls(CALL_GET) == 4);
}

static void templates_within_objects_are_read_in_the_standards_three_steps(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_ATTRIBUTE inner[2] = {{0}}, t = {CKA_WRAP_TEMPLATE, NULL, 0};
	OK(f->C_GetAttributeValue(s, KEY_AES, &t, 1));
	CHECK(t.ulValueLen == sizeof inner);
	t.pValue = inner;
	OK(f->C_GetAttributeValue(s, KEY_AES, &t, 1));
	CHECK(inner[0].type == CKA_CLASS && inner[0].ulValueLen == 8 && inner[1].type == CKA_LABEL && inner[1].ulValueLen == 2);
	CK_OBJECT_CLASS class;
	char label[2];
	inner[0].pValue = &class;
	inner[1].pValue = label;
	OK(f->C_GetAttributeValue(s, KEY_AES, &t, 1));
	CHECK(class == CKO_PRIVATE_KEY && memcmp(label, "in", 2) == 0);
	t.ulValueLen = sizeof *inner;
	CHECK_RV(f->C_GetAttributeValue(s, KEY_AES, &t, 1), CKR_BUFFER_TOO_SMALL);
}

static void objects_are_made_changed_and_destroyed(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_OBJECT_HANDLE a, b, pair[2];
	CK_ULONG n;
	CK_MECHANISM gen = {CKM_AES_KEY_GEN, NULL, 0}, ec = {CKM_EC_KEY_PAIR_GEN, NULL, 0}, sized = {CKM_AES_KEY_GEN, iv, 1};
	CK_ATTRIBUTE t = {CKA_LABEL, "x", 1};
	OK(f->C_CreateObject(s, &t, 1, &a));
	OK(f->C_CopyObject(s, a, &t, 1, &b));
	CHECK(a >= OBJECTS_MANY && b > a);
	OK(f->C_SetAttributeValue(s, b, &t, 1));
	OK(f->C_GetObjectSize(s, b, &n));
	CHECK(n == 321);
	OK(f->C_DestroyObject(s, b));
	OK(f->C_GenerateKey(s, &gen, &t, 1, &a));
	CHECK_RV(f->C_GenerateKey(s, &sized, &t, 1, &a), CKR_MECHANISM_PARAM_INVALID);
	CHECK_RV(f->C_GenerateKey(s, NULL, &t, 1, &a), CKR_ARGUMENTS_BAD);
	OK(f->C_GenerateKeyPair(s, &ec, &t, 1, NULL, 0, &pair[0], &pair[1]));
	CHECK(pair[1] == pair[0] + 1);
	OK(f->C_UnwrapKey(s, &cbc, KEY_AES, iv, 16, &t, 1, &a));
	shared->fault = 300;
	shared->fault_on = CALL_UNWRAP;
	CHECK_RV(f->C_UnwrapKey(s, &cbc, KEY_AES, iv, 16, &t, 1, &a), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
}

static void wrapping_for_the_size_and_for_the_key_is_done_once(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE a[64], b[64];
	CK_ULONG n, small = 3;
	OK(f->C_WrapKey(s, &cbc, KEY_AES, KEY_SIGN, NULL, &n));
	CHECK(n == 24);
	CHECK_RV(f->C_WrapKey(s, &cbc, KEY_AES, KEY_SIGN, a, &small), CKR_BUFFER_TOO_SMALL);
	OK(f->C_WrapKey(s, &cbc, KEY_AES, KEY_SIGN, a, &n));
	CHECK(peer_calls(CALL_WRAP) == 1);
	OK(f->C_WrapKey(s, &cbc, KEY_AES, KEY_SIGN, b, &n));
	CHECK(peer_calls(CALL_WRAP) == 2 && memcmp(a, b, 24) != 0);
	OK(f->C_WrapKey(s, &cbc, KEY_AES, KEY_SIGN, NULL, &n));
	OK(f->C_WrapKey(s, &cbc, KEY_AES, KEY_RSA, b, &n)); /* another key: not what was kept */
	CHECK(peer_calls(CALL_WRAP) == 4);
}

static void further_derived_keys_come_back(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_SP800_108_COUNTER_FORMAT counter = {0, 32};
	CK_PRF_DATA_PARAM field = {CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter};
	CK_OBJECT_HANDLE key, further[2] = {0};
	CK_DERIVED_KEY keys[] = {{NULL, 0, &further[0]}, {NULL, 0, &further[1]}};
	CK_SP800_108_KDF_PARAMS p = {CKM_SHA256_HMAC, 1, &field, 2, keys};
	CK_MECHANISM m = {CKM_SP800_108_COUNTER_KDF, &p, sizeof p};
	OK(f->C_DeriveKey(s, &m, KEY_AES, NULL, 0, &key));
	CHECK(key >= OBJECTS_MANY && further[0] == 501 && further[1] == 502);
}

static void encapsulation_makes_no_key_for_a_size_query(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_MECHANISM m = {CKM_ML_KEM, NULL, 0};
	CK_BYTE text[2000];
	CK_ULONG n = 0;
	CK_OBJECT_HANDLE key = 0;
	OK(f->C_EncapsulateKey(s, &m, KEY_KEM, NULL, 0, NULL, &n, &key));
	CHECK(n == 1088);
	n = 1087;
	CHECK_RV(f->C_EncapsulateKey(s, &m, KEY_KEM, NULL, 0, text, &n, &key), CKR_BUFFER_TOO_SMALL);
	CHECK(peer_calls(CALL_ENCAPSULATE) == 0 && key == 0);
	OK(f->C_EncapsulateKey(s, &m, KEY_KEM, NULL, 0, text, &n, &key));
	CHECK(n == 1088 && text[1087] == 0xC7 && key >= OBJECTS_MANY);
	OK(f->C_DecapsulateKey(s, &m, KEY_KEM, NULL, 0, text, n, &key));
	CHECK_RV(f->C_EncapsulateKey(s, &m, 999, NULL, 0, text, &n, &key), CKR_KEY_HANDLE_INVALID);
}

const struct test object_tests[] = {
	TEST(searches_come_in_batches), TEST(each_attribute_has_its_own_outcome), TEST(lengths_then_values_ask_the_core_once),
	TEST(templates_within_objects_are_read_in_the_standards_three_steps), TEST(objects_are_made_changed_and_destroyed),
	TEST(wrapping_for_the_size_and_for_the_key_is_done_once), TEST(further_derived_keys_come_back),
	TEST(encapsulation_makes_no_key_for_a_size_query), {0},
};
