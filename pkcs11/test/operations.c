/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on data: round trips, sizes, ends, codes.
 */

#include "test.h"

static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0}, sha256 = {CKM_SHA256, NULL, 0};
static CK_BYTE iv[16];
static CK_MECHANISM cbc = {CKM_AES_CBC_PAD, iv, 16};

static void sign_init_and_sign_are_one_round_trip_from_the_first_use_of_a_found_key(void)
{
	CK_SESSION_HANDLE s = ready_session();
	OK(f->C_GetMechanismInfo(SLOT, CKM_ECDSA, &(CK_MECHANISM_INFO){0}));
	find_all(s);
	peer_reset();
	OK(sign(s, KEY_SIGN));
	CHECK(shared->total == 1 && peer_calls(CALL_SIGN) == 1);
	for (int i = 0; i < 100; i++)
		OK(sign(s, KEY_SIGN));
	CHECK(shared->total == 101 && shared->introductions == 0);
	OK(sign(s, KEY_LATER)); /* never found: its summary is asked for, once */
	OK(sign(s, KEY_LATER));
	CHECK(shared->total == 104 && peer_calls(CALL_SUMMARY) == 1);
	CK_SESSION_HANDLE t = another_session(); /* a new session costs its opening */
	OK(sign(t, KEY_SIGN));
	CHECK(shared->total == 106 && peer_calls(CALL_SESSION_OPEN) == 1);
}

static void short_messages_in_parts_are_one_round_trip(void)
{
	CK_SESSION_HANDLE s = ready_session();
	find_all(s);
	OK(sign(s, KEY_SIGN));
	peer_reset();
	CK_BYTE sig[64], want[64];
	CK_ULONG n = 64;
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_SignUpdate(s, (CK_BYTE *)"ab", 2));
	OK(f->C_SignUpdate(s, NULL, 0));
	OK(f->C_SignUpdate(s, (CK_BYTE *)"c", 1));
	OK(f->C_SignFinal(s, sig, &n));
	expect_signature((const uint8_t *)"abc", 3, want);
	CHECK(n == 64 && memcmp(sig, want, 64) == 0 && shared->total == 1);
}

static void long_messages_go_in_parts(void)
{
	CK_SESSION_HANDLE s = ready_session();
	size_t size = 9 << 20; /* also more than one frame's worth for the one-shot call */
	CK_BYTE *data = malloc(size), sig[64], want[64];
	for (size_t i = 0; i < size; i++)
		data[i] = (CK_BYTE)(i * 7);
	expect_signature(data, size, want);
	CK_ULONG n = 64;
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	for (size_t at = 0; at < size; at += 1000003)
		OK(f->C_SignUpdate(s, data + at, size - at < 1000003 ? size - at : 1000003));
	OK(f->C_SignFinal(s, sig, &n));
	CHECK(n == 64 && memcmp(sig, want, 64) == 0 && peer_calls(CALL_BEGIN) == 1 && peer_calls(CALL_FINAL) == 1);
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_Sign(s, data, size, sig, &n));
	CHECK(memcmp(sig, want, 64) == 0 && peer_calls(CALL_SIGN) == 0);
	OK(f->C_VerifyInit(s, &ecdsa, KEY_VERIFY));
	OK(f->C_Verify(s, data, size, sig, 64));
	/* Encryption of as much gives all of it back. */
	CK_BYTE *out = malloc(size + 16);
	n = size + 16;
	CK_GCM_PARAMS gcm = {iv, 12, 96, NULL, 0, 128};
	CK_MECHANISM m = {CKM_AES_GCM, &gcm, sizeof gcm};
	OK(f->C_EncryptInit(s, &m, KEY_AES));
	OK(f->C_Encrypt(s, data, size, out, &n));
	CHECK(n == size + 16 && out[size - 1] == (data[size - 1] ^ 0x11) && out[size] == 0xEE);
	OK(f->C_DecryptInit(s, &m, KEY_AES));
	n = size;
	OK(f->C_Decrypt(s, out, size + 16, out, &n)); /* in place */
	CHECK(n == size && memcmp(out, data, size) == 0);
	free(out);
	free(data);
}

