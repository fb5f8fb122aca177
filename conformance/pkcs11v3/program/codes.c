/* SPDX-License-Identifier: Apache-2.0
 *
 * Return codes that programs look at, how operations end, and the convention for lengths (section 5.2).
 */
#include "v3.h"

/* encrypt and decrypt give what Init refuses or, since a library may look at the key only when there is data, what the operation does. */
static CK_RV encrypt(CK_MECHANISM *m, CK_ULONG key, const void *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *n) {
    CK_RV rv = p11->C_EncryptInit(session, m, key);
    return rv ? rv : p11->C_Encrypt(session, (CK_BYTE *)in, len, out, n);
}

static CK_RV decrypt(CK_MECHANISM *m, CK_ULONG key, const void *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *n) {
    CK_RV rv = p11->C_DecryptInit(session, m, key);
    return rv ? rv : p11->C_Decrypt(session, (CK_BYTE *)in, len, out, n);
}

void codes_that_programs_notice(void) {
    CK_ULONG key = aes_key(16), pub, priv, n, h;
    CK_BYTE out[512], iv[16] = {0}, in[16] = {0};
    CK_MECHANISM ecb = MECH(CKM_AES_ECB), cbc = {CKM_AES_CBC, iv, 16}, ecdsa = MECH(CKM_ECDSA_SHA256), unknown = MECH(0x80005555);
    p256(0, &pub, &priv);

    n = sizeof out;
    GIVES(CKR_KEY_HANDLE_INVALID, encrypt(&ecb, key + 99999, in, 16, out, &n));
    GIVES(CKR_KEY_HANDLE_INVALID, sign(&ecdsa, 0, in, 16, out, &n));
    GIVES(CKR_OBJECT_HANDLE_INVALID, p11->C_DestroyObject(session, key + 99999));
    CK_ATTRIBUTE a = {CKA_CLASS, out, 8};
    GIVES(CKR_OBJECT_HANDLE_INVALID, p11->C_GetAttributeValue(session, key + 99999, &a, 1));
    GIVES(CKR_KEY_TYPE_INCONSISTENT, sign(&ecdsa, key, in, 16, out, &n));
    GIVES(CKR_MECHANISM_INVALID, encrypt(&unknown, key, in, 16, out, &n));
    unknown.pParameter = in, unknown.ulParameterLen = 16;
    GIVES(CKR_MECHANISM_INVALID, encrypt(&unknown, key, in, 16, out, &n)); /* with a parameter just the same */
    GIVES(CKR_MECHANISM_INVALID, p11->C_DeriveKey(session, &unknown, key, NULL, 0, &h));
    GIVES(CKR_MECHANISM_INVALID, p11->C_GenerateKey(session, &unknown, NULL, 0, &h));
    CK_MECHANISM short_iv = {CKM_AES_CBC, iv, 15}, no_iv = MECH(CKM_AES_CBC);
    GIVES(CKR_MECHANISM_PARAM_INVALID, encrypt(&short_iv, key, in, 16, out, &n));
    GIVES(CKR_MECHANISM_PARAM_INVALID, encrypt(&no_iv, key, in, 16, out, &n));
    CK_GCM_PARAMS gcm = {iv, 12, 96, NULL, 0, 130};
    CK_MECHANISM bad_tag = MECHP(CKM_AES_GCM, gcm);
    GIVES(CKR_MECHANISM_PARAM_INVALID, encrypt(&bad_tag, key, in, 16, out, &n));
    CK_MECHANISM truncated = {CKM_AES_GCM, &gcm, sizeof gcm - 8};
    GIVES(CKR_MECHANISM_PARAM_INVALID, encrypt(&truncated, key, in, 16, out, &n));
    CK_CCM_PARAMS ccm = {16, iv, 16, NULL, 0, 16};
    CK_MECHANISM long_nonce = MECHP(0x1088, ccm);
    GIVES(CKR_MECHANISM_PARAM_INVALID, encrypt(&long_nonce, key, in, 16, out, &n)); /* CCM has nonces of 7 to 13 bytes */

    GIVES(CKR_DATA_LEN_RANGE, encrypt(&ecb, key, in, 15, out, &n));
    GIVES(CKR_ENCRYPTED_DATA_LEN_RANGE, decrypt(&ecb, key, in, 15, out, &n));
    CK_MECHANISM pad = {CKM_AES_CBC_PAD, iv, 16};
    OK(encrypt(&cbc, key, in, 16, out, &n)); /* a block that ends in zero: no padding */
    CK_BYTE unpadded[16];
    memcpy(unpadded, out, 16);
    n = sizeof out;
    GIVES(CKR_ENCRYPTED_DATA_INVALID, decrypt(&pad, key, unpadded, 16, out, &n));
    GIVES(CKR_SIGNATURE_LEN_RANGE, verify(&ecdsa, pub, in, 16, out, 66));
    memset(out, 1, 64);
    GIVES(CKR_SIGNATURE_INVALID, verify(&ecdsa, pub, in, 16, out, 64));

    TEMPLATE(no_use, NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN), NO(CKA_ENCRYPT), NO(CKA_EXTRACTABLE));
    CK_ULONG mute = generate(CKM_AES_KEY_GEN, no_use, COUNT(no_use));
    n = sizeof out;
    GIVES(CKR_KEY_FUNCTION_NOT_PERMITTED, encrypt(&ecb, mute, in, 16, out, &n));
    CK_MECHANISM kw = MECH(CKM_AES_KEY_WRAP);
    GIVES(CKR_KEY_UNEXTRACTABLE, p11->C_WrapKey(session, &kw, key, mute, out, &n));
    GIVES(CKR_KEY_HANDLE_INVALID, p11->C_WrapKey(session, &kw, key, key + 99999, out, &n));
    GIVES(CKR_WRAPPING_KEY_HANDLE_INVALID, p11->C_WrapKey(session, &kw, key + 99999, key, out, &n));

    CK_MECHANISM gen = MECH(CKM_AES_KEY_GEN);
    TEMPLATE(none, NO(CKA_TOKEN));
    GIVES(CKR_TEMPLATE_INCOMPLETE, p11->C_GenerateKey(session, &gen, none, 1, &h));
    TEMPLATE(odd, NUMBER(CKA_VALUE_LEN, 17));
    CK_RV rv = p11->C_GenerateKey(session, &gen, odd, 1, &h);
    CHECK(rv == CKR_KEY_SIZE_RANGE || rv == CKR_ATTRIBUTE_VALUE_INVALID);
    TEMPLATE(twice, NUMBER(CKA_VALUE_LEN, 16), NUMBER(CKA_CLASS, CKO_PUBLIC_KEY));
    GIVES(CKR_TEMPLATE_INCONSISTENT, p11->C_GenerateKey(session, &gen, twice, 2, &h));
    TEMPLATE(local, NUMBER(CKA_VALUE_LEN, 16), YES(CKA_LOCAL));
    rv = p11->C_GenerateKey(session, &gen, local, 2, &h);
    CHECK(rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT);
    TEMPLATE(shape, NUMBER(CKA_VALUE_LEN, 16), BYTES(CKA_ENCRYPT, in, 2));
    GIVES(CKR_ATTRIBUTE_VALUE_INVALID, p11->C_GenerateKey(session, &gen, shape, 2, &h));

    GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_CloseSession(session + 4711));
    GIVES(CKR_FUNCTION_NOT_PARALLEL, p11->C_GetFunctionStatus(session));
    GIVES(CKR_FUNCTION_NOT_PARALLEL, p11->C_CancelFunction(session));
    GIVES(CKR_CRYPTOKI_ALREADY_INITIALIZED, p11->C_Initialize(NULL));
    GIVES(CKR_ARGUMENTS_BAD, p11->C_Finalize(in));

    CK_ULONG ro = open_session(0);
    TEMPLATE(token, NUMBER(CKA_VALUE_LEN, 16), YES(CKA_TOKEN));
    GIVES(CKR_SESSION_READ_ONLY, p11->C_GenerateKey(ro, &gen, token, 2, &h));
    OK(encrypt(&cbc, key, in, 16, out, &n));
    TEMPLATE(fixed, NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN), NO(CKA_MODIFIABLE), NO(CKA_COPYABLE), NO(CKA_DESTROYABLE));
    h = generate(CKM_AES_KEY_GEN, fixed, COUNT(fixed));
    TEMPLATE(label, BYTES(CKA_LABEL, "x", 1));
    GIVES(CKR_ACTION_PROHIBITED, p11->C_SetAttributeValue(session, h, label, 1));
    GIVES(CKR_ACTION_PROHIBITED, p11->C_CopyObject(session, h, label, 1, &n));
    GIVES(CKR_ACTION_PROHIBITED, p11->C_DestroyObject(session, h));
}

