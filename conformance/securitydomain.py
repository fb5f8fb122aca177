# SPDX-License-Identifier: Apache-2.0
#
# securitydomain.py DOMAIN TRANSFER OUT KEY KEY...: opens a security domain file with its holders' keys and makes a restore blob for a
# transfer certificate, written from docs/design/backup.md alone, with the cryptography package. It prints what the datum holds.
#
# securitydomain.py --few DOMAIN KEY: shows that one share of two leaves every value of the master key possible.
import base64, hashlib, hmac, json, os, struct, sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

OAEP = rsa_padding.OAEP(mgf=rsa_padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
P = 257


def b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unb64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def cbc_hs512_open(jwe, cek):
    head, _, iv, ct, tag = jwe.split(".")
    iv, ct = b64(iv), b64(ct)
    mac = hmac.new(cek[:32], head.encode() + iv + ct + struct.pack(">Q", 8 * len(head)), hashlib.sha512).digest()[:32]
    if not hmac.compare_digest(mac, b64(tag)):
        raise ValueError("the JWE's tag is wrong")
    d = Cipher(algorithms.AES(cek[32:]), modes.CBC(iv)).decryptor()
    u = padding.PKCS7(128).unpadder()
    return u.update(d.update(ct) + d.finalize()) + u.finalize()


def cbc_hs512_seal(header, wrapped, cek, plain):
    head, iv = unb64(json.dumps(header).encode()), os.urandom(16)
    p = padding.PKCS7(128).padder()
    e = Cipher(algorithms.AES(cek[32:]), modes.CBC(iv)).encryptor()
    ct = e.update(p.update(plain) + p.finalize()) + e.finalize()
    mac = hmac.new(cek[:32], head.encode() + iv + ct + struct.pack(">Q", 8 * len(head)), hashlib.sha512).digest()[:32]
    return ".".join([head, unb64(wrapped), unb64(iv), unb64(ct), unb64(mac)])


def datum_key(master, tag):
    return hmac.new(master, struct.pack(">I", 1) + tag.encode() + b"\0" + struct.pack(">I", 512), hashlib.sha512).digest()


def share(domain, path):
    key = serialization.load_pem_private_key(open(path, "rb").read(), None)
    for s in domain["SharedKeys"]["enc_shares"]:
        jwe = s["enc_key"]
        header = json.loads(b64(jwe.split(".")[0]))
        assert header["alg"] == "RSA-OAEP-256" and header["enc"] == "A256CBC-HS512", header
        try:
            cek = key.decrypt(b64(jwe.split(".")[1]), OAEP)
        except ValueError:
            continue
        plain = cbc_hs512_open(jwe, cek)
        words = [struct.unpack("<H", plain[i : i + 2])[0] for i in range(0, 64, 2)]
        x = words[0] >> 9
        assert all(w >> 9 == x and w & 511 < P for w in words) and len(plain) == 64
        return x, [w & 511 for w in words]
    raise SystemExit(path + ": no share is for this key")


def join(shares):
    secret = []
    for i in range(32):
        v = 0
        for x, values in shares:
            w = 1
            for y, _ in shares:
                if y != x:
                    w = w * y * pow(y - x, P - 2, P) % P
            v = (v + w * values[i]) % P
        secret.append(v)
    return bytes(secret)


def main(domain, transfer, out, keys):
    domain = json.load(open(domain))
    assert domain["version"] == 2 and domain["EncData"]["kdf"] == "sp108_kdf"
    assert domain["SharedKeys"]["key_algorithm"] == "shamir_share" and len(keys) == domain["SharedKeys"]["required"]
    master = join([share(domain, k) for k in keys])
    fresh, data = os.urandom(32), []
    for d in domain["EncData"]["data"]:
        header = json.loads(b64(d["compact_jwe"].split(".")[0]))
        assert header == {"alg": "dir", "kid": d["tag"], "enc": "A256CBC-HS512"}, header
        plain = cbc_hs512_open(d["compact_jwe"], datum_key(master, d["tag"]))
        assert d["tag"] == "genbu-domain" and plain[0] == 1 and len(plain) == 49
        print("domain", plain[1:17].hex())
        jwe = cbc_hs512_seal(header, b"", datum_key(fresh, d["tag"]), plain)
        data.append({"compact_jwe": jwe, "tag": d["tag"]})
    cert = x509.load_pem_x509_certificate(open(transfer, "rb").read())
    cert.public_key().verify(cert.signature, cert.tbs_certificate_bytes, rsa_padding.PKCS1v15(), cert.signature_hash_algorithm)
    cek = os.urandom(64)
    header = {"alg": "RSA-OAEP-256", "kid": "not used", "enc": "A256CBC-HS512"}
    wrapped = cbc_hs512_seal(header, cert.public_key().encrypt(cek, OAEP), cek, fresh)
    print_ = unb64(hashlib.sha256(cert.public_bytes(serialization.Encoding.DER)).digest())
    json.dump({"EncData": {"data": data, "kdf": "sp108_kdf"}, "WrappedKey": {"enc_key": wrapped, "x5t_256": print_}}, open(out, "w"))


def few(domain, key):
    x, values = share(json.load(open(domain)), key)
    other = 2 if x != 2 else 3
    for i in range(32):
        seen = set()
        for v in range(P):  # what another holder's share might be
            seen.add((other * pow(other - x, P - 2, P) * values[i] + x * pow(x - other, P - 2, P) * v) % P)
        assert seen == set(range(P)), "byte %d is bound to %d values" % (i, len(seen))
    print("one share leaves every value possible")


if sys.argv[1] == "--few":
    few(*sys.argv[2:])
else:
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
