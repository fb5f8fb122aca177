# SPDX-License-Identifier: Apache-2.0
"""The security domain of a managed HSM by the Azure SDK for Python, with nothing but the environment that genbu connect azure prints:
it goes from AZURE_MANAGEDHSM_URL to OTHER_MANAGEDHSM_URL by two of three holders, and a backup of the first is restored there. What
opens the holders' shares is az's own code, out of the wheel of azure-cli that AZ_WHEEL names (azcode.py)."""

import base64
import hashlib
import json
import os

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.keyvault.administration import KeyVaultBackupClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from azure.keyvault.securitydomain import SecurityDomainClient
from azure.keyvault.securitydomain.models import CertificateInfo, SecurityDomain, SecurityDomainJsonWebKey
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import azcode

here, there = os.environ["AZURE_MANAGEDHSM_URL"], os.environ["OTHER_MANAGEDHSM_URL"]
container, sas = os.environ["BLOB_CONTAINER_URL"], os.environ["BLOB_SAS"]
cred = DefaultAzureCredential()
first, second = SecurityDomainClient(here, cred), SecurityDomainClient(there, cred)


def refused(what, status, code, do, inner=None):
    try:
        do()
    except HttpResponseError as e:
        error = e.response.json()["error"] if e.response is not None else {}
        assert (e.status_code, error.get("code")) == (status, code), f"{what}: {e.status_code} {error}"
        assert inner is None or error["innererror"]["code"] == inner, f"{what}: {error}"
        print("refused:", what)
        return e
    raise AssertionError(f"not refused: {what}")


