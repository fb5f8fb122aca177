/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures that 3.0 and 3.2 brought: verification with the signature given first, ML-DSA, SLH-DSA, the EdDSA family.
 * What is signed here goes to the results, for a library that is not ours to verify.
 */
#include "v3.h"

static const CK_BYTE message[] = "what is signed";
static CK_BYTE sig[50000];

/* result writes one signature for the checkers. */
static void result(CK_ULONG pub, const char *scheme, CK_ULONG set, const char *hash, const void *ctx, CK_ULONG ctx_len, const void *signed_data,
                   CK_ULONG len, CK_ULONG sig_len) {
    put_text("scheme", scheme);
    put_number("set", set);
    put_text("hash", hash);
    if (strcmp(scheme, "EdDSA"))
        put_attribute("public", pub, CKA_VALUE);
    else
        put_attribute("public", pub, CKA_EC_POINT);
    put("ctx", ctx, ctx_len);
    put("message", signed_data, len);
    put("signature", sig, sig_len);
    put_end();
}

/* both signs and verifies, and sees that another message or context is refused. */
static CK_ULONG both(CK_MECHANISM *m, CK_ULONG pub, CK_ULONG priv, const void *data, CK_ULONG len) {
    CK_ULONG n = 0, short_len;
    OK(p11->C_SignInit(session, m, priv));
    OK(p11->C_Sign(session, (CK_BYTE *)data, len, NULL, &n));
    CHECK(n > 0 && n <= sizeof sig);
    short_len = n - 1;
    GIVES(CKR_BUFFER_TOO_SMALL, p11->C_Sign(session, (CK_BYTE *)data, len, sig, &short_len));
    CHECK(short_len == n);
    OK(p11->C_Sign(session, (CK_BYTE *)data, len, sig, &n));
    OK(verify(m, pub, data, len, sig, n));
    sig[n / 2] ^= 4;
    GIVES(CKR_SIGNATURE_INVALID, verify(m, pub, data, len, sig, n));
    sig[n / 2] ^= 4;
    return n;
}

void verify_signature_first(void) {
    CK_ULONG pub, priv, n = sizeof sig;
    p256(0, &pub, &priv);
    CK_MECHANISM m = MECH(CKM_ECDSA_SHA256);
    OK(sign(&m, priv, message, sizeof message, sig, &n));

    OK(p11->C_VerifySignatureInit(session, &m, pub, sig, n));
    OK(p11->C_VerifySignature(session, (CK_BYTE *)message, sizeof message));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_VerifySignature(session, (CK_BYTE *)message, sizeof message));

    OK(p11->C_VerifySignatureInit(session, &m, pub, sig, n));
    for (size_t i = 0; i < sizeof message; i += 3)
        OK(p11->C_VerifySignatureUpdate(session, (CK_BYTE *)message + i, sizeof message - i < 3 ? sizeof message - i : 3));
    OK(p11->C_VerifySignatureFinal(session));

    OK(p11->C_VerifySignatureInit(session, &m, pub, sig, n));
    GIVES(CKR_SIGNATURE_INVALID, p11->C_VerifySignature(session, (CK_BYTE *)message, sizeof message - 1));
    OK(p11->C_VerifySignatureInit(session, &m, pub, sig, n));
    OK(p11->C_VerifySignatureUpdate(session, (CK_BYTE *)message, 4));
    GIVES(CKR_SIGNATURE_INVALID, p11->C_VerifySignatureFinal(session));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_VerifySignatureFinal(session));

    /* The library keeps the signature: the caller's copy may change after Init. */
    OK(p11->C_VerifySignatureInit(session, &m, pub, sig, n));
    memset(sig, 0, n);
    OK(p11->C_VerifySignature(session, (CK_BYTE *)message, sizeof message));
}

static void pq_pair(CK_ULONG mechanism, CK_ULONG set, CK_ULONG *pub, CK_ULONG *priv) {
    TEMPLATE(t, NUMBER(CKA_PARAMETER_SET, set), NO(CKA_TOKEN), YES(CKA_VERIFY));
    TEMPLATE(u, NO(CKA_TOKEN), YES(CKA_SIGN));
    generate_pair(mechanism, t, COUNT(t), u, COUNT(u), pub, priv);
    CHECK(get_number(*pub, CKA_PARAMETER_SET) == set && get_number(*priv, CKA_PARAMETER_SET) == set);
    CHECK(get_number(*priv, CKA_KEY_GEN_MECHANISM) == mechanism);
}