static void size_queries_are_answered_here_and_end_nothing(void)
{
	CK_SESSION_HANDLE s = ready_session();
	find_all(s);
	OK(sign(s, KEY_SIGN));
	peer_reset();
	CK_BYTE sig[64] = {1}, out[64];
	CK_ULONG n = 0;
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_Sign(s, sig, 32, NULL, &n));
	CHECK(n == 64);
	n = 63;
	CHECK_RV(f->C_Sign(s, sig, 32, sig, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 64 && shared->total == 0);
	OK(f->C_Sign(s, sig, 32, sig, &n));
	CHECK_RV(f->C_Sign(s, sig, 32, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	CHECK(shared->total == 1);
	OK(f->C_DigestInit(s, &sha256));
	OK(f->C_DigestFinal(s, NULL, &n));
	CHECK(n == 32);
	OK(f->C_DigestFinal(s, out, &n));
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_Encrypt(s, sig, 16, NULL, &n));
	CHECK(n == 32);
	OK(f->C_Encrypt(s, sig, 16, out, &n));
	/* Decryption has an upper bound; a buffer that fits the data is enough. */
	OK(f->C_DecryptInit(s, &cbc, KEY_AES));
	OK(f->C_Decrypt(s, out, 32, NULL, &n));
	CHECK(n >= 16);
	peer_reset();
	n = 15;
	CHECK_RV(f->C_Decrypt(s, out, 32, out, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 16);
	OK(f->C_Decrypt(s, out, 32, out, &n));
	CHECK(n == 16 && memcmp(out, sig, 16) == 0 && shared->total == 1); /* what was made is kept */
}

static void unknown_lengths_are_learnt_by_doing_and_kept(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_MECHANISM m = {MECHANISM_VENDOR_BYTES, iv, 3};
	CK_BYTE sig[64] = {1};
	CK_ULONG n;
	OK(f->C_SignInit(s, &m, KEY_VENDOR));
	OK(f->C_Sign(s, iv, 16, NULL, &n));
	CHECK(n == 64);
	OK(f->C_Sign(s, iv, 16, sig, &n));
	CHECK(peer_calls(CALL_SIGN) == 1 && shared->param_len == 7); /* letter b */
	m.mechanism = MECHANISM_VENDOR_OTHER;
	CHECK_RV(f->C_SignInit(s, &m, KEY_VENDOR), CKR_MECHANISM_PARAM_INVALID);
	m = (CK_MECHANISM){MECHANISM_VENDOR_OTHER, NULL, 0};
	OK(f->C_SignInit(s, &m, KEY_VENDOR));
	/* A buffer that is too small also keeps the result. */
	n = 5;
	CHECK_RV(f->C_Sign(s, iv, 16, sig, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 64);
	OK(f->C_Sign(s, iv, 16, sig, &n));
	CHECK(peer_calls(CALL_SIGN) == 2);
}

static void update_with_too_little_room_keeps_its_output(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE in[40], out[64];
	memset(in, 9, sizeof in);
	CK_ULONG n = 10;
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	CHECK_RV(f->C_EncryptUpdate(s, in, 40, out, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 40);
	OK(f->C_EncryptUpdate(s, in, 40, out, &n));
	CHECK(n == 40 && out[39] == (9 ^ 0x11) && peer_calls(CALL_UPDATE) == 1);
	OK(f->C_EncryptUpdate(s, NULL, 0, out, &n));
	CHECK(n == 0);
	n = 2;
	CHECK_RV(f->C_EncryptFinal(s, out, &n), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 16);
	OK(f->C_EncryptFinal(s, out, &n));
	CHECK(n == 16 && out[0] == 0xEE && peer_calls(CALL_FINAL) == 1);
	/* What an Update could not give comes with Final. */
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	n = 0;
	CHECK_RV(f->C_EncryptUpdate(s, in, 40, out, &n), CKR_BUFFER_TOO_SMALL);
	n = sizeof out;
	OK(f->C_EncryptFinal(s, out, &n));
	CHECK(n == 56 && out[39] == (9 ^ 0x11) && out[40] == 0xEE);
}

static void any_error_but_a_small_buffer_ends_the_operation(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE sig[64] = {1};
	CK_ULONG n = 64;
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	CHECK_RV(f->C_SignInit(s, &ecdsa, KEY_SIGN), CKR_OPERATION_ACTIVE);
	shared->fault = 403;
	shared->fault_on = CALL_SIGN;
	CHECK_RV(f->C_Sign(s, sig, 32, sig, &n), CKR_DATA_LEN_RANGE);
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	CHECK_RV(f->C_Sign(s, NULL, 32, sig, &n), CKR_ARGUMENTS_BAD);
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_SignUpdate(s, sig, 8));
	CHECK_RV(f->C_Sign(s, sig, 32, sig, &n), CKR_OPERATION_ACTIVE);
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_Sign(s, sig, 32, NULL, &n));
	CHECK_RV(f->C_SignUpdate(s, sig, 8), CKR_OPERATION_ACTIVE);
	/* 3.0: Init with NULL, and C_SessionCancel. */
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_SignInit(s, NULL, 0));
	CHECK_RV(f->C_SignInit(s, NULL, 0), CKR_ARGUMENTS_BAD);
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_EncryptUpdate(s, sig, 16, sig, &n));
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_SessionCancel(s, CKF_SIGN | CKF_ENCRYPT));
	CHECK(peer_calls(CALL_CANCEL) == 1); /* of the signature the core never knew */
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	CHECK_RV(f->C_VerifyFinal(s, sig, 64), CKR_OPERATION_NOT_INITIALIZED);
}

