/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of this program share: the library under test, a session, checks that name their line, and the file of results.
 */
#ifndef V3_H
#define V3_H

#include "../../cryptoki/cryptoki.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern CK_FUNCTIONS *p11;
extern void *library;
extern CK_ULONG slot, session; /* a read-write session, logged in as the user unless the test says otherwise */
extern const char *user_pin, *so_pin;
extern jmp_buf end_of_test;

/* must ends the test unless a call gives the CKR code; OK and GIVES are its two uses. */
void must(CK_RV got, CK_RV want, const char *what, const char *file, int line);
#define OK(call) must((call), 0, #call, __FILE__, __LINE__)
#define GIVES(rv, call) must((call), (rv), #call, __FILE__, __LINE__)
#define CHECK(cond) must((cond) ? 0 : 5, 0, #cond, __FILE__, __LINE__)
void fail(const char *file, int line, const char *what, CK_RV got);
void running_with(const char *what, CK_ULONG value); /* what a loop is at, for the line of a failure; NULL ends it */

/* put writes one named value of the running test for the checkers; a space ends a test's set: see check.py. */
void put(const char *name, const void *value, size_t len);
void put_number(const char *name, CK_ULONG value);
void put_text(const char *name, const char *value);
void put_end(void); /* one set of values is complete */

/* note says on standard output what the reader of the log should know. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

void login(void);
void fresh(void); /* a new session, logged in */
CK_ULONG open_session(CK_ULONG flags);

/* Templates: {type, value} rows. The macros give attributes their memory for the length of the block. */
#define BYTES(t, p, n) {(t), (void *)(p), (n)}
#define NUMBER(t, v) {(t), &(CK_ULONG){(v)}, sizeof(CK_ULONG)}
#define YES(t) {(t), &(CK_BYTE){1}, 1}
#define NO(t) {(t), &(CK_BYTE){0}, 1}
#define TEMPLATE(name, ...) CK_ATTRIBUTE name[] = {__VA_ARGS__}
#define COUNT(t) (sizeof(t) / sizeof(t)[0])
#define MECH(id) ((CK_MECHANISM){(id), NULL, 0})
#define MECHP(id, p) ((CK_MECHANISM){(id), &(p), sizeof(p)})

