/* SPDX-License-Identifier: Apache-2.0
 *
 * CKA_ALWAYS_AUTHENTICATE: the PIN again for each use (C_Login with CKU_CONTEXT_SPECIFIC between Init and the operation).
 */
#include "v3.h"

static CK_RV again(const char *pin) { return p11->C_Login(session, CKU_CONTEXT_SPECIFIC, (CK_BYTE *)pin, strlen(pin)); }

void always_authenticate(void) {
    static const CK_BYTE curve[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    TEMPLATE(t, BYTES(CKA_EC_PARAMS, curve, sizeof curve), NO(CKA_TOKEN), YES(CKA_VERIFY));
    TEMPLATE(u, YES(CKA_PRIVATE), NO(CKA_TOKEN), YES(CKA_SIGN), YES(CKA_ALWAYS_AUTHENTICATE));
    CK_ULONG pub, priv, n;
    CK_BYTE sig[64];
    generate_pair(CKM_EC_KEY_PAIR_GEN, t, COUNT(t), u, COUNT(u), &pub, &priv);
    CK_MECHANISM m = MECH(CKM_ECDSA_SHA256);

    OK(p11->C_SignInit(session, &m, priv));
    n = sizeof sig;
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_Sign(session, (CK_BYTE *)"text", 4, sig, &n)); /* the login of the session is not enough */

    p11->C_SessionCancel(session, CKF_SIGN);
    OK(p11->C_SignInit(session, &m, priv));
    OK(again(user_pin));
    n = sizeof sig;
    OK(p11->C_Sign(session, (CK_BYTE *)"text", 4, sig, &n));
    OK(verify(&m, pub, "text", 4, sig, n));

    OK(p11->C_SignInit(session, &m, priv)); /* each use anew */
    n = sizeof sig;
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_Sign(session, (CK_BYTE *)"text", 4, sig, &n));
    p11->C_SessionCancel(session, CKF_SIGN);

    OK(p11->C_SignInit(session, &m, priv));
    GIVES(CKR_PIN_INCORRECT, again("wrong"));
    p11->C_SessionCancel(session, CKF_SIGN);
    OK(p11->C_SignInit(session, &m, priv)); /* in parts */
    OK(again(user_pin));
    OK(p11->C_SignUpdate(session, (CK_BYTE *)"te", 2));
    OK(p11->C_SignUpdate(session, (CK_BYTE *)"xt", 2));
    n = sizeof sig;
    OK(p11->C_SignFinal(session, sig, &n));
    OK(verify(&m, pub, "text", 4, sig, n));
    CK_SESSION_INFO info;
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == 3); /* still the user's */
}
