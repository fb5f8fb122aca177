/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program notices of a daemon that restarts, and of channels that close.
 */

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static CK_BYTE iv[16];
static CK_MECHANISM cbc = {CKM_AES_CBC_PAD, iv, 16}, ecdsa = {CKM_ECDSA, NULL, 0};

static void restart(void)
{
	peer_kill();
	peer_start(socket_path);
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

/* Closes every channel, as the host does with idle ones; the applications stay. */
static void hang_up(void)
{
	shared->hang_up = 1;
	for (int i = 0; i < 1000 && shared->hang_up; i++)
		pause_ms(10);
	CHECK(!shared->hang_up);
}

static void signing_goes_on_after_a_restart(void)
{
	CK_SESSION_HANDLE s = ready_session(), t = another_session();
	OK(sign(t, KEY_SIGN));
	restart();
	peer_reset();
	OK(sign(s, KEY_SIGN));
	OK(sign(t, KEY_SIGN));
	CHECK(peer_calls(CALL_RESUME) == 1 && shared->hello[0] == 1 && shared->logged_in);
	CK_SESSION_INFO i;
	OK(f->C_GetSessionInfo(s, &i));
	CHECK(i.state == CKS_RW_USER_FUNCTIONS);
	OK(f->C_CloseSession(s));
	OK(f->C_CloseSession(t));
	CHECK(!shared->logged_in);
}

static void a_ticket_that_is_no_longer_good_is_a_logout(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->bad_tickets = 1;
	restart();
	OK(f->C_GenerateRandom(s, iv, 1));
	CK_SESSION_INFO i;
	OK(f->C_GetSessionInfo(s, &i));
	CHECK(i.state == CKS_RW_PUBLIC_SESSION);
	OK(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"1234", 4));
}

static void a_core_that_dies_in_the_middle_of_a_signature_is_asked_again(void)
{
	CK_SESSION_HANDLE s = ready_session();
	OK(sign(s, KEY_SIGN));
	shared->drop_on = CALL_SIGN;
	OK(sign(s, KEY_SIGN));
	CHECK(peer_calls(CALL_SIGN) == 3);
	CHECK(shared->hello[1] == 1); /* the application was still there */
}

static void *start_again_later(void *arg)
{
	(void)arg;
	pause_ms(300);
	restart();
	return NULL;
}

static void calls_wait_for_a_daemon_that_comes_back(void)
{
	CK_SESSION_HANDLE s = ready_session();
	pthread_t later;
	shared->die_on = CALL_SIGN;
	pthread_create(&later, NULL, start_again_later, NULL);
	OK(sign(s, KEY_SIGN));
	pthread_join(later, NULL);
}

static void a_creation_whose_answer_was_lost_is_not_repeated(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_OBJECT_HANDLE h;
	CK_MECHANISM gen = {CKM_AES_KEY_GEN, NULL, 0};
	shared->drop_on = CALL_GENERATE;
	CHECK_RV(f->C_GenerateKey(s, &gen, NULL, 0, &h), CKR_DEVICE_ERROR);
	CHECK(peer_calls(CALL_GENERATE) == 1);
	OK(f->C_GenerateKey(s, &gen, NULL, 0, &h));
	/* But one that never reached the core is sent. */
	hang_up();
	OK(f->C_GenerateKey(s, &gen, NULL, 0, &h));
	CHECK(peer_calls(CALL_GENERATE) == 3);
	shared->drop_on = CALL_DESTROY;
	CHECK_RV(f->C_DestroyObject(s, KEY_AES), CKR_DEVICE_ERROR);
	CHECK(peer_calls(CALL_DESTROY) == 1);
}

static void a_login_is_repeated_only_to_a_new_core(void)
{
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE s = another_session();
	OK(f->C_GenerateRandom(s, iv, 1));
	shared->drop_on = CALL_LOGIN;
	CHECK_RV(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"1234", 4), CKR_DEVICE_ERROR);
	CHECK(peer_calls(CALL_LOGIN) == 1);
	pthread_t later;
	shared->die_on = CALL_LOGIN;
	pthread_create(&later, NULL, start_again_later, NULL);
	OK(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"1234", 4));
	pthread_join(later, NULL);
}

