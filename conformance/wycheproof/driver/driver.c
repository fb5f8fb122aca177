/* SPDX-License-Identifier: Apache-2.0
 *
 * driver: calls a PKCS #11 library as told on standard input, so that a test in another language can bring it test
 * vectors. It knows the standard and nothing of the library: the module's path, token label and PIN come from the environment.
 *
 *   request   u32 length | u8 call | fields of that call (see serve)
 *   answer    u32 length | u64 CK_RV | fields
 *
 * Integers are little-endian; bytes are a u32 length and the bytes. A template is a u32 count and, for each attribute, u64 type and
 * bytes. A mechanism is u64 type, u8 shape, and the fields of that shape (see mechanism).
 */
#include "../../cryptoki/cryptoki.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTIONS *p11;
static CK_ULONG session, slot;

static void die(const char *what, CK_RV rv) {
    fprintf(stderr, "driver: %s: 0x%lx\n", what, rv);
    exit(1);
}

/* The request being read. Its bytes stay where they are until the next one, so parameters may point into it. */
static CK_BYTE *in;
static size_t in_len, in_cap, at;

static CK_BYTE *take(size_t n) {
    if (n > in_len - at) die("the request is too short", n);
    at += n;
    return in + at - n;
}

static CK_ULONG get8(void) { return *take(1); }

static CK_ULONG get32(void) {
    uint32_t v;
    memcpy(&v, take(4), 4);
    return v;
}

static CK_ULONG get64(void) {
    uint64_t v;
    memcpy(&v, take(8), 8);
    return v;
}

static CK_BYTE *get_bytes(CK_ULONG *len) {
    *len = get32();
    return take(*len);
}

#define MAX_ATTRIBUTES 24
static CK_ATTRIBUTE attributes[MAX_ATTRIBUTES];

static CK_ULONG get_template(void) {
    CK_ULONG n = get32();
    if (n > MAX_ATTRIBUTES) die("too many attributes", n);
    for (CK_ULONG i = 0; i < n; i++) {
        attributes[i].type = get64();
        attributes[i].pValue = get_bytes(&attributes[i].ulValueLen);
    }
    return n;
}

static CK_MECHANISM *mechanism(void) {
    static union {
        CK_ULONG number;
        CK_GCM_PARAMS gcm;
        CK_CCM_PARAMS ccm;
        CK_RSA_PKCS_PSS_PARAMS pss;
        CK_RSA_PKCS_OAEP_PARAMS oaep;
        CK_ECDH1_DERIVE_PARAMS ecdh;
        CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha;
        CK_HKDF_PARAMS hkdf;
        CK_PKCS5_PBKD2_PARAMS2 pbkdf2;
        CK_EDDSA_PARAMS eddsa;
        CK_SIGN_ADDITIONAL_CONTEXT context;
    } p;
    static CK_MECHANISM m;
    memset(&p, 0, sizeof p);
    m.mechanism = get64();
    m.pParameter = &p;
    CK_ULONG shape = get8();
    switch (shape) {
    case 0: m.pParameter = NULL; m.ulParameterLen = 0; break;
    case 1: m.pParameter = get_bytes(&m.ulParameterLen); break;
    case 2: p.number = get64(); m.ulParameterLen = sizeof p.number; break;
    case 3:
        p.gcm.pIv = get_bytes(&p.gcm.ulIvLen);
        p.gcm.ulIvBits = p.gcm.ulIvLen * 8;
        p.gcm.pAAD = get_bytes(&p.gcm.ulAADLen);
        p.gcm.ulTagBits = get64();
        m.ulParameterLen = sizeof p.gcm;
        break;
    case 4:
        p.ccm.ulDataLen = get64();
        p.ccm.pNonce = get_bytes(&p.ccm.ulNonceLen);
        p.ccm.pAAD = get_bytes(&p.ccm.ulAADLen);
        p.ccm.ulMACLen = get64();
        m.ulParameterLen = sizeof p.ccm;
        break;
    case 5:
        p.pss.hashAlg = get64();
        p.pss.mgf = get64();
        p.pss.sLen = get64();
        m.ulParameterLen = sizeof p.pss;
        break;
    case 6:
        p.oaep.hashAlg = get64();
        p.oaep.mgf = get64();
        p.oaep.source = 1; /* CKZ_DATA_SPECIFIED */
        p.oaep.pSourceData = get_bytes(&p.oaep.ulSourceDataLen);
        m.ulParameterLen = sizeof p.oaep;
        break;
    case 7:
        p.ecdh.kdf = get64();
        p.ecdh.pSharedData = get_bytes(&p.ecdh.ulSharedDataLen);
        if (p.ecdh.ulSharedDataLen == 0) p.ecdh.pSharedData = NULL;
        p.ecdh.pPublicData = get_bytes(&p.ecdh.ulPublicDataLen);
        m.ulParameterLen = sizeof p.ecdh;
        break;
    case 8:
        p.chacha.pNonce = get_bytes(&p.chacha.ulNonceLen);
        p.chacha.pAAD = get_bytes(&p.chacha.ulAADLen);
        m.ulParameterLen = sizeof p.chacha;
        break;
    case 9:
        p.hkdf.bExtract = p.hkdf.bExpand = 1;
        p.hkdf.prfHashMechanism = get64();
        p.hkdf.pSalt = get_bytes(&p.hkdf.ulSaltLen);
        p.hkdf.ulSaltType = p.hkdf.ulSaltLen ? 2 : 1; /* CKF_HKDF_SALT_DATA, else _NULL */
        p.hkdf.pInfo = get_bytes(&p.hkdf.ulInfoLen);
        m.ulParameterLen = sizeof p.hkdf;
        break;
    case 10:
        p.pbkdf2.saltSource = 1; /* CKZ_SALT_SPECIFIED */
        p.pbkdf2.prf = get64();
        p.pbkdf2.iterations = get64();
        p.pbkdf2.pSaltSourceData = get_bytes(&p.pbkdf2.ulSaltSourceDataLen);
        p.pbkdf2.pPassword = get_bytes(&p.pbkdf2.ulPasswordLen);
        m.ulParameterLen = sizeof p.pbkdf2;
        break;
    case 11:
        p.eddsa.phFlag = (CK_BYTE)get8();
        p.eddsa.pContextData = get_bytes(&p.eddsa.ulContextDataLen);
        m.ulParameterLen = sizeof p.eddsa;
        break;
    case 12:
        p.context.hedgeVariant = get64();
        p.context.pContext = get_bytes(&p.context.ulContextLen);
        m.ulParameterLen = sizeof p.context;
        break;
    default: die("unknown shape", shape);
    }
    return &m;
}

