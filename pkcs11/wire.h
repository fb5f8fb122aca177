/* SPDX-License-Identifier: Apache-2.0
 *
 * The binary form of the client channel (docs/design/channel.md): frames, fields, signatures.
 */
#ifndef GENBU_WIRE_H
#define GENBU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(unsigned long) == 8, "CK_ULONG travels as it lies in memory: 64 bits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "CK_ULONG travels as it lies in memory: little-endian");

enum {
	FRAME_MAX = 16 << 20,   /* longest frame either side accepts */
	REQUEST_HEAD = 12,      /* u32 length, u16 call, u16 flags, u32 sequence */
	ANSWER_HEAD = 21,       /* u32 length, u16 call, u16 fault, u32 sequence, u64 request id, u8 indicator */
	ANSWER_LEAST = ANSWER_HEAD - 4,
	BUF_RESTING = 64 << 10, /* what a buffer keeps between calls; a larger one is given back */
	SUMMARY_SIZE = 6 * 8,   /* one object summary of the letter O */
};

enum call {
#define CALL(id, name, request, response, who, fields) CALL_##name = id,
#include "calls.def"
#undef CALL
};

/* What calls.def says of a call; NULL when there is no such call. */
struct call_row {
	const char *name, *request, *response;
};
const struct call_row *call_row(unsigned id);

/*
 * buf is bytes that grow. A failure to grow is remembered in failed, so that a request is written without looking and
 * asked once. What it held is erased when it is reset, grown or freed: it may have been a PIN or a key's value.
 */
struct buf {
	uint8_t *p;
	size_t len, cap;
	bool failed;
};

void buf_reset(struct buf *b);
void buf_free(struct buf *b);
bool buf_reserve(struct buf *b, size_t more);
void put_raw(struct buf *b, const void *p, size_t n);
void put_u8(struct buf *b, uint8_t v);
void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_bytes(struct buf *b, const void *p, size_t n);
void set_u32(struct buf *b, size_t at, uint32_t v);

/* view reads fields one after another; after a failure every field is zero. */
struct view {
	const uint8_t *p;
	size_t len;
	bool failed;
};

struct view view_of(const void *p, size_t n);
const uint8_t *get_raw(struct view *v, size_t n);
uint8_t get_u8(struct view *v);
uint16_t get_u16(struct view *v);
uint32_t get_u32(struct view *v);
uint64_t get_u64(struct view *v);
struct view get_bytes(struct view *v);

/* Tells whether a body is exactly what a signature says, so that no decoder meets anything else. */
bool wire_matches(const char *signature, const uint8_t *p, size_t n);

#endif
