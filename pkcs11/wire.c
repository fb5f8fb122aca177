/* SPDX-License-Identifier: Apache-2.0 */

#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "cryptoki.h"

static const struct call_row rows[256] = {
#define CALL(id, name, request, response, who, fields) [id] = {#name, request, response},
#include "calls.def"
#undef CALL
};

const struct call_row *call_row(unsigned id)
{
	return id < 256 && rows[id].name ? &rows[id] : NULL;
}

/* Writing. */

void buf_reset(struct buf *b)
{
	if (b->cap > BUF_RESTING) {
		buf_free(b);
		return;
	}
	if (b->p)
		explicit_bzero(b->p, b->len);
	b->len = 0;
	b->failed = false;
}

void buf_free(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->len);
	free(b->p);
	memset(b, 0, sizeof *b);
}

bool buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (more <= b->cap - b->len)
		return true;
	/* Not realloc: it may leave a copy behind. */
	size_t cap = b->cap ? b->cap : 512;
	while (cap - b->len < more && cap <= SIZE_MAX / 2)
		cap *= 2;
	uint8_t *p = cap - b->len < more ? NULL : malloc(cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	if (b->p) {
		memcpy(p, b->p, b->len);
		explicit_bzero(b->p, b->len);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void put_raw(struct buf *b, const void *p, size_t n)
{
	if (n && buf_reserve(b, n)) {
		memcpy(b->p + b->len, p, n);
		b->len += n;
	}
}

void put_u8(struct buf *b, uint8_t v)
{
	put_raw(b, &v, 1);
}

void put_u32(struct buf *b, uint32_t v)
{
	put_raw(b, &v, sizeof v);
}

void put_u64(struct buf *b, uint64_t v)
{
	put_raw(b, &v, sizeof v);
}

void put_bytes(struct buf *b, const void *p, size_t n)
{
	if (n > FRAME_MAX) { /* would not fit into a frame, nor its length into 32 bits */
		b->failed = true;
		return;
	}
	put_u32(b, (uint32_t)n);
	put_raw(b, p, n);
}

void set_u32(struct buf *b, size_t at, uint32_t v)
{
	if (!b->failed)
		memcpy(b->p + at, &v, sizeof v);
}

/* Reading. */

struct view view_of(const void *p, size_t n)
{
	return (struct view){p ? p : (const void *)"", n, false}; /* so that an empty one can be read like any other */
}

const uint8_t *get_raw(struct view *v, size_t n)
{
	if (v->failed || n > v->len) {
		v->failed = true;
		return NULL;
	}
	const uint8_t *p = v->p;
	v->p += n;
	v->len -= n;
	return p;
}

#define GET(type, name) \
	type name(struct view *v) \
	{ \
		type x = 0; \
		const uint8_t *p = get_raw(v, sizeof x); \
		if (p) \
			memcpy(&x, p, sizeof x); \
		return x; \
	}
GET(uint8_t, get_u8)
GET(uint16_t, get_u16)
GET(uint32_t, get_u32)
GET(uint64_t, get_u64)

struct view get_bytes(struct view *v)
{
	size_t n = get_u32(v);
	const uint8_t *p = get_raw(v, n);
	return p ? view_of(p, n) : (struct view){NULL, 0, true};
}

/* Signatures. */

/* Takes a list whose items are size bytes each; a count that the rest cannot hold fails at once. */
static void skip_items(struct view *v, size_t size)
{
	size_t n = get_u32(v);
	get_raw(v, v->failed ? 0 : n * size); /* n < 2^32 and size is small: no overflow in 64 bits */
}

static void skip_values(struct view *v)
{
	for (uint32_t n = get_u32(v); n && !v->failed; n--) {
		get_u64(v);
		if (get_u8(v) > 2)
			v->failed = true;
		get_bytes(v);
	}
}

static const char *skip_field(const char *s, struct view *v);

/* Takes a list [fields]; s stands behind the bracket. Answers where the signature goes on. */
static const char *skip_list(const char *s, struct view *v)
{
	const char *end = s;
	for (int depth = 1; depth; end++)
		depth += *end == '[' ? 1 : *end == ']' ? -1 : 0;
	for (uint32_t n = get_u32(v); n && !v->failed; n--)
		for (const char *f = s; *f != ']';)
			f = skip_field(f, v);
	return end;
}

static const char *skip_field(const char *s, struct view *v)
{
	switch (*s) {
	case 'u': get_u64(v); break;
	case 'y': get_u8(v); break;
	case 'b': get_bytes(v); break;
	case 'O': skip_items(v, SUMMARY_SIZE); break;
	case 'T': skip_items(v, 8); break;
	case 'V': skip_values(v); break;
	case 'M': get_u64(v), get_bytes(v); break;
	case '*': get_raw(v, v->len); break;
	case '[': return skip_list(s + 1, v);
	default: v->failed = true; break; /* A: no answer carries one */
	}
	return s + 1;
}

bool wire_matches(const char *signature, const uint8_t *p, size_t n)
{
	struct view v = view_of(p, n);
	while (*signature)
		signature = skip_field(signature, &v);
	return !v.failed && v.len == 0;
}
