// SPDX-License-Identifier: Apache-2.0

//go:build ignore

/*
 * driver MODULE LABEL PIN SO_PIN [WATCHED_PID...]: drives any PKCS #11 module with the same calls, so that one is measured as
 * the other. It reads commands from standard input and answers each with one line:
 *
 *	prepare                             makes the token (if it has no PIN) and the keys; names the operations that work
 *	run OP THREADS WARM_MS MEASURE_MS   "OK operations seconds p50_us p99_us client_cpu_us others_cpu_us"
 *	fill COUNT THREADS                  makes AES token keys named n00000000 and on: "OK seconds"
 *	find LABEL                          opens a session and finds by label: "OK microseconds found"
 *
 * Every thread has a session of its own; all keys are token objects. The processor time of the watched processes (a daemon
 * behind the module) is taken over the same span as the client's.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cryptoki.h"

#define THREADS_MAX 64
#define KIB 1024

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static CK_UTF8CHAR *pin, *so_pin;
static char *label;
static pid_t watched[8];
static int watched_count;

static void die(const char *what, CK_RV rv)
{
	printf("ERROR %s: 0x%lx\n", what, rv);
	fflush(stdout);
	exit(1);
}

static void need(const char *what, CK_RV rv)
{
	if (rv != CKR_OK)
		die(what, rv);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- operations ---- */

struct worker {
	CK_SESSION_HANDLE session;
	const struct op *op;
	uint32_t *took; /* nanoseconds of each call within the measured span */
	size_t count, room;
	CK_RV failed;
	CK_BYTE in[KIB], out[KIB + 64];
};

struct op {
	const char *name;
	CK_MECHANISM_TYPE use, generate;
	const char *curve; /* DER of CKA_EC_PARAMS */
	CK_ULONG curve_len, bits, input;
	CK_RV (*call)(struct worker *w, const struct op *op);
	CK_OBJECT_HANDLE key;
	bool works;
};

static CK_RV do_sign(struct worker *w, const struct op *op)
{
	CK_MECHANISM m = {op->use, NULL, 0};
	CK_RV rv = f->C_SignInit(w->session, &m, op->key);
	CK_ULONG n = sizeof w->out;
	return rv != CKR_OK ? rv : f->C_Sign(w->session, w->in, op->input, w->out, &n);
}

static CK_RV do_gcm(struct worker *w, const struct op *op)
{
	CK_BYTE iv[12] = {1};
	CK_GCM_PARAMS p = {iv, sizeof iv, 8 * sizeof iv, NULL, 0, 128};
	CK_MECHANISM m = {op->use, &p, sizeof p};
	CK_RV rv = f->C_EncryptInit(w->session, &m, op->key);
	CK_ULONG n = sizeof w->out;
	return rv != CKR_OK ? rv : f->C_Encrypt(w->session, w->in, op->input, w->out, &n);
}

static CK_RV do_random(struct worker *w, const struct op *op)
{
	return f->C_GenerateRandom(w->session, w->out, op->input);
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_RV make_pair(CK_SESSION_HANDLE s, const struct op *op, const char *name, CK_OBJECT_HANDLE *private)
{
	CK_OBJECT_HANDLE public;
	CK_MECHANISM m = {op->generate, NULL, 0};
	CK_ULONG bits = op->bits;
	CK_BYTE e[] = {1, 0, 1};
	CK_ATTRIBUTE of_public[5] = {{CKA_TOKEN, &yes, 1}, {CKA_VERIFY, &yes, 1}, {CKA_LABEL, (void *)name, strlen(name)}};
	CK_ULONG n = 3;
	if (op->curve) {
		of_public[n++] = (CK_ATTRIBUTE){CKA_EC_PARAMS, (void *)op->curve, op->curve_len};
	} else {
		of_public[n++] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits};
		of_public[n++] = (CK_ATTRIBUTE){CKA_PUBLIC_EXPONENT, e, sizeof e};
	}
	CK_ATTRIBUTE of_private[] = {{CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &no, 1},
		{CKA_SIGN, &yes, 1}, {CKA_LABEL, (void *)name, strlen(name)}};
	return f->C_GenerateKeyPair(s, &m, of_public, n, of_private, 6, &public, private);
}

