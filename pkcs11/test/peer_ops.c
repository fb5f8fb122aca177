/* SPDX-License-Identifier: Apache-2.0
 *
 * The test peer's operations on data: transparent changes by which a test sees that the right bytes came and went.
 */

#include "peer_state.h"

#include <string.h>

/* Takes letter M and shows its parameter to the test. */
uint64_t take_mechanism(struct view *v)
{
	uint64_t id = get_u64(v);
	struct view p = get_bytes(v);
	size_t n = p.len < sizeof shared->param ? p.len : sizeof shared->param;
	if (n)
		memcpy(shared->param, p.p, n);
	shared->param_len = (int)p.len;
	return id;
}

/* "Encrypts": every byte is changed, and the end shows that it is one. */
static void transform(struct view in, uint8_t key, size_t more, struct buf *out)
{
	put_u32(out, (uint32_t)(in.len + more));
	for (size_t i = 0; i < in.len; i++)
		put_u8(out, in.p[i] ^ key);
	for (size_t i = 0; i < more; i++)
		put_u8(out, 0xEE);
}

/* A shorter form of bytes: without n at the end. */
static struct view shorten(struct view v, size_t n)
{
	v.len = v.len > n ? v.len - n : 0;
	return v;
}

static void sign(struct view data, struct buf *out)
{
	uint8_t sig[64];
	expect_signature(data.p, data.len, sig);
	put_bytes(out, sig, sizeof sig);
}

static void digest(struct view data, struct buf *out)
{
	uint8_t sig[64];
	expect_signature(data.p, data.len, sig);
	put_bytes(out, sig, 32);
}

static uint16_t verify(struct view data, struct view sig)
{
	uint8_t want[64];
	expect_signature(data.p, data.len, want);
	return sig.len == 64 && memcmp(want, sig.p, 64) == 0 ? 0 : SIGNATURE_INVALID;
}

uint16_t one_shot(struct session_state *s, uint16_t call, struct view v, struct buf *out)
{
	uint64_t id = take_mechanism(&v);
	if (s->running[call - CALL_ENCRYPT + 1])
		return OPERATION_ACTIVE;
	uint64_t key = call == CALL_DIGEST ? 0 : get_u64(&v);
	if (key == KEY_ALWAYS)
		return AUTH_REQUIRED;
	struct view data = get_bytes(&v);
	if (call == CALL_ENCRYPT)
		transform(data, 0x11, id == CKM_AES_CBC_PAD ? 16 - data.len % 16 : 16, out);
	else if (call == CALL_DECRYPT)
		transform(shorten(data, 16), 0x11, 0, out);
	else if (call == CALL_SIGN && id == CKM_RSA_PKCS)
		transform(view_of(memset((uint8_t[256]){0}, 7, 256), 256), 0, 0, out);
	else if (call == CALL_SIGN)
		sign(data, out);
	else if (call == CALL_DIGEST)
		digest(data, out);
	else
		return verify(data, get_bytes(&v));
	return v.failed || v.len ? MALFORMED : 0;
}

uint16_t in_parts(struct session_state *s, uint16_t call, struct view v, struct buf *out)
{
	uint64_t use = get_u64(&v);
	if (use < 1 || use > 5)
		return MALFORMED;
	if (call == CALL_BEGIN) {
		if (s->running[use])
			return OPERATION_ACTIVE;
		take_mechanism(&v);
		s->operation_key[use] = get_u64(&v);
		s->running[use] = true;
		s->authenticated = false;
		s->data[use].len = 0;
		return v.failed || v.len ? MALFORMED : 0;
	}
	if (!s->running[use])
		return call == CALL_CANCEL ? 0 : OPERATION_NOT_ACTIVE;
	if (call == CALL_CANCEL) {
		s->running[use] = false;
		return 0;
	}
	if (s->operation_key[use] == KEY_ALWAYS && !s->authenticated) {
		s->running[use] = false;
		return AUTH_REQUIRED;
	}
	struct view data = get_bytes(&v);
	if (use == 4 && call == CALL_FINAL) {
		s->running[use] = false;
		put_u32(out, 0);
		return verify(view_of(s->data[use].p, s->data[use].len), data);
	}
	put_raw(&s->data[use], data.p, data.len);
	if (use <= 2) { /* encryption gives what came; decryption holds the last 16 bytes back */
		if (call == CALL_FINAL)
			s->running[use] = false;
		if (use == 1) {
			transform(data, 0x11, call == CALL_FINAL ? 16 : 0, out);
			return 0;
		}
		struct view all = view_of(s->data[use].p, s->data[use].len);
		transform(call == CALL_FINAL ? shorten(all, 16) : view_of("", 0), 0x11, 0, out);
		return 0;
	}
	if (call == CALL_UPDATE) {
		put_u32(out, 0);
		return 0;
	}
	s->running[use] = false;
	uint8_t sig[64];
	expect_signature(s->data[use].p, s->data[use].len, sig);
	put_bytes(out, sig, use == 5 ? 32 : 64);
	return 0;
}

uint16_t one_message(uint16_t call, struct view v, struct buf *out)
{
	take_mechanism(&v);
	get_u64(&v);
	struct view aad = get_bytes(&v), text = get_bytes(&v);
	uint8_t tag[16];
	memset(tag, (int)(0x70 + aad.len), sizeof tag);
	if (call == CALL_MSG_ENCRYPT) {
		put_bytes(out, "made up iv..", 12);
		transform(text, 0x22, 0, out);
		put_bytes(out, tag, sizeof tag);
		return 0;
	}
	struct view given = get_bytes(&v);
	if (given.len != 16 || memcmp(given.p, tag, 16) != 0)
		return AEAD_FAILED;
	transform(text, 0x22, 0, out);
	return 0;
}
