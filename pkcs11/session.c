/* SPDX-License-Identifier: Apache-2.0
 *
 * Session management (PKCS #11 3.2 section 5.6). Opening is local: the core learns of a session with the first call that
 * needs it. Login state belongs to the slot, and ends with its last session.
 */

#include "module.h"

#include <stdlib.h>
#include <string.h>

/* Begins a session on one slot. A read-only one is refused while the officer is logged in (5.6.1). */
CK_RV C_OpenSession(CK_SLOT_ID slotID, CK_FLAGS flags, void *pApplication, CK_NOTIFY Notify, CK_SESSION_HANDLE *phSession)
{
	(void)pApplication, (void)Notify; /* no notification is ever sent */
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv != CKR_OK)
		return leave(&c, rv);
	if (!phSession)
		return leave(&c, CKR_ARGUMENTS_BAD);
	if (!(flags & CKF_SERIAL_SESSION))
		return leave(&c, CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	if (flags & CKF_ASYNC_SESSION)
		return leave(&c, CKR_SESSION_ASYNC_NOT_SUPPORTED);
	struct slot *slot;
	rv = slot_find(&c, slotID, &slot);
	if (rv == CKR_OK && !(slot->flags & CKF_TOKEN_INITIALIZED)) {
		rv = slots_fetch(&c); /* it may have been initialized by another program */
		if (rv == CKR_OK && !(slot->flags & CKF_TOKEN_INITIALIZED))
			rv = CKR_TOKEN_NOT_RECOGNIZED;
	}
	if (rv == CKR_OK && !slot->present)
		rv = CKR_TOKEN_NOT_PRESENT;
	if (rv == CKR_OK && slot->logged_in && slot->user == CKU_SO && !(flags & CKF_RW_SESSION))
		rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
	if (rv == CKR_OK) {
		struct session *s = session_new(slot, flags & (CKF_RW_SESSION | CKF_SERIAL_SESSION));
		if (s)
			*phSession = s->handle;
		else
			rv = CKR_HOST_MEMORY;
	}
	return leave(&c, rv);
}

static void slot_logged_out(struct slot *slot)
{
	pthread_mutex_lock(&module.lock);
	slot->logged_in = false;
	buf_free(&slot->ticket);
	pthread_mutex_unlock(&module.lock);
	summary_forget_private(slot->id);
}

/* The core ends a login with the last session that it knows of a slot; here others may be open that it has not met yet.
 * So it is told of one of those before s is closed. */
static void introduce_other(struct ctx *c, struct slot *slot)
{
	uint64_t wire = 0, flags = 0;
	pthread_mutex_lock(&module.lock);
	for (size_t i = 0; i < module.session_buckets; i++)
		for (struct session *s = module.sessions[i]; s; s = s->next) {
			if (s->slot != slot)
				continue;
			wire = s->wire;
			flags = s->flags;
			if (s->opened == module.generation) {
				pthread_mutex_unlock(&module.lock);
				return;
			}
		}
	pthread_mutex_unlock(&module.lock);
	struct buf *b = request(c);
	put_u64(b, slot->id);
	put_u64(b, wire);
	put_u64(b, flags);
	call(c, CALL_SESSION_OPEN); /* harmless when it is sent again later */
}

/* Tells the core that s, already out of the table, is closed. c->s is not set: nothing must open it again. */
void core_close(struct ctx *c, struct session *s)
{
	struct slot *slot = s->slot;
	bool known = s->opened && s->opened == module.generation, last = slot->sessions == 0;
	c->hurry = true;
	if (slot->logged_in && !last && known)
		introduce_other(c, slot);
	if (slot->logged_in && last && !known) { /* logged in by ticket after a restart: only a session can log out */
		struct buf *b = request(c);
		put_u64(b, slot->id);
		put_u64(b, s->wire);
		put_u64(b, s->flags);
		known = call(c, CALL_SESSION_OPEN) == CKR_OK;
	}
	if (known) {
		put_u64(request(c), s->wire);
		call(c, CALL_SESSION_CLOSE); /* its failure leaves nothing to do: the core drops what has no channel */
	}
	if (last)
		slot_logged_out(slot);
}

