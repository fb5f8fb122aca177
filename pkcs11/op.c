/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on data: what encryption, decryption, signing, verification and digests have in common (PKCS #11 3.2
 * sections 5.8 to 5.16). Init is judged here, by what is known of key and mechanism, and travels with the data: a
 * one-shot operation is one round trip. Input of digests and signatures is held back up to HOLD_MAX bytes, so that short
 * messages in parts are one round trip too. The core judges everything again.
 *
 * The rule for ends (5.2): a size query and CKR_BUFFER_TOO_SMALL leave the operation as it is, and the result is kept for
 * the next call; success and any other error end it.
 */

#include "module.h"

#include <string.h>

#include "faults.gen.h"

/* What each use asks of mechanism and key. */
static const struct {
	CK_FLAGS flag;
	uint64_t usage;
	CK_OBJECT_CLASS class; /* beside secret keys */
	uint16_t one_shot;
} uses[USES] = {
	[USE_ENCRYPT] = {CKF_ENCRYPT, 1, CKO_PUBLIC_KEY, CALL_ENCRYPT},
	[USE_DECRYPT] = {CKF_DECRYPT, 2, CKO_PRIVATE_KEY, CALL_DECRYPT},
	[USE_SIGN] = {CKF_SIGN, 4, CKO_PRIVATE_KEY, CALL_SIGN},
	[USE_VERIFY] = {CKF_VERIFY, 8, CKO_PUBLIC_KEY, CALL_VERIFY},
	[USE_DIGEST] = {CKF_DIGEST, 0, 0, CALL_DIGEST},
};

void op_end(struct op *op)
{
	struct buf *bufs[] = {&op->mechanism, &op->held, &op->out, &op->signature};
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_reset(bufs[i]);
	op->active = op->parts = op->asked = op->signature_first = op->has_out = op->done = false;
	op->core = op->pending = 0;
	op->extra = 0;
}

void op_free(struct op *op)
{
	struct buf *bufs[] = {&op->mechanism, &op->held, &op->out, &op->signature};
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_free(bufs[i]);
}

bool op_any(const struct session *s)
{
	for (int use = USE_ENCRYPT; use < USES; use++)
		if (s->op[use].active)
			return true;
	return false;
}

static CK_RV cancel(struct ctx *c, enum use use)
{
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	put_u64(b, use);
	return call(c, CALL_CANCEL);
}

/* Ends an operation that the core still has under way. */
void op_abort(struct ctx *c, enum use use)
{
	struct op *op = &c->s->op[use];
	if (op->active && op->core && op->core == module.generation) {
		bool hurry = c->hurry;
		c->hurry = true;
		cancel(c, use);
		c->hurry = hurry;
	}
	op_end(op);
}

/* Ends an operation by the rule for errors found here, of which the core does not know. */
CK_RV op_fail(struct ctx *c, enum use use, CK_RV rv)
{
	op_abort(c, use);
	return rv;
}

/* Tells the core of an operation that it must have running: multi-part, or for a login of its own. */
CK_RV op_tell(struct ctx *c, enum use use)
{
	struct op *op = &c->s->op[use];
	if (op->core)
		return CKR_OK;
	for (bool stale = true;; stale = false) {
		struct buf *b = request(c);
		put_u64(b, c->s->wire);
		put_u64(b, use);
		put_raw(b, op->mechanism.p, op->mechanism.len);
		put_u64(b, op->key);
		CK_RV rv = call(c, CALL_BEGIN);
		if (rv == CKR_OK)
			op->core = c->ch->application;
		/* The core may have kept one whose end here it did not hear of. */
		if (c->fault != FAULT_OPERATION_ACTIVE || !stale || cancel(c, use) != CKR_OK)
			return rv;
	}
}