static CK_RV make_secret(CK_SESSION_HANDLE s, const struct op *op, const char *name, CK_OBJECT_HANDLE *key)
{
	CK_MECHANISM m = {op->generate, NULL, 0};
	CK_ULONG length = op->bits / 8;
	CK_ATTRIBUTE t[] = {{CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &no, 1},
		{CKA_LABEL, (void *)name, strlen(name)}, {CKA_VALUE_LEN, &length, sizeof length},
		{op->use == CKM_AES_GCM ? CKA_ENCRYPT : CKA_SIGN, &yes, 1}};
	return f->C_GenerateKey(s, &m, t, 7, key);
}

static CK_RV do_keygen(struct worker *w, const struct op *op)
{
	CK_OBJECT_HANDLE key;
	return make_pair(w->session, op, "made", &key);
}

#define P256 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10
#define P384 "\x06\x05\x2b\x81\x04\x00\x22", 7
#define ED25519 "\x13\x0c" "edwards25519", 14 /* what SoftHSM 2.6 takes as well */

static struct op ops[] = {
	{"p256-sign", CKM_ECDSA, CKM_EC_KEY_PAIR_GEN, P256, 0, 32, do_sign, 0, false},
	{"p384-sign", CKM_ECDSA, CKM_EC_KEY_PAIR_GEN, P384, 0, 48, do_sign, 0, false},
	{"ed25519-sign", CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN, ED25519, 0, 32, do_sign, 0, false},
	{"rsa2048-sign", CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0, 2048, 32, do_sign, 0, false},
	{"aes256-gcm-1k", CKM_AES_GCM, CKM_AES_KEY_GEN, NULL, 0, 256, KIB, do_gcm, 0, false},
	{"hmac-sha256-1k", CKM_SHA256_HMAC, CKM_GENERIC_SECRET_KEY_GEN, NULL, 0, 256, KIB, do_sign, 0, false},
	{"random-32", 0, 0, NULL, 0, 0, 32, do_random, 0, false},
	{"random-1", 0, 0, NULL, 0, 0, 1, do_random, 0, false},
	{"p256-keygen", 0, CKM_EC_KEY_PAIR_GEN, P256, 0, 0, do_keygen, 0, false},
};
#define OPS (sizeof ops / sizeof *ops)

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE s, const char *name, CK_ULONG *found)
{
	CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_SECRET_KEY};
	CK_OBJECT_HANDLE handle = 0;
	for (int i = 0; i < 2 && !handle; i++) {
		CK_ATTRIBUTE t[] = {{CKA_LABEL, (void *)name, strlen(name)}, {CKA_CLASS, &classes[i], sizeof classes[i]}};
		need("C_FindObjectsInit", f->C_FindObjectsInit(s, t, 2));
		need("C_FindObjects", f->C_FindObjects(s, &handle, 1, found));
		need("C_FindObjectsFinal", f->C_FindObjectsFinal(s));
		if (!*found)
			handle = 0;
	}
	return handle;
}

/* ---- token ---- */

static CK_SESSION_HANDLE open_session(void)
{
	CK_SESSION_HANDLE s;
	need("C_OpenSession", f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	return s;
}

/* Finds the slot whose token has our label, or one without a token yet, which it makes. */
static void find_token(void)
{
	CK_SLOT_ID slots[64], empty = 0;
	CK_ULONG n = 64;
	bool have_empty = false;
	need("C_GetSlotList", f->C_GetSlotList(CK_TRUE, slots, &n));
	size_t wanted = strlen(label);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO t;
		need("C_GetTokenInfo", f->C_GetTokenInfo(slots[i], &t));
		if ((t.flags & CKF_TOKEN_INITIALIZED) && memcmp(t.label, label, wanted) == 0 && (wanted == 32 || t.label[wanted] == ' ')) {
			slot = slots[i];
			return;
		}
		if (!(t.flags & CKF_TOKEN_INITIALIZED) && !have_empty) {
			empty = slots[i];
			have_empty = true;
		}
	}
	if (!have_empty)
		die("find token", 0);
	CK_UTF8CHAR padded[32];
	memset(padded, ' ', sizeof padded);
	memcpy(padded, label, wanted);
	need("C_InitToken", f->C_InitToken(empty, so_pin, strlen((char *)so_pin), padded));
	slot = empty;
	CK_SESSION_HANDLE s = open_session();
	need("C_Login (officer)", f->C_Login(s, CKU_SO, so_pin, strlen((char *)so_pin)));
	need("C_InitPIN", f->C_InitPIN(s, pin, strlen((char *)pin)));
	need("C_Logout", f->C_Logout(s));
	need("C_CloseSession", f->C_CloseSession(s));
}