static void an_operation_left_over_in_the_core_is_cancelled(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE out[64];
	CK_ULONG n = 64;
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_EncryptUpdate(s, iv, 16, out, &n));
	shared->drop_on = CALL_UPDATE;
	CHECK_RV(f->C_EncryptUpdate(s, iv, 16, out, &n), CKR_DEVICE_ERROR); /* done or not: nobody knows */
	n = 64;
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_Encrypt(s, iv, 16, out, &n));
	CHECK(n == 32 && peer_calls(CALL_CANCEL) == 1);
}

static void keys_are_judged_at_init_with_the_codes_programs_expect(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0}, bad_iv = {CKM_AES_CBC_PAD, iv, 8}, ctr = {CKM_AES_CTR, NULL, 0};
	CHECK_RV(f->C_SignInit(s, &ecdsa, 0), CKR_KEY_HANDLE_INVALID);
	CHECK_RV(f->C_SignInit(s, &ecdsa, 999), CKR_KEY_HANDLE_INVALID);
	CHECK_RV(f->C_SignInit(s, &ecdsa, OBJECT_DATA), CKR_KEY_HANDLE_INVALID);
	CHECK_RV(f->C_SignInit(s, &ecdsa, KEY_VERIFY), CKR_KEY_TYPE_INCONSISTENT);
	CHECK_RV(f->C_SignInit(s, &ecdsa, KEY_RSA), CKR_KEY_TYPE_INCONSISTENT);
	CHECK_RV(f->C_DecryptInit(s, &rsa, KEY_SIGN), CKR_KEY_TYPE_INCONSISTENT);
	CHECK_RV(f->C_SignInit(s, &cbc, KEY_AES), CKR_MECHANISM_INVALID);
	CHECK_RV(f->C_EncryptInit(s, &ctr, KEY_AES), CKR_MECHANISM_INVALID);
	CHECK_RV(f->C_EncryptInit(s, &bad_iv, KEY_AES), CKR_MECHANISM_PARAM_INVALID);
	CHECK_RV(f->C_EncryptInit(s, &rsa, KEY_RSA), CKR_KEY_TYPE_INCONSISTENT); /* a private key does not encrypt */
	CHECK_RV(f->C_SignInit(s + 1, &ecdsa, KEY_SIGN), CKR_SESSION_HANDLE_INVALID);
	/* A key that is gone since: the code comes later, and is still the right one. */
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	shared->fault = 301;
	shared->fault_on = CALL_SIGN;
	CK_ULONG n = 64;
	CHECK_RV(f->C_Sign(s, iv, 16, (CK_BYTE[64]){0}, &n), CKR_KEY_HANDLE_INVALID);
}

