# SPDX-License-Identifier: Apache-2.0
#
# Certificates of a vault through the Azure SDK for Python, unmodified and with nothing but the environment variables that
# genbu connect azure prints. Leaves server.pfx, for openssl.
import base64
import os

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.certificates import AdministratorContact, CertificateClient, CertificateContact, CertificateContentType, CertificatePolicy, WellKnownIssuerNames
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

url, credential = os.environ["AZURE_KEYVAULT_URL"], DefaultAzureCredential()
vault, secrets = CertificateClient(url, credential), SecretClient(url, credential)


def refused(status, code, act):
    try:
        act()
    except HttpResponseError as e:
        assert e.status_code == status and e.error.code == code, (e.status_code, e.error)
        return
    raise AssertionError("not refused")


# The SDK's own default: self-signed RSA, PKCS #12, exportable. Its poller waits for the operation.
made = vault.begin_create_certificate("py-default", CertificatePolicy.get_default()).result()
leaf = x509.load_der_x509_certificate(bytes(made.cer))
leaf.verify_directly_issued_by(leaf)
assert made.policy.key_type == "RSA" and made.policy.key_size == 2048, made.policy
file = base64.b64decode(secrets.get_secret("py-default").value)
key, inside, _ = pkcs12.load_key_and_certificates(file, b"")
assert inside == leaf and key.public_key().public_numbers() == leaf.public_key().public_numbers()

# Of the vault's CA.
policy = CertificatePolicy(issuer_name="Genbu", subject="CN=www.example", san_dns_names=["www.example"], san_ip_addresses=["192.0.2.7", "2001:db8::7"],
                           san_uris=["spiffe://example/www"], key_type="EC", key_curve_name="P-384", exportable=True,
                           content_type=CertificateContentType.pkcs12, validity_in_months=24)
made = vault.begin_create_certificate("py-server", policy).result()
leaf = x509.load_der_x509_certificate(bytes(made.cer))
leaf.verify_directly_issued_by(x509.load_der_x509_certificate(bytes(vault.get_certificate("Genbu-CA").cer)))
names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "2001:db8::7"] == made.policy.san_ip_addresses, names
assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example/www"] == made.policy.san_uris, names
with open("server.pfx", "wb") as f:
    f.write(base64.b64decode(secrets.get_secret("py-server").value))

# What was exported comes in again under another name, with a password, and not with a wrong one.
key, leaf, chain = pkcs12.load_key_and_certificates(open("server.pfx", "rb").read(), b"")
locked = pkcs12.serialize_key_and_certificates(b"x", key, leaf, chain, serialization.BestAvailableEncryption(b"password"))
refused(400, "BadParameter", lambda: vault.import_certificate("py-again", locked, password="wrong"))
again = vault.import_certificate("py-again", locked, password="password")
assert bytes(again.cer) == leaf.public_bytes(serialization.Encoding.DER)

# A request that nobody signed yet is no certificate.
op = vault.begin_create_certificate("py-csr", CertificatePolicy(issuer_name=WellKnownIssuerNames.unknown, subject="CN=csr"))
pending = vault.get_certificate_operation("py-csr")
assert pending.status == "inProgress" and x509.load_der_x509_csr(bytes(pending.csr)).is_signature_valid
for pending, wanted in ((True, True), (False, False)):
    listed = [c.name for c in vault.list_properties_of_certificates(include_pending=pending)]
    assert ("py-csr" in listed) == wanted and len(listed) == len(set(listed)) and "py-server" in listed, listed
assert vault.cancel_certificate_operation("py-csr").cancellation_requested
vault.delete_certificate_operation("py-csr")
refused(404, "CertificateNotFound", lambda: vault.get_certificate("py-csr"))

assert {c.name for c in vault.list_properties_of_certificates()} >= {"py-default", "py-server", "py-again", "Genbu-CA"}
updated = vault.update_certificate_properties("py-again", enabled=False, tags={"a": "b"})
assert not updated.properties.enabled and updated.properties.tags == {"a": "b"}
backup = vault.backup_certificate("py-default")
vault.begin_delete_certificate("py-default").wait()
assert vault.get_deleted_certificate("py-default").recovery_id
vault.begin_recover_deleted_certificate("py-default").wait()
vault.begin_delete_certificate("py-default").wait()
vault.purge_deleted_certificate("py-default")
assert vault.restore_certificate_backup(backup).name == "py-default"

vault.create_issuer("py-issuer", "Genbu", account_id="Genbu-CA", admin_contacts=[AdministratorContact(first_name="A", last_name="B", email="a@example", phone="1")])
assert vault.get_issuer("py-issuer").admin_contacts[0].email == "a@example"
assert [i.name for i in vault.list_properties_of_issuers()] == ["py-issuer"]
vault.delete_issuer("py-issuer")
try:
    vault.get_issuer("py-issuer")
    raise AssertionError("not deleted")
except ResourceNotFoundError:
    pass
vault.set_contacts([CertificateContact(email="a@example", name="A", phone="1")])
assert vault.get_contacts()[0].email == "a@example"
vault.delete_contacts()
print("scenario: certificates")