/* Section 5.2 and the text of each function: an error ends an operation, a question for the length does not. */
void operations_end_as_the_standard_says(void) {
    CK_ULONG key = aes_key(16), n;
    CK_BYTE out[64], in[32] = {0}, iv[16] = {0};
    CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, sha = MECH(CKM_SHA256);

    OK(p11->C_EncryptInit(session, &cbc, key));
    GIVES(CKR_OPERATION_ACTIVE, p11->C_EncryptInit(session, &cbc, key));
    n = sizeof out;
    GIVES(CKR_DATA_LEN_RANGE, p11->C_Encrypt(session, in, 15, out, &n));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Encrypt(session, in, 16, out, &n)); /* the error ended it */
    OK(p11->C_EncryptInit(session, &cbc, key));
    OK(p11->C_Encrypt(session, in, 16, NULL, &n)); /* the question did not */
    CHECK(n >= 16);
    n = 1;
    GIVES(CKR_BUFFER_TOO_SMALL, p11->C_Encrypt(session, in, 16, out, &n)); /* nor did the answer "too small" */
    n = sizeof out;
    OK(p11->C_Encrypt(session, in, 16, out, &n));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Encrypt(session, in, 16, out, &n));

    /* One-shot after parts is not possible. */
    OK(p11->C_DigestInit(session, &sha));
    OK(p11->C_DigestUpdate(session, in, 16));
    n = sizeof out;
    GIVES(CKR_OPERATION_ACTIVE, p11->C_Digest(session, in, 16, out, &n));
    OK(p11->C_SessionCancel(session, CKF_DIGEST));

    /* Updates of no bytes count as parts. */
    OK(p11->C_DigestInit(session, &sha));
    OK(p11->C_DigestUpdate(session, in, 0));
    OK(p11->C_DigestUpdate(session, NULL, 0));
    n = sizeof out;
    OK(p11->C_DigestFinal(session, out, &n));
    static const CK_BYTE of_nothing[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14}; /* FIPS 180-4 SHA-256 of no bytes */
    CHECK(n == 32 && !memcmp(out, of_nothing, sizeof of_nothing));

    /* Parts of any length; what was held back comes later. */
    OK(p11->C_EncryptInit(session, &cbc, key));
    CK_ULONG total = 0;
    for (int i = 0; i < 32; i += 5) {
        n = sizeof out - total;
        OK(p11->C_EncryptUpdate(session, in + i, i + 5 > 32 ? 32 - i : 5, out + total, &n));
        total += n;
    }
    n = sizeof out - total;
    OK(p11->C_EncryptFinal(session, out + total, &n));
    CHECK(total + n == 32);
    CK_BYTE whole[32];
    n = sizeof whole;
    OK(encrypt(&cbc, key, in, 32, whole, &n));
    CHECK(!memcmp(whole, out, 32));

    /* In place. */
    memcpy(out, in, 32);
    n = sizeof out;
    OK(encrypt(&cbc, key, out, 32, out, &n));
    CHECK(!memcmp(whole, out, 32));
}

