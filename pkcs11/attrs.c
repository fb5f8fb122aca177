/* SPDX-License-Identifier: Apache-2.0
 *
 * Templates and attribute values (PKCS #11 3.2 sections 4.1 and 5.7.5). Values travel as they lie in memory; only an
 * attribute that is itself a template is taken apart, since it holds pointers.
 */

#include "module.h"

#include <string.h>

enum { NESTED_HEAD = 12 }; /* u64 type, u32 length of one attribute of a nested template */

static bool is_template(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_WRAP_TEMPLATE: case CKA_UNWRAP_TEMPLATE: case CKA_DERIVE_TEMPLATE:
	case CKA_ENCAPSULATE_TEMPLATE: case CKA_DECAPSULATE_TEMPLATE:
		return true;
	}
	return false;
}

static CK_RV put_attributes(struct buf *b, const CK_ATTRIBUTE *attrs, CK_ULONG n, int depth)
{
	if (n && !attrs)
		return depth ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_ARGUMENTS_BAD;
	if (depth > TEMPLATE_DEPTH || n > FRAME_MAX / NESTED_HEAD)
		return depth ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_TEMPLATE_INCONSISTENT;
	put_u32(b, (uint32_t)n);
	for (CK_ULONG i = 0; i < n; i++) {
		const CK_ATTRIBUTE *a = &attrs[i];
		if (a->ulValueLen > FRAME_MAX || (!a->pValue && a->ulValueLen))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		put_u64(b, a->type);
		if (!is_template(a->type)) {
			put_bytes(b, a->pValue, a->ulValueLen);
			continue;
		}
		if (a->ulValueLen % sizeof(CK_ATTRIBUTE))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		size_t at = b->len;
		put_u32(b, 0); /* the length, once it is known */
		CK_RV rv = put_attributes(b, a->pValue, a->ulValueLen / sizeof(CK_ATTRIBUTE), depth + 1);
		if (rv != CKR_OK)
			return rv;
		set_u32(b, at, (uint32_t)(b->len - at - 4));
	}
	return CKR_OK;
}

/* Writes letter A. A failed allocation shows in b. */
CK_RV put_template(struct buf *b, const CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	return put_attributes(b, attrs, n, 0);
}

/* Codes of several attributes in one: the gravest. Each attribute's own outcome is in its ulValueLen. */
static CK_RV worse(CK_RV a, CK_RV b)
{
	static const CK_RV order[] = {CKR_OK, CKR_BUFFER_TOO_SMALL, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_SENSITIVE};
	size_t i = 0, j = 0;
	while (order[i] != a)
		i++;
	while (order[j] != b)
		j++;
	return order[i > j ? i : j];
}

static CK_RV fill(CK_ATTRIBUTE *a, struct view value, int depth);

/* Fills an array of attributes from a template on the wire (5.7.5: the caller gives an array; where an inner pValue is
 * NULL the length alone is told). */
static CK_RV fill_template(CK_ATTRIBUTE *a, struct view v, int depth)
{
	size_t n = get_u32(&v);
	if (v.failed || depth > TEMPLATE_DEPTH || n > v.len / NESTED_HEAD) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	size_t need = n * sizeof(CK_ATTRIBUTE);
	if (!a->pValue) {
		a->ulValueLen = need;
		return CKR_OK;
	}
	if (a->ulValueLen < need || a->ulValueLen == CK_UNAVAILABLE_INFORMATION) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	CK_RV rv = CKR_OK;
	CK_ATTRIBUTE *inner = a->pValue;
	for (size_t i = 0; i < n; i++) {
		inner[i].type = get_u64(&v);
		rv = worse(rv, fill(&inner[i], get_bytes(&v), depth + 1));
	}
	a->ulValueLen = need;
	return rv;
}

static CK_RV fill(CK_ATTRIBUTE *a, struct view value, int depth)
{
	if (value.failed) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (is_template(a->type))
		return fill_template(a, value, depth);
	if (!a->pValue) {
		a->ulValueLen = value.len;
		return CKR_OK;
	}
	/* The mark of an earlier failure is no length: programs reuse their templates. */
	if (a->ulValueLen < value.len || a->ulValueLen == CK_UNAVAILABLE_INFORMATION) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (value.len)
		memcpy(a->pValue, value.p, value.len);
	a->ulValueLen = value.len;
	return CKR_OK;
}

/* Reads letter V into the caller's attributes, which were asked for in the same order. */
CK_RV get_values(struct view v, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	enum { GIVEN, UNKNOWN, SENSITIVE };
	if (get_u32(&v) != n)
		return CKR_GENERAL_ERROR;
	CK_RV rv = CKR_OK;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_ATTRIBUTE *a = &attrs[i];
		uint64_t type = get_u64(&v);
		uint8_t status = get_u8(&v);
		struct view value = get_bytes(&v);
		if (v.failed || type != a->type)
			return CKR_GENERAL_ERROR;
		if (status == GIVEN) {
			rv = worse(rv, fill(a, value, 0));
			continue;
		}
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		rv = worse(rv, status == SENSITIVE ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID);
	}
	return rv;
}