/* What goes back. */
static CK_BYTE out[1 << 20];
static size_t out_len;

static void put64(CK_ULONG v) {
    uint64_t w = v;
    memcpy(out + out_len, &w, 8);
    out_len += 8;
}

/* Operations of parts: Update takes n bytes at a time. Output is gathered behind the 12 bytes of the answer's head. */
typedef CK_RV init_call(CK_ULONG, CK_MECHANISM *, CK_ULONG);
typedef CK_RV crypt_call(CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
typedef CK_RV final_call(CK_ULONG, CK_BYTE *, CK_ULONG *);

static CK_ULONG room(void) { return sizeof out - out_len; }

static CK_RV in_parts(crypt_call *update, final_call *final, CK_BYTE *data, CK_ULONG len, CK_ULONG part) {
    CK_RV rv;
    CK_ULONG n;
    for (CK_ULONG i = 0; i < len; i += part) {
        n = room();
        rv = update(session, data + i, len - i < part ? len - i : part, out + out_len, &n);
        if (rv) return rv;
        out_len += n;
    }
    n = room();
    rv = final(session, out + out_len, &n);
    if (rv == 0) out_len += n;
    return rv;
}

/* One-shot, by the two calls of the standard's section on returning data: the first asks for the length. */
static CK_RV at_once(crypt_call *call, CK_BYTE *data, CK_ULONG len) {
    CK_ULONG n = 0;
    CK_RV rv = call(session, data, len, NULL, &n);
    if (rv) return rv;
    if (n > room()) die("a length beyond all reason", n);
    rv = call(session, data, len, out + out_len, &n);
    if (rv == 0) out_len += n;
    return rv;
}

static CK_RV crypt(init_call *init, crypt_call *call, crypt_call *update, final_call *final) {
    CK_ULONG key = get64(), len, part;
    CK_MECHANISM *m = mechanism();
    CK_BYTE *data = get_bytes(&len);
    part = get32();
    CK_RV rv = init(session, m, key);
    if (rv) return rv;
    return part ? in_parts(update, final, data, len, part) : at_once(call, data, len);
}

static CK_RV sign(void) {
    CK_ULONG key = get64(), len, part, n;
    CK_MECHANISM *m = mechanism();
    CK_BYTE *data = get_bytes(&len);
    part = get32();
    CK_RV rv = p11->C_SignInit(session, m, key);
    if (rv) return rv;
    if (!part) return at_once(p11->C_Sign, data, len);
    for (CK_ULONG i = 0; i < len; i += part)
        if ((rv = p11->C_SignUpdate(session, data + i, len - i < part ? len - i : part))) return rv;
    n = room();
    rv = p11->C_SignFinal(session, out + out_len, &n);
    if (rv == 0) out_len += n;
    return rv;
}

static CK_RV verify(void) {
    CK_ULONG key = get64(), len, sig_len, part;
    CK_MECHANISM *m = mechanism();
    CK_BYTE *data = get_bytes(&len), *sig = get_bytes(&sig_len);
    part = get32();
    CK_RV rv = p11->C_VerifyInit(session, m, key);
    if (rv) return rv;
    if (!part) return p11->C_Verify(session, data, len, sig, sig_len);
    for (CK_ULONG i = 0; i < len; i += part)
        if ((rv = p11->C_VerifyUpdate(session, data + i, len - i < part ? len - i : part))) return rv;
    return p11->C_VerifyFinal(session, sig, sig_len);
}

static CK_RV get_attribute(void) {
    CK_ULONG object = get64();
    CK_ATTRIBUTE a = {get64(), NULL, 0};
    CK_RV rv = p11->C_GetAttributeValue(session, object, &a, 1);
    if (rv) return rv;
    if (a.ulValueLen > room()) die("an attribute's length", a.ulValueLen);
    a.pValue = out + out_len;
    rv = p11->C_GetAttributeValue(session, object, &a, 1);
    if (rv == 0) out_len += a.ulValueLen;
    return rv;
}

static CK_RV wrap(void) {
    CK_ULONG kek = get64(), key = get64(), n = 0;
    CK_MECHANISM *m = mechanism();
    CK_RV rv = p11->C_WrapKey(session, m, kek, key, NULL, &n);
    if (rv) return rv;
    rv = p11->C_WrapKey(session, m, kek, key, out + out_len, &n);
    if (rv == 0) out_len += n;
    return rv;
}

static CK_RV with_handle(CK_RV rv, CK_ULONG handle) {
    if (rv == 0) put64(handle);
    return rv;
}

static CK_RV encapsulate(void) {
    CK_ULONG key = get64(), handle = 0, n = 0;
    CK_MECHANISM *m = mechanism();
    CK_ULONG count = get_template();
    CK_RV rv = p11->C_EncapsulateKey(session, m, key, attributes, count, NULL, &n, &handle);
    if (rv) return rv;
    rv = p11->C_EncapsulateKey(session, m, key, attributes, count, out + out_len + 8, &n, &handle);
    if (rv) return rv;
    put64(handle);
    out_len += n;
    return rv;
}

/* One AEAD message of 3.0. The answer has the plaintext. */
static CK_RV open_message(void) {
    CK_ULONG key = get64(), type = get64(), iv_len, aad_len, ct_len, tag_len, n;
    CK_BYTE *iv = get_bytes(&iv_len), *aad = get_bytes(&aad_len), *ct = get_bytes(&ct_len), *tag = get_bytes(&tag_len);
    CK_GCM_MESSAGE_PARAMS gcm = {iv, iv_len, 0, 0, tag, tag_len * 8};
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS chacha = {iv, iv_len, tag};
    void *param = type == 0x1087 ? (void *)&gcm : (void *)&chacha; /* CKM_AES_GCM, else CKM_CHACHA20_POLY1305 */
    CK_ULONG param_len = type == 0x1087 ? sizeof gcm : sizeof chacha;
    CK_MECHANISM m = {type, NULL, 0};
    CK_RV rv = p11->C_MessageDecryptInit(session, &m, key), last;
    if (rv) return rv;
    n = room();
    rv = p11->C_DecryptMessage(session, param, param_len, aad, aad_len, ct, ct_len, out + out_len, &n);
    if (rv == 0) out_len += n;
    last = p11->C_MessageDecryptFinal(session);
    return rv ? rv : last;
}

static CK_RV serve(void) {
    CK_ULONG h = 0, key, len, n;
    CK_BYTE *b;
    CK_MECHANISM *m;
    CK_MECHANISM_INFO info;
    CK_RV rv;
    CK_ULONG call = get8();
    switch (call) {
    case 1: /* u64 mechanism -> flags */
        rv = p11->C_GetMechanismInfo(slot, get64(), &info);
        return with_handle(rv, info.flags);
    case 2: /* template -> handle */
        n = get_template();
        rv = p11->C_CreateObject(session, attributes, n, &h);
        return with_handle(rv, h);
    case 3: return p11->C_DestroyObject(session, get64());
    case 4: return get_attribute();                           /* u64 object, u64 type -> bytes */
    case 5: return sign();                                    /* u64 key, mechanism, data, u32 part -> bytes */
    case 6: return verify();                                  /* u64 key, mechanism, data, signature, u32 part */
    case 7: return crypt(p11->C_EncryptInit, p11->C_Encrypt, p11->C_EncryptUpdate, p11->C_EncryptFinal);
    case 8: return crypt(p11->C_DecryptInit, p11->C_Decrypt, p11->C_DecryptUpdate, p11->C_DecryptFinal);
    case 9: /* u64 key, mechanism, template -> handle */
        key = get64();
        m = mechanism();
        n = get_template();
        rv = p11->C_DeriveKey(session, m, key, attributes, n, &h);
        return with_handle(rv, h);
    case 10: return wrap();                                   /* u64 wrapping key, u64 key, mechanism -> bytes */
    case 11: /* u64 key, mechanism, wrapped, template -> handle */
        key = get64();
        m = mechanism();
        b = get_bytes(&len);
        n = get_template();
        rv = p11->C_UnwrapKey(session, m, key, b, len, attributes, n, &h);
        return with_handle(rv, h);
    case 12: return encapsulate();                            /* u64 key, mechanism, template -> handle, ciphertext */
    case 13: /* u64 key, mechanism, ciphertext, template -> handle */
        key = get64();
        m = mechanism();
        b = get_bytes(&len);
        n = get_template();
        rv = p11->C_DecapsulateKey(session, m, key, attributes, n, b, len, &h);
        return with_handle(rv, h);
    case 14: /* mechanism, template -> handle */
        m = mechanism();
        n = get_template();
        rv = p11->C_GenerateKey(session, m, attributes, n, &h);
        return with_handle(rv, h);
    case 15: return open_message();                           /* u64 key, u64 mechanism, iv, aad, ct, tag -> bytes */
    }
    die("unknown call", call);
    return 0;
}

static void start(void) {
    const char *path = getenv("GENBU_PKCS11_MODULE"), *label = getenv("GENBU_TOKEN_LABEL"), *pin = getenv("GENBU_USER_PIN");
    if (!path || !label || !pin) die("GENBU_PKCS11_MODULE, GENBU_TOKEN_LABEL and GENBU_USER_PIN must be set", 0);
    void *lib = dlopen(path, RTLD_NOW);
    if (!lib) {
        fprintf(stderr, "driver: %s\n", dlerror());
        exit(1);
    }
    CK_RV (*get)(CK_BYTE *, CK_VERSION *, CK_INTERFACE **, CK_ULONG);
    *(void **)&get = dlsym(lib, "C_GetInterface");
    CK_INTERFACE *interface;
    CK_VERSION v32 = {3, 2};
    CK_RV rv = get ? get((CK_BYTE *)"PKCS 11", &v32, &interface, 0) : 1;
    if (rv) die("C_GetInterface", rv);
    p11 = interface->pFunctionList;
    if ((rv = p11->C_Initialize(NULL))) die("C_Initialize", rv);

    CK_ULONG slots[16], n = 16, found = 0;
    if ((rv = p11->C_GetSlotList(1, slots, &n))) die("C_GetSlotList", rv);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        if (p11->C_GetTokenInfo(slots[i], &info)) continue;
        if (strlen(label) <= 32 && !memcmp(info.label, label, strlen(label))) slot = slots[i], found = 1;
    }
    if (!found) die("no such token", n);
    if ((rv = p11->C_OpenSession(slot, 6, NULL, NULL, &session))) die("C_OpenSession", rv);
    if ((rv = p11->C_Login(session, 1, (CK_BYTE *)pin, strlen(pin)))) die("C_Login", rv);
}

int main(void) {
    start();
    for (;;) {
        uint32_t len;
        if (fread(&len, 4, 1, stdin) != 1) break;
        if (len > in_cap && !(in = realloc(in, in_cap = len))) die("memory", len);
        if (fread(in, 1, len, stdin) != len) break;
        in_len = len;
        at = 0;
        out_len = 12; /* length and CK_RV go before */
        uint64_t rv = serve();
        len = (uint32_t)(rv ? 8 : out_len - 4);
        memcpy(out, &len, 4);
        memcpy(out + 4, &rv, 8);
        fwrite(out, 1, len + 4, stdout);
        fflush(stdout);
    }
    CK_RV rv = p11->C_Finalize(NULL);
    if (rv) die("C_Finalize", rv);
    return 0;
}
