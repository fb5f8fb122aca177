/* SPDX-License-Identifier: Apache-2.0
 *
 * What the test peer remembers, and its answers. Private to the peer's own files.
 */
#ifndef GENBU_TEST_PEER_STATE_H
#define GENBU_TEST_PEER_STATE_H

#include "peer.h"

enum { /* internal/fault */
	MALFORMED = 2, UNSUPPORTED = 3, BUSY = 5, NOT_LOGGED_IN = 200, ALREADY_LOGGED_IN = 201, PIN_INCORRECT = 203, DENIED = 208,
	SESSION_UNKNOWN = 210, TICKET_INVALID = 212, APP_UNKNOWN = 215, AUTH_REQUIRED = 217, OBJECT_UNKNOWN = 300,
	OPERATION_ACTIVE = 411, OPERATION_NOT_ACTIVE = 412, SIGNATURE_INVALID = 406, AEAD_FAILED = 410,
};

enum { CHANNELS = 256, APPLICATIONS = 32, SESSIONS = 512 };

struct session_state {
	uint64_t id;
	struct buf data[6];  /* of a running operation, by use */
	bool running[6];
	uint64_t operation_key[6];
	bool authenticated;  /* by a context-specific login */
	uint64_t found;      /* objects answered by the search */
	bool searching;
};

struct application_state {
	uint8_t secret[32];
	bool used, logged_in;
	struct session_state sessions[SESSIONS];
};

struct channel_state {
	int fd;
	int pipe;            /* for answers, as every second channel has one; -1: none */
	bool apart;          /* HELLO asked for them there */
	struct application_state *app;
};
extern struct channel_state channels[CHANNELS];

void state_reset(void);
struct channel_state *channel_new(void);
void channel_drop(struct channel_state *ch);
uint64_t take_mechanism(struct view *v);
uint16_t one_shot(struct session_state *s, uint16_t call, struct view v, struct buf *out);
uint16_t in_parts(struct session_state *s, uint16_t call, struct view v, struct buf *out);
uint16_t one_message(uint16_t call, struct view v, struct buf *out);
uint16_t answer(struct channel_state *ch, uint16_t call, struct view v, struct buf *out);

#endif
