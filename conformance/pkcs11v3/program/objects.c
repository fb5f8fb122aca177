/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects: profiles, unique ids, unknown attributes, and the state of an operation.
 */
#include "v3.h"

void profile_objects(void) {
    OK(p11->C_Logout(session)); /* profiles are for everybody */
    TEMPLATE(t, NUMBER(CKA_CLASS, CKO_PROFILE));
    CK_ULONG h[16], n = find(t, COUNT(t), h, 16), baseline = 0;
    CHECK(n >= 1);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_ULONG id = get_number(h[i], CKA_PROFILE_ID);
        note("profile 0x%lx", id);
        baseline |= id == 1; /* CKP_BASELINE_PROVIDER */
        TEMPLATE(by_id, NUMBER(CKA_CLASS, CKO_PROFILE), NUMBER(CKA_PROFILE_ID, id));
        CK_ULONG one[4];
        CHECK(find(by_id, COUNT(by_id), one, 4) == 1 && one[0] == h[i]);
    }
    CHECK(baseline);
}

void unique_id_finds_its_object(void) {
    CK_ULONG keys[3] = {aes_key(16), aes_key(16), aes_key(32)}, pub, priv;
    CK_BYTE ids[3][128], id[128];
    CK_ULONG lens[3], h[8];
    for (int i = 0; i < 3; i++) {
        lens[i] = get(keys[i], CKA_UNIQUE_ID, ids[i], sizeof ids[i]);
        CHECK(lens[i] > 0);
        TEMPLATE(t, BYTES(CKA_UNIQUE_ID, ids[i], lens[i]));
        CHECK(find(t, COUNT(t), h, 8) == 1 && h[0] == keys[i]);
        for (int k = 0; k < i; k++) CHECK(lens[i] != lens[k] || memcmp(ids[i], ids[k], lens[i]));
    }
    p256(1, &pub, &priv);
    CK_ULONG n = get(priv, CKA_UNIQUE_ID, id, sizeof id);
    TEMPLATE(t, BYTES(CKA_UNIQUE_ID, id, n));
    CHECK(find(t, COUNT(t), h, 8) == 1 && h[0] == priv);
    OK(p11->C_DestroyObject(session, priv));
    OK(p11->C_DestroyObject(session, pub));
    CHECK(find(t, COUNT(t), h, 8) == 0);

    /* Nobody chooses one. */
    TEMPLATE(made, NUMBER(CKA_CLASS, CKO_DATA), BYTES(CKA_UNIQUE_ID, "mine", 4));
    GIVES(CKR_ATTRIBUTE_READ_ONLY, p11->C_CreateObject(session, made, COUNT(made), &h[0]));
    TEMPLATE(set, BYTES(CKA_UNIQUE_ID, "mine", 4));
    GIVES(CKR_ATTRIBUTE_READ_ONLY, p11->C_SetAttributeValue(session, keys[0], set, 1));
    /* A copy is another object. */
    TEMPLATE(none, BYTES(CKA_LABEL, "copy", 4));
    OK(p11->C_CopyObject(session, keys[0], none, 1, &h[0]));
    n = get(h[0], CKA_UNIQUE_ID, id, sizeof id);
    CHECK(n != lens[0] || memcmp(id, ids[0], n));
}

void digest_state_is_saved_and_restored(void) {
    CK_MECHANISM m = MECH(CKM_SHA3_256);
    CK_BYTE state[2048], want[32], got[32], data[300];
    CK_ULONG n = 32, len = 0, other;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (CK_BYTE)i;
    OK(p11->C_DigestInit(session, &m));
    OK(p11->C_Digest(session, data, sizeof data, want, &n));

    OK(p11->C_DigestInit(session, &m));
    OK(p11->C_DigestUpdate(session, data, 137));
    OK(p11->C_GetOperationState(session, NULL, &len));
    CHECK(len > 0 && len <= sizeof state);
    len--;
    GIVES(CKR_BUFFER_TOO_SMALL, p11->C_GetOperationState(session, state, &len));
    OK(p11->C_GetOperationState(session, state, &len));
    OK(p11->C_DigestUpdate(session, (CK_BYTE *)"something else", 14)); /* the saved state does not move with it */

    other = open_session(0);
    OK(p11->C_SetOperationState(other, state, len, 0, 0));
    OK(p11->C_DigestUpdate(other, data + 137, sizeof data - 137));
    OK(p11->C_DigestFinal(other, got, &n));
    CHECK(!memcmp(got, want, 32));
    OK(p11->C_SetOperationState(session, state, len, 0, 0)); /* and once more, over the running one */
    OK(p11->C_DigestUpdate(session, data + 137, sizeof data - 137));
    OK(p11->C_DigestFinal(session, got, &n));
    CHECK(!memcmp(got, want, 32));

    state[len / 2] ^= 1;
    GIVES(CKR_SAVED_STATE_INVALID, p11->C_SetOperationState(other, state, len, 0, 0));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_GetOperationState(session, state, &len));
    put("data", data, sizeof data);
    put("digest", want, sizeof want);
    put_end();
}

void unknown_attributes_and_classes(void) {
    CK_ULONG pub, priv;
    p256(0, &pub, &priv);
    CK_BYTE label[32], point[128], vendor[8];
    CK_ATTRIBUTE a[] = {BYTES(CKA_LABEL, label, sizeof label), BYTES(0x80001234, vendor, sizeof vendor), BYTES(CKA_EC_POINT, point, sizeof point)};
    GIVES(CKR_ATTRIBUTE_TYPE_INVALID, p11->C_GetAttributeValue(session, pub, a, COUNT(a)));
    CHECK(a[1].ulValueLen == (CK_ULONG)-1);
    CHECK(a[2].ulValueLen == 67 && point[0] == 4 && point[1] == 65 && point[2] == 4); /* the others are filled in */
    CK_ATTRIBUTE s[] = {BYTES(CKA_VALUE, point, sizeof point), BYTES(CKA_LABEL, label, sizeof label)};
    GIVES(CKR_ATTRIBUTE_SENSITIVE, p11->C_GetAttributeValue(session, priv, s, COUNT(s)));
    CHECK(s[0].ulValueLen == (CK_ULONG)-1 && s[1].ulValueLen != (CK_ULONG)-1);

    CK_ULONG h[8];
    TEMPLATE(nss, NUMBER(CKA_CLASS, 0xCE534353)); /* CKO_NSS_TRUST: NSS asks every token for it */
    CHECK(find(nss, COUNT(nss), h, 8) == 0);
    TEMPLATE(unknown, BYTES(0x80001234, "x", 1));
    CHECK(find(unknown, COUNT(unknown), h, 8) == 0);
}
