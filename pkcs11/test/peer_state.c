/* SPDX-License-Identifier: Apache-2.0 */

#include "peer_state.h"

#include <string.h>
#include <unistd.h>

struct channel_state channels[CHANNELS];
static struct application_state applications[APPLICATIONS];
static uint64_t made; /* handles given out to created objects, and a different wrapped key each time */

void state_reset(void)
{
	for (int i = 0; i < CHANNELS; i++)
		channels[i] = (struct channel_state){.fd = -1, .pipe = -1};
	memset(applications, 0, sizeof applications);
}

struct channel_state *channel_new(void)
{
	for (int i = 0; i < CHANNELS; i++)
		if (channels[i].fd < 0)
			return &channels[i];
	return NULL;
}

void channel_drop(struct channel_state *ch)
{
	close(ch->fd);
	if (ch->pipe >= 0)
		close(ch->pipe);
	*ch = (struct channel_state){.fd = -1, .pipe = -1};
}

static struct application_state *application_of(struct view secret)
{
	for (int i = 0; i < APPLICATIONS; i++)
		if (applications[i].used && secret.len == 32 && memcmp(applications[i].secret, secret.p, 32) == 0)
			return &applications[i];
	return NULL;
}

static struct application_state *application_new(const struct application_state *copy_of)
{
	for (int i = 0; i < APPLICATIONS; i++) {
		struct application_state *a = &applications[i];
		if (a->used)
			continue;
		if (copy_of) {
			*a = *copy_of;
			for (int s = 0; s < SESSIONS; s++)
				for (int use = 0; use < 6; use++) { /* a copy of its own of what is under way */
					struct buf own = {0};
					put_raw(&own, a->sessions[s].data[use].p, a->sessions[s].data[use].len);
					a->sessions[s].data[use] = own;
				}
		}
		a->used = true;
		memset(a->secret, 0x40 + i, sizeof a->secret);
		uint64_t unique = (uint64_t)getpid() << 32 | ++made;
		memcpy(a->secret, &unique, sizeof unique);
		return a;
	}
	return NULL;
}

static struct session_state *session_of(struct channel_state *ch, uint64_t id)
{
	for (int i = 0; i < SESSIONS; i++)
		if (ch->app->sessions[i].id == id)
			return &ch->app->sessions[i];
	return NULL;
}

static uint16_t hello(struct channel_state *ch, struct view v, struct buf *out)
{
	uint64_t version = get_u64(&v), flags = get_u64(&v);
	ch->apart = flags & 4;
	flags &= ~UINT64_C(4);
	if (ch->apart != (ch->pipe >= 0))
		return MALFORMED;
	get_u64(&v);
	struct application_state *known = application_of(get_bytes(&v));
	if (version != 1 || flags > 2 || v.failed || v.len)
		return MALFORMED;
	shared->hello[flags]++;
	if (flags && !known)
		return APP_UNKNOWN;
	if (flags == 1 && shared->deny_joins)
		return DENIED;
	ch->app = flags == 1 ? known : application_new(known);
	put_bytes(out, ch->app->secret, 32);
	pid_t epoch = getpid();
	put_bytes(out, &epoch, sizeof epoch);
	put_u64(out, 0);
	return 0;
}

static void slots(struct buf *out)
{
	put_u32(out, 1);
	put_u64(out, 7);
	put_bytes(out, "test token", 10);
	put_bytes(out, "0123456789abcdef", 16);
	put_u64(out, CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED);
	put_u64(out, 4);
	put_u64(out, 255);
	put_u64(out, 100);
}

static const struct {
	uint64_t id, flags, shape, key_type;
} mechanisms[] = {
	{CKM_RSA_PKCS, CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT, 0, CKK_RSA},
	{CKM_ML_KEM, CKF_ENCAPSULATE | CKF_DECAPSULATE, 0, CKK_ML_KEM},
	{CKM_SHA256, CKF_DIGEST, 0, CK_UNAVAILABLE_INFORMATION},
	{CKM_ECDSA, CKF_SIGN | CKF_VERIFY, 0, CKK_EC},
	{CKM_SP800_108_COUNTER_KDF, CKF_DERIVE, 12, CKK_AES},
	{CKM_AES_CBC_PAD, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP, 1, CKK_AES},
	{CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT, 6, CKK_AES},
	{MECHANISM_VENDOR_BYTES, CKF_SIGN, 1, CKK_GENERIC_SECRET},
	{MECHANISM_VENDOR_OTHER, CKF_SIGN, 99, CKK_GENERIC_SECRET},
};

static void mechanism_list(struct buf *out)
{
	size_t n = sizeof mechanisms / sizeof *mechanisms;
	put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		put_u64(out, mechanisms[i].id);
		put_u64(out, 16);
		put_u64(out, 4096);
		put_u64(out, mechanisms[i].flags);
		put_u64(out, mechanisms[i].shape);
		bool any = mechanisms[i].key_type == CK_UNAVAILABLE_INFORMATION;
		put_u32(out, any ? 0 : 1);
		if (!any)
			put_u64(out, mechanisms[i].key_type);
	}
}