void ml_dsa_signatures(void) {
    for (CK_ULONG set = 1; set <= 3; set++) {
        CK_ULONG pub, priv, n;
        pq_pair(CKM_ML_DSA_KEY_PAIR_GEN, set, &pub, &priv);

        CK_MECHANISM plain = MECH(CKM_ML_DSA);
        n = both(&plain, pub, priv, message, sizeof message);
        result(pub, "ML-DSA", set, "", NULL, 0, message, sizeof message, n);

        CK_BYTE ctx[255];
        memset(ctx, 'c', sizeof ctx);
        CK_SIGN_ADDITIONAL_CONTEXT p = {CKH_DETERMINISTIC_REQUIRED, ctx, 5};
        CK_MECHANISM with = MECHP(CKM_ML_DSA, p);
        n = both(&with, pub, priv, message, sizeof message);
        result(pub, "ML-DSA", set, "", ctx, 5, message, sizeof message, n);
        GIVES(CKR_SIGNATURE_INVALID, verify(&plain, pub, message, sizeof message, sig, n)); /* the context counts */
        CK_BYTE again[sizeof sig];
        CK_ULONG n2 = sizeof again;
        OK(sign(&with, priv, message, sizeof message, again, &n2));
        CHECK(n2 == n && !memcmp(again, sig, n)); /* deterministic */
        p.hedgeVariant = CKH_HEDGE_PREFERRED;
        n2 = sizeof again;
        OK(sign(&with, priv, message, sizeof message, again, &n2));
        CHECK(memcmp(again, sig, n)); /* hedged */
        p.ulContextLen = 255;
        n = both(&with, pub, priv, message, sizeof message);
        result(pub, "ML-DSA", set, "", ctx, 255, message, sizeof message, n);
        p.ulContextLen = 256;
        n2 = sizeof again;
        GIVES(CKR_MECHANISM_PARAM_INVALID, sign(&with, priv, message, sizeof message, again, &n2));

        p.ulContextLen = 3;
        CK_MECHANISM hashed = MECHP(CKM_HASH_ML_DSA_SHA512, p), shake = MECHP(CKM_HASH_ML_DSA_SHAKE256, p);
        n = both(&hashed, pub, priv, message, sizeof message);
        result(pub, "HashML-DSA", set, "SHA-512", ctx, 3, message, sizeof message, n);
        GIVES(CKR_SIGNATURE_INVALID, verify(&shake, pub, message, sizeof message, sig, n));
        n = both(&shake, pub, priv, message, sizeof message);
        result(pub, "HashML-DSA", set, "SHAKE256", ctx, 3, message, sizeof message, n);

        /* CKM_HASH_ML_DSA takes the digest and says in its parameter whose it is. */
        CK_BYTE digest[32];
        CK_ULONG dn = sizeof digest;
        CK_MECHANISM sha = MECH(CKM_SHA256);
        OK(p11->C_DigestInit(session, &sha));
        OK(p11->C_Digest(session, (CK_BYTE *)message, sizeof message, digest, &dn));
        CK_HASH_SIGN_ADDITIONAL_CONTEXT hp = {CKH_HEDGE_PREFERRED, ctx, 7, CKM_SHA256};
        CK_MECHANISM pre = MECHP(CKM_HASH_ML_DSA, hp);
        n = both(&pre, pub, priv, digest, sizeof digest);
        result(pub, "HashML-DSA", set, "SHA-256", ctx, 7, message, sizeof message, n);
        n2 = sizeof again;
        CHECK(sign(&pre, priv, digest, sizeof digest - 1, again, &n2) != CKR_OK); /* no digest of SHA-256 */
    }
}

/* The small sets sign a hundred times slower than the fast ones, so one of them stands for all. */
void slh_dsa_signatures(void) {
    static const CK_ULONG sets[] = {3, 4, 7, 8, 11, 12, 1}; /* SHA2-128F SHAKE-128F SHA2-192F SHAKE-192F SHA2-256F SHAKE-256F SHA2-128S */
    for (size_t i = 0; i < COUNT(sets); i++) {
        CK_ULONG pub, priv, n;
        pq_pair(CKM_SLH_DSA_KEY_PAIR_GEN, sets[i], &pub, &priv);
        CK_MECHANISM plain = MECH(CKM_SLH_DSA);
        n = both(&plain, pub, priv, message, sizeof message);
        result(pub, "SLH-DSA", sets[i], "", NULL, 0, message, sizeof message, n);
        CK_SIGN_ADDITIONAL_CONTEXT p = {CKH_DETERMINISTIC_REQUIRED, (CK_BYTE *)"context", 7};
        CK_MECHANISM with = MECHP(CKM_SLH_DSA, p), hashed = MECHP(CKM_HASH_SLH_DSA_SHA256, p);
        n = sizeof sig;
        OK(sign(&with, priv, message, sizeof message, sig, &n));
        result(pub, "SLH-DSA", sets[i], "", "context", 7, message, sizeof message, n);
        GIVES(CKR_SIGNATURE_INVALID, verify(&plain, pub, message, sizeof message, sig, n));
        if (sets[i] > 4) continue;
        n = sizeof sig;
        OK(sign(&hashed, priv, message, sizeof message, sig, &n));
        OK(verify(&hashed, pub, message, sizeof message, sig, n));
        result(pub, "HashSLH-DSA", sets[i], "SHA-256", "context", 7, message, sizeof message, n);
    }
}

void eddsa_variants(void) {
    static const CK_BYTE ed25519[] = {0x06, 0x03, 0x2B, 0x65, 0x70}, ed448[] = {0x06, 0x03, 0x2B, 0x65, 0x71};
    static const CK_BYTE *curves[] = {ed25519, ed448};
    for (CK_ULONG i = 0; i < 2; i++) {
        CK_ULONG pub, priv, n;
        TEMPLATE(t, BYTES(CKA_EC_PARAMS, curves[i], 5), NO(CKA_TOKEN), YES(CKA_VERIFY));
        TEMPLATE(u, NO(CKA_TOKEN), YES(CKA_SIGN));
        generate_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &pub, &priv);
        static const struct { const char *name; CK_BYTE ph; CK_ULONG ctx; } variants[] = {{"", 0, 0}, {"ctx", 0, 7}, {"ph", 1, 0}, {"ph", 1, 7}};
        for (size_t v = 0; v < COUNT(variants); v++) {
            CK_EDDSA_PARAMS p = {variants[v].ph, variants[v].ctx, (CK_BYTE *)"context"};
            CK_MECHANISM m = MECHP(CKM_EDDSA, p);
            if (v == 0 && i == 0) m = MECH(CKM_EDDSA); /* Ed25519 has no parameter, Ed448 always has one */
            n = both(&m, pub, priv, message, sizeof message);
            result(pub, "EdDSA", i ? 448 : 25519, variants[v].name, "context", variants[v].ctx, message, sizeof message, n);
        }
    }
}
