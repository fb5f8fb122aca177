# SPDX-License-Identifier: Apache-2.0
#
# Secure key release through the Azure SDK for Python: keys go out to an environment that the authority at
# AZURE_KEYVAULT_ATTESTATION_URL attests to; Python's cryptography checks what the module says, and opens them.
import base64
import json
import os
import urllib.request

import jwt
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient, KeyExportEncryptionAlgorithm, KeyReleasePolicy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

authority = os.environ["AZURE_KEYVAULT_ATTESTATION_URL"]
vault = KeyClient(os.environ["AZURE_KEYVAULT_URL"], DefaultAzureCredential())
own = rsa.generate_private_key(65537, 2048)


def b64(n):
    return base64.urlsafe_b64encode(n).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(n):
    return n.to_bytes((n.bit_length() + 7) // 8, "big")


def attest(more=""):
    public = own.public_key().public_numbers()
    body = json.dumps({"kty": "RSA", "kid": "environment", "key_ops": ["wrapKey"], "n": b64(number(public.n)), "e": b64(number(public.e))})
    with urllib.request.urlopen(urllib.request.Request(authority + "/attest?" + more, body.encode()), context=trusting()) as res:
        return json.load(res)["token"]


def trusting():
    import ssl

    return ssl.create_default_context(cafile=os.environ["AUTHORITY_CA"])


def said(jws):
    """The claims of what the module signed, checked with the domain's CA by PyJWT and cryptography."""
    header = jwt.get_unverified_header(jws)
    leaf, ca = (x509.load_der_x509_certificate(base64.b64decode(c)) for c in header["x5c"])
    with open(os.environ["GENBU_DOMAIN_CA"], "rb") as f:
        assert ca == x509.load_pem_x509_certificate(f.read())
    leaf.verify_directly_issued_by(ca)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [n.value.endswith("/statements") for n in names] == [True]
    return jwt.decode(jws, leaf.public_key(), algorithms=["RS256"])


def opened(claims, digest):
    blob = json.loads(unb64(claims["response"]["key"]["key"]["key_hsm"]))
    assert blob["header"]["kid"] == "environment" and blob["header"]["enc"] == claims["request"]["enc"], blob["header"]
    wrapped = unb64(blob["ciphertext"])
    kek = own.decrypt(wrapped[:256], padding.OAEP(padding.MGF1(digest()), digest(), None))
    return serialization.load_der_private_key(keywrap.aes_key_unwrap_with_padding(kek, wrapped[256:]), None)


def refused(status, code, act):
    try:
        act()
    except HttpResponseError as e:
        assert e.status_code == status and e.error.code == code, (e.status_code, e.error)
        return
    raise AssertionError("not refused")


policy = {"version": "1.0.0", "anyOf": [{"authority": authority, "allOf": [{"claim": "sdk-test", "equals": "true"}]}]}
made = vault.create_ec_key("py-released", hardware_protected=True, exportable=True, release_policy=KeyReleasePolicy(json.dumps(policy).encode()))
assert made.properties.exportable and json.loads(made.properties.release_policy.encoded_policy) == policy
token = attest()
algs = KeyExportEncryptionAlgorithm
for algorithm, digest in ((None, hashes.SHA1), (algs.ckm_rsa_aes_key_wrap, hashes.SHA1), (algs.rsa_aes_key_wrap_256, hashes.SHA256), (algs.rsa_aes_key_wrap_384, hashes.SHA384)):
    result = vault.release_key("py-released", token, algorithm=algorithm, nonce="py-nonce")
    claims = said(result.value)
    assert claims["request"]["nonce"] == "py-nonce" and claims["request"]["kid"] == made.id, claims["request"]
    key = opened(claims, digest)
    signature = key.sign(b"signed outside", ec.ECDSA(hashes.SHA256()))
    x, y = (int.from_bytes(c, "big") for c in (made.key.x, made.key.y))
    ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(signature, b"signed outside", ec.ECDSA(hashes.SHA256()))
made = vault.create_rsa_key("py-released-rsa", hardware_protected=True, exportable=True, release_policy=KeyReleasePolicy(json.dumps(policy).encode()))
key = opened(said(vault.release_key("py-released-rsa", token, version=made.properties.version).value), hashes.SHA1)
assert key.private_numbers().public_numbers.n == int.from_bytes(made.key.n, "big")
refused(403, "Forbidden", lambda: vault.release_key("py-released", attest("sdk-test=false")))
refused(403, "Forbidden", lambda: vault.release_key("py-released", token[:-8] + "AAAAAAAA"))
refused(400, "BadParameter", lambda: vault.release_key("py-released", "no token"))
vault.create_ec_key("py-kept")
refused(403, "Forbidden", lambda: vault.release_key("py-kept", token))
if hasattr(vault, "get_key_attestation"):
    attested = vault.get_key_attestation("py-kept").properties.attestation
    assert said(attested.private_key_attestation.decode())["origin"]["never_extractable"] is True
print("scenario: release")
