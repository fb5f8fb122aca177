/* SPDX-License-Identifier: Apache-2.0
 *
 * fork() and threads.
 */

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "test.h"

/* Runs f in a forked child and fails if that fails. */
#define CHILD(body) \
	do { \
		if ((child = fork()) == 0) { \
			body; \
			_exit(0); \
		} \
		reap(child); \
	} while (0)

static pid_t child;

static void reap(pid_t pid)
{
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status == 0);
}

static void a_child_goes_on_with_a_copy_of_its_own(void)
{
	CK_SESSION_HANDLE s = ready_session();
	OK(sign(s, KEY_SIGN));
	peer_reset();
	CHILD({
		OK(sign(s, KEY_SIGN));             /* the parent's session and login */
		CK_SESSION_HANDLE t = another_session();
		OK(sign(t, KEY_SIGN));
		OK(f->C_CloseSession(t));
		OK(f->C_Logout(s));                /* of the copy */
		OK(f->C_Finalize(NULL));
	});
	CHECK(shared->hello[2] == 1 && shared->hello[0] == 0);
	OK(sign(s, KEY_SIGN));
	CK_SESSION_INFO i;
	OK(f->C_GetSessionInfo(s, &i));
	CHECK(i.state == CKS_RW_USER_FUNCTIONS && shared->hello[1] == 0); /* the parent's channel was never touched */
	OK(f->C_Logout(s));
}

static void a_multi_part_operation_goes_on_in_both(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
	static CK_BYTE big[40000];
	CK_BYTE sig[64] = {1};
	CK_BYTE want[64];
	CK_ULONG n = 64;
	OK(f->C_SignInit(s, &ecdsa, KEY_SIGN));
	OK(f->C_SignUpdate(s, big, sizeof big));
	expect_signature(big, sizeof big, want);
	CHILD({
		OK(f->C_SignFinal(s, sig, &n));
		CHECK(memcmp(sig, want, 64) == 0);
	});
	OK(f->C_SignFinal(s, sig, &n));
	CHECK(memcmp(sig, want, 64) == 0);
}

