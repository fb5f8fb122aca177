/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the module share. The life of a call: enter() finds the session and locks it, request() gives a
 * buffer to write the body into, call() sends it and reads the answer into c->in, leave() gives everything back.
 *
 * Locks, in the order in which they are taken: session.lock (held during a whole call on that session), module.hello
 * (held while one thread makes the application), module.lock (the tables; never held during I/O).
 */
#ifndef GENBU_MODULE_H
#define GENBU_MODULE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "cryptoki.h"
#include "wire.h"

/* Limits. */
enum {
	CHANNELS_MAX = 128,        /* channels of one process; a 129th thread waits for one */
	CHANNEL_IDLE = 120,        /* seconds until a spare channel is closed */
	HOLD_MAX = 16 << 10,       /* digest, sign, verify: input kept here so that short messages cost one round trip */
	ONE_SHOT_MAX = 8 << 20,    /* longer input goes in parts */
	PART_MAX = 1 << 20,
	RANDOM_MAX = 64 << 10,     /* random bytes asked for at once */
	TEMPLATE_DEPTH = 4,        /* templates within templates */
	SUMMARIES = 4096,          /* remembered object summaries; a power of two */
	SECRET_MAX = 64,           /* the application's secret is 32 bytes today */
	SPIN_FIRST = 50 * 1000,    /* ns; what a new channel expects of an answer: a P-256 signature takes 40-80 us */
	SPIN_MOST = 150 * 1000,    /* ns; beyond it a wake-up (35 us where measured) no longer counts */
};

/* A channel to the core: one request in flight. Owned by the call that took it; the links belong to module.lock. */
struct channel {
	struct channel *idle;   /* next in the pool */
	struct channel *next;   /* every channel */
	bool taken;
	int64_t used;           /* when it was given back, in seconds */
	struct descriptor {
		int fd;         /* -1: none */
		dev_t dev;      /* what fd was when it was made: a program that closes */
		ino_t ino;      /*   descriptors it does not know may have made it something else */
	} out, in;              /* requests, -1: not connected; answers, -1: they come on out too */
	uint64_t application;   /* generation that HELLO was said for */
	uint32_t sequence;
	int64_t typical;        /* how long an answer takes, in ns: says whether spinning is worth it */
	struct buf tx, rx, aux; /* request, answer, and small requests of our own sent before it */
};

/* A mechanism that a token offers. */
struct offered {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
	uint64_t shape;
	bool any_key;
	uint64_t key_types[2]; /* bits by CKK_*, which the standard numbers below 128 */
};

/* A slot and its token as SLOTS tells. Never freed, so that calls that are still running at C_Finalize may look at it.
 * Written under module.lock; what is not atomic is also read under it. */
struct slot {
	struct slot *_Atomic next;
	CK_SLOT_ID id;
	atomic_bool present;
	char label[32], serial[16];
	atomic_ulong flags;
	uint64_t pin_min, pin_max;
	atomic_bool logged_in;
	atomic_ulong user;
	struct buf ticket;
	atomic_uint sessions, writers; /* open here, whether or not the core knows of them */
	struct offered *offered;    /* the mechanisms, by rising type */
	size_t offered_count;
	uint64_t offered_in;        /* generation they were fetched in; 0 never */
};

/* Uses of a running operation, as BEGIN numbers them. */
enum use { USE_ENCRYPT = 1, USE_DECRYPT, USE_SIGN, USE_VERIFY, USE_DIGEST, USES };

/* A running operation. All fields belong to the session's lock. */
struct op {
	bool active;
	bool parts;             /* an Update has been made */
	bool asked;             /* a one-shot call asked for the size or had too little room */
	bool signature_first;   /* C_VerifySignatureInit */
	uint64_t core;          /* generation in which the core was told; 0: it knows nothing of it */
	CK_MECHANISM_TYPE type;
	const struct mech *mech; /* NULL: not in our table */
	CK_OBJECT_HANDLE key;
	uint64_t key_type, key_bits;
	size_t extra;           /* tag length, or the number that is the parameter */
	uint64_t pending;       /* input that has not come out yet */
	struct buf mechanism;   /* wire form M */
	struct buf held;        /* input that has not been sent yet */
	struct buf out;         /* output that found too little room */
	bool has_out;
	bool done;              /* out is the operation's last output: only giving it out is left */
	struct buf signature;   /* of C_VerifySignatureInit */
};

/* A message-based operation (3.0): its key stays, each message is one round trip. */
struct message_op {
	bool active, begun;
	CK_MECHANISM_TYPE type;
	CK_OBJECT_HANDLE key;
	struct buf aad, data;   /* of a message that comes in parts */
};

/* A running search. */
struct find {
	bool active, started, more;
	uint64_t core;          /* generation in which the core has a cursor */
	struct buf template;    /* wire form A */
	struct buf handles;     /* answered but not yet given out: u64 each */
	size_t given;
};

