# SPDX-License-Identifier: Apache-2.0
#
# Uses a vault and a managed HSM through the Azure SDK for Python, unmodified and with nothing but the environment variables
# that genbu connect azure prints. The argument is how many keys named page-0000 and so on there are to page through.
import base64
import hashlib
import json
import os
import sys

import jwt
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient, KeyCurveName, KeyOperation, KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

credential = DefaultAzureCredential()
vault = KeyClient(os.environ["AZURE_KEYVAULT_URL"], credential)
hsm = KeyClient(os.environ["AZURE_MANAGEDHSM_URL"], credential)
secrets = SecretClient(os.environ["AZURE_KEYVAULT_URL"], credential)
digest = hashlib.sha256(b"signed in the vault").digest()


def refused(status, code, act):
    try:
        act()
    except HttpResponseError as e:
        assert e.status_code == status and e.error.code == code, (e.status_code, e.error)
        return
    raise AssertionError("not refused")


def number(b):
    return int.from_bytes(b, "big")


def sign():
    key = vault.create_ec_key("py-ec", curve=KeyCurveName.p_256)
    result = vault.get_cryptography_client("py-ec").sign(SignatureAlgorithm.es256, digest)
    assert result.key_id == key.id and len(result.signature) == 64
    public = ec.EllipticCurvePublicNumbers(number(key.key.x), number(key.key.y), ec.SECP256R1()).public_key()
    der = utils.encode_dss_signature(number(result.signature[:32]), number(result.signature[32:]))
    public.verify(der, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    try:
        public.verify(der, hashlib.sha256(b"else").digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        raise AssertionError("another digest verifies")
    except InvalidSignature:
        pass
    key = vault.create_rsa_key("py-rsa", size=2048)
    public = rsa.RSAPublicNumbers(number(key.key.e), number(key.key.n)).public_key()
    crypto = vault.get_cryptography_client("py-rsa")
    for alg, pad in ((SignatureAlgorithm.rs256, padding.PKCS1v15()), (SignatureAlgorithm.ps256, padding.PSS(padding.MGF1(hashes.SHA256()), 32))):
        signature = crypto.sign(alg, digest).signature
        public.verify(signature, digest, pad, utils.Prehashed(hashes.SHA256()))
        assert crypto.verify(alg, digest, signature).is_valid
    secret = os.urandom(32)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    assert crypto.decrypt(EncryptionAlgorithm.rsa_oaep_256, public.encrypt(secret, oaep)).plaintext == secret
    wrapped = crypto.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, secret)
    assert crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped.encrypted_key).key == secret


