/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrapping, and what attributes of keys allow: section 4.9.1 "Wrapping and unwrapping of secret keys", templates, ALLOWED_MECHANISMS.
 */
#include "v3.h"

static CK_RV wrap(CK_ULONG mechanism, CK_ULONG kek, CK_ULONG key, CK_BYTE *out, CK_ULONG *n) {
    CK_MECHANISM m = MECH(mechanism);
    return p11->C_WrapKey(session, &m, kek, key, out, n);
}

void wrap_only_with_trusted(void) {
    CK_BYTE wrapped[64];
    CK_ULONG n = sizeof wrapped;
    TEMPLATE(t, NUMBER(CKA_VALUE_LEN, 32), YES(CKA_TOKEN), NO(CKA_PRIVATE), YES(CKA_WRAP), BYTES(CKA_LABEL, "kek", 3));
    CK_ULONG kek = generate(CKM_AES_KEY_GEN, t, COUNT(t));
    TEMPLATE(u, NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN), YES(CKA_EXTRACTABLE), YES(CKA_WRAP_WITH_TRUSTED));
    CK_ULONG key = generate(CKM_AES_KEY_GEN, u, COUNT(u));
    GIVES(CKR_KEY_NOT_WRAPPABLE, wrap(CKM_AES_KEY_WRAP, kek, key, wrapped, &n));
    TEMPLATE(off, NO(CKA_WRAP_WITH_TRUSTED));
    GIVES(CKR_ATTRIBUTE_READ_ONLY, p11->C_SetAttributeValue(session, key, off, 1)); /* cannot be taken back */
    TEMPLATE(trust, YES(CKA_TRUSTED));
    CHECK(p11->C_SetAttributeValue(session, kek, trust, 1) != CKR_OK); /* not the user's to say */

    OK(p11->C_Logout(session));
    OK(p11->C_Login(session, CKU_SO, (CK_BYTE *)so_pin, strlen(so_pin)));
    OK(p11->C_SetAttributeValue(session, kek, trust, 1));
    OK(p11->C_Logout(session));
    login();
    key = generate(CKM_AES_KEY_GEN, u, COUNT(u)); /* private session objects went with the login */
    n = sizeof wrapped;
    OK(wrap(CKM_AES_KEY_WRAP, kek, key, wrapped, &n));
    CHECK(n == 24);
    OK(p11->C_DestroyObject(session, kek));
}

void unwrap_template_binds_what_comes_out(void) {
    TEMPLATE(forced, NO(CKA_EXTRACTABLE), YES(CKA_SENSITIVE), NO(CKA_DECRYPT));
    TEMPLATE(t, NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN), YES(CKA_WRAP), YES(CKA_UNWRAP), BYTES(CKA_UNWRAP_TEMPLATE, forced, sizeof forced));
    CK_ULONG kek = generate(CKM_AES_KEY_GEN, t, COUNT(t)), key = aes_key(16), n = 64, h;
    CK_BYTE wrapped[64];
    OK(wrap(CKM_AES_KEY_WRAP_KWP, kek, key, wrapped, &n));

    CK_MECHANISM m = MECH(CKM_AES_KEY_WRAP_KWP);
    TEMPLATE(asked, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NO(CKA_TOKEN), YES(CKA_ENCRYPT));
    OK(p11->C_UnwrapKey(session, &m, kek, wrapped, n, asked, COUNT(asked), &h));
    CK_BYTE b;
    CHECK(get(h, CKA_EXTRACTABLE, &b, 1) == 1 && !b);
    CHECK(get(h, CKA_SENSITIVE, &b, 1) == 1 && b);
    CHECK(get(h, CKA_DECRYPT, &b, 1) == 1 && !b);
    CHECK(get(h, CKA_ENCRYPT, &b, 1) == 1 && b);
    CHECK(get(h, CKA_LOCAL, &b, 1) == 1 && !b);
    CHECK(get(h, CKA_ALWAYS_SENSITIVE, &b, 1) == 1 && !b);
    CHECK(get(h, CKA_NEVER_EXTRACTABLE, &b, 1) == 1 && !b);
    CHECK(get_number(h, CKA_VALUE_LEN) == 16);
    TEMPLATE(against, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NO(CKA_TOKEN), YES(CKA_EXTRACTABLE));
    GIVES(CKR_TEMPLATE_INCONSISTENT, p11->C_UnwrapKey(session, &m, kek, wrapped, n, against, COUNT(against), &h));

    /* The template reads back as it was given: length first, then the rows, then their values. */
    CK_ATTRIBUTE rows[3], whole = {CKA_UNWRAP_TEMPLATE, NULL, 0};
    memset(rows, 0, sizeof rows);
    OK(p11->C_GetAttributeValue(session, kek, &whole, 1));
    CHECK(whole.ulValueLen == sizeof rows);
    whole.pValue = rows;
    OK(p11->C_GetAttributeValue(session, kek, &whole, 1));
    CK_BYTE values[3] = {9, 9, 9};
    for (int i = 0; i < 3; i++) {
        CHECK(rows[i].ulValueLen == 1);
        rows[i].pValue = &values[i];
    }
    OK(p11->C_GetAttributeValue(session, kek, &whole, 1));
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            if (rows[i].type == forced[k].type) CHECK(values[i] == *(CK_BYTE *)forced[k].pValue);
}