CK_RV C_CloseSession(CK_SESSION_HANDLE hSession)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct session *s = c.s;
	bool mine = session_remove(s);
	c.s = NULL;
	pthread_mutex_unlock(&s->lock);
	if (mine) {
		core_close(&c, s);
		session_put(s);
	}
	session_put(s);
	return leave(&c, mine ? CKR_OK : CKR_SESSION_HANDLE_INVALID);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slotID)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	struct slot *slot;
	if (rv == CKR_OK)
		rv = slot_find(&c, slotID, &slot);
	if (rv != CKR_OK)
		return leave(&c, rv);
	for (struct session *s; (s = session_any_of(slot));) {
		core_close(&c, s);
		session_put(s);
	}
	return leave(&c, CKR_OK);
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE hSession, CK_SESSION_INFO *pInfo)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	if (!pInfo)
		return leave(&c, CKR_ARGUMENTS_BAD);
	bool rw = c.s->flags & CKF_RW_SESSION;
	pthread_mutex_lock(&module.lock);
	struct slot *slot = c.s->slot;
	*pInfo = (CK_SESSION_INFO){.slotID = slot->id, .flags = c.s->flags};
	if (!slot->logged_in)
		pInfo->state = rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	else if (slot->user == CKU_SO)
		pInfo->state = CKS_RW_SO_FUNCTIONS;
	else
		pInfo->state = rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	pthread_mutex_unlock(&module.lock);
	return leave(&c, CKR_OK);
}

/* 3.0: ends operations of a session, whatever state they are in. */
CK_RV C_SessionCancel(CK_SESSION_HANDLE hSession, CK_FLAGS flags)
{
	static const struct {
		CK_FLAGS flag;
		enum use use;
	} uses[] = {
		{CKF_ENCRYPT, USE_ENCRYPT}, {CKF_DECRYPT, USE_DECRYPT}, {CKF_SIGN, USE_SIGN}, {CKF_VERIFY, USE_VERIFY},
		{CKF_DIGEST, USE_DIGEST},
	};
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if (flags & uses[i].flag)
			op_abort(&c, uses[i].use);
	if (flags & CKF_MESSAGE_ENCRYPT)
		message_end(&c.s->encrypt);
	if (flags & CKF_MESSAGE_DECRYPT)
		message_end(&c.s->decrypt);
	if (flags & CKF_FIND_OBJECTS)
		find_end(&c.s->find);
	return leave(&c, CKR_OK);
}

static CK_RV login(struct ctx *c, CK_USER_TYPE user, const void *pin, CK_ULONG pin_len, const void *name, CK_ULONG name_len)
{
	struct slot *slot = c->s->slot;
	if ((!pin && pin_len) || (!name && name_len) || pin_len > FRAME_MAX / 4 || name_len > FRAME_MAX / 4)
		return CKR_ARGUMENTS_BAD;
	if (user != CKU_SO && user != CKU_USER && user != CKU_CONTEXT_SPECIFIC)
		return CKR_USER_TYPE_INVALID;
	if (user == CKU_CONTEXT_SPECIFIC && !op_any(c->s))
		return CKR_OPERATION_NOT_INITIALIZED;
	/* Sessions that the core has not met yet count as well. */
	if (user == CKU_SO && slot->sessions > slot->writers)
		return CKR_SESSION_READ_ONLY_EXISTS;
	/* An empty PIN is never right; it asks for a login by the uid of this process, where the partition allows that. */
	if (pin_len == 0 && name_len == 0)
		name = "uid", name_len = 3;
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	put_u64(b, user);
	put_bytes(b, name, name_len);
	put_bytes(b, pin, pin_len);
	CK_RV rv = call(c, CALL_LOGIN);
	if (rv != CKR_OK || user == CKU_CONTEXT_SPECIFIC)
		return rv;
	struct view ticket = get_bytes(&c->in);
	pthread_mutex_lock(&module.lock);
	slot->logged_in = true;
	slot->user = user;
	buf_free(&slot->ticket);
	put_raw(&slot->ticket, ticket.p, ticket.len);
	pthread_mutex_unlock(&module.lock);
	return CKR_OK;
}

CK_RV C_Login(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = login(&c, userType, pPin, ulPinLen, NULL, 0);
	return leave(&c, rv);
}

CK_RV C_LoginUser(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen,
	CK_UTF8CHAR *pUsername, CK_ULONG ulUsernameLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK)
		rv = login(&c, userType, pPin, ulPinLen, pUsername, ulUsernameLen);
	return leave(&c, rv);
}

CK_RV C_Logout(CK_SESSION_HANDLE hSession)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	put_u64(request(&c), c.s->wire);
	rv = call(&c, CALL_LOGOUT);
	if (rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN)
		slot_logged_out(c.s->slot);
	return leave(&c, rv);
}
