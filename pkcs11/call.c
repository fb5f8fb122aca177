/* SPDX-License-Identifier: Apache-2.0
 *
 * One request of the application: over a living channel, for a session the core knows, and once more after a restart of
 * the daemon when that is safe. The program notices a restart only where something of its own was lost with the core.
 */

#include "module.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "faults.gen.h"

CK_RV fault_rv(uint16_t fault)
{
	switch (fault) {
	case 0: return CKR_OK;
#define FAULT(number, rv, text) case number: return rv;
#include "faults.gen.h"
#undef FAULT
	}
	return CKR_GENERAL_ERROR;
}

/* Gives the buffer for the body of the next request. */
struct buf *request(struct ctx *c)
{
	static const uint8_t head[REQUEST_HEAD];
	if (!c->ch)
		c->ch = channel_take();
	if (!c->ch) {
		c->none.failed = true;
		return &c->none;
	}
	buf_reset(&c->ch->tx);
	put_raw(&c->ch->tx, head, sizeof head);
	return &c->ch->tx;
}

/* Calls that may be sent again although the first one may have been served. */
static bool repeatable(uint16_t id)
{
	switch (id) {
	case CALL_SLOTS: case CALL_MECHANISMS: case CALL_SESSION_OPEN: case CALL_SESSION_CLOSE: case CALL_SIZE: case CALL_GET:
	case CALL_FIND: case CALL_FIND_END: case CALL_SUMMARY: case CALL_WRAP: case CALL_RANDOM: case CALL_SEED: case CALL_ENCRYPT:
	case CALL_DECRYPT: case CALL_SIGN: case CALL_VERIFY: case CALL_DIGEST: case CALL_MSG_ENCRYPT: case CALL_MSG_DECRYPT:
	case CALL_CANCEL: case CALL_SAVE: case CALL_RESTORE:
		return true;
	}
	return false;
}

/* Calls whose trace dies with the core, so that a new core may be asked again. */
static bool repeatable_in_new_core(uint16_t id)
{
	return repeatable(id) || id == CALL_LOGIN || id == CALL_LOGOUT || id == CALL_BEGIN;
}

/* Key generation may take minutes (RSA 8192); everything else is long over. */
static int64_t patience(uint16_t id)
{
	bool slow = id == CALL_GENERATE || id == CALL_GENERATE_PAIR || id == CALL_DERIVE;
	return slow ? 10 * module.timeout_ms : module.timeout_ms;
}

static enum outcome session_open(struct ctx *c, int64_t deadline, uint16_t *fault)
{
	struct session *s = c->s;
	struct buf *b = small_request(c->ch);
	put_u64(b, s->slot->id);
	put_u64(b, s->wire);
	put_u64(b, s->flags & (CKF_RW_SESSION | CKF_SERIAL_SESSION));
	struct answer a;
	enum outcome o = channel_exchange(c->ch, CALL_SESSION_OPEN, b, deadline, &a);
	if (o == SENT_OK && !(*fault = a.fault))
		s->opened = c->ch->application;
	return o;
}

/* Brings channel, application and session to where the request can be sent. */
static enum outcome ready(struct ctx *c, int64_t deadline, uint16_t *fault)
{
	struct channel *ch = c->ch;
	if (ch->out.fd >= 0 && (ch->application != module.generation || !channel_alive(ch)))
		channel_close(ch);
	enum outcome o = SENT_OK;
	if (ch->out.fd < 0)
		o = channel_connect(c, deadline);
	if (o == SENT_OK && ch->application == 0)
		o = application_join(c, deadline, fault);
	if (o == SENT_OK && !*fault && c->s && c->s->opened != ch->application)
		o = session_open(c, deadline, fault);
	return o == SENT_LOST ? SENT_NOT : o; /* all of this may be repeated */
}

static void note(struct ctx *c, const struct answer *a)
{
	c->fault = a->fault;
	c->request = a->request;
	c->indicator = a->indicator;
	c->in = a->body;
	c->reason[0] = 0;
	if (a->fault) {
		struct view v = a->body, reason = get_bytes(&v);
		snprintf(c->reason, sizeof c->reason, "%.*s", (int)(reason.len > 90 ? 90 : reason.len), (const char *)reason.p);
		c->left = get_u64(&v);
	}
}

/* Sleeps between two tries, each time longer; false when there is no time left. */
static bool rest(int64_t *pause, int64_t give_up)
{
	if (now_ms() + *pause > give_up)
		return false;
	struct timespec t = {*pause / 1000, *pause % 1000 * 1000000};
	nanosleep(&t, NULL);
	*pause = *pause * 2 > 200 ? 200 : *pause * 2;
	return true;
}