void wrap_and_derive_templates(void) {
    TEMPLATE(only, NUMBER(CKA_KEY_TYPE, CKK_AES));
    TEMPLATE(t, NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN), YES(CKA_WRAP), BYTES(CKA_WRAP_TEMPLATE, only, sizeof only));
    CK_ULONG kek = generate(CKM_AES_KEY_GEN, t, COUNT(t)), n = 64, h;
    CK_BYTE wrapped[64];
    OK(wrap(CKM_AES_KEY_WRAP_KWP, kek, aes_key(16), wrapped, &n));
    TEMPLATE(g, NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN), YES(CKA_EXTRACTABLE));
    n = sizeof wrapped;
    GIVES(CKR_KEY_NOT_WRAPPABLE, wrap(CKM_AES_KEY_WRAP_KWP, kek, generate(CKM_GENERIC_SECRET_KEY_GEN, g, COUNT(g)), wrapped, &n));

    TEMPLATE(forced, NO(CKA_EXTRACTABLE));
    TEMPLATE(d, NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN), YES(CKA_DERIVE), BYTES(CKA_DERIVE_TEMPLATE, forced, sizeof forced));
    CK_ULONG base = generate(CKM_GENERIC_SECRET_KEY_GEN, d, COUNT(d));
    CK_HKDF_PARAMS p = {1, 1, CKM_SHA256, 1, NULL, 0, 0, (CK_BYTE *)"info", 4};
    CK_MECHANISM m = MECHP(CKM_HKDF_DERIVE, p);
    TEMPLATE(asked, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN));
    OK(p11->C_DeriveKey(session, &m, base, asked, COUNT(asked), &h));
    CK_BYTE b;
    CHECK(get(h, CKA_EXTRACTABLE, &b, 1) == 1 && !b);
    TEMPLATE(against, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NUMBER(CKA_VALUE_LEN, 16), YES(CKA_EXTRACTABLE));
    GIVES(CKR_TEMPLATE_INCONSISTENT, p11->C_DeriveKey(session, &m, base, against, COUNT(against), &h));
}

void allowed_mechanisms(void) {
    CK_ULONG list[] = {CKM_AES_GCM, CKM_AES_CBC_PAD};
    TEMPLATE(t, NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN), YES(CKA_ENCRYPT), YES(CKA_DECRYPT), YES(CKA_WRAP), YES(CKA_UNWRAP),
             BYTES(CKA_ALLOWED_MECHANISMS, list, sizeof list));
    CK_ULONG key = generate(CKM_AES_KEY_GEN, t, COUNT(t)), n = 64, h;
    CK_BYTE iv[16] = {0}, out[64], in[16] = {0};
    CK_MECHANISM pad = {CKM_AES_CBC_PAD, iv, 16}, ecb = MECH(CKM_AES_ECB);
    OK(p11->C_EncryptInit(session, &pad, key));
    OK(p11->C_Encrypt(session, in, 16, out, &n));
    CK_RV rv = p11->C_EncryptInit(session, &ecb, key);
    if (rv == CKR_OK) rv = p11->C_Encrypt(session, in, 16, out, &n);
    CHECK(rv == CKR_MECHANISM_INVALID);
    GIVES(CKR_MECHANISM_INVALID, wrap(CKM_AES_KEY_WRAP, key, aes_key(16), out, &n));
    TEMPLATE(u, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NO(CKA_TOKEN));
    CK_MECHANISM kw = MECH(CKM_AES_KEY_WRAP);
    GIVES(CKR_MECHANISM_INVALID, p11->C_UnwrapKey(session, &kw, key, out, 24, u, COUNT(u), &h));
    CK_ULONG back[4];
    CHECK(get(key, CKA_ALLOWED_MECHANISMS, back, sizeof back) == sizeof list && !memcmp(back, list, sizeof list));
}

