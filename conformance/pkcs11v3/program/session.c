/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces, logins by name, and the end of operations: PKCS #11 sections 5.4, 5.6 and 5.7 of the function chapter.
 */
#include "v3.h"

#include <dlfcn.h>

void interfaces_of_three_versions(void) {
    CK_RV (*list)(CK_INTERFACE *, CK_ULONG *), (*one)(CK_BYTE *, CK_VERSION *, CK_INTERFACE **, CK_ULONG), (*old)(CK_FUNCTIONS **);
    *(void **)&list = dlsym(library, "C_GetInterfaceList");
    *(void **)&one = dlsym(library, "C_GetInterface");
    *(void **)&old = dlsym(library, "C_GetFunctionList");
    CHECK(list && one && old);

    CK_ULONG n = 0;
    OK(list(NULL, &n));
    CHECK(n == 3);
    CK_INTERFACE all[3];
    n = 2;
    GIVES(CKR_BUFFER_TOO_SMALL, list(all, &n));
    n = 3;
    OK(list(all, &n));
    static const struct { CK_BYTE major, minor; size_t functions; } want[] = {{3, 2, 104}, {3, 0, 92}, {2, 40, 68}};
    for (size_t i = 0; i < 3; i++) {
        CHECK(!strcmp((char *)all[i].pInterfaceName, "PKCS 11"));
        CHECK(all[i].flags & CKF_INTERFACE_FORK_SAFE);
        CK_INTERFACE *got;
        CK_VERSION v = {want[i].major, want[i].minor};
        OK(one((CK_BYTE *)"PKCS 11", &v, &got, CKF_INTERFACE_FORK_SAFE));
        CK_FUNCTIONS *f = got->pFunctionList;
        CHECK(f->version.major == want[i].major && f->version.minor == want[i].minor);
        void **entries = (void **)((char *)f + offsetof(CK_FUNCTIONS, C_Initialize));
        for (size_t k = 0; k < want[i].functions; k++) CHECK(entries[k] != NULL); /* every entry is there, though some say not supported */
    }
    CK_INTERFACE *got;
    OK(one(NULL, NULL, &got, 0));
    CHECK(((CK_FUNCTIONS *)got->pFunctionList)->version.minor == 2);
    CHECK(one((CK_BYTE *)"Vendor Other", NULL, &got, 0) != CKR_OK);
    CHECK(one((CK_BYTE *)"PKCS 11", &(CK_VERSION){9, 9}, &got, 0) != CKR_OK);
    CHECK(one((CK_BYTE *)"PKCS 11", NULL, &got, 0x80000000) != CKR_OK);
    CK_FUNCTIONS *f;
    OK(old(&f));
    CHECK(f->version.major == 2 && f->version.minor == 40);
    OK(p11->C_GetFunctionList(&f));
    CHECK(f->version.major == 2);
}

static CK_RV login_as(CK_ULONG type, const char *name, const char *pin) {
    return p11->C_LoginUser(session, type, (CK_BYTE *)pin, strlen(pin), (CK_BYTE *)name, strlen(name));
}

void login_by_name_and_its_refusals(void) {
    OK(p11->C_Logout(session));
    GIVES(CKR_USER_NOT_LOGGED_IN, p11->C_Logout(session));
    GIVES(CKR_PIN_INCORRECT, login_as(CKU_USER, "user", "not the pin"));
    GIVES(CKR_PIN_INCORRECT, login_as(CKU_USER, "nobody", user_pin));
    OK(login_as(CKU_USER, "user", user_pin));
    GIVES(CKR_USER_ALREADY_LOGGED_IN, login_as(CKU_USER, "user", user_pin));
    GIVES(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, login_as(CKU_SO, "so", so_pin));
    CK_SESSION_INFO info;
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == 3); /* CKS_RW_USER_FUNCTIONS */
    OK(p11->C_Logout(session));
    OK(login_as(CKU_SO, "so", so_pin));
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == 4); /* CKS_RW_SO_FUNCTIONS */
    OK(p11->C_Logout(session));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_Login(session, CKU_CONTEXT_SPECIFIC, (CK_BYTE *)user_pin, strlen(user_pin)));
}

void session_cancel_ends_what_it_names(void) {
    CK_ULONG key = aes_key(16), n;
    CK_BYTE iv[16] = {0}, out[64], digest[32], data[16] = {0};
    CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv}, sha = MECH(CKM_SHA256);
    CK_ULONG pub, priv;
    p256(0, &pub, &priv);
    CK_MECHANISM ecdsa = MECH(CKM_ECDSA_SHA256);

    OK(p11->C_EncryptInit(session, &cbc, key));
    OK(p11->C_DigestInit(session, &sha));
    OK(p11->C_SignInit(session, &ecdsa, priv));
    OK(p11->C_SignUpdate(session, data, sizeof data));
    OK(p11->C_FindObjectsInit(session, NULL, 0));

    OK(p11->C_SessionCancel(session, 0)); /* names nothing, so nothing ends */
    GIVES(CKR_OPERATION_ACTIVE, p11->C_DigestInit(session, &sha));

    OK(p11->C_SessionCancel(session, CKF_SIGN | CKF_FIND_OBJECTS));
    n = sizeof out;
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_SignFinal(session, out, &n));
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_FindObjectsFinal(session));
    n = sizeof out;
    OK(p11->C_EncryptUpdate(session, data, sizeof data, out, &n)); /* the others go on */
    CHECK(n == 16);
    OK(p11->C_DigestUpdate(session, data, sizeof data));

    OK(p11->C_SessionCancel(session, CKF_ENCRYPT | CKF_DIGEST));
    n = sizeof out;
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_EncryptFinal(session, out, &n));
    n = sizeof digest;
    GIVES(CKR_OPERATION_NOT_INITIALIZED, p11->C_DigestFinal(session, digest, &n));
    OK(p11->C_SignInit(session, &ecdsa, priv));
    OK(p11->C_SessionCancel(session, CKF_SIGN));

    /* Init without a mechanism ends an operation, too (3.0). */
    OK(p11->C_SignInit(session, &ecdsa, priv));
    OK(p11->C_SignInit(session, NULL, 0));
    OK(p11->C_SignInit(session, &ecdsa, priv));
    n = sizeof out;
    OK(p11->C_Sign(session, data, sizeof data, out, &n));
    GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_SessionCancel(session + 1000, CKF_SIGN));
}
