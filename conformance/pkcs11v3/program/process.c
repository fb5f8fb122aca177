/* SPDX-License-Identifier: Apache-2.0
 *
 * Forks (CKF_INTERFACE_FORK_SAFE: a child has its own copy of sessions, login and operations), C_Initialize in a child, and a
 * core that dies between two calls.
 */
#include "v3.h"

#include <signal.h>
#include <sys/wait.h>

/* in_child runs a part in a child and wants it to end well. */
static void in_child(void (*part)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (setjmp(end_of_test)) _exit(1);
        part();
        fflush(NULL);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static CK_ULONG pub, priv, mine;
static CK_BYTE sig[64], digest[32], want[32];

static void child_signs(void) {
    CK_MECHANISM m = MECH(CKM_ECDSA_SHA256);
    CK_ULONG n = sizeof sig, h;
    OK(sign(&m, priv, "from the child", 14, sig, &n)); /* inherited session, login and session object */
    OK(verify(&m, pub, "from the child", 14, sig, n));

    n = sizeof digest; /* the running digest is the child's own from here on */
    OK(p11->C_DigestUpdate(session, (CK_BYTE *)"child", 5));
    OK(p11->C_DigestFinal(session, digest, &n));
    CHECK(memcmp(digest, want, 32));

    OK(p11->C_DestroyObject(session, mine)); /* its copy of the object */
    h = aes_key(16);
    CHECK(h != 0);
    OK(p11->C_Logout(session)); /* its copy of the login */
    n = sizeof sig;
    CHECK(sign(&m, priv, "after logout", 12, sig, &n) != CKR_OK);
    OK(p11->C_CloseAllSessions(slot));
}

void child_goes_on_with_its_own_copy(void) {
    CK_MECHANISM sha = MECH(CKM_SHA256), m = MECH(CKM_ECDSA_SHA256);
    CK_ULONG n = sizeof want;
    OK(p11->C_DigestInit(session, &sha));
    OK(p11->C_Digest(session, (CK_BYTE *)"parent", 6, want, &n));
    p256(0, &pub, &priv);
    mine = aes_key(16);
    OK(p11->C_DigestInit(session, &sha));
    OK(p11->C_DigestUpdate(session, (CK_BYTE *)"par", 3));
    in_child(child_signs);
    in_child(child_signs);
    OK(p11->C_DigestUpdate(session, (CK_BYTE *)"ent", 3));
    OK(p11->C_DigestFinal(session, digest, &n));
    CHECK(!memcmp(digest, want, 32));
    n = sizeof sig;
    OK(sign(&m, priv, "from the parent", 15, sig, &n)); /* still logged in, session and keys still there */
    CHECK(get_number(mine, CKA_KEY_TYPE) == CKK_AES);
    OK(p11->C_DestroyObject(session, mine));
}

static void child_initializes(void) {
    OK(p11->C_Initialize(NULL));
    CK_SESSION_INFO info;
    GIVES(CKR_SESSION_HANDLE_INVALID, p11->C_GetSessionInfo(session, &info)); /* a new application has no sessions */
    session = open_session(CKF_RW_SESSION);
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == 2); /* CKS_RW_PUBLIC_SESSION: nor a login */
    OK(p11->C_Login(session, CKU_USER, (CK_BYTE *)user_pin, strlen(user_pin)));
    TEMPLATE(t, NUMBER(CKA_CLASS, CKO_PRIVATE_KEY), BYTES(CKA_LABEL, "for the child", 13));
    CK_ULONG key, n = sizeof sig;
    CHECK(find(t, COUNT(t), &key, 1) == 1);
    CHECK(key == priv); /* handles of token objects are the same for everybody */
    CK_MECHANISM m = MECH(CKM_ECDSA_SHA256);
    OK(sign(&m, key, "child", 5, sig, &n));
    GIVES(CKR_CRYPTOKI_ALREADY_INITIALIZED, p11->C_Initialize(NULL));
    OK(p11->C_Finalize(NULL));
    GIVES(CKR_CRYPTOKI_NOT_INITIALIZED, p11->C_Finalize(NULL));
}

