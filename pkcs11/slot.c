/* SPDX-License-Identifier: Apache-2.0
 *
 * Slot and token management (PKCS #11 3.2 section 5.5). Every slot holds its token; a token's flags change (PIN tries),
 * so they are asked for each time, and the rest is remembered.
 */

#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "faults.gen.h"

static const char manufacturer[] = "Genbu";

/* Fills a text field of the standard: padded with blanks, not terminated. */
static void text(void *to, size_t size, const void *from, size_t n)
{
	memset(to, ' ', size);
	if (n)
		memcpy(to, from, n < size ? n : size);
}

/* Finds a slot among those known. module.lock is held. */
static struct slot *known(CK_SLOT_ID id)
{
	struct slot *s = module.slots;
	while (s && s->id != id)
		s = s->next;
	return s;
}

static struct slot *append(CK_SLOT_ID id)
{
	struct slot *fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return NULL;
	fresh->id = id;
	if (!module.slots) {
		module.slots = fresh;
		return fresh;
	}
	struct slot *last = module.slots;
	while (last->next)
		last = last->next;
	last->next = fresh;
	return fresh;
}

/* Takes in what SLOTS answered. module.lock is held. */
CK_RV slots_learn(struct view v)
{
	for (struct slot *s = module.slots; s; s = s->next)
		s->present = false;
	for (uint32_t n = get_u32(&v); n && !v.failed; n--) {
		CK_SLOT_ID id = get_u64(&v);
		struct slot *s = known(id);
		if (!s && !(s = append(id)))
			return CKR_HOST_MEMORY;
		struct view label = get_bytes(&v), serial = get_bytes(&v);
		text(s->label, sizeof s->label, label.p, label.len);
		text(s->serial, sizeof s->serial, serial.p, serial.len);
		s->flags = get_u64(&v);
		s->pin_min = get_u64(&v);
		s->pin_max = get_u64(&v);
		get_u64(&v);
		s->present = true;
	}
	return CKR_OK;
}

/* Asks for the slots. A core that is locked or has no root key yet has none. */
CK_RV slots_fetch(struct ctx *c)
{
	struct session *s = c->s;
	c->s = NULL; /* no session is needed for it */
	request(c);
	CK_RV rv = call(c, CALL_SLOTS);
	c->s = s;
	if (rv != CKR_OK && c->fault != FAULT_LOCKED && c->fault != FAULT_UNINITIALIZED && c->fault != FAULT_ZEROIZED)
		return rv;
	pthread_mutex_lock(&module.lock);
	rv = slots_learn(rv == CKR_OK ? c->in : view_of("\0\0\0", 4));
	pthread_mutex_unlock(&module.lock);
	return rv;
}

CK_RV slot_find(struct ctx *c, CK_SLOT_ID id, struct slot **slot)
{
	for (int fetched = 0;; fetched = 1) {
		pthread_mutex_lock(&module.lock);
		*slot = known(id);
		pthread_mutex_unlock(&module.lock);
		if (*slot && (*slot)->present)
			return CKR_OK;
		if (fetched)
			return *slot ? CKR_TOKEN_NOT_PRESENT : CKR_SLOT_ID_INVALID;
		CK_RV rv = slots_fetch(c);
		if (rv != CKR_OK)
			return rv;
	}
}

