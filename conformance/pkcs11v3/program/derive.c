/* SPDX-License-Identifier: Apache-2.0
 *
 * Derivation of several keys at once (SP 800-108 in counter mode) and HKDF.
 */
#include "v3.h"

static CK_ULONG base_key(CK_ULONG type, const char *value, CK_ULONG len) {
    CK_ULONG h;
    TEMPLATE(t, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, type), NO(CKA_TOKEN), YES(CKA_DERIVE), BYTES(CKA_VALUE, value, len));
    OK(p11->C_CreateObject(session, t, COUNT(t), &h));
    return h;
}

/* Main key of 32 bytes, one AES key of 16 and one generic secret of 20. */
void sp800_108_with_additional_keys(void) {
    CK_ULONG base = base_key(CKK_GENERIC_SECRET, "a key that derives others", 25), h, h1 = 0, h2 = 0;
    CK_SP800_108_COUNTER_FORMAT counter = {0, 32};
    CK_SP800_108_DKM_LENGTH_FORMAT length = {1, 0, 32}; /* CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, big-endian */
    CK_PRF_DATA_PARAM data[] = {
        {1, &counter, sizeof counter},      /* CK_SP800_108_ITERATION_VARIABLE */
        {4, (void *)"label", 5}, {4, (void *)"\0", 1}, {4, (void *)"context", 7}, /* CK_SP800_108_BYTE_ARRAY */
        {3, &length, sizeof length},        /* CK_SP800_108_DKM_LENGTH */
    };
    TEMPLATE(aes, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN), NO(CKA_SENSITIVE),
             YES(CKA_EXTRACTABLE), YES(CKA_ENCRYPT));
    TEMPLATE(generic, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET), NUMBER(CKA_VALUE_LEN, 20), NO(CKA_TOKEN),
             NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE));
    CK_DERIVED_KEY more[] = {{aes, COUNT(aes), &h1}, {generic, COUNT(generic), &h2}};
    CK_SP800_108_KDF_PARAMS p = {CKM_SHA256_HMAC, COUNT(data), data, 2, more};
    CK_MECHANISM m = MECHP(CKM_SP800_108_COUNTER_KDF, p);
    TEMPLATE(main_key, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET), NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN),
             NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE));
    OK(p11->C_DeriveKey(session, &m, base, main_key, COUNT(main_key), &h));
    CHECK(h && h1 && h2 && h != h1 && h1 != h2);
    CHECK(get_number(h1, CKA_KEY_TYPE) == CKK_AES);
    put("key", "a key that derives others", 25);
    put_attribute("first", h, CKA_VALUE);
    put_attribute("second", h1, CKA_VALUE);
    put_attribute("third", h2, CKA_VALUE);
    put_end();

    /* One template that cannot be: no key at all is made, and its handle says which it was. */
    TEMPLATE(bad, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NUMBER(CKA_VALUE_LEN, 17));
    CK_DERIVED_KEY with_bad[] = {{aes, COUNT(aes), &h1}, {bad, COUNT(bad), &h2}};
    p.pAdditionalDerivedKeys = with_bad;
    CK_ULONG all[64], before = find(NULL, 0, all, 64);
    CHECK(p11->C_DeriveKey(session, &m, base, main_key, COUNT(main_key), &h) != CKR_OK);
    CHECK(find(NULL, 0, all, 64) == before);
}

void hkdf_keys_and_data(void) {
    static const char *ikm = "input keying material";
    static const CK_ULONG types[] = {CKK_HKDF, CKK_GENERIC_SECRET};
    TEMPLATE(t, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET), NUMBER(CKA_VALUE_LEN, 77), NO(CKA_TOKEN),
             NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE));
    for (int i = 0; i < 2; i++) {
        CK_ULONG base = base_key(types[i], ikm, strlen(ikm)), salt_key = base_key(types[i], "salt as a key", 13), h, data;
        CK_HKDF_PARAMS p = {1, 1, CKM_SHA512, 2, (CK_BYTE *)"salt", 4, 0, (CK_BYTE *)"info", 4};
        CK_MECHANISM m = MECHP(CKM_HKDF_DERIVE, p), d = MECHP(CKM_HKDF_DATA, p);
        OK(p11->C_DeriveKey(session, &m, base, t, COUNT(t), &h));
        put_text("mode", "both");
        put("ikm", ikm, strlen(ikm));
        put("salt", "salt", 4);
        put_attribute("okm", h, CKA_VALUE);
        put_end();

        TEMPLATE(u, NUMBER(CKA_CLASS, CKO_DATA), NUMBER(CKA_VALUE_LEN, 77), NO(CKA_TOKEN));
        OK(p11->C_DeriveKey(session, &d, base, u, COUNT(u), &data));
        CK_BYTE a[77], b[77];
        CHECK(get(h, CKA_VALUE, a, 77) == 77 && get(data, CKA_VALUE, b, 77) == 77 && !memcmp(a, b, 77));
        CHECK(get_number(data, CKA_CLASS) == CKO_DATA);

        p.ulSaltType = 4; /* CKF_HKDF_SALT_KEY */
        p.pSalt = NULL;
        p.ulSaltLen = 0;
        p.hSaltKey = salt_key;
        CK_RV rv = p11->C_DeriveKey(session, &m, base, t, COUNT(t), &h);
        if (rv == CKR_OK) {
            put_text("mode", "both");
            put("ikm", ikm, strlen(ikm));
            put("salt", "salt as a key", 13);
            put_attribute("okm", h, CKA_VALUE);
            put_end();
        } else {
            CHECK(rv == CKR_MECHANISM_PARAM_INVALID);
            note("a salt that is a key is not offered");
        }

        p.bExpand = 0; /* extract only: as long as the digest */
        p.ulSaltType = 2;
        p.pSalt = (CK_BYTE *)"salt as a key";
        p.ulSaltLen = 13;
        p.hSaltKey = 0;
        TEMPLATE(prk, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_HKDF), NO(CKA_TOKEN), NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE),
                 YES(CKA_DERIVE));
        OK(p11->C_DeriveKey(session, &m, base, prk, COUNT(prk), &h));
        put_text("mode", "extract");
        put("ikm", ikm, strlen(ikm));
        put("salt", "salt as a key", 13);
        put_attribute("okm", h, CKA_VALUE);
        put_end();

        p.bExtract = 0; /* expand only, from the key just made */
        p.bExpand = 1;
        p.ulSaltType = 1;
        p.hSaltKey = 0;
        CK_BYTE value[64];
        CHECK(get(h, CKA_VALUE, value, sizeof value) == 64);
        OK(p11->C_DeriveKey(session, &m, h, t, COUNT(t), &data));
        put_text("mode", "expand");
        put("ikm", value, 64);
        put("salt", "", 0);
        put_attribute("okm", data, CKA_VALUE);
        put_end();
    }
}
