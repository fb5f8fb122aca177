/* SPDX-License-Identifier: Apache-2.0
 *
 * The application in the core: made by the first channel, joined by the rest, copied for a forked child, and made anew,
 * with its logins resumed by ticket, after the core has restarted.
 */

#include "module.h"

#include <string.h>
#include <unistd.h>

#include "faults.gen.h"

enum { HELLO_VERSION = 1, HELLO_NEW = 0, HELLO_JOIN = 1, HELLO_FORK = 2, HELLO_APART = 4 /* answers come through the pipe */ };

/* Begins a request that goes out before the one that waits in ch->tx. */
struct buf *small_request(struct channel *ch)
{
	static const uint8_t head[REQUEST_HEAD];
	buf_reset(&ch->aux);
	put_raw(&ch->aux, head, sizeof head);
	return &ch->aux;
}

static enum outcome hello(struct ctx *c, uint64_t flags, const uint8_t *secret, size_t n, int64_t deadline, struct answer *a)
{
	struct buf *b = small_request(c->ch);
	put_u64(b, HELLO_VERSION);
	put_u64(b, c->ch->in.fd >= 0 ? flags | HELLO_APART : flags);
	put_u64(b, (uint64_t)getpid());
	put_bytes(b, secret, n);
	enum outcome o = channel_exchange(c->ch, CALL_HELLO, b, deadline, a);
	if (o == SENT_OK)
		c->request = a->request;
	return o;
}

/* Faults that say nothing of the ticket: the core cannot judge it now. */
static bool not_now(uint16_t fault)
{
	switch (fault) {
	case FAULT_LOCKED: case FAULT_UNINITIALIZED: case FAULT_ZEROIZED: case FAULT_UNAVAILABLE: case FAULT_BUSY: case FAULT_TIMEOUT:
	case FAULT_INDEX_NOT_READY: case FAULT_AUDIT_UNAVAILABLE: case FAULT_AUDIT_LAG:
		return true;
	}
	return false;
}

/* Brings the logins of the application that is gone into the new one. A ticket that is no longer good is a logout, which
 * the program meets as CKR_USER_NOT_LOGGED_IN. module.hello is held. */
static enum outcome resume(struct ctx *c, int64_t deadline, uint16_t *fault)
{
	pthread_mutex_lock(&module.lock);
	struct slot *slot = module.slots;
	pthread_mutex_unlock(&module.lock);
	for (; slot; slot = slot->next) {
		struct buf *b = small_request(c->ch);
		pthread_mutex_lock(&module.lock);
		bool has = slot->logged_in && slot->ticket.len;
		put_u64(b, slot->id);
		put_bytes(b, slot->ticket.p, slot->ticket.len);
		pthread_mutex_unlock(&module.lock);
		struct answer a = {.fault = FAULT_TICKET_INVALID};
		if (has) {
			enum outcome o = channel_exchange(c->ch, CALL_RESUME, b, deadline, &a);
			if (o != SENT_OK)
				return o;
			if (not_now(a.fault)) { /* the next request begins anew, on a channel that has said nothing yet */
				*fault = a.fault;
				channel_close(c->ch);
				return SENT_OK;
			}
		}
		if (a.fault && a.fault != FAULT_ALREADY_LOGGED_IN) {
			pthread_mutex_lock(&module.lock);
			slot->logged_in = false;
			buf_free(&slot->ticket);
			pthread_mutex_unlock(&module.lock);
		}
	}
	return SENT_OK;
}

/* Remembers what HELLO answered. generation is published last: until then every other call waits for module.hello. */
static bool adopt(struct ctx *c, struct view v, uint64_t generation)
{
	struct view secret = get_bytes(&v), epoch = get_bytes(&v);
	if (secret.len == 0 || secret.len > SECRET_MAX || epoch.len > SECRET_MAX)
		return false;
	pthread_mutex_lock(&module.lock);
	memcpy(module.secret, secret.p, secret.len);
	module.secret_len = secret.len;
	module.secret_inherited = module.rights_changed = false;
	memcpy(module.epoch, epoch.p, epoch.len);
	module.epoch_len = epoch.len;
	module.generation = generation;
	pthread_mutex_unlock(&module.lock);
	c->ch->application = generation;
	return true;
}

