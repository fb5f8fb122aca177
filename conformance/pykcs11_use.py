# SPDX-License-Identifier: Apache-2.0
"""Drives the module through PyKCS11: keys made, used, wrapped, unwrapped, found and destroyed."""
import sys

import PyKCS11 as P

module, label, pin = sys.argv[1:]
lib = P.PyKCS11Lib()
lib.load(module)
slot = next(s for s in lib.getSlotList(tokenPresent=True) if lib.getTokenInfo(s).label.strip() == label)
s = lib.openSession(slot, P.CKF_SERIAL_SESSION | P.CKF_RW_SESSION)
s.login(pin)

pub, priv = s.generateKeyPair(
    [(P.CKA_CLASS, P.CKO_PUBLIC_KEY), (P.CKA_TOKEN, True), (P.CKA_VERIFY, True), (P.CKA_MODULUS_BITS, 2048),
     (P.CKA_PUBLIC_EXPONENT, (1, 0, 1)), (P.CKA_LABEL, "py"), (P.CKA_ID, (7,))],
    [(P.CKA_CLASS, P.CKO_PRIVATE_KEY), (P.CKA_TOKEN, True), (P.CKA_SIGN, True), (P.CKA_PRIVATE, True),
     (P.CKA_SENSITIVE, True), (P.CKA_LABEL, "py"), (P.CKA_ID, (7,))])
for m in (P.Mechanism(P.CKM_SHA256_RSA_PKCS), P.RSA_PSS_Mechanism(P.CKM_SHA256_RSA_PKCS_PSS, P.CKM_SHA256, P.CKG_MGF1_SHA256, 32)):
    sig = s.sign(priv, b"data", m)
    assert s.verify(pub, b"data", sig, m)
    assert not s.verify(pub, b"Data", sig, m)

try:
    s.getAttributeValue(priv, [P.CKA_PRIVATE_EXPONENT])
    value = s.getAttributeValue(priv, [P.CKA_PRIVATE_EXPONENT])[0]
    assert not value, "a sensitive attribute was given"
except P.PyKCS11Error as e:
    assert e.value == P.CKR_ATTRIBUTE_SENSITIVE, e

aes = s.generateKey([(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, P.CKK_AES), (P.CKA_VALUE_LEN, 32), (P.CKA_TOKEN, False),
                     (P.CKA_ENCRYPT, True), (P.CKA_DECRYPT, True), (P.CKA_WRAP, True), (P.CKA_UNWRAP, True)],
                    mecha=P.MechanismAESGENERATEKEY if hasattr(P, "MechanismAESGENERATEKEY") else P.Mechanism(P.CKM_AES_KEY_GEN))
iv = bytes(range(12))
gcm = P.AES_GCM_Mechanism(iv, b"aad", 128)
ct = bytes(s.encrypt(aes, b"secret text", gcm))
assert bytes(s.decrypt(aes, ct, gcm)) == b"secret text"

inner = s.generateKey([(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, P.CKK_AES), (P.CKA_VALUE_LEN, 16), (P.CKA_TOKEN, False),
                       (P.CKA_EXTRACTABLE, True), (P.CKA_ENCRYPT, True)], mecha=P.Mechanism(P.CKM_AES_KEY_GEN))
wrapped = bytes(s.wrapKey(aes, inner, P.Mechanism(P.CKM_AES_KEY_WRAP)))
assert len(wrapped) == 24
again = s.unwrapKey(aes, wrapped, [(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, P.CKK_AES), (P.CKA_TOKEN, False),
                                   (P.CKA_ENCRYPT, True), (P.CKA_DECRYPT, True)], mecha=P.Mechanism(P.CKM_AES_KEY_WRAP))
cbc = P.Mechanism(P.CKM_AES_CBC_PAD, bytes(16))
assert bytes(s.encrypt(inner, b"same key", cbc)) == bytes(s.encrypt(again, b"same key", cbc))

assert len(s.findObjects([(P.CKA_LABEL, "py")])) == 2
assert len(bytes(s.digest(b"abc", P.Mechanism(P.CKM_SHA256)))) == 32
s.destroyObject(priv)
s.destroyObject(pub)
assert len(s.findObjects([(P.CKA_LABEL, "py")])) == 0
s.logout()
s.closeSession()
print("note: RSA PKCS and PSS, AES-GCM, wrap and unwrap, find, destroy")