def number(n):
    return base64.urlsafe_b64encode(n.to_bytes((n.bit_length() + 7) // 8, "big")).decode().rstrip("=")


def holder(path, wrong=False):
    cert = x509.load_pem_x509_certificate(open(path, "rb").read())
    der, public = cert.public_bytes(serialization.Encoding.DER), cert.public_key().public_numbers()
    print_ = hashlib.sha256(b"another" if wrong else der).digest()
    return SecurityDomainJsonWebKey(kid=path, kty="RSA", key_ops=["verify", "encrypt", "wrapKey"], n=number(public.n), e=number(public.e), alg="RSA-OAEP-256",
                                    x5_c=[base64.b64encode(der).decode()], x5_t_s256=base64.urlsafe_b64encode(print_).decode().rstrip("="))


people = [holder(p) for p in ("a.cer", "b.cer", "c.cer")]


def download(client, name, **how):
    domain = client.begin_download(CertificateInfo(certificates=people, required=2), **how).result()
    with open(name, "w") as f:
        f.write(domain.value)
    return json.loads(domain.value)


def transfer_key(client, name):
    jwk = json.loads(client.get_transfer_key()["transfer_key"])
    der = base64.b64decode(jwk["x5c"][0])
    cert = x509.load_der_x509_certificate(der)
    cert.public_key().verify(cert.signature, cert.tbs_certificate_bytes, azcode.PKCS1v15(), hashes.SHA256())
    public = cert.public_key().public_numbers()
    assert jwk["kty"] == "RSA" and jwk["n"] == number(public.n) and public.n.bit_length() == 3072
    with open(name, "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    return jwk["x5t#S256"]


def upload(client, blob):
    client.begin_upload(SecurityDomain(value=blob)).result()


# A download for three holders, by both ways of asking; any two of them are enough, so the file says 2 of 3.
file = download(first, "hsm.json")
assert file["version"] == 2 and file["SharedKeys"]["required"] == 2 and len(file["SharedKeys"]["enc_shares"]) == 3
assert [d["tag"] for d in file["EncData"]["data"]] == ["genbu-hsm"]
download(first, "again.json", skip_activation_polling=True)
assert first.get_download_status().status == "Success"
refused("a thumbprint of another certificate", 400, "BadParameter", lambda: first.begin_download(CertificateInfo(certificates=[people[0], holder("b.cer", True)], required=2)))
refused("three of two", 400, "BadParameter", lambda: first.begin_download(CertificateInfo(certificates=people[:2], required=3)))
refused("one of two", 400, "BadParameter", lambda: first.begin_download(CertificateInfo(certificates=people[:2], required=1)))
refused("the same holder twice", 400, "BadParameter", lambda: first.begin_download(CertificateInfo(certificates=[people[0], people[0]], required=2)))

# The first HSM has a key, and a backup.
keys = KeyClient(here, cred)
key = keys.create_ec_key("domain-key", curve="P-256", hardware_protected=True)
digest = hashlib.sha256(b"signed in the first HSM").digest()
signature = CryptographyClient(key, cred).sign(SignatureAlgorithm.es256, digest).signature
backup = KeyVaultBackupClient(here, cred).begin_backup(container, sas_token=sas).result().folder_url
restore = KeyVaultBackupClient(there, cred)
try:
    restore.begin_restore(backup, sas_token=sas).wait()
    raise AssertionError("a backup was restored where its domain is not")
except HttpResponseError as e:
    assert "of another security domain" in str(e), e
    print("refused: the backup without its domain")

# One of three holders: az's code refuses to begin, and what it makes when the file is said to want one opens nothing.
ours, theirs = transfer_key(first, "ours.pem"), transfer_key(second, "theirs.pem")
assert ours != theirs and transfer_key(second, "theirs.pem") == theirs
try:
    azcode.restore_blob("hsm.json", "theirs.pem", ["a.key"])
    raise AssertionError("az's code took one holder for two")
except azcode.CLIError as e:
    print("refused: one of three:", e)
refused("another HSM's transfer key", 400, "BadParameter", lambda: upload(second, azcode.restore_blob("hsm.json", "ours.pem", ["a.key", "c.key"])))
blob = azcode.restore_blob("hsm.json", "theirs.pem", ["a.key", "c.key"])
broken = json.loads(blob)
broken["EncData"] = json.loads(azcode.restore_blob("again.json", "theirs.pem", ["a.key", "b.key"]))["EncData"]
refused("data of another blob", 400, "BadParameter", lambda: upload(second, json.dumps(broken)))
refused("the file itself", 400, "BadParameter", lambda: upload(second, open("hsm.json").read()))
refused("no JSON", 400, "BadParameter", lambda: upload(second, "hsm"))
refused("the file of a whole Genbu", 400, "BadParameter", lambda: upload(second, azcode.restore_blob("whole.json", "theirs.pem", ["a.key", "b.key"])))
assert "that was uploaded" not in second.get_upload_status().status_details
assert not list(KeyClient(there, cred).list_properties_of_keys())

# Who may not: a crypto-user, and any way to a vault.
user = SecurityDomainClient(there, ClientSecretCredential("adfs", os.environ["USER_CLIENT_ID"], os.environ["USER_CLIENT_SECRET"]))
for what, do in {"download": lambda: user.begin_download(CertificateInfo(certificates=people, required=2)), "transfer key": user.get_transfer_key,
                 "upload": lambda: upload(user, blob), "status of a download": user.get_download_status, "status of an upload": user.get_upload_status}.items():
    refused(what + " by a crypto-user", 403, "Forbidden", do, "ForbiddenByRbac")
vault = SecurityDomainClient(os.environ["AZURE_KEYVAULT_URL"], cred)
refused("a vault's transfer key", 404, "NotFound", vault.get_transfer_key)

# Two of three, and the backup opens.
upload(second, blob)
status = second.get_upload_status()
assert status.status == "Success" and "that was uploaded" in status.status_details, status
refused("a transfer key that is spent", 400, "BadParameter", lambda: upload(second, blob))
restore.begin_restore(backup, sas_token=sas).wait()
moved = KeyClient(there, cred).get_key("domain-key")
assert moved.properties.version == key.properties.version and moved.key.x == key.key.x
assert CryptographyClient(moved, cred).sign(SignatureAlgorithm.es256, digest).signature
assert CryptographyClient(moved.id, cred).verify(SignatureAlgorithm.es256, digest, signature).is_valid

# Now it has keys.
transfer_key(second, "late.pem")
late = azcode.restore_blob("again.json", "late.pem", ["b.key", "c.key"])
e = refused("an HSM with keys", 409, "Conflict", lambda: upload(second, late), "ManagedHSMNotEmpty")
assert isinstance(e, ResourceExistsError)
KeyClient(there, cred).begin_delete_key("domain-key").wait()
refused("an HSM with a deleted key", 409, "Conflict", lambda: upload(second, late), "ManagedHSMNotEmpty")
try:
    KeyClient(there, cred).get_key("domain-key")
except ResourceNotFoundError:
    KeyClient(there, cred).purge_deleted_key("domain-key")
upload(second, late)
print("the security domain moved, and the backup with it")
