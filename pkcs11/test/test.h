/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the library. Each runs in a process of its own with a peer of its own; its name is the claim that it proves.
 */
#ifndef GENBU_TEST_H
#define GENBU_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../module.h"
#include "peer.h"

struct test {
	const char *name;
	void (*run)(void);
};
extern const struct test unit_tests[], call_tests[], operation_tests[], object_tests[], fork_tests[], restart_tests[];

#define TEST(f) {#f, f}

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			_Exit(1); \
		} \
	} while (0)

#define CHECK_RV(x, want) \
	do { \
		CK_RV rv_ = (x); \
		if (rv_ != (want)) { \
			fprintf(stderr, "%s:%d: %s is 0x%lX, want %s\n", __FILE__, __LINE__, #x, rv_, #want); \
			_Exit(1); \
		} \
	} while (0)

#define OK(x) CHECK_RV(x, CKR_OK)

extern CK_FUNCTION_LIST_3_2 *f; /* as a program gets it, through C_GetInterface */
extern char socket_path[128];

enum { SLOT = 7 };

/* Initializes, opens a read-write session and logs in. */
CK_SESSION_HANDLE ready_session(void);
CK_SESSION_HANDLE another_session(void);

/* Finds everything, so that the keys are known to the library. */
void find_all(CK_SESSION_HANDLE s);

/* Signs 32 bytes with C_SignInit and C_Sign and checks the signature. */
CK_RV sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key);

#endif
