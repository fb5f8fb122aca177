# SPDX-License-Identifier: Apache-2.0
"""Drives the module through PyKCS11: keys made, used, agreed, wrapped, unwrapped, found and destroyed."""
import hashlib
import hmac
import subprocess
import sys

import PyKCS11 as P

module, label, pin = sys.argv[1:]
lib = P.PyKCS11Lib()
lib.load(module)
slot = next(s for s in lib.getSlotList(tokenPresent=True) if lib.getTokenInfo(s).label.strip() == label)
s = lib.openSession(slot, P.CKF_SERIAL_SESSION | P.CKF_RW_SESSION)
s.login(pin)


def refused(code, f, *args):
    try:
        f(*args)
    except P.PyKCS11Error as e:
        assert e.value == code, e
        return
    raise AssertionError("not refused")


def secret(key_type, **attributes):
    """The template of a session's secret key."""
    t = [(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, key_type), (P.CKA_TOKEN, False)]
    return t + [(getattr(P, "CKA_" + name.upper()), value) for name, value in attributes.items()]


# RSA
pub, priv = s.generateKeyPair(
    [(P.CKA_CLASS, P.CKO_PUBLIC_KEY), (P.CKA_TOKEN, True), (P.CKA_VERIFY, True), (P.CKA_ENCRYPT, True), (P.CKA_MODULUS_BITS, 2048),
     (P.CKA_PUBLIC_EXPONENT, (1, 0, 1)), (P.CKA_LABEL, "py"), (P.CKA_ID, (7,))],
    [(P.CKA_CLASS, P.CKO_PRIVATE_KEY), (P.CKA_TOKEN, True), (P.CKA_SIGN, True), (P.CKA_DECRYPT, True), (P.CKA_PRIVATE, True),
     (P.CKA_SENSITIVE, True), (P.CKA_LABEL, "py"), (P.CKA_ID, (7,))])
for m in (P.Mechanism(P.CKM_SHA256_RSA_PKCS), P.RSA_PSS_Mechanism(P.CKM_SHA256_RSA_PKCS_PSS, P.CKM_SHA256, P.CKG_MGF1_SHA256, 32)):
    sig = s.sign(priv, b"data", m)
    assert s.verify(pub, b"data", sig, m)
    assert not s.verify(pub, b"Data", sig, m)
for m in (P.RSAOAEPMechanism(P.CKM_SHA256, P.CKG_MGF1_SHA256), P.RSAOAEPMechanism(P.CKM_SHA384, P.CKG_MGF1_SHA1, b"a label")):
    assert bytes(s.decrypt(priv, s.encrypt(pub, b"to be kept", m), m)) == b"to be kept"
assert s.getAttributeValue(priv, [P.CKA_PRIVATE_EXPONENT, P.CKA_LABEL]) == [None, "py"], "a sensitive attribute was given"

# AES
aes = s.generateKey(secret(P.CKK_AES, value_len=32, encrypt=True, decrypt=True, wrap=True, unwrap=True), mecha=P.Mechanism(P.CKM_AES_KEY_GEN))
gcm = P.AES_GCM_Mechanism(bytes(range(12)), b"aad", 128)
ct = bytes(s.encrypt(aes, b"secret text", gcm))
assert bytes(s.decrypt(aes, ct, gcm)) == b"secret text"
changed = bytes([ct[0] ^ 1]) + ct[1:]
refused(P.CKR_ENCRYPTED_DATA_INVALID, s.decrypt, aes, changed, gcm)
inner = s.generateKey(secret(P.CKK_AES, value_len=16, extractable=True, encrypt=True), mecha=P.Mechanism(P.CKM_AES_KEY_GEN))
for kw, length in ((P.CKM_AES_KEY_WRAP, 24), (0x210B, 24)):  # CKM_AES_KEY_WRAP_KWP
    wrapped = bytes(s.wrapKey(aes, inner, P.Mechanism(kw)))
    assert len(wrapped) == length
    again = s.unwrapKey(aes, wrapped, secret(P.CKK_AES, encrypt=True, decrypt=True), mecha=P.Mechanism(kw))
    cbc = P.Mechanism(P.CKM_AES_CBC_PAD, bytes(16))
    assert bytes(s.encrypt(inner, b"same key", cbc)) == bytes(s.encrypt(again, b"same key", cbc))