static CK_RV give_up_rv(struct ctx *c, enum outcome o)
{
	switch (o) {
	case SENT_NO_MEMORY: return CKR_HOST_MEMORY;
	case SENT_LATE: say(c, "no answer in time"); break;
	case SENT_LOST: say(c, "the answer was lost; whether it was done is unknown"); break;
	case SENT_BROKEN:
		if (c->fault)
			return fault_rv(c->fault);
		if (!c->reason[0])
			say(c, "not an answer of this protocol");
		break;
	default:
		if (!c->reason[0])
			say(c, "the node is away");
	}
	return CKR_DEVICE_ERROR;
}

/* Sends what request() holds. pinned is the generation in which the core must know the running operation; 0 for a
 * request that needs nothing of an earlier one. */
CK_RV call_pinned(struct ctx *c, uint16_t id, uint64_t pinned)
{
	if (!c->ch || c->ch->tx.failed)
		return CKR_HOST_MEMORY;
	if (c->ch->tx.len > FRAME_MAX)
		return CKR_DATA_LEN_RANGE;
	int64_t start = now_ms(), deadline = start + patience(id), give_up = start + (c->hurry ? 0 : module.reconnect_ms);
	int64_t pause = 5;
	uint64_t lost_in = 0; /* generation in which an answer was lost */
	int again = 0;
	for (;;) {
		uint16_t fault = 0;
		struct answer a = {.body = {NULL, 0, false}};
		enum outcome o = ready(c, deadline, &fault);
		if (o == SENT_OK && !fault) {
			uint64_t generation = c->ch->application;
			if (pinned && pinned != generation) {
				say(c, "the operation was lost with its core");
				return CKR_DEVICE_ERROR;
			}
			if (lost_in && !repeatable(id) && (lost_in == generation || !repeatable_in_new_core(id)))
				return give_up_rv(c, SENT_LOST);
			o = channel_exchange(c->ch, id, &c->ch->tx, deadline, &a);
			fault = a.fault;
			if (o == SENT_LOST)
				lost_in = generation;
		} else if (o == SENT_OK) {
			a.fault = fault;
			a.request = c->request;
		}
		if (o == SENT_OK) {
			note(c, &a);
			if (fault == FAULT_SESSION_UNKNOWN && c->s && c->s->opened == c->ch->application && !pinned && !again++) {
				c->s->opened = 0; /* closed by whom the application was copied from */
				continue;
			}
			if (fault == FAULT_APP_UNKNOWN && !again++) {
				application_forget(c->ch->application);
				channel_close(c->ch);
				continue;
			}
			if ((fault == FAULT_BUSY || fault == FAULT_INDEX_NOT_READY) && rest(&pause, give_up))
				continue;
			return fault_rv(fault);
		}
		channel_close(c->ch);
		bool hopeless = o == SENT_BROKEN || o == SENT_LATE || o == SENT_NO_MEMORY;
		if (o == SENT_LOST)
			hopeless = again++ > 2 || pinned || !repeatable_in_new_core(id);
		if (hopeless || !rest(&pause, give_up))
			return give_up_rv(c, o);
	}
}

CK_RV call(struct ctx *c, uint16_t id)
{
	return call_pinned(c, id, 0);
}

/*
 * As call, for calls that programs make twice: to learn a size, then with a buffer. With keep the answer stays for the
 * very next call of the session, if that asks the same; with again it stays after that one too.
 */
CK_RV call_kept(struct ctx *c, uint16_t id, bool keep, bool again)
{
	struct session *s = c->s;
	const struct buf *b = c->ch ? &c->ch->tx : &c->none;
	if (b->failed)
		return CKR_HOST_MEMORY;
	const uint8_t *body = b->p + REQUEST_HEAD;
	size_t n = b->len - REQUEST_HEAD;
	if (s->kept_call == id && s->kept_request.len == n && memcmp(s->kept_request.p, body, n) == 0) {
		c->in = view_of(s->kept_answer.p, s->kept_answer.len);
		c->keep = again;
		return CKR_OK;
	}
	kept_drop(s);
	CK_RV rv = call(c, id);
	if (rv == CKR_OK && keep) {
		put_raw(&s->kept_request, c->ch->tx.p + REQUEST_HEAD, n);
		put_raw(&s->kept_answer, c->in.p, c->in.len);
		if (!s->kept_request.failed && !s->kept_answer.failed) {
			s->kept_call = id;
			c->keep = true;
		}
	}
	return rv;
}

void kept_drop(struct session *s)
{
	s->kept_call = 0;
	buf_reset(&s->kept_request);
	buf_reset(&s->kept_answer);
}
