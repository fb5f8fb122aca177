/* SPDX-License-Identifier: Apache-2.0
 *
 * v3: exercises what PKCS #11 3.0 and 3.2 add, and what the standard says at the edges, against the library that GENBU_PKCS11_MODULE names.
 * Written from the standard's text.
 *
 *   v3 RESULTS          runs every test; values for outside checkers go to the file RESULTS
 *   v3 RESULTS TEST     runs one
 *
 * Each test prints "ok NAME" or "FAIL NAME: place: what", and "note: ..." where there is something to tell.
 */
#include "v3.h"

#include <dlfcn.h>
#include <stdarg.h>

CK_FUNCTIONS *p11;
void *library;
CK_ULONG slot, session;
const char *user_pin, *so_pin;
jmp_buf end_of_test;
static FILE *results;
static const char *running;

static const char *at_what;
static CK_ULONG at_value;

void running_with(const char *what, CK_ULONG value) {
    at_what = what;
    at_value = value;
}

void fail(const char *file, int line, const char *what, CK_RV got) {
    const char *base = strrchr(file, '/');
    printf("FAIL %s: %s:%d: %s gives 0x%lx", running, base ? base + 1 : file, line, what, got);
    if (at_what) printf(", %s 0x%lx", at_what, at_value);
    printf("\n");
    at_what = NULL;
    fflush(stdout);
    longjmp(end_of_test, 1);
}

void must(CK_RV got, CK_RV want, const char *what, const char *file, int line) {
    if (got != want) fail(file, line, what, got);
}

void note(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    printf("note: ");
    vprintf(format, ap);
    printf("\n");
    va_end(ap);
}

void put(const char *name, const void *value, size_t len) {
    fprintf(results, "%s %s ", running, name);
    for (size_t i = 0; i < len; i++) fprintf(results, "%02x", ((const CK_BYTE *)value)[i]);
    fputc('\n', results);
}

void put_number(const char *name, CK_ULONG v) { fprintf(results, "%s %s =%lu\n", running, name, v); }
void put_text(const char *name, const char *v) { fprintf(results, "%s %s =%s\n", running, name, v); }
void put_end(void) {
    fprintf(results, "%s .\n", running);
    fflush(results);
}

static const char *need(const char *name) {
    const char *v = getenv(name);
    if (!v) {
        fprintf(stderr, "v3: %s is not set\n", name);
        exit(2);
    }
    return v;
}

CK_ULONG open_session(CK_ULONG flags) {
    CK_ULONG s;
    OK(p11->C_OpenSession(slot, flags | CKF_SERIAL_SESSION, NULL, NULL, &s));
    return s;
}

void login(void) {
    CK_RV rv = p11->C_Login(session, CKU_USER, (CK_BYTE *)user_pin, strlen(user_pin));
    if (rv != CKR_USER_ALREADY_LOGGED_IN) OK(rv);
}

void fresh(void) {
    OK(p11->C_CloseAllSessions(slot));
    session = open_session(CKF_RW_SESSION);
    login();
}

#define TEST(name) void name(void);
#include "tests.def"
#undef TEST

static const struct { const char *name; void (*run)(void); } tests[] = {
#define TEST(name) {#name, name},
#include "tests.def"
#undef TEST
};

static void load(void) {
    library = dlopen(need("GENBU_PKCS11_MODULE"), RTLD_NOW);
    if (!library) {
        fprintf(stderr, "v3: %s\n", dlerror());
        exit(2);
    }
    CK_RV (*get)(CK_BYTE *, CK_VERSION *, CK_INTERFACE **, CK_ULONG);
    *(void **)&get = dlsym(library, "C_GetInterface");
    CK_INTERFACE *i;
    if (!get || get(NULL, NULL, &i, 0) != CKR_OK) {
        fprintf(stderr, "v3: no default interface\n");
        exit(2);
    }
    p11 = i->pFunctionList;
}

static CK_ULONG slot_of(const char *label) {
    CK_ULONG slots[32], n = COUNT(slots);
    OK(p11->C_GetSlotList(1, slots, &n));
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        OK(p11->C_GetTokenInfo(slots[i], &info));
        if (!memcmp(info.label, label, strlen(label))) return slots[i];
    }
    fail(__FILE__, __LINE__, "no such token", n);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2 || !(results = fopen(argv[1], "w"))) {
        fprintf(stderr, "usage: v3 RESULTS [TEST]\n");
        return 2;
    }
    user_pin = need("GENBU_USER_PIN");
    so_pin = need("GENBU_SO_PIN");
    load();
    running = "start";
    if (setjmp(end_of_test)) return 1;
    OK(p11->C_Initialize(NULL));
    slot = slot_of(need("GENBU_TOKEN_LABEL"));
    volatile int failed = 0;
    for (volatile size_t i = 0; i < COUNT(tests); i++) {
        if (argc > 2 && strcmp(argv[2], tests[i].name)) continue;
        running = tests[i].name;
        if (setjmp(end_of_test)) {
            failed++;
            continue;
        }
        fresh();
        tests[i].run();
        printf("ok %s\n", running);
        fflush(stdout);
    }
    fclose(results);
    if (setjmp(end_of_test)) return 1;
    running = "end";
    OK(p11->C_Finalize(NULL));
    return failed != 0;
}
