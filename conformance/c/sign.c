/* SPDX-License-Identifier: Apache-2.0
 *
 * sign MODULE TOKEN PIN KEY FILE OUT COUNT: signs FILE with the RSA key that has the label KEY, COUNT times, and writes
 * the signature to OUT; then a forked child does it once more on its own, and must come to the same bytes. Between the
 * marks "begin" and "end" on standard error there is nothing but C_SignInit and C_Sign.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../pkcs11/cryptoki.h"

#define OK(call) \
	do { \
		CK_RV rv = (call); \
		if (rv != CKR_OK) { \
			fprintf(stderr, "%s: 0x%lx\n", #call, rv); \
			exit(1); \
		} \
	} while (0)

static CK_FUNCTION_LIST *f;
static CK_BYTE data[4096], sig[1024];
static CK_ULONG data_len;
static CK_MECHANISM rsa = {CKM_SHA256_RSA_PKCS, NULL, 0};

static CK_SESSION_HANDLE login(const char *token, const char *pin)
{
	OK(f->C_Initialize(NULL));
	CK_SLOT_ID slots[64];
	CK_ULONG n = 64;
	OK(f->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO t;
		OK(f->C_GetTokenInfo(slots[i], &t));
		if (strncmp((char *)t.label, token, strlen(token)) == 0 && t.label[strlen(token)] == ' ') {
			CK_SESSION_HANDLE s;
			OK(f->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &s));
			OK(f->C_Login(s, CKU_USER, (CK_BYTE *)pin, strlen(pin)));
			return s;
		}
	}
	fprintf(stderr, "no token %s\n", token);
	exit(1);
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE s, char *label)
{
	CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = {{CKA_CLASS, &private, sizeof private}, {CKA_LABEL, label, strlen(label)}};
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_ULONG n;
	OK(f->C_FindObjectsInit(s, t, 2));
	OK(f->C_FindObjects(s, &key, 1, &n));
	OK(f->C_FindObjectsFinal(s));
	if (n != 1) {
		fprintf(stderr, "no key %s\n", label);
		exit(1);
	}
	return key;
}

static CK_ULONG sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_ULONG n = sizeof sig;
	OK(f->C_SignInit(s, &rsa, key));
	OK(f->C_Sign(s, data, data_len, sig, &n));
	return n;
}

int main(int argc, char **argv)
{
	if (argc != 8)
		return 2;
	void *module = dlopen(argv[1], RTLD_NOW);
	CK_RV (*list)(CK_FUNCTION_LIST **) = module ? (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(module, "C_GetFunctionList") : NULL;
	if (!list) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	OK(list(&f));
	FILE *in = fopen(argv[5], "rb"), *out = fopen(argv[6], "wb");
	if (!in || !out)
		return 1;
	data_len = fread(data, 1, sizeof data, in);

	CK_SESSION_HANDLE s = login(argv[2], argv[3]);
	CK_OBJECT_HANDLE key = find(s, argv[4]);
	CK_ULONG n = sign(s, key); /* the first one asks for the list of mechanisms too */
	write(2, "begin\n", 6);
	for (int i = atoi(argv[7]); i > 0; i--)
		n = sign(s, key);
	write(2, "end\n", 4);
	fwrite(sig, 1, n, out);
	fclose(out);

	pid_t child = fork();
	if (child == 0) {
		CK_BYTE parent[sizeof sig];
		memcpy(parent, sig, n);
		s = login(argv[2], argv[3]);
		key = find(s, argv[4]);
		_exit(sign(s, key) == n && memcmp(parent, sig, n) == 0 ? 0 : 1);
	}
	int status = 1;
	waitpid(child, &status, 0);
	if (status)
		return 1;
	if (sign(s, key) != n) /* the parent's channel is still its own */
		return 1;
	OK(f->C_Logout(s));
	OK(f->C_Finalize(NULL));
	return 0;
}
