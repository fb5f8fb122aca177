/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer that speaks the client channel's real frames, for tests of the library: it counts calls and breaks off as told.
 * It is no HSM: its "signatures" only show that the right bytes came and went. It runs as a process of its own, so that
 * it can be killed and started again, and so that a forked test shares nothing with it but the socket.
 */
#ifndef GENBU_TEST_PEER_H
#define GENBU_TEST_PEER_H

#include <stdatomic.h>
#include <stdint.h>

#include "../cryptoki.h"
#include "../wire.h"

/* Objects the peer has. */
enum {
	KEY_SIGN = 101,      /* EC P-256 private key, sign */
	KEY_VERIFY = 102,    /* its public key */
	KEY_AES = 103,       /* encrypt, decrypt, wrap, unwrap, derive */
	KEY_ALWAYS = 104,    /* EC private key with ALWAYS_AUTHENTICATE */
	KEY_RSA = 105,       /* RSA 2048 private key, sign and decrypt */
	KEY_KEM = 106,       /* ML-KEM-768 public key */
	KEY_LISTED = 107,    /* EC private key with ALLOWED_MECHANISMS */
	OBJECT_DATA = 108,   /* a data object */
	KEY_VENDOR = 109,    /* secret key for a mechanism the library does not know */
	KEY_LATER = 110,     /* EC private key, found by SUMMARY only */
	OBJECTS_MANY = 1000, /* found when knob.objects says how many */
};
#define MECHANISM_VENDOR_BYTES (0x80000000UL | 1) /* parameter: bytes */
#define MECHANISM_VENDOR_OTHER (0x80000000UL | 2) /* parameter: a shape the library does not know */

/* What test and peer share. The test sets knobs and reads counters. */
struct shared {
	atomic_int calls[256];      /* frames by call */
	atomic_int total;
	atomic_int hello[3];        /* by flag */
	atomic_int introductions;
	atomic_int channels;        /* open now */
	atomic_int logged_in;       /* of the application that asked last */
	/* Knobs. 0 is the plain behaviour. */
	atomic_int drop_on;         /* this call: read it, then close the channel without an answer; once */
	atomic_int die_on;          /* this call: read it, then end the process */
	atomic_int garbage_on;      /* this call: answer what its signature does not allow */
	atomic_int wrong_sequence;
	atomic_int delay_ms;        /* before every answer */
	atomic_int busy;            /* so many calls are answered Busy */
	atomic_int refuse;          /* introductions are refused with this fault */
	atomic_int objects;         /* found by FIND beside the fixed ones */
	atomic_int bad_tickets;
	atomic_int deny_joins;      /* as the core does when the uid is another one */
	atomic_int usage;           /* of KEY_LATER, instead of its own */
	atomic_int hang_up;         /* close every channel now; applications stay */
	atomic_int fault_on, fault; /* this call is answered with this fault; once */
	/* Parameter of the last mechanism that came. */
	atomic_int param_len;
	uint8_t param[512];
};
extern struct shared *shared;

void peer_start(const char *socket);
void peer_kill(void);
int peer_calls(enum call id);
void peer_reset(void);

/* What the peer makes of data, for expectations. */
void expect_signature(const uint8_t *data, size_t n, uint8_t sig[64]);

#endif