/* A private key of RSA leaves the token under a public one; the checker opens it. */
void rsa_aes_key_wrap(void) {
    CK_ULONG pub, priv, spub, spriv, n = 0;
    CK_BYTE e[] = {1, 0, 1}, wrapped[4096];
    TEMPLATE(t, NUMBER(CKA_MODULUS_BITS, 2048), BYTES(CKA_PUBLIC_EXPONENT, e, 3), NO(CKA_TOKEN), YES(CKA_WRAP), YES(CKA_VERIFY));
    TEMPLATE(u, NO(CKA_TOKEN), YES(CKA_UNWRAP), YES(CKA_SIGN), NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE));
    generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &pub, &priv);
    generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &spub, &spriv);
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, 2, 1, NULL, 0};
    CK_RSA_AES_KEY_WRAP_PARAMS p = {256, &oaep};
    CK_MECHANISM m = MECHP(CKM_RSA_AES_KEY_WRAP, p);
    OK(p11->C_WrapKey(session, &m, pub, spriv, NULL, &n));
    CHECK(n <= sizeof wrapped);
    OK(p11->C_WrapKey(session, &m, pub, spriv, wrapped, &n));
    put_attribute("n", priv, CKA_MODULUS);
    put_attribute("d", priv, CKA_PRIVATE_EXPONENT);
    put_attribute("p", priv, CKA_PRIME_1);
    put_attribute("q", priv, CKA_PRIME_2);
    put("wrapped", wrapped, n);
    put_attribute("inner n", spriv, CKA_MODULUS);
    put_attribute("inner d", spriv, CKA_PRIVATE_EXPONENT);
    put_end();

    CK_ULONG h;
    TEMPLATE(back, NUMBER(CKA_CLASS, CKO_PRIVATE_KEY), NUMBER(CKA_KEY_TYPE, CKK_RSA), NO(CKA_TOKEN), YES(CKA_SIGN));
    OK(p11->C_UnwrapKey(session, &m, priv, wrapped, n, back, COUNT(back), &h));
    CK_MECHANISM s = MECH(CKM_SHA256_RSA_PKCS);
    CK_BYTE sig[256];
    n = sizeof sig;
    OK(sign(&s, h, "text", 4, sig, &n));
    OK(verify(&s, spub, "text", 4, sig, n));
}

/* Every mechanism that says CKF_WRAP wraps a key and gets it back. */
void every_mechanism_that_wraps(void) {
    static CK_BYTE iv[16] = "sixteen bytes iv";
    CK_GCM_PARAMS gcm = {iv, 12, 96, (CK_BYTE *)"aad", 3, 128};
    CK_CCM_PARAMS ccm = {32, iv, 12, (CK_BYTE *)"aad", 3, 16}, open_ccm = ccm;
    CK_AES_CTR_PARAMS ctr = {128, {0}};
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, 2, 1, NULL, 0};
    CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes = {256, &oaep};
    const struct { CK_ULONG kek; CK_MECHANISM m; } known[] = {
        {CKK_AES, MECH(CKM_AES_ECB)}, {CKK_AES, {CKM_AES_CBC, iv, 16}}, {CKK_AES, {CKM_AES_CBC_PAD, iv, 16}}, {CKK_AES, MECHP(CKM_AES_CTR, ctr)},
        {CKK_AES, MECHP(CKM_AES_GCM, gcm)}, {CKK_AES, MECHP(0x1088, ccm)}, {CKK_AES, MECH(CKM_AES_KEY_WRAP)}, {CKK_AES, MECH(0x210A)},
        {CKK_AES, MECH(CKM_AES_KEY_WRAP_KWP)}, {CKK_RSA, MECH(CKM_RSA_PKCS)}, {CKK_RSA, MECH(CKM_RSA_X_509)}, {CKK_RSA, MECHP(CKM_RSA_PKCS_OAEP, oaep)},
        {CKK_RSA, MECHP(CKM_RSA_AES_KEY_WRAP, rsa_aes)},
    };
    CK_BYTE e[] = {1, 0, 1}, wrapped[2048], before[32], after[32];
    CK_ULONG pub, priv, kek = aes_key(32), key = aes_key(32), list[512], n = COUNT(list), h, tried = 0;
    TEMPLATE(t, NUMBER(CKA_MODULUS_BITS, 2048), BYTES(CKA_PUBLIC_EXPONENT, e, 3), NO(CKA_TOKEN), YES(CKA_WRAP));
    TEMPLATE(u, NO(CKA_TOKEN), YES(CKA_UNWRAP));
    generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &pub, &priv);
    get(key, CKA_VALUE, before, 32);
    OK(p11->C_GetMechanismList(slot, list, &n));
    for (CK_ULONG i = 0; i < n; i++) {
        CK_MECHANISM_INFO info;
        OK(p11->C_GetMechanismInfo(slot, list[i], &info));
        if (!(info.flags & 0x20000)) continue; /* CKF_WRAP */
        size_t k = 0;
        while (k < COUNT(known) && known[k].m.mechanism != list[i]) k++;
        if (k == COUNT(known)) {
            note("mechanism 0x%lx wraps, and this test does not know it", list[i]);
            continue;
        }
        CK_MECHANISM m = known[k].m;
        CK_ULONG len = sizeof wrapped;
        running_with("mechanism", list[i]);
        OK(p11->C_WrapKey(session, &m, known[k].kek == CKK_AES ? kek : pub, key, wrapped, &len));
        if (m.mechanism == 0x1088) open_ccm.ulDataLen = len - 16, m.pParameter = &open_ccm;
        TEMPLATE(back, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN), NO(CKA_SENSITIVE),
                 YES(CKA_EXTRACTABLE));
        /* The length is said where the mechanism does not bring it back. */
        CK_RV rv = p11->C_UnwrapKey(session, &m, known[k].kek == CKK_AES ? kek : priv, wrapped, len, back, COUNT(back), &h);
        OK(rv);
        CHECK(get(h, CKA_VALUE, after, 32) == 32 && !memcmp(before, after, 32));
        tried++;
    }
    running_with(NULL, 0);
    note("%lu mechanisms wrap and unwrap", tried);
    CHECK(tried >= 8);
}