static void initialize_in_a_child_starts_anew(void)
{
	CK_SESSION_HANDLE s = ready_session();
	peer_reset();
	CHILD({
		OK(f->C_Initialize(NULL));
		CHECK_RV(f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		CHECK_RV(sign(s, KEY_SIGN), CKR_SESSION_HANDLE_INVALID);
		CK_SESSION_HANDLE t = another_session();
		OK(f->C_Login(t, CKU_USER, (CK_UTF8CHAR *)"1234", 4));
		OK(sign(t, KEY_SIGN));
	});
	CHECK(shared->hello[0] == 1 && shared->hello[2] == 0);
	/* As pkcs11-provider does: C_Finalize, then C_Initialize; the parent's sessions stay. */
	CHILD({
		OK(f->C_Finalize(NULL));
		OK(f->C_Initialize(NULL));
	});
	/* And even after calls that used the copy. */
	CHILD({
		OK(sign(s, KEY_SIGN));
		OK(f->C_Initialize(NULL));
		CHECK_RV(sign(s, KEY_SIGN), CKR_SESSION_HANDLE_INVALID);
	});
	OK(sign(s, KEY_SIGN));
}

static void strict_children_must_initialize(void)
{
	setenv("GENBU_FORK", "strict", 1);
	CK_SESSION_HANDLE s = ready_session();
	CHILD({
		CHECK_RV(sign(s, KEY_SIGN), CKR_CRYPTOKI_NOT_INITIALIZED);
		CHECK_RV(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
		OK(f->C_Initialize(NULL));
	});
	OK(sign(s, KEY_SIGN));
}

static void grandchildren_and_children_before_any_call_are_fine(void)
{
	OK(f->C_Initialize(NULL));
	CHILD({
		CK_SESSION_HANDLE t = another_session(); /* the parent never spoke to the core */
		OK(sign(t, KEY_SIGN));
		CHILD({
			CHILD(OK(sign(t, KEY_SIGN))); /* its parent did not use the library */
			CK_SESSION_HANDLE u = another_session();
			OK(sign(u, KEY_SIGN));
			OK(sign(t, KEY_SIGN));
		});
		OK(sign(t, KEY_SIGN));
	});
}

static void a_child_that_outlives_its_parents_application_logs_in_by_ticket(void)
{
	CK_SESSION_HANDLE s = ready_session();
	CHILD({
		peer_kill(); /* not its child, so only killed; the socket file stays and refuses */
		peer_start(socket_path);
		OK(sign(s, KEY_SIGN));
		CHECK(shared->hello[2] == 1 && peer_calls(CALL_RESUME) == 1);
		peer_kill();
	});
	shared->hang_up = 1;
}

static void a_bare_clone_is_noticed(void)
{
	CK_SESSION_HANDLE s = ready_session();
	peer_reset();
	child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0) {
		OK(sign(s, KEY_SIGN));
		_exit(0);
	}
	reap(child);
	CHECK(shared->hello[2] == 1);
	OK(sign(s, KEY_SIGN));
}

static void a_server_that_becomes_another_user_keeps_its_login(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->deny_joins = 1;
	shared->hang_up = 1;
	for (int i = 0; i < 1000 && shared->hang_up; i++)
		usleep(5000);
	OK(sign(s, KEY_SIGN));
	CHECK(shared->hello[2] == 1 && shared->hello[0] == 1 && peer_calls(CALL_LOGIN) == 1);
	CK_SESSION_INFO i;
	OK(f->C_GetSessionInfo(s, &i));
	CHECK(i.state == CKS_RW_USER_FUNCTIONS && shared->logged_in);
}

static atomic_bool stop;

static void *sign_until_told(void *arg)
{
	CK_SESSION_HANDLE s = another_session();
	(void)arg;
	while (!stop)
		OK(sign(s, KEY_SIGN));
	OK(f->C_CloseSession(s));
	return NULL;
}

static void forks_amid_calls_of_other_threads_are_fine(void)
{
	CK_SESSION_HANDLE s = ready_session();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, sign_until_told, NULL);
	for (int i = 0; i < 20; i++)
		CHILD({
			OK(sign(s, KEY_SIGN));
			CK_SESSION_HANDLE t = another_session();
			OK(sign(t, KEY_SIGN));
		});
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void *sign_often(void *arg)
{
	CK_SESSION_HANDLE s = another_session();
	(void)arg;
	for (int i = 0; i < 200; i++)
		OK(sign(s, KEY_SIGN));
	OK(f->C_CloseSession(s));
	return NULL;
}

static void many_threads_share_the_pool(void)
{
	ready_session();
	pthread_t threads[150]; /* more than there may be channels */
	for (int i = 0; i < 150; i++)
		pthread_create(&threads[i], NULL, sign_often, NULL);
	for (int i = 0; i < 150; i++)
		pthread_join(threads[i], NULL);
	CHECK(shared->introductions <= CHANNELS_MAX);
}

static CK_SESSION_HANDLE common;

static void *use_one_session(void *arg)
{
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_BYTE sig[64] = {1};
	(void)arg;
	for (int i = 0; i < 200; i++) {
		CK_ULONG n = 64;
		f->C_SignInit(common, &m, KEY_SIGN); /* which thread wins is the program's affair */
		f->C_SignUpdate(common, sig, 20);
		f->C_Sign(common, sig, 20, sig, &n);
		f->C_SessionCancel(common, CKF_SIGN);
	}
	return NULL;
}

static void threads_that_quarrel_over_a_session_break_nothing(void)
{
	common = ready_session();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, use_one_session, NULL);
	CK_SESSION_HANDLE other = another_session();
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	pthread_create(&threads[0], NULL, use_one_session, NULL);
	OK(f->C_CloseSession(common)); /* under its feet */
	pthread_join(threads[0], NULL);
	OK(sign(other, KEY_SIGN));
}

const struct test fork_tests[] = {
	TEST(a_child_goes_on_with_a_copy_of_its_own), TEST(a_multi_part_operation_goes_on_in_both),
	TEST(initialize_in_a_child_starts_anew), TEST(strict_children_must_initialize),
	TEST(grandchildren_and_children_before_any_call_are_fine),
	TEST(a_child_that_outlives_its_parents_application_logs_in_by_ticket), TEST(a_bare_clone_is_noticed),
	TEST(a_server_that_becomes_another_user_keeps_its_login), TEST(forks_amid_calls_of_other_threads_are_fine), TEST(many_threads_share_the_pool),
	TEST(threads_that_quarrel_over_a_session_break_nothing), {0},
};