CK_ULONG generate(CK_ULONG mechanism, CK_ATTRIBUTE *t, CK_ULONG n);
void generate_pair(CK_ULONG mechanism, CK_ATTRIBUTE *pub, CK_ULONG npub, CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_ULONG *hpub, CK_ULONG *hpriv);
CK_ULONG aes_key(CK_ULONG len); /* every use, readable, a session object */
CK_ULONG get(CK_ULONG object, CK_ULONG type, void *out, CK_ULONG max); /* the attribute's length */
CK_ULONG get_number(CK_ULONG object, CK_ULONG type);
void put_attribute(const char *name, CK_ULONG object, CK_ULONG type);
CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *objects, CK_ULONG max);
CK_RV sign(CK_MECHANISM *m, CK_ULONG key, const void *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV verify(CK_MECHANISM *m, CK_ULONG key, const void *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG sig_len);
void p256(CK_ULONG token, CK_ULONG *pub, CK_ULONG *priv);

/* Numbers of the standard. */
enum {
    CKR_OK = 0, CKR_ARGUMENTS_BAD = 0x7, CKR_ATTRIBUTE_READ_ONLY = 0x10, CKR_ATTRIBUTE_SENSITIVE = 0x11, CKR_ATTRIBUTE_TYPE_INVALID = 0x12,
    CKR_ATTRIBUTE_VALUE_INVALID = 0x13, CKR_ACTION_PROHIBITED = 0x1B, CKR_DATA_INVALID = 0x20, CKR_DATA_LEN_RANGE = 0x21, CKR_DEVICE_ERROR = 0x30,
    CKR_ENCRYPTED_DATA_INVALID = 0x40, CKR_ENCRYPTED_DATA_LEN_RANGE = 0x41, CKR_AEAD_DECRYPT_FAILED = 0x42, CKR_FUNCTION_NOT_PARALLEL = 0x51,
    CKR_FUNCTION_NOT_SUPPORTED = 0x54, CKR_KEY_HANDLE_INVALID = 0x60, CKR_KEY_SIZE_RANGE = 0x62, CKR_KEY_TYPE_INCONSISTENT = 0x63,
    CKR_KEY_FUNCTION_NOT_PERMITTED = 0x68, CKR_KEY_NOT_WRAPPABLE = 0x69, CKR_KEY_UNEXTRACTABLE = 0x6A, CKR_MECHANISM_INVALID = 0x70,
    CKR_MECHANISM_PARAM_INVALID = 0x71, CKR_OBJECT_HANDLE_INVALID = 0x82, CKR_OPERATION_ACTIVE = 0x90, CKR_OPERATION_NOT_INITIALIZED = 0x91,
    CKR_PIN_INCORRECT = 0xA0, CKR_SESSION_HANDLE_INVALID = 0xB3, CKR_SESSION_READ_ONLY = 0xB5, CKR_SIGNATURE_INVALID = 0xC0,
    CKR_SIGNATURE_LEN_RANGE = 0xC1, CKR_TEMPLATE_INCOMPLETE = 0xD0, CKR_TEMPLATE_INCONSISTENT = 0xD1, CKR_USER_ALREADY_LOGGED_IN = 0x100,
    CKR_USER_NOT_LOGGED_IN = 0x101, CKR_USER_ANOTHER_ALREADY_LOGGED_IN = 0x104, CKR_WRAPPING_KEY_HANDLE_INVALID = 0x113,
    CKR_BUFFER_TOO_SMALL = 0x150, CKR_SAVED_STATE_INVALID = 0x160, CKR_STATE_UNSAVEABLE = 0x180, CKR_CRYPTOKI_NOT_INITIALIZED = 0x190,
    CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191,

    CKU_SO = 0, CKU_USER = 1, CKU_CONTEXT_SPECIFIC = 2,
    CKO_DATA = 0, CKO_PUBLIC_KEY = 2, CKO_PRIVATE_KEY = 3, CKO_SECRET_KEY = 4, CKO_PROFILE = 9,
    CKK_RSA = 0, CKK_EC = 3, CKK_GENERIC_SECRET = 0x10, CKK_AES = 0x1F, CKK_CHACHA20 = 0x33, CKK_EC_EDWARDS = 0x40, CKK_HKDF = 0x42,

    CKA_CLASS = 0x0, CKA_TOKEN = 0x1, CKA_PRIVATE = 0x2, CKA_LABEL = 0x3, CKA_UNIQUE_ID = 0x4, CKA_VALUE = 0x11, CKA_TRUSTED = 0x86,
    CKA_KEY_TYPE = 0x100, CKA_ID = 0x102, CKA_SENSITIVE = 0x103, CKA_ENCRYPT = 0x104, CKA_DECRYPT = 0x105, CKA_WRAP = 0x106, CKA_UNWRAP = 0x107,
    CKA_SIGN = 0x108, CKA_VERIFY = 0x10A, CKA_DERIVE = 0x10C, CKA_MODULUS = 0x120, CKA_MODULUS_BITS = 0x121, CKA_PUBLIC_EXPONENT = 0x122,
    CKA_PRIVATE_EXPONENT = 0x123, CKA_PRIME_1 = 0x124, CKA_PRIME_2 = 0x125, CKA_VALUE_LEN = 0x161, CKA_EXTRACTABLE = 0x162, CKA_LOCAL = 0x163,
    CKA_NEVER_EXTRACTABLE = 0x164, CKA_ALWAYS_SENSITIVE = 0x165, CKA_KEY_GEN_MECHANISM = 0x166, CKA_MODIFIABLE = 0x170, CKA_COPYABLE = 0x171,
    CKA_DESTROYABLE = 0x172, CKA_EC_PARAMS = 0x180, CKA_EC_POINT = 0x181, CKA_ALWAYS_AUTHENTICATE = 0x202, CKA_WRAP_WITH_TRUSTED = 0x210,
    CKA_PROFILE_ID = 0x601, CKA_PARAMETER_SET = 0x61D, CKA_ENCAPSULATE = 0x633, CKA_DECAPSULATE = 0x634, CKA_SEED = 0x637,
    CKA_WRAP_TEMPLATE = 0x40000211, CKA_UNWRAP_TEMPLATE = 0x40000212, CKA_DERIVE_TEMPLATE = 0x40000213, CKA_ALLOWED_MECHANISMS = 0x40000600,

    CKM_RSA_PKCS_KEY_PAIR_GEN = 0x0, CKM_RSA_PKCS = 0x1, CKM_RSA_X_509 = 0x3, CKM_RSA_PKCS_OAEP = 0x9, CKM_RSA_PKCS_PSS = 0xD, CKM_ML_KEM_KEY_PAIR_GEN = 0xF, CKM_ML_KEM = 0x17,
    CKM_ML_DSA_KEY_PAIR_GEN = 0x1C, CKM_ML_DSA = 0x1D, CKM_HASH_ML_DSA = 0x1F, CKM_HASH_ML_DSA_SHA512 = 0x26, CKM_HASH_ML_DSA_SHAKE256 = 0x2C,
    CKM_SLH_DSA_KEY_PAIR_GEN = 0x2D, CKM_SLH_DSA = 0x2E, CKM_HASH_SLH_DSA = 0x34, CKM_HASH_SLH_DSA_SHA256 = 0x37, CKM_HASH_SLH_DSA_SHAKE256 = 0x3F,
    CKM_SHA256_RSA_PKCS = 0x40, CKM_SHA256 = 0x250, CKM_SHA256_HMAC = 0x251, CKM_SHA512 = 0x270, CKM_SHA512_HMAC = 0x271, CKM_SHA3_256 = 0x2B0,
    CKM_GENERIC_SECRET_KEY_GEN = 0x350, CKM_SP800_108_COUNTER_KDF = 0x3AC, CKM_EC_KEY_PAIR_GEN = 0x1040, CKM_ECDSA = 0x1041,
    CKM_ECDSA_SHA256 = 0x1044, CKM_ECDH1_DERIVE = 0x1050, CKM_RSA_AES_KEY_WRAP = 0x1054, CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055,
    CKM_EDDSA = 0x1057, CKM_AES_KEY_GEN = 0x1080, CKM_AES_ECB = 0x1081, CKM_AES_CBC = 0x1082, CKM_AES_CBC_PAD = 0x1085, CKM_AES_CTR = 0x1086,
    CKM_AES_GCM = 0x1087, CKM_AES_KEY_WRAP = 0x2109, CKM_AES_KEY_WRAP_KWP = 0x210B, CKM_CHACHA20_KEY_GEN = 0x1225,
    CKM_CHACHA20_POLY1305 = 0x4021, CKM_HKDF_DERIVE = 0x402A, CKM_HKDF_DATA = 0x402B,

    CKF_RW_SESSION = 2, CKF_SERIAL_SESSION = 4, CKF_INTERFACE_FORK_SAFE = 1, CKF_END_OF_MESSAGE = 1,
    CKF_ENCRYPT = 0x100, CKF_DECRYPT = 0x200, CKF_DIGEST = 0x400, CKF_SIGN = 0x800, CKF_VERIFY = 0x2000, CKF_FIND_OBJECTS = 0x40,
    CKG_NO_GENERATE = 0, CKG_GENERATE = 1, CKG_GENERATE_RANDOM = 3,
    CKH_HEDGE_PREFERRED = 0, CKH_DETERMINISTIC_REQUIRED = 2,
};

#endif