void sizes_and_short_buffers(void) {
    CK_ULONG pub, priv, n;
    CK_BYTE e[] = {1, 0, 1}, sig[256], d[64];
    TEMPLATE(t, NUMBER(CKA_MODULUS_BITS, 2048), BYTES(CKA_PUBLIC_EXPONENT, e, 3), NO(CKA_TOKEN), YES(CKA_VERIFY), YES(CKA_ENCRYPT));
    TEMPLATE(u, NO(CKA_TOKEN), YES(CKA_SIGN), YES(CKA_DECRYPT));
    generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &pub, &priv);
    CK_MECHANISM m = MECH(CKM_SHA256_RSA_PKCS), sha = MECH(CKM_SHA512), rsa = MECH(CKM_RSA_PKCS);
    OK(p11->C_SignInit(session, &m, priv));
    OK(p11->C_SignUpdate(session, sig, 100));
    OK(p11->C_SignFinal(session, NULL, &n));
    CHECK(n == 256);
    n = 255;
    GIVES(CKR_BUFFER_TOO_SMALL, p11->C_SignFinal(session, sig, &n));
    CHECK(n == 256);
    OK(p11->C_SignFinal(session, sig, &n));
    OK(p11->C_DigestInit(session, &sha));
    OK(p11->C_DigestUpdate(session, sig, 100));
    n = 63;
    GIVES(CKR_BUFFER_TOO_SMALL, p11->C_DigestFinal(session, d, &n));
    CHECK(n == 64);
    OK(p11->C_DigestFinal(session, d, &n));

    /* A decryption may ask for more room than it uses, never for less. */
    CK_BYTE ct[256], pt[256];
    n = sizeof ct;
    OK(encrypt(&rsa, pub, "short", 5, ct, &n));
    CHECK(n == 256);
    OK(p11->C_DecryptInit(session, &rsa, priv));
    OK(p11->C_Decrypt(session, ct, 256, NULL, &n));
    CHECK(n >= 5);
    n = sizeof pt;
    OK(p11->C_Decrypt(session, ct, 256, pt, &n));
    CHECK(n == 5 && !memcmp(pt, "short", 5));

    /* Bad padding is answered with the same other bytes each time. */
    ct[200] ^= 1;
    CK_BYTE one[256], two[256];
    CK_ULONG n1 = sizeof one, n2 = sizeof two;
    OK(decrypt(&rsa, priv, ct, 256, one, &n1));
    OK(decrypt(&rsa, priv, ct, 256, two, &n2));
    CHECK(n1 == n2 && !memcmp(one, two, n1));
}