static void a_key_that_another_program_changed_is_refused_only_by_what_it_is_now(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->usage = 8; /* not to sign */
	CHECK_RV(f->C_SignInit(s, &ecdsa, KEY_LATER), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CHECK(peer_calls(CALL_SUMMARY) == 1);
	shared->usage = 4;
	OK(sign(s, KEY_LATER));
	CHECK(peer_calls(CALL_SUMMARY) == 2);
	OK(sign(s, KEY_LATER));
	CHECK(peer_calls(CALL_SUMMARY) == 2);
}

static void keys_with_a_login_for_each_use_are_begun_at_init(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE sig[64] = {1};
	CK_ULONG n = 64;
	OK(f->C_SignInit(s, &ecdsa, KEY_ALWAYS));
	CHECK(peer_calls(CALL_BEGIN) == 1);
	CHECK_RV(f->C_Sign(s, sig, 32, sig, &n), CKR_USER_NOT_LOGGED_IN);
	OK(f->C_SignInit(s, &ecdsa, KEY_ALWAYS));
	OK(f->C_Login(s, CKU_CONTEXT_SPECIFIC, (CK_UTF8CHAR *)"1234", 4));
	OK(f->C_Sign(s, sig, 32, sig, &n));
	CHECK(peer_calls(CALL_SIGN) == 0 && peer_calls(CALL_FINAL) == 2);
	peer_reset();
	OK(f->C_SignInit(s, &ecdsa, KEY_LISTED)); /* ALLOWED_MECHANISMS: the core judges at Init */
	CHECK(peer_calls(CALL_BEGIN) == 1);
	OK(f->C_Sign(s, sig, 32, sig, &n));
}

static void signatures_are_verified_whichever_way_they_come(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE sig[64], data[40] = "some data to sign";
	CK_ULONG n = 64;
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_Sign(s, data, sizeof data, sig, &n));
	OK(f->C_VerifyInit(s, &ecdsa, KEY_VERIFY));
	OK(f->C_Verify(s, data, sizeof data, sig, 64));
	OK(f->C_VerifyInit(s, &ecdsa, KEY_VERIFY));
	OK(f->C_VerifyUpdate(s, data, 10));
	OK(f->C_VerifyUpdate(s, data + 10, 30));
	OK(f->C_VerifyFinal(s, sig, 64));
	OK(f->C_VerifySignatureInit(s, &ecdsa, KEY_VERIFY, sig, 64));
	CHECK_RV(f->C_VerifySignatureInit(s, &ecdsa, KEY_VERIFY, sig, 64), CKR_OPERATION_ACTIVE);
	OK(f->C_VerifySignature(s, data, sizeof data));
	OK(f->C_VerifySignatureInit(s, &ecdsa, KEY_VERIFY, sig, 64));
	OK(f->C_VerifySignatureUpdate(s, data, sizeof data));
	OK(f->C_VerifySignatureFinal(s));
	OK(f->C_VerifySignatureInit(s, &ecdsa, KEY_VERIFY, sig, 64));
	CHECK_RV(f->C_Verify(s, data, sizeof data, sig, 64), CKR_OPERATION_ACTIVE);
	sig[0] ^= 1;
	OK(f->C_VerifyInit(s, &ecdsa, KEY_VERIFY));
	CHECK_RV(f->C_Verify(s, data, sizeof data, sig, 64), CKR_SIGNATURE_INVALID);
	OK(f->C_VerifyInit(s, &ecdsa, KEY_VERIFY));
	CHECK_RV(f->C_Verify(s, data, sizeof data, sig, 62), CKR_SIGNATURE_INVALID); /* any length goes to the core */
	OK(f->C_VerifySignatureInit(s, &ecdsa, KEY_VERIFY, sig, 64));
	CHECK_RV(f->C_VerifySignature(s, data, sizeof data), CKR_SIGNATURE_INVALID);
	CHECK_RV(f->C_VerifySignatureFinal(s), CKR_OPERATION_NOT_INITIALIZED);
}

