/* SPDX-License-Identifier: Apache-2.0
 *
 * Message-based AEAD of 3.0: one key, many messages, each with its own nonce, additional data and tag.
 */
#include "v3.h"

static const CK_BYTE aad[] = "header of the message", text[] = "one message under a long-lived key";

void gcm_messages(void) {
    CK_ULONG key = aes_key(32), n;
    CK_BYTE iv[12], first[12], tag[16], ct[sizeof text], pt[sizeof text];
    CK_MECHANISM m = MECH(CKM_AES_GCM);

    /* The token makes the IV and writes it and the tag back. */
    CK_GCM_MESSAGE_PARAMS p = {iv, sizeof iv, 0, CKG_GENERATE, tag, 128};
    memset(iv, 0, sizeof iv);
    OK(p11->C_MessageEncryptInit(session, &m, key));
    for (int i = 0; i < 3; i++) {
        memset(tag, 0, sizeof tag);
        n = sizeof ct;
        OK(p11->C_EncryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, (CK_BYTE *)text, sizeof text, ct, &n));
        CHECK(n == sizeof text);
        CHECK(memcmp(iv, (CK_BYTE[12]){0}, 12) && memcmp(tag, (CK_BYTE[16]){0}, 16));
        CHECK(i == 0 || memcmp(iv, first, 12)); /* never the same IV twice */
        memcpy(first, iv, 12);
        put_attribute("key", key, CKA_VALUE);
        put("iv", iv, sizeof iv);
        put("aad", aad, sizeof aad);
        put("text", text, sizeof text);
        put("ct", ct, n);
        put("tag", tag, sizeof tag);
        put_end();
    }
    OK(p11->C_MessageEncryptFinal(session));

    /* The caller brings the IV; the parameter of Init may be there or not. */
    CK_MECHANISM with = MECHP(CKM_AES_GCM, p);
    memcpy(iv, "caller's iv", 12);
    p.ivGenerator = CKG_NO_GENERATE;
    p.ulTagBits = 96;
    OK(p11->C_MessageEncryptInit(session, &with, key));
    n = sizeof ct;
    OK(p11->C_EncryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, (CK_BYTE *)text, sizeof text, ct, &n));
    CHECK(!memcmp(iv, "caller's iv", 12));
    OK(p11->C_MessageEncryptFinal(session));
    put_attribute("key", key, CKA_VALUE);
    put("iv", iv, sizeof iv);
    put("aad", aad, sizeof aad);
    put("text", text, sizeof text);
    put("ct", ct, n);
    put("tag", tag, 12);
    put_end();

    /* A message that was changed is refused, and the next one is not. */
    OK(p11->C_MessageDecryptInit(session, &m, key));
    tag[3] ^= 1;
    n = sizeof pt;
    memset(pt, 0xAA, sizeof pt);
    GIVES(CKR_AEAD_DECRYPT_FAILED, p11->C_DecryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, ct, sizeof text, pt, &n));
    CHECK(memcmp(pt, text, 8)); /* and nothing of it comes out */
    tag[3] ^= 1;
    n = sizeof pt;
    OK(p11->C_DecryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, ct, sizeof text, pt, &n));
    CHECK(n == sizeof text && !memcmp(pt, text, n));
    n = sizeof pt;
    GIVES(CKR_AEAD_DECRYPT_FAILED, p11->C_DecryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad - 1, ct, sizeof text, pt, &n));
    OK(p11->C_MessageDecryptFinal(session));
    n = sizeof pt;
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_DecryptMessage(session, &p, sizeof p, NULL, 0, ct, sizeof text, pt, &n));

    /* A message of additional data alone. */
    OK(p11->C_MessageEncryptInit(session, &m, key));
    p.ulTagBits = 128;
    n = 0;
    OK(p11->C_EncryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, NULL, 0, ct, &n));
    CHECK(n == 0);
    OK(p11->C_MessageEncryptFinal(session));
    put_attribute("key", key, CKA_VALUE);
    put("iv", iv, sizeof iv);
    put("aad", aad, sizeof aad);
    put("text", "", 0);
    put("ct", "", 0);
    put("tag", tag, sizeof tag);
    put_end();
}

void chacha_messages(void) {
    TEMPLATE(t, NO(CKA_TOKEN), NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), YES(CKA_ENCRYPT), YES(CKA_DECRYPT));
    CK_ULONG key = generate(CKM_CHACHA20_KEY_GEN, t, COUNT(t)), n;
    CK_BYTE nonce[12] = "nonce of 12", tag[16] = {0}, ct[sizeof text], pt[sizeof text];
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS p = {nonce, sizeof nonce, tag};
    CK_MECHANISM m = MECH(CKM_CHACHA20_POLY1305);
    OK(p11->C_MessageEncryptInit(session, &m, key));
    n = sizeof ct;
    OK(p11->C_EncryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, (CK_BYTE *)text, sizeof text, ct, &n));
    CHECK(n == sizeof text);
    OK(p11->C_MessageEncryptFinal(session));
    put_attribute("key", key, CKA_VALUE);
    put("iv", nonce, sizeof nonce);
    put("aad", aad, sizeof aad);
    put("text", text, sizeof text);
    put("ct", ct, n);
    put("tag", tag, sizeof tag);
    put_end();
    OK(p11->C_MessageDecryptInit(session, &m, key));
    n = sizeof pt;
    OK(p11->C_DecryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, ct, sizeof text, pt, &n));
    CHECK(n == sizeof text && !memcmp(pt, text, n));
    ct[0] ^= 1;
    n = sizeof pt;
    GIVES(CKR_AEAD_DECRYPT_FAILED, p11->C_DecryptMessage(session, &p, sizeof p, (CK_BYTE *)aad, sizeof aad, ct, sizeof text, pt, &n));
    OK(p11->C_MessageDecryptFinal(session));
}
