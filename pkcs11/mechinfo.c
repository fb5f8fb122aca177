/* SPDX-License-Identifier: Apache-2.0
 *
 * The mechanisms of a token (PKCS #11 3.2 sections 5.5.5 and 5.5.6): MECHANISMS is asked once per slot and core.
 */

#include "module.h"

#include <stdlib.h>

static int by_type(const void *a, const void *b)
{
	const struct offered *x = a, *y = b;
	return x->type < y->type ? -1 : x->type > y->type;
}

static struct offered next_row(struct view *v)
{
	struct offered m = {.type = get_u64(v)};
	m.info.ulMinKeySize = get_u64(v);
	m.info.ulMaxKeySize = get_u64(v);
	m.info.flags = get_u64(v);
	m.shape = get_u64(v);
	uint32_t n = get_u32(v);
	m.any_key = n == 0;
	for (; n && !v->failed; n--) {
		uint64_t key_type = get_u64(v);
		if (key_type < 128)
			m.key_types[key_type / 64] |= UINT64_C(1) << key_type % 64;
		else
			m.any_key = true; /* a vendor's: left to the core */
	}
	return m;
}

/* Takes in what MECHANISMS answered. */
static struct offered *parse(struct view v, size_t *count)
{
	*count = get_u32(&v);
	if (*count > v.len / 8) /* checked against the signature already; this bounds the allocation on its own */
		return NULL;
	struct offered *list = calloc(*count + 1, sizeof *list);
	for (size_t i = 0; list && i < *count; i++)
		list[i] = next_row(&v);
	if (list)
		qsort(list, *count, sizeof *list, by_type);
	return list;
}

CK_RV mechanisms_learn(struct slot *slot, struct view v, uint64_t generation)
{
	size_t count;
	struct offered *list = parse(v, &count);
	if (!list)
		return CKR_HOST_MEMORY;
	pthread_mutex_lock(&module.lock);
	free(slot->offered);
	slot->offered = list;
	slot->offered_count = count;
	slot->offered_in = generation;
	pthread_mutex_unlock(&module.lock);
	return CKR_OK;
}

CK_RV mechanisms_fetch(struct ctx *c, struct slot *slot)
{
	pthread_mutex_lock(&module.lock);
	bool have = slot->offered_in && slot->offered_in == module.generation;
	pthread_mutex_unlock(&module.lock);
	if (have)
		return CKR_OK;
	struct session *s = c->s;
	c->s = NULL;
	put_u64(request(c), slot->id);
	CK_RV rv = call(c, CALL_MECHANISMS);
	c->s = s;
	if (rv != CKR_OK)
		return rv;
	return mechanisms_learn(slot, c->in, c->ch->application);
}

/* Finds a mechanism of a slot whose list was fetched. */
bool mechanism_offered(struct slot *slot, CK_MECHANISM_TYPE type, struct offered *out)
{
	struct offered key = {.type = type};
	pthread_mutex_lock(&module.lock);
	const struct offered *m =
		slot->offered ? bsearch(&key, slot->offered, slot->offered_count, sizeof key, by_type) : NULL;
	if (m)
		*out = *m;
	pthread_mutex_unlock(&module.lock);
	return m != NULL;
}

/* Tells whether a key of that type may be used with a mechanism. */
bool mechanism_fits(const struct offered *m, CK_KEY_TYPE key_type)
{
	return m->any_key || (key_type < 128 && m->key_types[key_type / 64] >> key_type % 64 & 1);
}

CK_RV C_GetMechanismList(CK_SLOT_ID slotID, CK_MECHANISM_TYPE *pMechanismList, CK_ULONG *pulCount)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && !pulCount)
		rv = CKR_ARGUMENTS_BAD;
	struct slot *slot;
	if (rv == CKR_OK)
		rv = slot_find(&c, slotID, &slot);
	if (rv == CKR_OK)
		rv = mechanisms_fetch(&c, slot);
	if (rv != CKR_OK)
		return leave(&c, rv);
	pthread_mutex_lock(&module.lock);
	size_t n = slot->offered_count;
	for (size_t i = 0; i < n && pMechanismList && n <= *pulCount; i++)
		pMechanismList[i] = slot->offered[i].type;
	pthread_mutex_unlock(&module.lock);
	if (pMechanismList && n > *pulCount)
		rv = CKR_BUFFER_TOO_SMALL;
	*pulCount = n;
	return leave(&c, rv);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slotID, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *pInfo)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && !pInfo)
		rv = CKR_ARGUMENTS_BAD;
	struct slot *slot;
	if (rv == CKR_OK)
		rv = slot_find(&c, slotID, &slot);
	if (rv == CKR_OK)
		rv = mechanisms_fetch(&c, slot);
	struct offered m;
	if (rv == CKR_OK && !mechanism_offered(slot, type, &m))
		rv = CKR_MECHANISM_INVALID;
	if (rv == CKR_OK)
		*pInfo = m.info;
	return leave(&c, rv);
}
