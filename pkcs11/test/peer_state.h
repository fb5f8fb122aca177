/* SPDX-License-Identifier: Apache-2.0
 *
 * What the test peer remembers, and its answers. Private to peer.c and peer_state.c.
 */
#ifndef GENBU_TEST_PEER_STATE_H
#define GENBU_TEST_PEER_STATE_H

#include "peer.h"

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
	struct application_state *app;
};
extern struct channel_state channels[CHANNELS];

void state_reset(void);
struct channel_state *channel_new(void);
void channel_drop(struct channel_state *ch);
uint16_t answer(struct channel_state *ch, uint16_t call, struct view v, struct buf *out);

#endif