struct session {
	struct session *next;   /* hash chain; module.lock */
	CK_SESSION_HANDLE handle;
	uint64_t wire;          /* the number the core knows it by: handles of parent and child must differ there */
	struct slot *slot;
	CK_FLAGS flags;
	unsigned refs;          /* module.lock */
	atomic_bool closed;
	pthread_mutex_t lock;
	atomic_uint_fast64_t opened; /* generation in which SESSION_OPEN was sent; 0 never */
	struct op op[USES];
	struct message_op encrypt, decrypt;
	struct find find;
	/* The answer of a call that was made to learn a size, for the call that follows it at once. */
	uint16_t kept_call;
	struct buf kept_request, kept_answer;
};

struct module {
	atomic_bool initialized;
	atomic_int pid;                 /* of the process that owns the sockets */
	atomic_uint_fast64_t generation; /* counts the applications we had in the core; 0 before the first */
	atomic_int in_flight;
	atomic_bool modern;             /* a 3.x interface was asked for, so codes newer than 2.40 are understood */
	bool inherited;                 /* this is a forked child that has not called C_Initialize */
	uint64_t forks;                 /* ancestors that used the module: keeps session numbers of parent and child apart */

	pthread_mutex_t init;           /* one C_Initialize at a time */
	pthread_mutex_t lock;
	struct slot *_Atomic slots;
	struct session **sessions;      /* hash table */
	size_t session_buckets, session_count;
	CK_SESSION_HANDLE last_handle;
	struct channel *channels, *pool;
	unsigned channel_count;
	pthread_cond_t channel_free;
	struct summary *summaries;

	pthread_mutex_t hello;
	uint8_t secret[SECRET_MAX];     /* the following: written under both locks, read under either */
	size_t secret_len;
	bool secret_inherited;          /* it is the parent's: say HELLO with flag 2 */
	bool rights_changed;            /* it is our own, from before we became another user: the same, and a new generation */
	uint8_t epoch[SECRET_MAX];
	size_t epoch_len;

	/* Set by C_Initialize, then constant. */
	char socket[4096], debug[4096];
	bool fork_strict, spin;
	int64_t timeout_ms, reconnect_ms;
};
extern struct module module;

/* What is known of an object without asking again: the letter O. */
struct summary {
	CK_OBJECT_HANDLE handle;
	CK_SLOT_ID slot;
	uint64_t class, type, usage, bits, flags;
};
enum { SUMMARY_TOKEN = 1, SUMMARY_PRIVATE = 2, SUMMARY_ALWAYS_AUTH = 4, SUMMARY_ALLOWED = 32 };

/* One call of the application into the module. */
struct ctx {
	const char *function;
	struct session *s;      /* locked; NULL for calls that take none */
	struct channel *ch;
	struct view in;         /* the answer's body */
	bool keep;              /* do not drop the session's kept answer */
	bool hurry;             /* do not wait for a daemon that is away: C_CloseSession, C_Finalize */
	uint16_t fault;         /* of the last answer */
	uint64_t request;       /* its request id, for the debug log */
	uint8_t indicator;
	uint64_t left;
	struct buf none;        /* what request() gives when there is no channel to be had */
	char reason[96];
};

/* module.c: the frame of every call. */
CK_RV enter(struct ctx *c, const char *function);
CK_RV enter_session(struct ctx *c, const char *function, CK_SESSION_HANDLE handle);
CK_RV leave(struct ctx *c, CK_RV rv);
void say(struct ctx *c, const char *reason);
void debug_line(const struct ctx *c, CK_RV rv);

/* fork.c */
void fork_prepare_once(void);
void fork_became_child(void);

/* config.c */
void config_read(const char *reserved);

/* pool.c: channels. */
int64_t now_ms(void);
struct channel *channel_take(void);
void channel_give(struct channel *ch);
void channel_close(struct channel *ch);
bool channel_alive(const struct channel *ch);
void pool_close(void);

/* conn.c: one exchange. */
enum outcome {
	SENT_OK,
	SENT_NOT,       /* there was no connection, or it was gone before the request was on it */
	SENT_LOST,      /* the connection went while the answer was awaited */
	SENT_LATE,      /* no answer in time */
	SENT_BROKEN,    /* the peer does not speak this protocol */
	SENT_NO_MEMORY,
};
struct answer {
	uint16_t fault;
	uint64_t request;
	uint8_t indicator;
	struct view body;
};
enum outcome channel_connect(struct ctx *c, int64_t deadline);
enum outcome channel_exchange(struct channel *ch, uint16_t call, struct buf *request, int64_t deadline, struct answer *a);

/* call.c: a request with everything that must come before it. */
struct buf *request(struct ctx *c);
CK_RV call(struct ctx *c, uint16_t id);
CK_RV call_pinned(struct ctx *c, uint16_t id, uint64_t generation);
CK_RV call_kept(struct ctx *c, uint16_t id, bool keep, bool again);
void kept_drop(struct session *s);
CK_RV fault_rv(uint16_t fault);

/* hello.c: the application in the core. */
enum outcome application_join(struct ctx *c, int64_t deadline, uint16_t *fault);
void application_forget(uint64_t generation);
struct buf *small_request(struct channel *ch);

