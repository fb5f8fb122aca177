/* SPDX-License-Identifier: Apache-2.0
 *
 * Object summaries: what C_SignInit and its like need to know of a key. Every answer that names objects carries them, so
 * that the first use of a found key needs no question. They only save time: the core checks everything again.
 */

#include "module.h"

#include <stdlib.h>
#include <string.h>

/* Where the summary of a handle lies, if it is remembered. module.lock is held. */
static struct summary *place(CK_OBJECT_HANDLE handle)
{
	if (!module.summaries)
		module.summaries = calloc(SUMMARIES, sizeof *module.summaries);
	uint64_t mixed = handle * UINT64_C(0x9E3779B97F4A7C15);
	return module.summaries ? &module.summaries[mixed >> 52 & (SUMMARIES - 1)] : NULL;
}

static struct summary next_summary(struct view *v, CK_SLOT_ID slot)
{
	struct summary m = {.slot = slot};
	m.handle = get_u64(v);
	m.class = get_u64(v);
	m.type = get_u64(v);
	m.usage = get_u64(v);
	m.bits = get_u64(v);
	m.flags = get_u64(v);
	return m;
}

/* Remembers the objects of an answer (letter O; the view stands before the count). */
void summary_learn(struct session *s, struct view objects)
{
	pthread_mutex_lock(&module.lock);
	for (uint32_t n = get_u32(&objects); n && !objects.failed; n--) {
		struct summary m = next_summary(&objects, s->slot->id), *at = place(m.handle);
		if (at)
			*at = m;
	}
	pthread_mutex_unlock(&module.lock);
}

void summary_forget(CK_OBJECT_HANDLE handle)
{
	pthread_mutex_lock(&module.lock);
	struct summary *at = place(handle);
	if (at && at->handle == handle)
		at->handle = CK_INVALID_HANDLE;
	pthread_mutex_unlock(&module.lock);
}

/* After a logout private objects do not exist. */
void summary_forget_private(CK_SLOT_ID slot)
{
	pthread_mutex_lock(&module.lock);
	for (size_t i = 0; module.summaries && i < SUMMARIES; i++)
		if (module.summaries[i].slot == slot && module.summaries[i].flags & SUMMARY_PRIVATE)
			module.summaries[i].handle = CK_INVALID_HANDLE;
	pthread_mutex_unlock(&module.lock);
}

void summary_forget_all(void)
{
	pthread_mutex_lock(&module.lock);
	free(module.summaries);
	module.summaries = NULL;
	pthread_mutex_unlock(&module.lock);
}

/* Finds the summary of a key, asking the core when it is not remembered. */
CK_RV summary_of(struct ctx *c, CK_OBJECT_HANDLE key, struct summary *out, bool *remembered)
{
	*remembered = false;
	if (key == CK_INVALID_HANDLE)
		return CKR_KEY_HANDLE_INVALID;
	pthread_mutex_lock(&module.lock);
	struct summary *at = place(key);
	bool found = at && at->handle == key && at->slot == c->s->slot->id;
	if (found)
		*out = *at;
	pthread_mutex_unlock(&module.lock);
	*remembered = found;
	if (!found) {
		struct buf *b = request(c);
		put_u64(b, c->s->wire);
		put_u64(b, key);
		CK_RV rv = call(c, CALL_SUMMARY);
		if (rv == CKR_OBJECT_HANDLE_INVALID)
			return CKR_KEY_HANDLE_INVALID;
		if (rv != CKR_OK)
			return rv;
		summary_learn(c->s, c->in);
		struct view v = c->in;
		if (get_u32(&v) != 1)
			return CKR_KEY_HANDLE_INVALID;
		*out = next_summary(&v, c->s->slot->id);
	}
	bool is_key = out->class == CKO_PUBLIC_KEY || out->class == CKO_PRIVATE_KEY || out->class == CKO_SECRET_KEY;
	return is_key ? CKR_OK : CKR_KEY_HANDLE_INVALID;
}

/* Reads an answer that must name n objects, and remembers them. */
CK_RV take_objects(struct ctx *c, CK_OBJECT_HANDLE *handles, uint32_t n)
{
	summary_learn(c->s, c->in);
	if (get_u32(&c->in) != n)
		return CKR_GENERAL_ERROR;
	while (n--)
		*handles++ = next_summary(&c->in, 0).handle;
	return CKR_OK;
}
