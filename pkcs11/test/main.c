/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

CK_FUNCTION_LIST_3_2 *f;
char socket_path[128];

CK_SESSION_HANDLE another_session(void)
{
	CK_SESSION_HANDLE s;
	OK(f->C_OpenSession(SLOT, CKF_RW_SESSION | CKF_SERIAL_SESSION, NULL, NULL, &s));
	return s;
}

CK_SESSION_HANDLE ready_session(void)
{
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE s = another_session();
	OK(f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)"1234", 4));
	return s;
}

void find_all(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n;
	OK(f->C_FindObjectsInit(s, NULL, 0));
	OK(f->C_FindObjects(s, found, 64, &n));
	OK(f->C_FindObjectsFinal(s));
	CHECK(n == 9 && found[0] == KEY_SIGN);
}

CK_RV sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_BYTE data[32], sig[64], want[64];
	memset(data, 3, sizeof data);
	CK_ULONG n = sizeof sig;
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_RV rv = f->C_SignInit(s, &m, key);
	if (rv == CKR_OK)
		rv = f->C_Sign(s, data, sizeof data, sig, &n);
	if (rv != CKR_OK)
		return rv;
	expect_signature(data, sizeof data, want);
	CHECK(n == 64 && memcmp(sig, want, 64) == 0);
	return CKR_OK;
}

/* Runs one test in a child. */
static bool run(const struct test *t)
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		alarm(60);
		peer_start(socket_path);
		setenv("GENBU_SOCKET", socket_path, 1);
		CK_INTERFACE *i;
		OK(C_GetInterface(NULL, NULL, &i, 0));
		f = i->pFunctionList;
		t->run();
		peer_kill();
		exit(0); /* with what runs at exit, so that leaks are looked for */
	}
	int status;
	waitpid(child, &status, 0);
	printf("%s %s\n", status == 0 ? "ok  " : "FAIL", t->name);
	return status == 0;
}

/* An argument is a part of the names of the tests to run; after a dash, of those not to. */
int main(int argc, char **argv)
{
	static const struct test *const groups[] = {unit_tests, call_tests, operation_tests, object_tests, fork_tests, restart_tests};
	char dir[] = "/tmp/genbu-pkcs11-test-XXXXXX";
	if (!mkdtemp(dir))
		return 1;
	snprintf(socket_path, sizeof socket_path, "%s/genbu.sock", dir);
	int failed = 0, count = 0;
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
		for (const struct test *t = groups[g]; t->name; t++)
			if (argc < 2 || (argv[1][0] == '-' ? !strstr(t->name, argv[1] + 1) : strstr(t->name, argv[1]) != NULL)) {
				failed += !run(t);
				count++;
			}
	unlink(socket_path);
	rmdir(dir);
	printf("%d tests, %d failed\n", count, failed);
	return failed != 0;
}