static void digests_are_saved_and_restored(void)
{
	CK_SESSION_HANDLE s = ready_session(), t = another_session();
	CK_BYTE state[256], a[32], b[32];
	CK_ULONG n, len = sizeof state;
	CHECK_RV(f->C_GetOperationState(s, state, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_DigestInit(s, &sha256));
	OK(f->C_DigestUpdate(s, (CK_BYTE *)"first ", 6));
	OK(f->C_GetOperationState(s, NULL, &n));
	len = n - 1;
	CHECK_RV(f->C_GetOperationState(s, state, &len), CKR_BUFFER_TOO_SMALL);
	OK(f->C_GetOperationState(s, state, &len));
	CHECK(len == n);
	CHECK_RV(f->C_SetOperationState(t, state, len, KEY_AES, 0), CKR_KEY_NOT_NEEDED);
	CHECK_RV(f->C_SetOperationState(t, state, 3, 0, 0), CKR_SAVED_STATE_INVALID);
	OK(f->C_SetOperationState(t, state, len, 0, 0));
	OK(f->C_DigestUpdate(s, (CK_BYTE *)"second", 6));
	OK(f->C_DigestUpdate(t, (CK_BYTE *)"second", 6));
	OK(f->C_DigestKey(s, KEY_AES));
	OK(f->C_DigestKey(t, KEY_AES));
	n = 32;
	OK(f->C_DigestFinal(s, a, &n));
	OK(f->C_DigestFinal(t, b, &n));
	CHECK(n == 32 && memcmp(a, b, 32) == 0);
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	CHECK_RV(f->C_GetOperationState(s, state, &len), CKR_STATE_UNSAVEABLE);
}

static void dual_functions_are_the_two_together(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE data[32] = "for both", text[64], digest[32], want[64], sig[64];
	CK_ULONG n = 3;
	expect_signature(data, 32, want);
	OK(f->C_DigestInit(s, &sha256));
	CHECK_RV(f->C_DigestEncryptUpdate(s, data, 32, text, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	CHECK_RV(f->C_DigestEncryptUpdate(s, data, 32, text, &n), CKR_BUFFER_TOO_SMALL); /* and digests nothing */
	OK(f->C_DigestEncryptUpdate(s, data, 32, text, &n));
	CHECK(n == 32 && text[0] == (data[0] ^ 0x11));
	CK_ULONG last = 32;
	OK(f->C_EncryptFinal(s, text + n, &last));
	n = 32;
	OK(f->C_DigestFinal(s, digest, &n));
	CHECK(memcmp(digest, want, 32) == 0);
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	n = 64;
	memcpy(text, data, 32);
	OK(f->C_SignEncryptUpdate(s, text, 32, text, &n)); /* in place: the plaintext is signed all the same */
	n = 64;
	OK(f->C_SignFinal(s, sig, &n));
	CHECK(memcmp(sig, want, 64) == 0);
}

static void messages_are_sealed_in_one_round_trip_and_iv_and_tag_come_back(void)
{
	CK_SESSION_HANDLE s = ready_session();
	find_all(s);
	CK_BYTE nonce[12] = {0}, tag[16] = {0}, text[20], out[20];
	memset(text, 5, sizeof text);
	CK_GCM_MESSAGE_PARAMS p = {nonce, 12, 0, CKG_GENERATE, tag, 128};
	CK_MECHANISM m = {CKM_AES_GCM, NULL, 0};
	CK_ULONG n = 0;
	CHECK_RV(f->C_MessageEncryptInit(s, &ecdsa, KEY_AES), CKR_MECHANISM_INVALID);
	OK(f->C_MessageEncryptInit(s, &m, KEY_AES));
	peer_reset();
	OK(f->C_EncryptMessage(s, &p, sizeof p, (CK_BYTE *)"aad", 3, text, 20, NULL, &n));
	CHECK(n == 20 && shared->total == 0);
	OK(f->C_EncryptMessage(s, &p, sizeof p, (CK_BYTE *)"aad", 3, text, 20, out, &n));
	CHECK(n == 20 && shared->total == 1 && memcmp(nonce, "made up iv..", 12) == 0 && tag[0] == 0x73 && out[0] == (5 ^ 0x22));
	CHECK_RV(f->C_EncryptMessage(s, &p, 8, NULL, 0, text, 20, out, &n), CKR_MECHANISM_PARAM_INVALID);
	/* In parts, gathered here. */
	OK(f->C_EncryptMessageBegin(s, &p, sizeof p, (CK_BYTE *)"aad", 3));
	CHECK_RV(f->C_EncryptMessage(s, &p, sizeof p, NULL, 0, text, 20, out, &n), CKR_OPERATION_ACTIVE);
	CK_BYTE whole[20];
	OK(f->C_EncryptMessageNext(s, &p, sizeof p, text, 15, whole, &n, 0));
	CHECK(n == 0);
	n = 5;
	CHECK_RV(f->C_EncryptMessageNext(s, &p, sizeof p, text + 15, 5, whole, &n, CKF_END_OF_MESSAGE), CKR_BUFFER_TOO_SMALL);
	CHECK(n == 20);
	OK(f->C_EncryptMessageNext(s, &p, sizeof p, text + 15, 5, whole, &n, CKF_END_OF_MESSAGE));
	CHECK(n == 20 && memcmp(whole, out, 20) == 0);
	OK(f->C_MessageEncryptFinal(s));
	CHECK_RV(f->C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_MessageDecryptInit(s, &m, KEY_AES));
	OK(f->C_DecryptMessage(s, &p, sizeof p, (CK_BYTE *)"aad", 3, out, 20, whole, &n));
	CHECK(memcmp(whole, text, 20) == 0);
	tag[3] ^= 1;
	CHECK_RV(f->C_DecryptMessage(s, &p, sizeof p, (CK_BYTE *)"aad", 3, out, 20, whole, &n), CKR_AEAD_DECRYPT_FAILED);
	OK(f->C_MessageDecryptFinal(s));
}

static void random_bytes_of_any_length(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE *r = calloc(1, 200001);
	OK(f->C_GenerateRandom(s, r, 200000));
	CHECK(r[199999] == 1 && r[200000] == 0);
	OK(f->C_GenerateRandom(s, NULL, 0));
	OK(f->C_SeedRandom(s, r, 100));
	CHECK_RV(f->C_GenerateRandom(s, NULL, 1), CKR_ARGUMENTS_BAD);
	free(r);
}

const struct test operation_tests[] = {
	TEST(sign_init_and_sign_are_one_round_trip_from_the_first_use_of_a_found_key),
	TEST(short_messages_in_parts_are_one_round_trip), TEST(long_messages_go_in_parts),
	TEST(size_queries_are_answered_here_and_end_nothing), TEST(unknown_lengths_are_learnt_by_doing_and_kept),
	TEST(update_with_too_little_room_keeps_its_output), TEST(any_error_but_a_small_buffer_ends_the_operation),
	TEST(an_operation_left_over_in_the_core_is_cancelled), TEST(keys_are_judged_at_init_with_the_codes_programs_expect),
	TEST(a_key_that_another_program_changed_is_refused_only_by_what_it_is_now),
	TEST(keys_with_a_login_for_each_use_are_begun_at_init), TEST(signatures_are_verified_whichever_way_they_come),
	TEST(digests_are_saved_and_restored), TEST(dual_functions_are_the_two_together),
	TEST(messages_are_sealed_in_one_round_trip_and_iv_and_tag_come_back), TEST(random_bytes_of_any_length), {0},
};
