/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of sessions. Handles are numbered from 1 and never used twice; a session lives until it is closed and the
 * last call on it has left.
 */

#include "module.h"

#include <stdlib.h>
#include <string.h>

/* module.lock is held. */
static struct session **bucket(CK_SESSION_HANDLE handle)
{
	return &module.sessions[handle & (module.session_buckets - 1)];
}

/* Doubles the table when it is full. module.lock is held. */
static bool room(void)
{
	if (module.session_count < module.session_buckets)
		return true;
	size_t n = module.session_buckets ? 2 * module.session_buckets : 64;
	struct session **old = module.sessions, **fresh = calloc(n, sizeof *fresh);
	if (!fresh)
		return false;
	size_t before = module.session_buckets;
	module.sessions = fresh;
	module.session_buckets = n;
	for (size_t i = 0; i < before; i++)
		for (struct session *s = old[i], *next; s; s = next) {
			next = s->next;
			s->next = *bucket(s->handle);
			*bucket(s->handle) = s;
		}
	free(old);
	return true;
}

static void session_free(struct session *s)
{
	for (int use = 0; use < USES; use++)
		op_free(&s->op[use]);
	struct buf *bufs[] = {
		&s->encrypt.aad, &s->encrypt.data, &s->decrypt.aad, &s->decrypt.data, &s->find.template, &s->find.handles,
		&s->kept_request, &s->kept_answer,
	};
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_free(bufs[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct session *session_new(struct slot *slot, CK_FLAGS flags)
{
	struct session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->slot = slot;
	s->flags = flags;
	s->refs = 1; /* the table's */
	pthread_mutex_lock(&module.lock);
	bool ok = room();
	if (ok) {
		s->handle = ++module.last_handle;
		/* A child's new sessions must not meet those that it has from its parent, in the core's copy of them. */
		s->wire = module.forks << 40 | s->handle;
		s->next = *bucket(s->handle);
		*bucket(s->handle) = s;
		module.session_count++;
		slot->sessions++;
		slot->writers += (flags & CKF_RW_SESSION) != 0;
	}
	pthread_mutex_unlock(&module.lock);
	if (!ok) {
		session_free(s);
		return NULL;
	}
	return s;
}

/* Finds a session and keeps it from being freed. */
struct session *session_get(CK_SESSION_HANDLE handle)
{
	pthread_mutex_lock(&module.lock);
	struct session *s = module.session_buckets ? *bucket(handle) : NULL;
	while (s && s->handle != handle)
		s = s->next;
	if (s)
		s->refs++;
	pthread_mutex_unlock(&module.lock);
	return s;
}

void session_put(struct session *s)
{
	pthread_mutex_lock(&module.lock);
	bool last = --s->refs == 0;
	pthread_mutex_unlock(&module.lock);
	if (last)
		session_free(s);
}

/* Takes a session out of the table; it is freed when the last call on it leaves. module.lock is held. */
static bool unlink_session(struct session *s)
{
	for (struct session **at = bucket(s->handle); *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			module.session_count--;
			s->slot->sessions--;
			s->slot->writers -= (s->flags & CKF_RW_SESSION) != 0;
			s->closed = true;
			return true;
		}
	return false;
}

/* Closes a session here. True when it was this call that did: the table's reference is then the caller's to put. */
bool session_remove(struct session *s)
{
	pthread_mutex_lock(&module.lock);
	bool mine = unlink_session(s);
	pthread_mutex_unlock(&module.lock);
	return mine;
}

/* Takes any session of a slot (NULL: of any slot) out of the table; NULL when there is none left. */
struct session *session_any_of(struct slot *slot)
{
	struct session *found = NULL;
	pthread_mutex_lock(&module.lock);
	for (size_t i = 0; i < module.session_buckets && !found; i++)
		for (struct session *s = module.sessions[i]; s && !found; s = s->next)
			if (!slot || s->slot == slot)
				found = s;
	if (found)
		unlink_session(found);
	pthread_mutex_unlock(&module.lock);
	return found;
}

/* Closes every session here; the core is told by the caller. */
void sessions_forget(void)
{
	for (struct session *s; (s = session_any_of(NULL));)
		session_put(s);
	pthread_mutex_lock(&module.lock);
	free(module.sessions);
	module.sessions = NULL;
	module.session_buckets = 0;
	pthread_mutex_unlock(&module.lock);
}

/* In a forked child: a session on which another thread was working keeps its handle, and loses what that thread had
 * half done. Nothing is freed, since pointers may be in the middle of a change. */
void sessions_after_fork(void)
{
	for (size_t i = 0; i < module.session_buckets; i++)
		for (struct session *s = module.sessions[i]; s; s = s->next) {
			pthread_mutex_init(&s->lock, NULL);
			if (s->refs == 1)
				continue;
			s->refs = 1;
			memset(s->op, 0, sizeof s->op);
			memset(&s->encrypt, 0, sizeof s->encrypt);
			memset(&s->decrypt, 0, sizeof s->decrypt);
			memset(&s->find, 0, sizeof s->find);
			s->kept_call = 0;
			memset(&s->kept_request, 0, sizeof s->kept_request);
			memset(&s->kept_answer, 0, sizeof s->kept_answer);
		}
}
