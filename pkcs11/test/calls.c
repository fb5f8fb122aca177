/* SPDX-License-Identifier: Apache-2.0
 *
 * General functions, slots, sessions, logins; and what comes of peers that misbehave.
 */

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static void lists_are_whole_and_found_by_version(void)
{
	CK_INTERFACE all[3], *i;
	CK_ULONG n = 0;
	OK(C_GetInterfaceList(NULL, &n));
	CHECK(n == 3);
	n = 2;
	CHECK_RV(C_GetInterfaceList(all, &n), CKR_BUFFER_TOO_SMALL);
	OK(C_GetInterfaceList(all, &n));
	for (int k = 0; k < 3; k++) {
		static const size_t sizes[] = {sizeof(CK_FUNCTION_LIST_3_2), sizeof(CK_FUNCTION_LIST_3_0), sizeof(CK_FUNCTION_LIST)};
		void **entry = all[k].pFunctionList;
		CHECK(strcmp((char *)all[k].pInterfaceName, "PKCS 11") == 0 && all[k].flags == CKF_INTERFACE_FORK_SAFE);
		for (size_t e = 1; e < sizes[k] / sizeof *entry; e++)
			CHECK(entry[e] != NULL);
	}
	CHECK(sizeof(CK_FUNCTION_LIST) == 69 * 8 && sizeof(CK_FUNCTION_LIST_3_0) == 93 * 8 && sizeof(CK_FUNCTION_LIST_3_2) == 105 * 8);
	CK_VERSION v = {3, 0};
	OK(C_GetInterface((CK_UTF8CHAR *)"PKCS 11", &v, &i, CKF_INTERFACE_FORK_SAFE));
	CHECK(i->pFunctionList == all[1].pFunctionList);
	v = (CK_VERSION){2, 40};
	OK(C_GetInterface(NULL, &v, &i, 0));
	CK_FUNCTION_LIST *old;
	OK(C_GetFunctionList(&old));
	CHECK(i->pFunctionList == old && old->version.major == 2 && old->version.minor == 40);
	v = (CK_VERSION){3, 1};
	CHECK_RV(C_GetInterface(NULL, &v, &i, 0), CKR_FUNCTION_FAILED);
	CHECK_RV(C_GetInterface((CK_UTF8CHAR *)"Vendor X", NULL, &i, 0), CKR_FUNCTION_FAILED);
	CHECK_RV(C_GetInterface(NULL, NULL, &i, 4), CKR_FUNCTION_FAILED);
}

static CK_RV nothing(void)
{
	return CKR_OK;
}