CK_RV C_GetSlotList(CK_BBOOL tokenPresent, CK_SLOT_ID *pSlotList, CK_ULONG *pulCount)
{
	(void)tokenPresent; /* slots without a token do not exist */
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && !pulCount)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = slots_fetch(&c);
	if (rv == CKR_DEVICE_ERROR)
		rv = CKR_FUNCTION_FAILED; /* 5.5.1 knows no device errors, since it asks of no device */
	if (rv != CKR_OK)
		return leave(&c, rv);
	CK_ULONG n = 0;
	pthread_mutex_lock(&module.lock);
	for (struct slot *s = module.slots; s; s = s->next) {
		if (!s->present)
			continue;
		if (pSlotList && n < *pulCount)
			pSlotList[n] = s->id;
		n++;
	}
	pthread_mutex_unlock(&module.lock);
	if (pSlotList && n > *pulCount)
		rv = CKR_BUFFER_TOO_SMALL;
	*pulCount = n;
	return leave(&c, rv);
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slotID, CK_SLOT_INFO *pInfo)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && !pInfo)
		rv = CKR_ARGUMENTS_BAD;
	struct slot *slot;
	if (rv == CKR_OK)
		rv = slot_find(&c, slotID, &slot);
	if (rv != CKR_OK)
		return leave(&c, rv);
	memset(pInfo, 0, sizeof *pInfo);
	text(pInfo->slotDescription, sizeof pInfo->slotDescription, "Genbu", 5);
	text(pInfo->manufacturerID, sizeof pInfo->manufacturerID, manufacturer, strlen(manufacturer));
	pInfo->flags = CKF_TOKEN_PRESENT;
	return leave(&c, CKR_OK);
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slotID, CK_TOKEN_INFO *pInfo)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && !pInfo)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = slots_fetch(&c);
	struct slot *slot;
	if (rv == CKR_OK)
		rv = slot_find(&c, slotID, &slot);
	if (rv != CKR_OK)
		return leave(&c, rv);
	memset(pInfo, 0, sizeof *pInfo);
	pthread_mutex_lock(&module.lock);
	memcpy(pInfo->label, slot->label, sizeof slot->label);
	memcpy(pInfo->serialNumber, slot->serial, sizeof slot->serial);
	pInfo->flags = slot->flags;
	pInfo->ulSessionCount = slot->sessions;
	pInfo->ulRwSessionCount = slot->writers;
	pInfo->ulMinPinLen = slot->pin_min;
	pInfo->ulMaxPinLen = slot->pin_max;
	pthread_mutex_unlock(&module.lock);
	text(pInfo->manufacturerID, sizeof pInfo->manufacturerID, manufacturer, strlen(manufacturer));
	text(pInfo->model, sizeof pInfo->model, "Genbu", 5);
	pInfo->ulMaxSessionCount = pInfo->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	pInfo->ulTotalPublicMemory = pInfo->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	pInfo->ulTotalPrivateMemory = pInfo->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	memset(pInfo->utcTime, ' ', sizeof pInfo->utcTime); /* no CKF_CLOCK_ON_TOKEN */
	return leave(&c, CKR_OK);
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *pSlot, void *pReserved)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && (!pSlot || pReserved))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = flags & CKF_DONT_BLOCK ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED;
	return leave(&c, rv);
}

CK_RV C_InitToken(CK_SLOT_ID slotID, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen, CK_UTF8CHAR *pLabel)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && ((!pPin && ulPinLen) || !pLabel))
		rv = CKR_ARGUMENTS_BAD;
	struct slot *slot;
	if (rv == CKR_OK)
		rv = slot_find(&c, slotID, &slot);
	if (rv == CKR_OK && slot->sessions)
		rv = CKR_SESSION_EXISTS;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, slotID);
	put_bytes(b, pPin, ulPinLen);
	put_bytes(b, pLabel, 32); /* as it is: padded with blanks */
	rv = call(&c, CALL_INIT_TOKEN);
	summary_forget_all();
	if (rv == CKR_OK)
		slots_fetch(&c);
	return leave(&c, rv);
}

CK_RV C_InitPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pPin, CK_ULONG ulPinLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !pPin && ulPinLen)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_bytes(b, pPin, ulPinLen);
	return leave(&c, call(&c, CALL_INIT_PIN));
}

CK_RV C_SetPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR *pOldPin, CK_ULONG ulOldLen, CK_UTF8CHAR *pNewPin, CK_ULONG ulNewLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && ((!pOldPin && ulOldLen) || (!pNewPin && ulNewLen)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_bytes(b, pOldPin, ulOldLen);
	put_bytes(b, pNewPin, ulNewLen);
	return leave(&c, call(&c, CALL_SET_PIN));
}
