/* SPDX-License-Identifier: Apache-2.0
 *
 * Object management (PKCS #11 3.2 section 5.7); searches are in find.c.
 */

#include "module.h"

static CK_RV created(struct ctx *c, uint16_t id, CK_OBJECT_HANDLE *handle)
{
	CK_RV rv = call(c, id);
	return rv == CKR_OK ? take_objects(c, handle, 1) : rv;
}

CK_RV C_CreateObject(CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE *phObject)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !phObject)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	rv = put_template(b, pTemplate, ulCount);
	if (rv == CKR_OK)
		rv = created(&c, CALL_CREATE, phObject);
	return leave(&c, rv);
}

CK_RV C_CopyObject(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount,
	CK_OBJECT_HANDLE *phNewObject)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !phNewObject)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_u64(b, hObject);
	rv = put_template(b, pTemplate, ulCount);
	if (rv == CKR_OK)
		rv = created(&c, CALL_COPY, phNewObject);
	return leave(&c, rv);
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	summary_forget(hObject);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_u64(b, hObject);
	return leave(&c, call(&c, CALL_DESTROY));
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ULONG *pulSize)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !pulSize)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_u64(b, hObject);
	rv = call(&c, CALL_SIZE);
	if (rv == CKR_OK)
		*pulSize = get_u64(&c.in);
	return leave(&c, rv);
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && ((!pTemplate && ulCount) || ulCount > FRAME_MAX / 16))
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_u64(b, hObject);
	put_u32(b, (uint32_t)ulCount);
	bool sizes = false; /* a call that only asks for lengths is followed by one with buffers */
	for (CK_ULONG i = 0; i < ulCount; i++) {
		put_u64(b, pTemplate[i].type);
		sizes = sizes || !pTemplate[i].pValue;
	}
	rv = call_kept(&c, CALL_GET, sizes, false);
	if (rv == CKR_OK)
		rv = get_values(c.in, pTemplate, ulCount);
	return leave(&c, rv);
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_u64(b, hObject);
	rv = put_template(b, pTemplate, ulCount);
	if (rv == CKR_OK)
		rv = call(&c, CALL_SET);
	summary_forget(hObject);
	return leave(&c, rv);
}
