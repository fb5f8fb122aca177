/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching for objects (PKCS #11 3.2 sections 5.7.7 to 5.7.9): Init is kept here and travels with the first batch.
 */

#include "module.h"

enum { FIRST_BATCH = 128, NEXT_BATCH = 1024 };

void find_end(struct find *f)
{
	buf_reset(&f->template);
	buf_reset(&f->handles);
	f->active = f->started = f->more = false;
	f->core = 0;
	f->given = 0;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct find *f = &c.s->find;
	if (f->active)
		return leave(&c, CKR_OPERATION_ACTIVE);
	find_end(f);
	rv = put_template(&f->template, pTemplate, ulCount);
	if (rv == CKR_OK && f->template.failed)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		f->active = true;
	else
		find_end(f);
	return leave(&c, rv);
}

/* Fetches the next batch of handles. */
static CK_RV batch(struct ctx *c, CK_ULONG wanted)
{
	struct find *f = &c->s->find;
	uint64_t most = f->started || wanted > FIRST_BATCH ? NEXT_BATCH : FIRST_BATCH;
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	if (!f->started)
		put_raw(b, f->template.p, f->template.len);
	put_u64(b, most);
	CK_RV rv = f->started ? call_pinned(c, CALL_FIND_NEXT, f->core) : call(c, CALL_FIND);
	if (rv != CKR_OK)
		return rv;
	f->started = true;
	f->core = c->ch->application;
	f->more = get_u8(&c->in) != 0;
	summary_learn(c->s, c->in);
	buf_reset(&f->handles);
	f->given = 0;
	for (uint32_t n = get_u32(&c->in); n; n--) {
		put_u64(&f->handles, get_u64(&c->in));
		get_raw(&c->in, SUMMARY_SIZE - 8);
	}
	return f->handles.failed ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV C_FindObjects(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE *phObject, CK_ULONG ulMaxObjectCount, CK_ULONG *pulObjectCount)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct find *f = &c.s->find;
	if (!f->active)
		return leave(&c, CKR_OPERATION_NOT_INITIALIZED);
	if ((!phObject && ulMaxObjectCount) || !pulObjectCount)
		return leave(&c, CKR_ARGUMENTS_BAD);
	CK_ULONG n = 0;
	while (rv == CKR_OK && n < ulMaxObjectCount) {
		struct view rest = view_of(f->handles.p, f->handles.len);
		get_raw(&rest, f->given * 8);
		for (; n < ulMaxObjectCount && rest.len; n++, f->given++)
			phObject[n] = get_u64(&rest);
		if (n == ulMaxObjectCount || (f->started && !f->more))
			break;
		rv = batch(&c, ulMaxObjectCount);
	}
	if (rv != CKR_OK)
		find_end(f);
	else
		*pulObjectCount = n;
	return leave(&c, rv);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE hSession)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct find *f = &c.s->find;
	if (!f->active)
		return leave(&c, CKR_OPERATION_NOT_INITIALIZED);
	if (f->more && f->core == module.generation) { /* a cursor at its end need not be closed: the next search replaces it */
		put_u64(request(&c), c.s->wire);
		c.hurry = true;
		call(&c, CALL_FIND_END);
	}
	find_end(f);
	return leave(&c, CKR_OK);
}