def jose():
    """A JOSE library verifies a JWS whose signatures the vault made; the script has openssl verify another."""
    for name, alg in (("py-ec", "ES256"), ("py-rsa", "RS256"), ("py-rsa", "PS256")):
        key = vault.get_key(name).key
        if alg == "ES256":
            public = ec.EllipticCurvePublicNumbers(number(key.x), number(key.y), ec.SECP256R1()).public_key()
        else:
            public = rsa.RSAPublicNumbers(number(key.e), number(key.n)).public_key()
        b64 = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=")
        signed = b64(json.dumps({"alg": alg}).encode()) + b"." + b64(b'{"sub":"genbu"}')
        signature = vault.get_cryptography_client(name).sign(SignatureAlgorithm(alg), hashlib.sha256(signed).digest()).signature
        assert jwt.decode(signed + b"." + b64(signature), public, algorithms=[alg]) == {"sub": "genbu"}
        changed = signed + b"." + b64(signature[:-1] + bytes([signature[-1] ^ 1]))
        try:
            jwt.decode(changed, public, algorithms=[alg])
            raise AssertionError("a changed JWS verifies")
        except jwt.InvalidSignatureError:
            pass
    with open("rsa.pem", "wb") as f:
        f.write(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    with open("digest.bin", "wb") as f:
        f.write(digest)
    with open("rsa.sig", "wb") as f:
        f.write(vault.get_cryptography_client("py-rsa").sign(SignatureAlgorithm.rs256, digest).signature)


def symmetric():
    hsm.create_oct_key("py-aes", size=256, hardware_protected=True)
    crypto = hsm.get_cryptography_client("py-aes")
    e = crypto.encrypt(EncryptionAlgorithm.a256_gcm, b"text", additional_authenticated_data=b"header")
    d = crypto.decrypt(EncryptionAlgorithm.a256_gcm, e.ciphertext, iv=e.iv, authentication_tag=e.tag, additional_authenticated_data=b"header")
    assert d.plaintext == b"text"
    e = crypto.encrypt(EncryptionAlgorithm.a256_cbcpad, b"text", iv=os.urandom(16))
    assert crypto.decrypt(EncryptionAlgorithm.a256_cbcpad, e.ciphertext, iv=e.iv).plaintext == b"text"
    w = crypto.wrap_key(KeyWrapAlgorithm.aes_256, digest)
    assert crypto.unwrap_key(KeyWrapAlgorithm.aes_256, w.encrypted_key).key == digest
    assert len(hsm.get_random_bytes(count=17)) == 17


def life():
    first = vault.create_ec_key("py-life", tags={"a": "b"})
    second = vault.rotate_key("py-life")
    assert first.properties.version != second.properties.version and second.properties.tags == {"a": "b"}
    assert len(list(vault.list_properties_of_key_versions("py-life"))) == 2
    policy = KeyRotationPolicy(expires_in="P2Y", lifetime_actions=[KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_before_expiry="P30D")])
    assert vault.update_key_rotation_policy("py-life", policy).expires_in == "P2Y"
    assert vault.get_key_rotation_policy("py-life").lifetime_actions[0].time_before_expiry == "P30D"
    vault.update_key_properties("py-life", enabled=False)
    refused(403, "Forbidden", lambda: vault.get_cryptography_client("py-life").sign(SignatureAlgorithm.es256, digest))
    vault.update_key_properties("py-life", enabled=True, key_operations=[KeyOperation.verify])
    vault.begin_delete_key("py-life").wait()
    refused(404, "KeyNotFound", lambda: vault.get_key("py-life"))
    try:
        vault.create_ec_key("py-life")
        raise AssertionError("a deleted name is free")
    except ResourceExistsError:
        pass
    assert vault.get_deleted_key("py-life").recovery_id
    vault.begin_recover_deleted_key("py-life").wait()
    backup = vault.backup_key("py-life")
    vault.begin_delete_key("py-life").wait()
    vault.purge_deleted_key("py-life")
    restored = vault.restore_key_backup(backup)
    assert restored.properties.version == second.properties.version


def secret_life():
    secrets.set_secret("py-secret", "one", content_type="text/plain")
    two = secrets.set_secret("py-secret", "two \u20ac")
    assert secrets.get_secret("py-secret").value == "two \u20ac"
    assert len(list(secrets.list_properties_of_secret_versions("py-secret"))) == 2
    assert any(s.name == "py-secret" for s in secrets.list_properties_of_secrets())
    secrets.update_secret_properties("py-secret", version=two.properties.version, tags={"x": "y"})
    assert secrets.get_secret("py-secret").properties.tags == {"x": "y"}
    backup = secrets.backup_secret("py-secret")
    secrets.begin_delete_secret("py-secret").wait()
    secrets.purge_deleted_secret("py-secret")
    try:
        secrets.get_secret("py-secret")
        raise AssertionError("purged and there")
    except ResourceNotFoundError:
        pass
    secrets.restore_secret_backup(backup)
    assert secrets.get_secret("py-secret").value == "two \u20ac"


def page(n):
    names = [k.name for k in vault.list_properties_of_keys() if k.name.startswith("page-")]
    assert names == [f"page-{i:04d}" for i in range(n)], len(names)


for scenario in (sign, jose, symmetric, life, secret_life):
    print("scenario:", scenario.__name__, flush=True)
    scenario()
page(int(sys.argv[1]))