static bool summary(struct buf *out, uint64_t handle)
{
	static const uint64_t fixed[][6] = {
		{KEY_SIGN, CKO_PRIVATE_KEY, CKK_EC, 4, 256, 3}, {KEY_VERIFY, CKO_PUBLIC_KEY, CKK_EC, 8, 256, 1},
		{KEY_AES, CKO_SECRET_KEY, CKK_AES, 1 | 2 | 16 | 32 | 64, 256, 3}, {KEY_ALWAYS, CKO_PRIVATE_KEY, CKK_EC, 4, 256, 7},
		{KEY_RSA, CKO_PRIVATE_KEY, CKK_RSA, 2 | 4, 2048, 3}, {KEY_KEM, CKO_PUBLIC_KEY, CKK_ML_KEM, 128, 2, 1},
		{KEY_LISTED, CKO_PRIVATE_KEY, CKK_EC, 4, 256, 35}, {OBJECT_DATA, CKO_DATA, CK_UNAVAILABLE_INFORMATION, 0, 0, 1},
		{KEY_VENDOR, CKO_SECRET_KEY, CKK_GENERIC_SECRET, 4, 256, 1}, {KEY_LATER, CKO_PRIVATE_KEY, CKK_EC, 4, 256, 3},
	};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (fixed[i][0] == handle) {
			size_t at = out->len;
			put_raw(out, fixed[i], sizeof fixed[i]);
			if (handle == KEY_LATER && shared->usage)
				set_u32(out, at + 24, (uint32_t)shared->usage);
			return true;
		}
	uint64_t other[6] = {handle, CKO_SECRET_KEY, CKK_AES, 3, 256, 0};
	if (handle >= OBJECTS_MANY)
		put_raw(out, other, sizeof other);
	return handle >= OBJECTS_MANY;
}

static void one_object(struct buf *out, uint64_t handle)
{
	put_u32(out, 1);
	summary(out, handle);
}

static void find(struct session_state *s, uint64_t most, struct buf *out)
{
	uint64_t all = 9 + (uint64_t)shared->objects, n = all - s->found < most ? all - s->found : most;
	s->searching = true;
	put_u8(out, s->found + n < all);
	put_u32(out, (uint32_t)n);
	for (; n; n--, s->found++)
		summary(out, s->found < 9 ? KEY_SIGN + s->found : OBJECTS_MANY + s->found - 9);
}

static void values(struct view v, struct buf *out)
{
	uint32_t n = get_u32(&v);
	put_u32(out, n);
	for (; n; n--) {
		uint64_t type = get_u64(&v), class = CKO_PRIVATE_KEY;
		put_u64(out, type);
		put_u8(out, type == CKA_VALUE ? 2 : type == CKA_LABEL || type == CKA_CLASS || type == CKA_WRAP_TEMPLATE ? 0 : 1);
		if (type == CKA_LABEL) {
			put_bytes(out, "key one", 7);
		} else if (type == CKA_CLASS) {
			put_bytes(out, &class, 8);
		} else if (type == CKA_WRAP_TEMPLATE) { /* {CLASS = private key, LABEL = "in"} */
			put_u32(out, 4 + 12 + 8 + 12 + 2);
			put_u32(out, 2);
			put_u64(out, CKA_CLASS);
			put_bytes(out, &class, 8);
			put_u64(out, CKA_LABEL);
			put_bytes(out, "in", 2);
		} else {
			put_bytes(out, NULL, 0);
		}
	}
}

static uint16_t log_in(struct channel_state *ch, struct session_state *s, struct view v, struct buf *out)
{
	uint64_t user = get_u64(&v);
	get_bytes(&v);
	struct view pin = get_bytes(&v);
	if (pin.len != 4 || memcmp(pin.p, "1234", 4) != 0)
		return PIN_INCORRECT;
	if (user == CKU_CONTEXT_SPECIFIC) {
		s->authenticated = true;
		put_bytes(out, NULL, 0);
		return 0;
	}
	if (ch->app->logged_in)
		return ALREADY_LOGGED_IN;
	ch->app->logged_in = true;
	put_bytes(out, "a ticket", 8);
	return 0;
}

static void close_session(struct channel_state *ch, struct session_state *s)
{
	for (int use = 0; use < 6; use++)
		buf_free(&s->data[use]);
	memset(s, 0, sizeof *s);
	for (int i = 0; i < SESSIONS; i++)
		if (ch->app->sessions[i].id)
			return;
	ch->app->logged_in = false; /* as the core does */
}