refused(P.CKR_KEY_UNEXTRACTABLE, s.wrapKey, aes, aes, P.Mechanism(P.CKM_AES_KEY_WRAP))

# Values of a published vector, and of Python's own library: RFC 4493 section 4, hashlib
cmac = s.createObject(secret(P.CKK_AES, value=tuple(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")), sign=True, verify=True))
message = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
assert bytes(s.sign(cmac, message, P.Mechanism(P.CKM_AES_CMAC))).hex() == "070a16b46b4d4144f79bdd9dd04a287c"
mac = s.createObject(secret(P.CKK_GENERIC_SECRET, value=tuple(b"a key"), sign=True, verify=True))
assert bytes(s.sign(mac, b"data", P.Mechanism(P.CKM_SHA512_HMAC))) == hmac.digest(b"a key", b"data", "sha512")
for name in ("SHA_1", "SHA224", "SHA256", "SHA384", "SHA512"):
    assert bytes(s.digest(b"abc", P.Mechanism(getattr(P, "CKM_" + name)))) == hashlib.new(name.replace("_", ""), b"abc").digest()

# Old data: what openssl wrapped with Triple DES is unwrapped, and nothing is wrapped so any more
kek, iv = bytes(range(1, 25)), bytes(8)
old = s.createObject(secret(P.CKK_DES3, value=tuple(kek), unwrap=True, decrypt=True, wrap=True))
wrapped = subprocess.run(["openssl", "enc", "-des-ede3-cbc", "-K", kek.hex(), "-iv", iv.hex()], input=b"sixteen byte key", capture_output=True, check=True).stdout
came = s.unwrapKey(old, wrapped, secret(P.CKK_AES, encrypt=True), mecha=P.Mechanism(P.CKM_DES3_CBC_PAD, iv))
known = s.createObject(secret(P.CKK_AES, value=tuple(b"sixteen byte key"), encrypt=True))
assert bytes(s.encrypt(came, b"same key", cbc)) == bytes(s.encrypt(known, b"same key", cbc))
refused(P.CKR_MECHANISM_INVALID, s.wrapKey, old, inner, P.Mechanism(P.CKM_DES3_CBC_PAD, iv))

# Agreement: both sides get the same key
p256 = (6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7)
pairs = [s.generateKeyPair(
    [(P.CKA_CLASS, P.CKO_PUBLIC_KEY), (P.CKA_TOKEN, False), (P.CKA_EC_PARAMS, p256)],
    [(P.CKA_CLASS, P.CKO_PRIVATE_KEY), (P.CKA_TOKEN, False), (P.CKA_DERIVE, True)], mecha=P.MechanismECGENERATEKEYPAIR) for _ in "ab"]
points = [bytes(s.getAttributeValue(a, [P.CKA_EC_POINT])[0])[2:] for a, _ in pairs]
agreed = [s.deriveKey(mine, secret(P.CKK_AES, value_len=32, encrypt=True), P.ECDH1_DERIVE_Mechanism(theirs, P.CKD_NULL))
          for (_, mine), theirs in zip(pairs, reversed(points))]
assert bytes(s.encrypt(agreed[0], b"same key", cbc)) == bytes(s.encrypt(agreed[1], b"same key", cbc))

# Objects
assert len(s.findObjects([(P.CKA_LABEL, "py")])) == 2
s.setAttributeValue(priv, [(P.CKA_LABEL, "renamed")])
assert len(s.findObjects([(P.CKA_LABEL, "renamed")])) == 1
s.destroyObject(priv)
s.destroyObject(pub)
assert len(s.findObjects([(P.CKA_ID, (7,))])) == 0
refused(P.CKR_KEY_HANDLE_INVALID, s.sign, priv, b"data", P.Mechanism(P.CKM_SHA256_RSA_PKCS))
s.logout()
refused(P.CKR_USER_NOT_LOGGED_IN, s.logout)
s.closeSession()