void child_that_initializes(void) {
    p256(1, &pub, &priv);
    TEMPLATE(label, BYTES(CKA_LABEL, "for the child", 13));
    OK(p11->C_SetAttributeValue(session, priv, label, 1));
    in_child(child_initializes);
    CK_MECHANISM m = MECH(CKM_ECDSA_SHA256);
    CK_ULONG n = sizeof sig;
    OK(sign(&m, priv, "parent", 6, sig, &n));
    OK(p11->C_DestroyObject(session, priv));
    OK(p11->C_DestroyObject(session, pub));
}

static int kill_core(void) {
    /* The test's environment has the first core; later ones are its successors, whose id the command line tells. */
    const char *command = getenv("V3_CORE_PID");
    if (!command) return 0;
    FILE *f = popen(command, "r");
    long pid = 0;
    CHECK(f && fscanf(f, "%ld", &pid) == 1 && pid > 1);
    pclose(f);
    CHECK(kill((pid_t)pid, SIGKILL) == 0);
    return 1;
}

void core_killed_between_two_calls(void) {
    CK_MECHANISM m = MECH(CKM_ECDSA_SHA256), sha = MECH(CKM_SHA256);
    CK_ULONG n = sizeof sig, key = aes_key(16), h;
    p256(1, &pub, &priv);
    OK(sign(&m, priv, "before", 6, sig, &n));
    if (!kill_core()) {
        note("V3_CORE_PID is not set: the core is left alone");
        return;
    }
    n = sizeof sig;
    OK(sign(&m, priv, "after", 5, sig, &n)); /* the next call just works: same session, same handle, still logged in */
    OK(verify(&m, pub, "after", 5, sig, n));
    CK_SESSION_INFO info;
    OK(p11->C_GetSessionInfo(session, &info));
    CHECK(info.state == 3);
    TEMPLATE(t, NUMBER(CKA_CLASS, CKO_PRIVATE_KEY));
    CK_ULONG all[8];
    CHECK(find(t, COUNT(t), all, 8) >= 1);
    CK_BYTE iv[16] = {0}, out[16];
    CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16};
    CK_RV rv = p11->C_EncryptInit(session, &cbc, key); /* a session object went with the core that had it */
    n = sizeof out;
    if (rv == CKR_OK) rv = p11->C_Encrypt(session, iv, 16, out, &n);
    CHECK(rv == CKR_KEY_HANDLE_INVALID);

    /* So did a running operation: one clear error, and the session goes on. */
    static CK_BYTE megabyte[1 << 20]; /* more than a library holds back */
    OK(p11->C_DigestInit(session, &sha));
    for (int i = 0; i < 3; i++) OK(p11->C_DigestUpdate(session, megabyte, sizeof megabyte));
    kill_core();
    n = sizeof digest;
    rv = p11->C_DigestFinal(session, digest, &n);
    CHECK(rv != CKR_OK);
    note("a digest whose core died ends with 0x%lx", rv);
    OK(p11->C_DigestInit(session, &sha));
    n = sizeof digest;
    OK(p11->C_Digest(session, out, 16, digest, &n));

    /* What cannot be repeated safely may end with one clear error, when it was already on its way to the dying core. */
    kill_core();
    static const CK_BYTE curve[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    TEMPLATE(ec, BYTES(CKA_EC_PARAMS, curve, sizeof curve), YES(CKA_TOKEN), YES(CKA_VERIFY));
    TEMPLATE(ec2, YES(CKA_TOKEN), YES(CKA_SIGN));
    CK_MECHANISM gen = MECH(CKM_EC_KEY_PAIR_GEN);
    rv = p11->C_GenerateKeyPair(session, &gen, ec, COUNT(ec), ec2, COUNT(ec2), &h, &mine);
    if (rv == CKR_DEVICE_ERROR) {
        note("a generation on its way to the dying core ends with CKR_DEVICE_ERROR");
        p256(1, &h, &mine);
    } else
        OK(rv);
    OK(p11->C_DestroyObject(session, h));
    OK(p11->C_DestroyObject(session, mine));
    OK(p11->C_DestroyObject(session, pub));
    OK(p11->C_DestroyObject(session, priv));
}