/* Calls that need no session. */
static bool without_session(struct channel_state *ch, uint16_t call, struct view v, struct buf *out, uint16_t *fault)
{
	*fault = 0;
	switch (call) {
	case CALL_HELLO: *fault = hello(ch, v, out); return true;
	case CALL_SLOTS: slots(out); return true;
	case CALL_MECHANISMS: mechanism_list(out); return true;
	case CALL_INIT_TOKEN: return true;
	case CALL_RESUME: {
		get_u64(&v);
		struct view ticket = get_bytes(&v);
		ch->app->logged_in = !shared->bad_tickets && ticket.len == 8;
		put_u64(out, CKU_USER);
		*fault = ch->app->logged_in ? 0 : TICKET_INVALID;
		return true;
	}
	case CALL_SESSION_OPEN: {
		get_u64(&v);
		uint64_t id = get_u64(&v);
		struct session_state *s = session_of(ch, id);
		if (!s && (s = session_of(ch, 0)))
			s->id = id;
		return true;
	}
	case CALL_SESSION_CLOSE: {
		uint64_t id = get_u64(&v);
		for (int i = 0; i < SESSIONS; i++)
			if (ch->app->sessions[i].id && (!id || ch->app->sessions[i].id == id))
				close_session(ch, &ch->app->sessions[i]);
		return true;
	}
	}
	return false;
}

uint16_t answer(struct channel_state *ch, uint16_t call, struct view v, struct buf *out)
{
	uint16_t fault;
	if (!ch->app && call != CALL_HELLO)
		return APP_UNKNOWN;
	if (shared->busy && call != CALL_HELLO) {
		shared->busy--;
		return BUSY;
	}
	if (shared->fault_on == call) {
		shared->fault_on = 0;
		return (uint16_t)shared->fault;
	}
	if (without_session(ch, call, v, out, &fault)) {
		shared->logged_in = ch->app ? ch->app->logged_in : 0;
		return fault;
	}
	struct session_state *s = session_of(ch, get_u64(&v));
	if (!s)
		return SESSION_UNKNOWN;
	switch (call) {
	case CALL_LOGIN: fault = log_in(ch, s, v, out); break;
	case CALL_LOGOUT:
		fault = ch->app->logged_in ? 0 : NOT_LOGGED_IN;
		ch->app->logged_in = false;
		break;
	case CALL_INIT_PIN: case CALL_SET_PIN: case CALL_SEED: case CALL_SET: case CALL_DESTROY: case CALL_FIND_END: break;
	case CALL_CREATE: case CALL_COPY: case CALL_GENERATE: case CALL_UNWRAP: case CALL_DECAPSULATE:
		one_object(out, OBJECTS_MANY + ++made);
		break;
	case CALL_GENERATE_PAIR:
		put_u32(out, 2);
		summary(out, OBJECTS_MANY + ++made);
		summary(out, OBJECTS_MANY + ++made);
		break;
	case CALL_DERIVE:
		take_mechanism(&v);
		one_object(out, OBJECTS_MANY + ++made);
		put_u32(out, 2);
		put_u64(out, 501);
		put_u64(out, 502);
		break;
	case CALL_ENCAPSULATE:
		put_u32(out, 1088);
		for (int i = 0; i < 1088; i++)
			put_u8(out, 0xC7);
		one_object(out, OBJECTS_MANY + ++made);
		break;
	case CALL_SIZE: put_u64(out, 321); break;
	case CALL_GET: {
		uint64_t object = get_u64(&v);
		fault = object == 9999 ? OBJECT_UNKNOWN : 0;
		values(v, out);
		break;
	}
	case CALL_FIND:
		s->found = 0;
		v.p += v.len - 8, v.len = 8; /* the template is not looked at */
		/* fall through */
	case CALL_FIND_NEXT:
		if (call == CALL_FIND_NEXT && !s->searching)
			return OPERATION_NOT_ACTIVE;
		find(s, get_u64(&v), out);
		break;
	case CALL_SUMMARY: {
		size_t at = out->len;
		put_u32(out, 1);
		if (!summary(out, get_u64(&v)))
			fault = OBJECT_UNKNOWN, out->len = at;
		break;
	}
	case CALL_WRAP: made++, put_u32(out, 24), put_u64(out, made), put_u64(out, made), put_u64(out, made); break;
	case CALL_RANDOM: {
		uint64_t n = get_u64(&v);
		put_u32(out, (uint32_t)n);
		for (; n; n--)
			put_u8(out, (uint8_t)n);
		break;
	}
	case CALL_ENCRYPT: case CALL_DECRYPT: case CALL_SIGN: case CALL_VERIFY: case CALL_DIGEST:
		fault = one_shot(s, call, v, out);
		break;
	case CALL_MSG_ENCRYPT: case CALL_MSG_DECRYPT: fault = one_message(call, v, out); break;
	case CALL_BEGIN: case CALL_UPDATE: case CALL_FINAL: case CALL_CANCEL: fault = in_parts(s, call, v, out); break;
	case CALL_DIGEST_KEY: put_raw(&s->data[5], "k", 1); break;
	case CALL_SAVE: put_bytes(out, s->data[5].p, s->data[5].len); break;
	case CALL_RESTORE: {
		struct view state = get_bytes(&v);
		s->data[5].len = 0;
		put_raw(&s->data[5], state.p, state.len);
		s->running[5] = true;
		break;
	}
	default: fault = UNSUPPORTED;
	}
	shared->logged_in = ch->app->logged_in;
	return fault;
}
