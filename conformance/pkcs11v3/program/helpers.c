/* SPDX-License-Identifier: Apache-2.0
 *
 * Short forms of calls that many tests make.
 */
#include "v3.h"

CK_ULONG generate(CK_ULONG mechanism, CK_ATTRIBUTE *t, CK_ULONG n) {
    CK_ULONG h = 0;
    CK_MECHANISM m = MECH(mechanism);
    OK(p11->C_GenerateKey(session, &m, t, n, &h));
    CHECK(h != 0);
    return h;
}

void generate_pair(CK_ULONG mechanism, CK_ATTRIBUTE *pub, CK_ULONG npub, CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_ULONG *hpub, CK_ULONG *hpriv) {
    CK_MECHANISM m = MECH(mechanism);
    OK(p11->C_GenerateKeyPair(session, &m, pub, npub, priv, npriv, hpub, hpriv));
    CHECK(*hpub != 0 && *hpriv != 0);
}

CK_ULONG aes_key(CK_ULONG len) {
    TEMPLATE(t, NUMBER(CKA_VALUE_LEN, len), NO(CKA_TOKEN), NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), YES(CKA_ENCRYPT), YES(CKA_DECRYPT),
             YES(CKA_WRAP), YES(CKA_UNWRAP), YES(CKA_SIGN), YES(CKA_VERIFY));
    return generate(CKM_AES_KEY_GEN, t, COUNT(t));
}

CK_ULONG get(CK_ULONG object, CK_ULONG type, void *out, CK_ULONG max) {
    CK_ATTRIBUTE a = {type, NULL, 0};
    OK(p11->C_GetAttributeValue(session, object, &a, 1));
    CHECK(a.ulValueLen <= max);
    a.pValue = out;
    OK(p11->C_GetAttributeValue(session, object, &a, 1));
    return a.ulValueLen;
}

CK_ULONG get_number(CK_ULONG object, CK_ULONG type) {
    CK_ULONG v;
    CHECK(get(object, type, &v, sizeof v) == sizeof v);
    return v;
}

void put_attribute(const char *name, CK_ULONG object, CK_ULONG type) {
    CK_BYTE b[16384];
    put(name, b, get(object, type, b, sizeof b));
}

CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *objects, CK_ULONG max) {
    CK_ULONG found = 0, batch;
    OK(p11->C_FindObjectsInit(session, t, n));
    do {
        OK(p11->C_FindObjects(session, objects + found, max - found, &batch));
        found += batch;
    } while (batch && found < max);
    OK(p11->C_FindObjectsFinal(session));
    return found;
}

CK_RV sign(CK_MECHANISM *m, CK_ULONG key, const void *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len) {
    CK_RV rv = p11->C_SignInit(session, m, key);
    return rv ? rv : p11->C_Sign(session, (CK_BYTE *)data, len, sig, sig_len);
}

CK_RV verify(CK_MECHANISM *m, CK_ULONG key, const void *data, CK_ULONG len, CK_BYTE *sig, CK_ULONG sig_len) {
    CK_RV rv = p11->C_VerifyInit(session, m, key);
    return rv ? rv : p11->C_Verify(session, (CK_BYTE *)data, len, sig, sig_len);
}

void p256(CK_ULONG token, CK_ULONG *pub, CK_ULONG *priv) {
    static const CK_BYTE curve[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_BYTE on_token = token != 0;
    TEMPLATE(t, BYTES(CKA_EC_PARAMS, curve, sizeof curve), BYTES(CKA_TOKEN, &on_token, 1), YES(CKA_VERIFY));
    TEMPLATE(u, BYTES(CKA_TOKEN, &on_token, 1), YES(CKA_SIGN), YES(CKA_SENSITIVE));
    generate_pair(CKM_EC_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), pub, priv);
}
