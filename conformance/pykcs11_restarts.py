# SPDX-License-Identifier: Apache-2.0
"""One program, one login, while the core is killed, the node restarts and is locked: what it notices, and what not."""
import json
import os
import signal
import subprocess
import sys
import time

import PyKCS11 as P

module, label, pin, directory = sys.argv[1:]


def genbu(*args):
    return subprocess.run(["genbu", *args, "--dir", directory], check=True, capture_output=True, text=True).stdout


def core():
    return int(json.loads(genbu("env", "--json"))["core_pid"])


def kill(idle=0):
    """Kills the core; with idle the program sleeps until another is there."""
    os.kill(core(), signal.SIGKILL)
    time.sleep(idle)


lib = P.PyKCS11Lib()
lib.load(module)
slot = next(s for s in lib.getSlotList(tokenPresent=True) if lib.getTokenInfo(s).label.strip() == label)
s = lib.openSession(slot, P.CKF_SERIAL_SESSION | P.CKF_RW_SESSION)
s.login(pin)
pub, priv = s.generateKeyPair(
    [(P.CKA_CLASS, P.CKO_PUBLIC_KEY), (P.CKA_TOKEN, True), (P.CKA_EC_PARAMS, (6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7))],
    [(P.CKA_CLASS, P.CKO_PRIVATE_KEY), (P.CKA_TOKEN, True), (P.CKA_LABEL, "stays")], mecha=P.MechanismECGENERATEKEYPAIR)
ecdsa = P.Mechanism(P.CKM_ECDSA_SHA256)


def works(where):
    sig = s.sign(priv, b"data", ecdsa)
    assert s.verify(pub, b"data", sig, ecdsa), where
    assert s.getSessionInfo().state == P.CKS_RW_USER_FUNCTIONS, where
    assert len(s.findObjects([(P.CKA_LABEL, "stays")])) == 1, where


works("at first")
kill(idle=2)
works("after its channel was cut while it slept")
kill()
works("right after the core was killed")
genbu("down")
genbu("up")
works("after a restart of the node")
second = lib.openSession(slot, P.CKF_SERIAL_SESSION)
kill(idle=2)
assert second.getSessionInfo().state == P.CKS_RO_USER_FUNCTIONS
s.closeSession()  # of two sessions that the new core has not met: the login stays
s = second
works_ro = s.sign(priv, b"data", ecdsa)
assert s.verify(pub, b"data", works_ro, ecdsa)
s = lib.openSession(slot, P.CKF_SERIAL_SESSION | P.CKF_RW_SESSION)
works("in another session")


def fails(codes, f, *args):
    try:
        f(*args)
    except P.PyKCS11Error as e:
        assert e.value in codes, e
        return
    raise AssertionError("not refused")


# What lived in the core alone is gone with it, and says so once.
aes = s.generateKey([(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, P.CKK_AES), (P.CKA_VALUE_LEN, 32), (P.CKA_TOKEN, False),
                     (P.CKA_LABEL, "goes")], mecha=P.Mechanism(P.CKM_AES_KEY_GEN))
assert len(s.findObjects([(P.CKA_LABEL, "goes")])) == 1
kill()
fails([P.CKR_KEY_HANDLE_INVALID], s.encrypt, aes, bytes(16), P.Mechanism(P.CKM_AES_ECB))
assert len(s.findObjects([(P.CKA_LABEL, "goes")])) == 0
digest = s.digestSession(P.Mechanism(P.CKM_SHA256))
digest.update(bytes(100000))
kill()
fails([P.CKR_DEVICE_ERROR], digest.update, bytes(100000))
works("after an operation was lost")

# A locked node has no token; once it is unlocked the program goes on with its login.
genbu("lock")
fails([P.CKR_TOKEN_NOT_PRESENT], s.sign, priv, b"data", ecdsa)
fails([P.CKR_TOKEN_NOT_PRESENT], s.sign, priv, b"data", ecdsa)
genbu("unlock")
works("after lock and unlock")
genbu("lock")
time.sleep(0.5)
genbu("unlock")
works("after lock and unlock while it slept")
s.logout()