static CK_RV judge(enum use use, const struct offered *m, const struct summary *k)
{
	if (k->class != CKO_SECRET_KEY && k->class != uses[use].class)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!mechanism_fits(m, k->type))
		return CKR_KEY_TYPE_INCONSISTENT;
	return k->usage & uses[use].usage ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

/* Judges a key by its summary. A refusal must be by what the core says now: another program may have changed the key. */
CK_RV op_check_key(struct ctx *c, enum use use, CK_OBJECT_HANDLE key, const struct offered *m, struct summary *k)
{
	bool remembered;
	CK_RV rv = summary_of(c, key, k, &remembered);
	if (rv == CKR_OK)
		rv = judge(use, m, k);
	if (rv == CKR_OK || !remembered)
		return rv;
	summary_forget(key);
	rv = summary_of(c, key, k, &remembered);
	return rv == CKR_OK ? judge(use, m, k) : rv;
}

CK_RV op_init(struct ctx *c, enum use use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct op *op = &c->s->op[use];
	if (!m) { /* 3.0: ends the running operation */
		if (!op->active)
			return CKR_ARGUMENTS_BAD;
		op_abort(c, use);
		return CKR_OK;
	}
	if (op->active)
		return CKR_OPERATION_ACTIVE;
	CK_RV rv = mechanisms_fetch(c, c->s->slot);
	if (rv != CKR_OK)
		return rv;
	struct offered o;
	if (!mechanism_offered(c->s->slot, m->mechanism, &o) || !(o.info.flags & uses[use].flag))
		return CKR_MECHANISM_INVALID;
	op_end(op);
	struct summary k = {0};
	rv = put_mechanism(&op->mechanism, m, c->s->slot, &op->extra);
	if (rv == CKR_OK && op->mechanism.failed)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK && use != USE_DIGEST)
		rv = op_check_key(c, use, key, &o, &k);
	if (rv != CKR_OK) {
		op_end(op);
		return rv;
	}
	op->active = true;
	op->type = m->mechanism;
	op->mech = mech_row(m->mechanism);
	op->key = key;
	op->key_type = k.type;
	op->key_bits = k.bits;
	/* A key that wants a login for each use must be known to it, and one with a list of mechanisms is the core's to judge. */
	if (k.flags & (SUMMARY_ALWAYS_AUTH | SUMMARY_ALLOWED))
		rv = op_tell(c, use);
	if (rv != CKR_OK)
		op_end(op);
	return rv;
}

/* Answers a buffer by the rules of section 5.2: NULL asks for the size, a short one is CKR_BUFFER_TOO_SMALL. */
CK_RV answer_bytes(struct view v, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_ULONG room = *out_len;
	*out_len = v.len;
	if (!out)
		return CKR_OK;
	if (room < v.len)
		return CKR_BUFFER_TOO_SMALL;
	if (v.len)
		memcpy(out, v.p, v.len);
	return CKR_OK;
}

/* Gives out what was made, keeping it when there is too little room. Answers whether it is given. */
static bool deliver(struct op *op, struct view v, CK_BYTE *out, CK_ULONG *out_len, CK_RV *rv)
{
	bool given = out && *out_len >= v.len;
	*rv = answer_bytes(v, out, out_len);
	if (!given && !op->has_out) {
		put_raw(&op->out, v.p, v.len);
		op->has_out = true;
		if (op->out.failed) {
			*rv = CKR_HOST_MEMORY;
			return true;
		}
	}
	return given;
}

/* Sends one UPDATE or FINAL; the output is in c->in as letter b. */
CK_RV op_send(struct ctx *c, enum use use, uint16_t id, const void *in, size_t n)
{
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	put_u64(b, use);
	put_bytes(b, in, n);
	return call_pinned(c, id, c->s->op[use].core);
}