static void all_ways_to_initialize_are_accepted(void)
{
	CK_C_INITIALIZE_ARGS a = {0};
	CHECK_RV(f->C_GetInfo(&(CK_INFO){0}), CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK_RV(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK_RV(f->C_SignRecoverInit(1, NULL, 1), CKR_CRYPTOKI_NOT_INITIALIZED);
	for (int mode = 0; mode < 4; mode++) {
		a.flags = mode & 1 ? CKF_OS_LOCKING_OK : 0;
		a.CreateMutex = mode & 2 ? (CK_CREATEMUTEX)(void *)nothing : NULL;
		a.DestroyMutex = mode & 2 ? (CK_DESTROYMUTEX)(void *)nothing : NULL;
		a.LockMutex = mode & 2 ? (CK_LOCKMUTEX)(void *)nothing : NULL;
		a.UnlockMutex = mode & 2 ? (CK_UNLOCKMUTEX)(void *)nothing : NULL;
		OK(f->C_Initialize(&a));
		CHECK_RV(f->C_Initialize(&a), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		CHECK_RV(f->C_Finalize(&a), CKR_ARGUMENTS_BAD);
		OK(f->C_Finalize(NULL));
	}
	a.LockMutex = NULL;
	CHECK_RV(f->C_Initialize(&a), CKR_ARGUMENTS_BAD);
	CHECK(shared->total == 0); /* none of this needs the core */
}

static void the_socket_may_come_with_initialize(void)
{
	setenv("GENBU_SOCKET", "/nowhere/genbu.sock", 1);
	char reserved[200];
	snprintf(reserved, sizeof reserved, "other=1 socket=%s", socket_path);
	CK_C_INITIALIZE_ARGS a = {.pReserved = reserved};
	OK(f->C_Initialize(&a));
	CK_ULONG n;
	OK(f->C_GetSlotList(1, NULL, &n));
	CHECK(n == 1);
}

static void slots_and_tokens_tell_what_the_core_tells(void)
{
	OK(f->C_Initialize(NULL));
	CK_SLOT_ID list[2];
	CK_ULONG n = 0;
	CHECK_RV(f->C_GetSlotList(0, list, &n), CKR_BUFFER_TOO_SMALL);
	OK(f->C_GetSlotList(0, list, &n));
	CHECK(n == 1 && list[0] == SLOT);
	CK_TOKEN_INFO t;
	OK(f->C_GetTokenInfo(SLOT, &t));
	CHECK(memcmp(t.label, "test token                      ", 32) == 0 && memcmp(t.serialNumber, "0123456789abcdef", 16) == 0);
	CHECK(t.flags & CKF_TOKEN_INITIALIZED && t.ulMinPinLen == 4 && t.ulMaxPinLen == 255);
	CK_SLOT_INFO s;
	OK(f->C_GetSlotInfo(SLOT, &s));
	CHECK(s.flags == CKF_TOKEN_PRESENT);
	CHECK_RV(f->C_GetSlotInfo(8, &s), CKR_SLOT_ID_INVALID);
	CK_MECHANISM_TYPE types[16];
	n = 16;
	OK(f->C_GetMechanismList(SLOT, types, &n));
	CHECK(n == 9 && types[0] == CKM_RSA_PKCS);
	CK_MECHANISM_INFO m;
	OK(f->C_GetMechanismInfo(SLOT, CKM_ECDSA, &m));
	CHECK(m.flags == (CKF_SIGN | CKF_VERIFY) && m.ulMinKeySize == 16 && m.ulMaxKeySize == 4096);
	CHECK_RV(f->C_GetMechanismInfo(SLOT, CKM_AES_CTR, &m), CKR_MECHANISM_INVALID);
	CHECK(peer_calls(CALL_MECHANISMS) == 1);
	CK_SLOT_ID event;
	CHECK_RV(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
	CHECK_RV(f->C_WaitForSlotEvent(0, &event, NULL), CKR_FUNCTION_NOT_SUPPORTED);
}

static void sessions_open_and_close_without_the_core(void)
{
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE s = another_session();
	peer_reset();
	for (int i = 0; i < 1000; i++) {
		CK_SESSION_HANDLE t = another_session();
		CHECK(t != s);
		OK(f->C_CloseSession(t));
		CHECK_RV(f->C_CloseSession(t), CKR_SESSION_HANDLE_INVALID);
	}
	CHECK(shared->total == 0);
	CK_SESSION_HANDLE h;
	CHECK_RV(f->C_OpenSession(SLOT, CKF_RW_SESSION, NULL, NULL, &h), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	CHECK_RV(f->C_OpenSession(99, CKF_SERIAL_SESSION, NULL, NULL, &h), CKR_SLOT_ID_INVALID);
	CHECK_RV(f->C_OpenSession(SLOT, CKF_SERIAL_SESSION | CKF_ASYNC_SESSION, NULL, NULL, &h), CKR_SESSION_ASYNC_NOT_SUPPORTED);
	CHECK_RV(f->C_GetFunctionStatus(s), CKR_FUNCTION_NOT_PARALLEL);
	CHECK_RV(f->C_CancelFunction(s), CKR_FUNCTION_NOT_PARALLEL);
	CHECK_RV(f->C_MessageSignInit(s, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
}

static CK_STATE state(CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO i;
	OK(f->C_GetSessionInfo(s, &i));
	return i.state;
}

static void login_belongs_to_the_slot_and_ends_with_its_last_session(void)
{
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE a = another_session(), b = another_session(), ro;
	OK(f->C_OpenSession(SLOT, CKF_SERIAL_SESSION, NULL, NULL, &ro));
	CHECK(state(a) == CKS_RW_PUBLIC_SESSION && state(ro) == CKS_RO_PUBLIC_SESSION);
	CHECK_RV(f->C_Login(a, CKU_USER, (CK_UTF8CHAR *)"4321", 4), CKR_PIN_INCORRECT);
	CHECK_RV(f->C_Login(a, CKU_SO, (CK_UTF8CHAR *)"1234", 4), CKR_SESSION_READ_ONLY_EXISTS);
	CHECK_RV(f->C_Login(a, 9, (CK_UTF8CHAR *)"1234", 4), CKR_USER_TYPE_INVALID);
	CHECK_RV(f->C_Login(a, CKU_CONTEXT_SPECIFIC, (CK_UTF8CHAR *)"1234", 4), CKR_OPERATION_NOT_INITIALIZED);
	CHECK_RV(f->C_Login(a, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	OK(f->C_Login(a, CKU_USER, (CK_UTF8CHAR *)"1234", 4));
	CHECK(state(b) == CKS_RW_USER_FUNCTIONS && state(ro) == CKS_RO_USER_FUNCTIONS);
	CHECK_RV(f->C_Login(b, CKU_USER, (CK_UTF8CHAR *)"1234", 4), CKR_USER_ALREADY_LOGGED_IN);
	OK(f->C_CloseSession(b)); /* the core knows of a and b now; ro it never met */
	OK(f->C_CloseSession(a));
	CHECK(shared->logged_in && state(ro) == CKS_RO_USER_FUNCTIONS);
	CHECK(peer_calls(CALL_SESSION_CLOSE) == 2);
	OK(f->C_CloseSession(ro));
	CHECK(!shared->logged_in);
	a = another_session();
	CHECK(state(a) == CKS_RW_PUBLIC_SESSION);
	CHECK_RV(f->C_Logout(a), CKR_USER_NOT_LOGGED_IN);
	OK(f->C_Login(a, CKU_USER, (CK_UTF8CHAR *)"1234", 4));
	OK(f->C_Logout(a));
	OK(f->C_Login(a, CKU_SO, (CK_UTF8CHAR *)"1234", 4));
	CHECK(state(a) == CKS_RW_SO_FUNCTIONS);
	CHECK_RV(f->C_OpenSession(SLOT, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_SESSION_READ_WRITE_SO_EXISTS);
	CHECK_RV(f->C_InitToken(SLOT, (CK_UTF8CHAR *)"1234", 4, (CK_UTF8CHAR *)"                                "), CKR_SESSION_EXISTS);
	OK(f->C_CloseAllSessions(SLOT));
	CHECK(!shared->logged_in);
	CHECK_RV(f->C_CloseAllSessions(99), CKR_SLOT_ID_INVALID);
	OK(f->C_InitToken(SLOT, (CK_UTF8CHAR *)"1234", 4, (CK_UTF8CHAR *)"                                "));
	OK(f->C_Finalize(NULL));
}

static void finalize_ends_sessions_in_the_core(void)
{
	ready_session();
	CHECK(shared->logged_in);
	OK(f->C_Finalize(NULL));
	CHECK(!shared->logged_in);
	struct timespec t = {0, 50 * 1000000};
	nanosleep(&t, NULL);
	CHECK(shared->channels == 0);
	ready_session(); /* and it can begin anew */
	CHECK(shared->hello[0] == 2);
}

static void wrong_answers_are_device_errors_and_end_the_channel(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->garbage_on = CALL_RANDOM;
	CK_BYTE r[8];
	CHECK_RV(f->C_GenerateRandom(s, r, sizeof r), CKR_DEVICE_ERROR);
	shared->garbage_on = 0;
	OK(f->C_GenerateRandom(s, r, sizeof r));
	shared->wrong_sequence = 1;
	CHECK_RV(f->C_GenerateRandom(s, r, sizeof r), CKR_DEVICE_ERROR);
	shared->wrong_sequence = 0;
	OK(f->C_GenerateRandom(s, r, sizeof r));
	CHECK(r[0] == 8);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void no_call_waits_longer_than_its_deadline(void)
{
	setenv("GENBU_TIMEOUT_MS", "300", 1);
	CK_SESSION_HANDLE s = ready_session();
	shared->delay_ms = 3000;
	double start = seconds();
	CHECK_RV(f->C_GenerateRandom(s, (CK_BYTE[1]){0}, 1), CKR_DEVICE_ERROR);
	CHECK(seconds() - start < 2.9);
}

static void a_node_that_is_not_there_is_no_wait(void)
{
	setenv("GENBU_SOCKET", "/nowhere/genbu.sock", 1); /* not even the directory exists */
	OK(f->C_Initialize(NULL));
	CK_ULONG n;
	double start = seconds();
	CHECK_RV(f->C_GetSlotList(1, NULL, &n), CKR_FUNCTION_FAILED);
	CHECK(seconds() - start < 5);
	OK(f->C_Finalize(NULL));
	setenv("GENBU_RECONNECT_MS", "50", 1);
	char path[160];
	snprintf(path, sizeof path, "%s.other", socket_path);
	setenv("GENBU_SOCKET", path, 1);
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE s;
	CHECK_RV(f->C_OpenSession(SLOT, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_DEVICE_ERROR);
}

static void a_locked_core_has_no_tokens(void)
{
	OK(f->C_Initialize(NULL));
	CK_ULONG n = 9;
	shared->fault = 101;
	shared->fault_on = CALL_SLOTS;
	OK(f->C_GetSlotList(1, NULL, &n));
	CHECK(n == 0);
	OK(f->C_GetSlotList(1, NULL, &n));
	CHECK(n == 1);
}

static void busy_is_tried_again(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->busy = 3;
	OK(f->C_GenerateRandom(s, (CK_BYTE[1]){0}, 1));
	CHECK(shared->busy == 0);
}

static void codes_newer_than_2_40_are_for_those_who_know_them(void)
{
	CK_SESSION_HANDLE s = ready_session();
	shared->fault = 410; /* AEADFailed */
	shared->fault_on = CALL_RANDOM;
	CHECK_RV(f->C_GenerateRandom(s, (CK_BYTE[1]){0}, 1), CKR_AEAD_DECRYPT_FAILED);
	module.modern = false; /* as if the program had only called C_GetFunctionList */
	shared->fault_on = CALL_RANDOM;
	CHECK_RV(f->C_GenerateRandom(s, (CK_BYTE[1]){0}, 1), CKR_ENCRYPTED_DATA_INVALID);
}

static void the_debug_log_has_names_codes_and_request_ids_but_no_pin(void)
{
	char path[160], text[4096] = "";
	snprintf(path, sizeof path, "%s.log", socket_path);
	setenv("GENBU_PKCS11_DEBUG", path, 1);
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE s = another_session();
	CHECK_RV(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"secret-pin", 10), CKR_PIN_INCORRECT);
	FILE *file = fopen(path, "r");
	CHECK(file);
	CHECK(fread(text, 1, sizeof text - 1, file) > 0);
	fclose(file);
	unlink(path);
	CHECK(strstr(text, "C_Login: 0x0A0 request 0000000000abcdef") && strstr(text, "fault 203 (as told)"));
	CHECK(!strstr(text, "secret-pin"));
}

/* Daemons close every descriptor they do not know, and open files of their own under the same numbers. */
static void a_descriptor_that_became_something_else_is_not_written_to(void)
{
	CK_SESSION_HANDLE s = ready_session();
	char path[160];
	snprintf(path, sizeof path, "%s.file", socket_path);
	int from = dup(0);
	close(from);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	int fds[61];
	for (int i = 0; i < 61; i++)
		fds[i] = open(path, O_RDWR | O_CREAT, 0600);
	OK(sign(s, KEY_SIGN));
	struct stat st;
	CHECK(fds[0] == 3 && fstat(fds[0], &st) == 0 && st.st_size == 0);
	for (int i = 0; i < 61; i++)
		CHECK(fcntl(fds[i], F_GETFD) >= 0); /* nor closed */
	unlink(path);
}

/* The same for the pipe alone, which is read from. */
static void answers_are_not_read_from_what_their_pipe_became(void)
{
	CK_SESSION_HANDLE s = ready_session();
	char path[160], text[8] = "";
	snprintf(path, sizeof path, "%s.file", socket_path);
	int file = open(path, O_RDWR | O_CREAT, 0600), became = 0;
	CHECK(file >= 0 && write(file, "theirs", 6) == 6 && lseek(file, 0, SEEK_SET) == 0);
	for (int fd = 3; fd < 64; fd++) {
		struct stat st;
		if (fd != file && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
			CHECK((became = dup2(file, fd)) == fd);
	}
	CHECK(became);
	OK(sign(s, KEY_SIGN));
	CHECK(read(became, text, sizeof text) == 6 && strcmp(text, "theirs") == 0);
	close(file);
	unlink(path);
}

const struct test call_tests[] = {
	TEST(lists_are_whole_and_found_by_version), TEST(all_ways_to_initialize_are_accepted),
	TEST(the_socket_may_come_with_initialize), TEST(slots_and_tokens_tell_what_the_core_tells),
	TEST(sessions_open_and_close_without_the_core), TEST(login_belongs_to_the_slot_and_ends_with_its_last_session),
	TEST(finalize_ends_sessions_in_the_core), TEST(wrong_answers_are_device_errors_and_end_the_channel),
	TEST(no_call_waits_longer_than_its_deadline), TEST(a_node_that_is_not_there_is_no_wait), TEST(a_locked_core_has_no_tokens),
	TEST(busy_is_tried_again), TEST(codes_newer_than_2_40_are_for_those_who_know_them),
	TEST(the_debug_log_has_names_codes_and_request_ids_but_no_pin),
	TEST(a_descriptor_that_became_something_else_is_not_written_to),
	TEST(answers_are_not_read_from_what_their_pipe_became), {0},
};
