/* SPDX-License-Identifier: Apache-2.0
 *
 * C_EncapsulateKey and C_DecapsulateKey of 3.2 with ML-KEM.
 */
#include "v3.h"

void encapsulation_with_every_ml_kem(void) {
    static const CK_ULONG lengths[] = {0, 768, 1088, 1568}; /* of a ciphertext, FIPS 203 table 3 */
    for (CK_ULONG set = 1; set <= 3; set++) {
        CK_ULONG pub, priv, n, h1, h2, h3;
        CK_BYTE ct[1568], s1[32], s2[32], s3[32];
        TEMPLATE(t, NUMBER(CKA_PARAMETER_SET, set), NO(CKA_TOKEN), YES(CKA_ENCAPSULATE));
        TEMPLATE(u, NO(CKA_TOKEN), YES(CKA_DECAPSULATE), NO(CKA_SENSITIVE), YES(CKA_EXTRACTABLE));
        generate_pair(CKM_ML_KEM_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &pub, &priv);
        TEMPLATE(secret, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET), NO(CKA_TOKEN), NO(CKA_SENSITIVE),
                 YES(CKA_EXTRACTABLE));
        CK_MECHANISM m = MECH(CKM_ML_KEM);
        n = 0;
        OK(p11->C_EncapsulateKey(session, &m, pub, secret, COUNT(secret), NULL, &n, &h1));
        CHECK(n == lengths[set]);
        n--;
        GIVES(CKR_BUFFER_TOO_SMALL, p11->C_EncapsulateKey(session, &m, pub, secret, COUNT(secret), ct, &n, &h1));
        CHECK(n == lengths[set]);
        OK(p11->C_EncapsulateKey(session, &m, pub, secret, COUNT(secret), ct, &n, &h1));
        OK(p11->C_DecapsulateKey(session, &m, priv, secret, COUNT(secret), ct, n, &h2));
        CHECK(get(h1, CKA_VALUE, s1, 32) == 32 && get(h2, CKA_VALUE, s2, 32) == 32);
        CHECK(!memcmp(s1, s2, 32));
        put_number("set", set);
        put_attribute("public", pub, CKA_VALUE);
        put_attribute("seed", priv, CKA_SEED);
        put("ciphertext", ct, n);
        put("secret", s1, 32);
        put_end();

        /* A ciphertext that was changed gives another secret (implicit rejection), one of another length is refused. */
        ct[7] ^= 1;
        OK(p11->C_DecapsulateKey(session, &m, priv, secret, COUNT(secret), ct, n, &h3));
        CHECK(get(h3, CKA_VALUE, s3, 32) == 32 && memcmp(s1, s3, 32));
        CHECK(p11->C_DecapsulateKey(session, &m, priv, secret, COUNT(secret), ct, n - 1, &h3) != CKR_OK);

        /* What comes out may be an AES key, and it has the attributes asked for. */
        TEMPLATE(aes, NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES), NO(CKA_TOKEN), YES(CKA_SENSITIVE), NO(CKA_EXTRACTABLE),
                 YES(CKA_ENCRYPT), YES(CKA_DECRYPT));
        OK(p11->C_EncapsulateKey(session, &m, pub, aes, COUNT(aes), ct, &n, &h1));
        OK(p11->C_DecapsulateKey(session, &m, priv, aes, COUNT(aes), ct, n, &h2));
        CK_BYTE iv[16] = {0}, in[16] = "sixteen bytes..", out[16], back[16];
        CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16};
        CK_ULONG k = 16;
        OK(p11->C_EncryptInit(session, &cbc, h1));
        OK(p11->C_Encrypt(session, in, 16, out, &k));
        OK(p11->C_DecryptInit(session, &cbc, h2));
        OK(p11->C_Decrypt(session, out, 16, back, &k));
        CHECK(!memcmp(in, back, 16));
        CK_ATTRIBUTE a = {CKA_VALUE, s1, 32};
        GIVES(CKR_ATTRIBUTE_SENSITIVE, p11->C_GetAttributeValue(session, h2, &a, 1));

        /* Keys do what they were made for. */
        CHECK(p11->C_EncapsulateKey(session, &m, priv, secret, COUNT(secret), ct, &n, &h1) != CKR_OK);
        CHECK(p11->C_DecapsulateKey(session, &m, pub, secret, COUNT(secret), ct, n, &h1) != CKR_OK);
        CK_MECHANISM other = MECH(CKM_AES_ECB);
        n = sizeof ct;
        GIVES(CKR_MECHANISM_INVALID, p11->C_EncapsulateKey(session, &other, pub, secret, COUNT(secret), ct, &n, &h1));
        n = 0;
        GIVES(CKR_MECHANISM_INVALID, p11->C_EncapsulateKey(session, &other, pub, secret, COUNT(secret), NULL, &n, &h1));
    }
}