/* Sends input in parts no longer than PART_MAX; outputs are gathered in op->out. */
static CK_RV send_parts(struct ctx *c, enum use use, const uint8_t *in, size_t n)
{
	struct op *op = &c->s->op[use];
	for (size_t at = 0; at < n;) {
		size_t part = n - at < PART_MAX ? n - at : PART_MAX;
		CK_RV rv = op_send(c, use, CALL_UPDATE, in + at, part);
		if (rv != CKR_OK)
			return rv;
		struct view v = get_bytes(&c->in);
		put_raw(&op->out, v.p, v.len);
		if (op->out.failed)
			return CKR_HOST_MEMORY;
		at += part;
	}
	return CKR_OK;
}

/* Sends what was held back. */
CK_RV op_flush(struct ctx *c, enum use use)
{
	struct op *op = &c->s->op[use];
	CK_RV rv = op_tell(c, use);
	if (rv == CKR_OK)
		rv = send_parts(c, use, op->held.p, op->held.len);
	buf_reset(&op->held);
	return rv;
}

static CK_RV one_shot(struct ctx *c, enum use use, const void *in, size_t n)
{
	struct op *op = &c->s->op[use];
	struct buf *b = request(c);
	put_u64(b, c->s->wire);
	put_raw(b, op->mechanism.p, op->mechanism.len);
	if (use != USE_DIGEST)
		put_u64(b, op->key);
	put_bytes(b, in, n);
	if (use == USE_VERIFY)
		put_bytes(b, op->signature.p, op->signature.len);
	return call(c, uses[use].one_shot);
}

/* Does the whole operation on n bytes; the result is the view. */
static CK_RV whole(struct ctx *c, enum use use, const void *in, size_t n, struct view *result)
{
	struct op *op = &c->s->op[use];
	if (!op->core && n <= ONE_SHOT_MAX) {
		CK_RV rv = one_shot(c, use, in, n);
		if (c->fault == FAULT_OPERATION_ACTIVE && cancel(c, use) == CKR_OK) /* as in op_tell */
			rv = one_shot(c, use, in, n);
		*result = rv == CKR_OK && use != USE_VERIFY ? get_bytes(&c->in) : view_of(NULL, 0);
		return rv;
	}
	CK_RV rv = op_tell(c, use);
	bool small = n <= PART_MAX && use != USE_VERIFY;
	if (rv == CKR_OK && !small)
		rv = send_parts(c, use, in, n);
	if (rv == CKR_OK && use == USE_VERIFY)
		rv = op_send(c, use, CALL_FINAL, op->signature.p, op->signature.len);
	else if (rv == CKR_OK)
		rv = op_send(c, use, CALL_FINAL, in, small ? n : 0);
	if (rv != CKR_OK)
		return rv;
	*result = get_bytes(&c->in);
	if (op->out.len) { /* parts came before */
		put_raw(&op->out, result->p, result->len);
		if (op->out.failed)
			return CKR_HOST_MEMORY;
		*result = view_of(op->out.p, op->out.len);
		op->has_out = op->done = true;
	}
	return CKR_OK;
}

/* A key that the core no longer has, or no longer as remembered, is asked for anew. */
static CK_RV forget_key_on(struct op *op, CK_RV rv)
{
	if (rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_FUNCTION_NOT_PERMITTED ||
		rv == CKR_USER_NOT_LOGGED_IN)
		summary_forget(op->key);
	return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
}

/* Does what is to be done and gives out its result; the end of C_Encrypt, C_SignFinal and the like. */
static CK_RV finish(struct ctx *c, enum use use, const void *in, size_t n, CK_BYTE *out, CK_ULONG *out_len)
{
	struct op *op = &c->s->op[use];
	struct view v = view_of(op->out.p, op->out.len);
	CK_RV rv = op->done ? CKR_OK : whole(c, use, in, n, &v);
	if (rv == CKR_OK && !out_len) { /* verification */
		op_end(op);
		return CKR_OK;
	}
	if (rv == CKR_OK && !deliver(op, v, out, out_len, &rv)) {
		op->done = true;
		op->core = 0; /* it is over there */
		return rv;
	}
	rv = forget_key_on(op, rv);
	op_end(op);
	return rv;
}