static CK_SESSION_HANDLE main_session;
static struct worker workers[THREADS_MAX];

static void log_in(void)
{
	find_token();
	main_session = open_session();
	need("C_Login", f->C_Login(main_session, CKU_USER, pin, strlen((char *)pin)));
}

static void prepare(void)
{
	printf("OK");
	for (size_t i = 0; i < OPS; i++) {
		struct op *op = &ops[i];
		CK_ULONG found = 0;
		CK_RV rv = CKR_OK;
		if (op->use) {
			op->key = find(main_session, op->name, &found);
			if (!op->key && op->curve_len + (op->use == CKM_SHA256_RSA_PKCS))
				rv = make_pair(main_session, op, op->name, &op->key);
			else if (!op->key)
				rv = make_secret(main_session, op, op->name, &op->key);
		}
		workers[0].session = workers[0].session ? workers[0].session : open_session();
		if (rv == CKR_OK && (op->works = op->call(&workers[0], op) == CKR_OK))
			printf(" %s", op->name);
	}
	printf("\n");
}

/* ---- runs ---- */

static atomic_int phase; /* 0 warming up, 1 measured, 2 over */

static void *work(void *arg)
{
	struct worker *w = arg;
	while (atomic_load_explicit(&phase, memory_order_relaxed) < 2) {
		int64_t start = now_ns();
		w->failed = w->op->call(w, w->op);
		if (w->failed != CKR_OK)
			return NULL;
		if (atomic_load_explicit(&phase, memory_order_relaxed) != 1)
			continue;
		if (w->count == w->room) {
			w->room = w->room ? 2 * w->room : 4096;
			w->took = realloc(w->took, w->room * sizeof *w->took);
			if (!w->took)
				abort();
		}
		int64_t took = now_ns() - start;
		w->took[w->count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	}
	return NULL;
}

/* Processor time of the watched processes in microseconds, in the kernel's ticks of 10 ms. */
static int64_t others_cpu(void)
{
	int64_t ticks = 0;
	for (int i = 0; i < watched_count; i++) {
		char path[64], text[1024];
		snprintf(path, sizeof path, "/proc/%d/stat", watched[i]);
		FILE *file = fopen(path, "r");
		if (!file)
			continue;
		size_t n = fread(text, 1, sizeof text - 1, file);
		fclose(file);
		text[n] = 0;
		unsigned long user = 0, system = 0;
		char *p = strrchr(text, ')'); /* fields 14 and 15 of proc(5) */
		if (p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
			ticks += (int64_t)(user + system);
	}
	return ticks * (1000000 / sysconf(_SC_CLK_TCK));
}

static int64_t own_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void run(const char *name, int threads, int warm_ms, int measure_ms)
{
	struct op *op = NULL;
	for (size_t i = 0; i < OPS; i++)
		if (strcmp(ops[i].name, name) == 0)
			op = &ops[i];
	if (!op || !op->works || threads < 1 || threads > THREADS_MAX) {
		printf("NO\n");
		return;
	}
	pthread_t id[THREADS_MAX];
	atomic_store(&phase, 0);
	for (int i = 0; i < threads; i++) {
		struct worker *w = &workers[i];
		w->op = op;
		w->count = 0;
		if (!w->session)
			w->session = open_session();
	}
	for (int i = 0; i < threads; i++)
		if (pthread_create(&id[i], NULL, work, &workers[i]) != 0)
			die("start thread", 0);
	usleep((useconds_t)warm_ms * 1000);
	int64_t cpu = own_cpu(), others = others_cpu(), start = now_ns();
	atomic_store(&phase, 1);
	usleep((useconds_t)measure_ms * 1000);
	atomic_store(&phase, 2);
	int64_t end = now_ns();
	cpu = own_cpu() - cpu;
	others = others_cpu() - others;
	size_t n = 0;
	for (int i = 0; i < threads; i++) {
		pthread_join(id[i], NULL);
		if (workers[i].failed != CKR_OK)
			die(name, workers[i].failed);
		n += workers[i].count;
	}
	uint32_t *all = malloc((n + 1) * sizeof *all);
	if (!all)
		abort();
	size_t at = 0;
	for (int i = 0; i < threads; i++) {
		memcpy(all + at, workers[i].took, workers[i].count * sizeof *all);
		at += workers[i].count;
	}
	qsort(all, n, sizeof *all, by_value);
	all[n] = 0;
	printf("OK %zu %.6f %.3f %.3f %lld %lld\n", n, (double)(end - start) / 1e9, n ? all[n / 2] / 1e3 : 0,
		n ? all[n - 1 - n / 100] / 1e3 : 0, (long long)cpu, (long long)others);
	free(all);
}

/* ---- many objects ---- */

static atomic_long next_name;
static long names;

static void *fill_some(void *arg)
{
	struct worker *w = arg;
	static const struct op aes = {.use = CKM_AES_GCM, .generate = CKM_AES_KEY_GEN, .bits = 256};
	for (long i; (i = atomic_fetch_add(&next_name, 1)) < names && w->failed == CKR_OK;) {
		char name[24];
		CK_OBJECT_HANDLE key;
		snprintf(name, sizeof name, "n%08ld", i);
		w->failed = make_secret(w->session, &aes, name, &key);
	}
	return NULL;
}

static void fill(long count, int threads)
{
	pthread_t id[THREADS_MAX];
	next_name = 0;
	names = count;
	int64_t start = now_ns();
	for (int i = 0; i < threads && i < THREADS_MAX; i++) {
		if (!workers[i].session)
			workers[i].session = open_session();
		workers[i].failed = CKR_OK;
		if (pthread_create(&id[i], NULL, fill_some, &workers[i]) != 0)
			die("start thread", 0);
	}
	for (int i = 0; i < threads && i < THREADS_MAX; i++) {
		pthread_join(id[i], NULL);
		need("fill", workers[i].failed);
	}
	printf("OK %.3f\n", (double)(now_ns() - start) / 1e9);
}

/* One call of C_FindObjectsInit, C_FindObjects and C_FindObjectsFinal, in a session of its own. */
static void first_find(char *name)
{
	CK_SESSION_HANDLE s = open_session();
	CK_ATTRIBUTE t[] = {{CKA_LABEL, name, strlen(name)}};
	CK_OBJECT_HANDLE handle;
	CK_ULONG found = 0;
	int64_t start = now_ns();
	need("C_FindObjectsInit", f->C_FindObjectsInit(s, t, 1));
	need("C_FindObjects", f->C_FindObjects(s, &handle, 1, &found));
	need("C_FindObjectsFinal", f->C_FindObjectsFinal(s));
	printf("OK %.1f %lu\n", (double)(now_ns() - start) / 1e3, found);
	need("C_CloseSession", f->C_CloseSession(s));
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	label = argv[2];
	pin = (CK_UTF8CHAR *)argv[3];
	so_pin = (CK_UTF8CHAR *)argv[4];
	for (int i = 5; i < argc && watched_count < 8; i++)
		watched[watched_count++] = (pid_t)atol(argv[i]);
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		printf("ERROR %s\n", dlerror());
		return 1;
	}
	CK_RV (*get)(CK_FUNCTION_LIST **);
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get)
		die("find C_GetFunctionList", 0);
	need("C_GetFunctionList", get(&f));
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	need("C_Initialize", f->C_Initialize(&args));
	log_in();
	printf("OK\n");
	fflush(stdout);

	char line[256], word[64], name[64];
	while (fgets(line, sizeof line, stdin)) {
		int threads, warm, measure;
		long count;
		if (sscanf(line, "%63s", word) != 1)
			continue;
		if (strcmp(word, "prepare") == 0)
			prepare();
		else if (sscanf(line, "run %63s %d %d %d", name, &threads, &warm, &measure) == 4)
			run(name, threads, warm, measure);
		else if (sscanf(line, "fill %ld %d", &count, &threads) == 2)
			fill(count, threads);
		else if (sscanf(line, "find %63s", name) == 1)
			first_find(name);
		else
			printf("NO\n");
		fflush(stdout);
	}
	f->C_Finalize(NULL);
	return 0;
}