/* slot.c */
CK_RV slots_fetch(struct ctx *c);
CK_RV slots_learn(struct view v);
CK_RV slot_find(struct ctx *c, CK_SLOT_ID id, struct slot **slot);

/* mechinfo.c */
CK_RV mechanisms_learn(struct slot *slot, struct view v, uint64_t generation);
CK_RV mechanisms_fetch(struct ctx *c, struct slot *slot);
bool mechanism_offered(struct slot *slot, CK_MECHANISM_TYPE type, struct offered *out);
bool mechanism_fits(const struct offered *m, CK_KEY_TYPE key_type);

/* table.c: the sessions. */
struct session *session_new(struct slot *slot, CK_FLAGS flags);
struct session *session_get(CK_SESSION_HANDLE handle);
void session_put(struct session *s);
bool session_remove(struct session *s);
struct session *session_any_of(struct slot *slot);
void sessions_forget(void);
void sessions_after_fork(void);
void core_close(struct ctx *c, struct session *s);

/* summary.c */
void summary_learn(struct session *s, struct view objects);
void summary_forget(CK_OBJECT_HANDLE handle);
void summary_forget_private(CK_SLOT_ID slot);
void summary_forget_all(void);
CK_RV summary_of(struct ctx *c, CK_OBJECT_HANDLE key, struct summary *out, bool *remembered);
CK_RV take_objects(struct ctx *c, CK_OBJECT_HANDLE *handles, uint32_t n);

/* attrs.c */
CK_RV put_template(struct buf *b, const CK_ATTRIBUTE *attrs, CK_ULONG n);
CK_RV get_values(struct view v, CK_ATTRIBUTE *attrs, CK_ULONG n);

/* params.c, size.c */
enum shape {
	SHAPE_NONE, SHAPE_BYTES, SHAPE_ULONG, SHAPE_OAEP, SHAPE_PSS, SHAPE_CTR, SHAPE_GCM, SHAPE_CCM, SHAPE_CHACHA, SHAPE_ECDH1,
	SHAPE_RSAAES, SHAPE_HKDF, SHAPE_KBKDF, SHAPE_PBKDF2, SHAPE_EDDSA, SHAPE_SIGNCTX, SHAPE_HASHCTX, SHAPE_GCMMSG, SHAPE_CCMMSG,
	SHAPE_CHACHAMSG,
};
enum size_rule {
	SIZE_NONE, SIZE_FIXED, SIZE_PARAM, SIZE_MODULUS, SIZE_CURVE2, SIZE_EDWARDS, SIZE_MLDSA, SIZE_SLHDSA, SIZE_MLKEM, SIZE_SAME,
	SIZE_PADDED, SIZE_TAGGED,
};
struct mech {
	CK_MECHANISM_TYPE type;
	enum shape shape;
	enum size_rule rule;
	unsigned n, iv_min, iv_max;
};
const struct mech *mech_row(CK_MECHANISM_TYPE type);
CK_RV put_mechanism(struct buf *b, const CK_MECHANISM *m, struct slot *slot, size_t *extra);
size_t chacha_nonce_len(CK_ULONG n);
CK_RV derived_handles(const CK_MECHANISM *m, struct view *handles);
bool output_size(const struct op *op, enum use use, uint64_t in, size_t *size);
bool update_size(const struct op *op, uint64_t in, size_t *size);
bool final_size(const struct op *op, enum use use, size_t *size);
size_t ciphertext_size(const struct summary *key);

/* msgparams.c */
struct message_params {
	uint8_t *iv, *tag;
	size_t iv_len, tag_len;
};
CK_RV put_message_mechanism(struct buf *b, CK_MECHANISM_TYPE type, const void *p, CK_ULONG n, struct message_params *out);

/* op.c */
CK_RV op_init(struct ctx *c, enum use use, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV op_single(struct ctx *c, enum use use, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len);
CK_RV op_update(struct ctx *c, enum use use, const void *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_len);
CK_RV op_final(struct ctx *c, enum use use, CK_BYTE *out, CK_ULONG *out_len);
CK_RV op_check_key(struct ctx *c, enum use use, CK_OBJECT_HANDLE key, const struct offered *m, struct summary *k);
CK_RV op_tell(struct ctx *c, enum use use);
CK_RV op_flush(struct ctx *c, enum use use);
CK_RV op_send(struct ctx *c, enum use use, uint16_t id, const void *in, size_t n);
CK_RV op_fail(struct ctx *c, enum use use, CK_RV rv);
void op_end(struct op *op);
void op_abort(struct ctx *c, enum use use);
void op_free(struct op *op);
bool op_any(const struct session *s);
void message_end(struct message_op *m);
void find_end(struct find *f);

/* Answers a buffer by the rules of section 5.2: NULL asks for the size, a short one is CKR_BUFFER_TOO_SMALL. */
CK_RV answer_bytes(struct view v, CK_BYTE *out, CK_ULONG *out_len);

#endif