static void an_interrupted_multi_part_operation_fails_once_and_the_session_stays(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE out[64];
	CK_ULONG n = 64;
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_EncryptUpdate(s, iv, 16, out, &n));
	restart();
	n = 64;
	CHECK_RV(f->C_EncryptUpdate(s, iv, 16, out, &n), CKR_DEVICE_ERROR);
	CHECK_RV(f->C_EncryptUpdate(s, iv, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	n = 64;
	OK(f->C_Encrypt(s, iv, 16, out, &n));
	/* An operation that is still here alone survives. */
	CK_BYTE sig[64], want[64];
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_SignUpdate(s, (CK_BYTE *)"abc", 3));
	restart();
	n = 64;
	OK(f->C_SignFinal(s, sig, &n));
	expect_signature((const uint8_t *)"abc", 3, want);
	CHECK(memcmp(sig, want, 64) == 0);
}

static void an_interrupted_search_fails_once(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->objects = 3000;
	CK_OBJECT_HANDLE found[200];
	CK_ULONG n;
	OK(f->C_FindObjectsInit(s, NULL, 0));
	OK(f->C_FindObjects(s, found, 1, &n));
	restart();
	CK_RV rv = CKR_OK;
	for (int i = 0; rv == CKR_OK && i < 20; i++)
		rv = f->C_FindObjects(s, found, 200, &n);
	CHECK(rv == CKR_DEVICE_ERROR);
	shared->objects = 0;
	find_all(s);
}

static void closed_channels_cost_nothing_but_a_new_one(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_BYTE out[64];
	CK_ULONG n = 64;
	OK(f->C_EncryptInit(s, &cbc, KEY_AES));
	OK(f->C_EncryptUpdate(s, iv, 16, out, &n));
	hang_up();
	n = 64;
	OK(f->C_EncryptUpdate(s, iv, 16, out, &n));
	n = 64;
	OK(f->C_EncryptFinal(s, out, &n));
	CHECK(shared->hello[0] == 1 && shared->hello[1] == 1);
}

static void *sign_for_a_second(void *arg)
{
	CK_SESSION_HANDLE s = another_session();
	struct timespec now, start;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		OK(sign(s, KEY_SIGN));
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 2);
	return arg;
}

static void threads_ride_through_restarts(void)
{
	ready_session();
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, sign_for_a_second, NULL);
	for (int i = 0; i < 3; i++) {
		pause_ms(300);
		restart();
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

static void refusals_are_tried_again_while_the_core_starts(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->refuse = 7; /* Unavailable */
	restart();
	setenv("GENBU_RECONNECT_MS", "200", 1);
	module.reconnect_ms = 200;
	CHECK_RV(sign(s, KEY_SIGN), CKR_DEVICE_ERROR);
	CHECK(shared->introductions > 2);
	shared->refuse = 0;
	OK(sign(s, KEY_SIGN));
	shared->refuse = 209; /* any other fault is an answer */
	restart();
	shared->introductions = 0;
	CHECK_RV(sign(s, KEY_SIGN), CKR_TOKEN_NOT_PRESENT);
	CHECK(shared->introductions == 1);
}

const struct test restart_tests[] = {
	TEST(signing_goes_on_after_a_restart), TEST(a_ticket_that_is_no_longer_good_is_a_logout),
	TEST(a_core_that_dies_in_the_middle_of_a_signature_is_asked_again), TEST(calls_wait_for_a_daemon_that_comes_back),
	TEST(a_creation_whose_answer_was_lost_is_not_repeated), TEST(a_login_is_repeated_only_to_a_new_core),
	TEST(an_interrupted_multi_part_operation_fails_once_and_the_session_stays), TEST(an_interrupted_search_fails_once),
	TEST(closed_channels_cost_nothing_but_a_new_one), TEST(threads_ride_through_restarts),
	TEST(refusals_are_tried_again_while_the_core_starts), {0},
};
