#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py RESULTS: what v3 made, verified by pyca/cryptography on its own OpenSSL, from which no code of ours comes.

Each line of RESULTS is "TEST NAME HEX" or "TEST NAME =TEXT"; "TEST ." ends one set. Sets that this library cannot verify are left to
check.mjs. Prints how many of each kind were verified; ends with an error at the first that is wrong.
"""
import collections
import hashlib
import sys

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, mldsa, mlkem, padding, rsa
from cryptography.hazmat.primitives.ciphers import aead
from cryptography.hazmat.primitives.kdf import hkdf, kbkdf
from cryptography.hazmat.primitives.serialization import load_der_private_key

# DER of the digest's object identifier, as FIPS 204 algorithm 4 puts it before the digest.
OIDS = {"SHA-256": "0609608648016503040201", "SHA-512": "0609608648016503040203", "SHAKE256": "060960864801650304020c"}
DIGESTS = {"SHA-256": lambda m: hashlib.sha256(m).digest(), "SHA-512": lambda m: hashlib.sha512(m).digest(),
           "SHAKE256": lambda m: hashlib.shake_256(m).digest(64)}


def sets(path):
    current = {}
    for line in open(path):
        test, rest = line.rstrip("\n").split(" ", 1)
        if rest == ".":
            yield test, current
            current = {}
            continue
        name, value = rest.rsplit(" ", 1)
        current[name] = value[1:] if value.startswith("=") else bytes.fromhex(value)


def gcm(s):
    if len(s["tag"]) == 16:
        assert aead.AESGCM(s["key"]).encrypt(s["iv"], s["text"], s["aad"]) == s["ct"] + s["tag"]
    else:  # a shorter tag is the front of the long one
        assert (aead.AESGCM(s["key"]).encrypt(s["iv"], s["text"], s["aad"])).startswith(s["ct"] + s["tag"])
    return "AES-GCM messages"


def chacha(s):
    assert aead.ChaCha20Poly1305(s["key"]).decrypt(s["iv"], s["ct"] + s["tag"], s["aad"]) == s["text"]
    return "ChaCha20-Poly1305 messages"


def kem(s):
    kinds = {"2": mlkem.MLKEM768PrivateKey, "3": mlkem.MLKEM1024PrivateKey}
    if s["set"] not in kinds:
        return None
    key = kinds[s["set"]].from_seed_bytes(s["seed"])
    assert key.public_key().public_bytes_raw() == s["public"]
    assert key.decapsulate(s["ciphertext"]) == s["secret"]
    return "ML-KEM key pairs and secrets"


def ml_dsa(s):
    kinds = {"1": mldsa.MLDSA44PublicKey, "2": mldsa.MLDSA65PublicKey, "3": mldsa.MLDSA87PublicKey}
    key = kinds[s["set"]].from_public_bytes(s["public"])
    if s["scheme"] == "ML-DSA":
        key.verify(s["signature"], s["message"], s["ctx"])
        return "ML-DSA signatures"
    # HashML-DSA: the message representative of FIPS 204 algorithm 4, verified as mu.
    tr = hashlib.shake_256(s["public"]).digest(64)
    prime = bytes([1, len(s["ctx"])]) + s["ctx"] + bytes.fromhex(OIDS[s["hash"]]) + DIGESTS[s["hash"]](s["message"])
    key.verify_mu(s["signature"], hashlib.shake_256(tr + prime).digest(64))
    return "HashML-DSA signatures"


def eddsa(s):
    if s["hash"]:
        return None
    assert s["public"][0] == 4  # an OCTET STRING
    kind = ed448.Ed448PublicKey if s["set"] == "448" else ed25519.Ed25519PublicKey
    kind.from_public_bytes(s["public"][2:]).verify(s["signature"], s["message"])
    return "EdDSA signatures"


def state(s):
    assert hashlib.sha3_256(s["data"]).digest() == s["digest"]
    return "digests over saved states"


def rsa_aes(s):
    n, d = (int.from_bytes(s[x], "big") for x in ("n", "d"))
    p, q = (int.from_bytes(s[x], "big") for x in ("p", "q"))
    key = rsa.RSAPrivateNumbers(p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
                                rsa.RSAPublicNumbers(65537, n)).private_key()
    kek = key.decrypt(s["wrapped"][:256], padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    assert len(kek) == 32
    inner = load_der_private_key(keywrap.aes_key_unwrap_with_padding(kek, s["wrapped"][256:]), None)
    assert inner.private_numbers().d == int.from_bytes(s["inner d"], "big")
    assert inner.public_key().public_numbers().n == int.from_bytes(s["inner n"], "big")
    return "keys under RSA_AES_KEY_WRAP"


def kbkdf_counter(s):
    # Each key begins with a block of its own: keys of 32, 16 and 20 bytes take three blocks, while L is the sum of the keys.
    fixed = b"label\0context" + (8 * (32 + 16 + 20)).to_bytes(4, "big")
    blocks = kbkdf.KBKDFHMAC(algorithm=hashes.SHA256(), mode=kbkdf.Mode.CounterMode, length=96, rlen=4, llen=None,
                             location=kbkdf.CounterLocation.BeforeFixed, label=None, context=None, fixed=fixed).derive(s["key"])
    assert (s["first"], s["second"], s["third"]) == (blocks[:32], blocks[32:48], blocks[64:84])
    return "SP 800-108 derivations"


def hkdfs(s):
    if s["mode"] == "both":
        want = hkdf.HKDF(hashes.SHA512(), 77, s["salt"], b"info").derive(s["ikm"])
    elif s["mode"] == "extract":
        want = hkdf.HKDF.extract(hashes.SHA512(), s["salt"], s["ikm"])
    else:
        want = hkdf.HKDFExpand(hashes.SHA512(), 77, b"info").derive(s["ikm"])
    assert want == s["okm"]
    return "HKDF derivations"


CHECKS = {"gcm_messages": gcm, "chacha_messages": chacha, "encapsulation_with_every_ml_kem": kem, "ml_dsa_signatures": ml_dsa,
          "eddsa_variants": eddsa, "digest_state_is_saved_and_restored": state, "rsa_aes_key_wrap": rsa_aes,
          "sp800_108_with_additional_keys": kbkdf_counter, "hkdf_keys_and_data": hkdfs}

if __name__ == "__main__":
    counts = collections.Counter()
    for test, s in sets(sys.argv[1]):
        if test in CHECKS:
            try:
                counts[CHECKS[test](s)] += 1
            except Exception as e:
                sys.exit(f"{test}: {s.get('scheme', '')} {s.get('set', '')} {s.get('hash', '')}: {e!r}")
    for kind, n in sorted((k, n) for k, n in counts.items() if k):
        print(n, kind)