/* C_Encrypt, C_Decrypt, C_Sign, C_Digest; and C_Verify, whose out_len is NULL. */
CK_RV op_single(struct ctx *c, enum use use, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len)
{
	struct op *op = &c->s->op[use];
	if (!op->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->parts)
		return op_fail(c, use, CKR_OPERATION_ACTIVE);
	if ((!in && n) || n > PTRDIFF_MAX || (!out_len && use != USE_VERIFY)) /* no array is longer than that */
		return op_fail(c, use, CKR_ARGUMENTS_BAD);
	size_t size;
	bool upper = use == USE_DECRYPT; /* there the size is a bound, and the data may fit although it does not */
	if (out_len && !op->has_out && output_size(op, use, n, &size) && (!out || (*out_len < size && !upper))) {
		op->asked = true;
		*out_len = size;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	op->asked = true;
	return finish(c, use, in, n, out, out_len);
}

/* C_EncryptUpdate and C_DecryptUpdate give output; the others (out_len NULL) take input only. */
CK_RV op_update(struct ctx *c, enum use use, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len)
{
	struct op *op = &c->s->op[use];
	bool crypt = use == USE_ENCRYPT || use == USE_DECRYPT;
	if (!op->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->asked || op->done)
		return op_fail(c, use, CKR_OPERATION_ACTIVE);
	if ((!in && n) || n > PTRDIFF_MAX || (crypt && !out_len))
		return op_fail(c, use, CKR_ARGUMENTS_BAD);
	CK_RV rv;
	if (!crypt) {
		op->parts = true;
		if (!op->core && n <= HOLD_MAX && op->held.len + n <= HOLD_MAX) {
			put_raw(&op->held, in, n);
			return op->held.failed ? op_fail(c, use, CKR_HOST_MEMORY) : CKR_OK;
		}
		rv = op_flush(c, use);
		if (rv == CKR_OK)
			rv = send_parts(c, use, in, n);
		if (rv != CKR_OK)
			op_end(op);
		return rv;
	}
	size_t size;
	if (!out && !op->has_out && update_size(op, n, &size)) {
		*out_len = size;
		return CKR_OK;
	}
	op->parts = true;
	rv = op->has_out ? CKR_OK : op_tell(c, use);
	if (rv == CKR_OK && !op->has_out) {
		rv = send_parts(c, use, in, n);
		op->pending += n;
		op->has_out = rv == CKR_OK;
	}
	size_t made = op->out.len;
	if (rv == CKR_OK && !deliver(op, view_of(op->out.p, op->out.len), out, out_len, &rv))
		return rv;
	if (rv != CKR_OK) {
		rv = forget_key_on(op, rv);
		op_end(op);
		return rv;
	}
	op->pending -= made < op->pending ? made : op->pending;
	buf_reset(&op->out);
	op->has_out = false;
	return CKR_OK;
}

/* C_EncryptFinal, C_DecryptFinal, C_SignFinal, C_DigestFinal; and C_VerifyFinal, whose out_len is NULL. */
CK_RV op_final(struct ctx *c, enum use use, CK_BYTE *out, CK_ULONG *out_len)
{
	struct op *op = &c->s->op[use];
	if (!op->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->asked && !op->parts)
		return op_fail(c, use, CKR_OPERATION_ACTIVE);
	if (!out_len && use != USE_VERIFY)
		return op_fail(c, use, CKR_ARGUMENTS_BAD);
	op->parts = true; /* an output of the last Update that found too little room comes with the rest */
	size_t size;
	bool exact = use == USE_SIGN || use == USE_DIGEST;
	if (out_len && !op->done && final_size(op, use, &size) && (!out || (exact && *out_len < size))) {
		*out_len = size;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	return finish(c, use, op->held.p, op->held.len, out, out_len);
}