/* Makes the application, or a child's copy of it. module.hello is held. */
static enum outcome make(struct ctx *c, int64_t deadline, uint16_t *fault)
{
	struct answer a;
	uint64_t generation = module.generation;
	if (module.secret_inherited) {
		enum outcome o = hello(c, HELLO_FORK, module.secret, module.secret_len, deadline, &a);
		if (o != SENT_OK)
			return o;
		if (!a.fault)
			return adopt(c, a.body, generation + module.rights_changed) ? SENT_OK : SENT_BROKEN;
		if (a.fault != FAULT_APP_UNKNOWN && a.fault != FAULT_DENIED) {
			*fault = a.fault;
			return SENT_OK;
		}
	}
	enum outcome o = hello(c, HELLO_NEW, NULL, 0, deadline, &a);
	if (o != SENT_OK || (*fault = a.fault))
		return o;
	/* The answer lies in a buffer that RESUME uses again. */
	struct buf kept = {0};
	put_raw(&kept, a.body.p, a.body.len);
	if (kept.failed)
		return SENT_NO_MEMORY;
	o = resume(c, deadline, fault);
	if (o == SENT_OK && !*fault) {
		summary_forget_all(); /* session objects are gone */
		o = adopt(c, view_of(kept.p, kept.len), generation + 1) ? SENT_OK : SENT_BROKEN;
	}
	buf_free(&kept);
	return o;
}

/* Joins our application; answers the fault when it is one that says the application is no longer ours. */
static enum outcome join(struct ctx *c, const uint8_t *secret, size_t n, uint64_t generation, int64_t deadline, uint16_t *fault)
{
	struct answer a;
	enum outcome o = hello(c, HELLO_JOIN, secret, n, deadline, &a);
	if (o != SENT_OK || (*fault = a.fault))
		return o;
	struct view v = a.body;
	get_bytes(&v);
	struct view epoch = get_bytes(&v);
	if (epoch.len != module.epoch_len || memcmp(epoch.p, module.epoch, epoch.len) != 0) {
		application_forget(generation); /* another core: what it has cannot be what we left */
		return SENT_NOT;
	}
	c->ch->application = generation;
	return SENT_OK;
}

/* This process has become another user since it made the application (a server that drops its rights): it may not join
 * it any more, but have a copy, as a child may. Channels to the old one are given up, by the new generation. */
static void application_copy(uint64_t generation)
{
	pthread_mutex_lock(&module.hello);
	pthread_mutex_lock(&module.lock);
	if (module.generation == generation && module.secret_len)
		module.secret_inherited = module.rights_changed = true;
	pthread_mutex_unlock(&module.lock);
	pthread_mutex_unlock(&module.hello);
}

/* Says HELLO on a fresh channel. *fault is set when the core refuses. */
enum outcome application_join(struct ctx *c, int64_t deadline, uint16_t *fault)
{
	for (int tries = 0; tries < 8; tries++) {
		uint8_t secret[SECRET_MAX];
		pthread_mutex_lock(&module.lock);
		size_t n = module.secret_len;
		memcpy(secret, module.secret, n);
		bool inherited = module.secret_inherited;
		uint64_t generation = module.generation;
		pthread_mutex_unlock(&module.lock);
		enum outcome o;
		if (n && !inherited) {
			o = join(c, secret, n, generation, deadline, fault);
			explicit_bzero(secret, sizeof secret);
			if (o != SENT_OK || (*fault != FAULT_APP_UNKNOWN && *fault != FAULT_DENIED))
				return o;
			if (*fault == FAULT_DENIED)
				application_copy(generation);
			else
				application_forget(generation);
			*fault = 0;
			continue;
		}
		explicit_bzero(secret, sizeof secret);
		pthread_mutex_lock(&module.hello);
		bool still = module.generation == generation && module.secret_len == n && module.secret_inherited == inherited;
		o = still ? make(c, deadline, fault) : SENT_OK;
		pthread_mutex_unlock(&module.hello);
		if (still)
			return o;
	}
	return SENT_NOT;
}

/* Forgets the application of a generation, so that the next channel makes a new one. */
void application_forget(uint64_t generation)
{
	pthread_mutex_lock(&module.hello);
	pthread_mutex_lock(&module.lock);
	if (module.generation == generation && !module.secret_inherited) {
		explicit_bzero(module.secret, sizeof module.secret);
		module.secret_len = 0;
	}
	pthread_mutex_unlock(&module.lock);
	pthread_mutex_unlock(&module.hello);
}