/* A length beyond 4 GiB must not be taken for its low 32 bits, nor walked through: nothing of that size can be sent. */
void lengths_beyond_reason(void) {
    static const CK_ULONG lengths[] = {1UL << 32, (1UL << 32) + 16, 1UL << 63, -1UL, -16UL, 1UL << 31};
    CK_ULONG key = aes_key(16), n, h;
    CK_BYTE out[64], in[16] = {0}, iv[12] = {0}, tag[16];
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_ULONG len = lengths[i];
        CK_MECHANISM ecb = MECH(CKM_AES_ECB), sha = MECH(CKM_SHA256), gcm = MECH(CKM_AES_GCM);
        n = sizeof out;
        if (len >= 1UL << 63) { /* long data is sent in pieces, and only these lengths no data has */
            CHECK(encrypt(&ecb, key, in, len, out, &n) != CKR_OK);
            CHECK(decrypt(&ecb, key, in, len, out, &n) != CKR_OK);
            OK(p11->C_DigestInit(session, &sha));
            CHECK(p11->C_DigestUpdate(session, in, len) != CKR_OK);
            OK(p11->C_SessionCancel(session, CKF_DIGEST));
        }
        OK(p11->C_SessionCancel(session, CKF_ENCRYPT | CKF_DECRYPT));
        CK_GCM_MESSAGE_PARAMS p = {iv, 12, 0, CKG_NO_GENERATE, tag, 128};
        OK(p11->C_MessageEncryptInit(session, &gcm, key));
        CHECK(p11->C_EncryptMessage(session, &p, sizeof p, in, len, in, 16, out, &n) != CKR_OK);
        OK(p11->C_SessionCancel(session, 0x2));
        p11->C_MessageEncryptFinal(session);
        CK_GCM_PARAMS gp = {iv, 12, 96, in, len, 128};
        CK_MECHANISM with = MECHP(CKM_AES_GCM, gp);
        CHECK(encrypt(&with, key, in, 16, out, &n) != CKR_OK);
        OK(p11->C_SessionCancel(session, CKF_ENCRYPT));
        TEMPLATE(t, NUMBER(CKA_CLASS, CKO_DATA), BYTES(CKA_VALUE, in, len));
        CHECK(p11->C_CreateObject(session, t, COUNT(t), &h) != CKR_OK);
        CHECK(p11->C_GenerateRandom(session, NULL, len) != CKR_OK);
    }
}
