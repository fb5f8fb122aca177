# SPDX-License-Identifier: Apache-2.0
"""Backup, restore and settings of a managed HSM by the Azure SDK for Python, with nothing but the environment that genbu connect
azure prints, and a container of a blob service (BLOB_CONTAINER_URL, BLOB_SAS)."""

import hashlib
import os

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.keyvault.administration import KeyVaultBackupClient, KeyVaultSetting, KeyVaultSettingsClient, KeyVaultSettingType
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

url, container, sas = os.environ["AZURE_MANAGEDHSM_URL"], os.environ["BLOB_CONTAINER_URL"], os.environ["BLOB_SAS"]
cred = DefaultAzureCredential()
keys, admin = KeyClient(url, cred), KeyVaultBackupClient(url, cred)


def refused(what, code, do):
    """It must be refused, with this code."""
    try:
        do()
    except HttpResponseError as e:
        got = e.error.code if e.error else None
        assert got == code or code in str(e), f"{what}: {got} {e}"
        print("refused:", what)
        return
    raise AssertionError(f"not refused: {what}")


def purge(name):
    keys.begin_delete_key(name).wait()
    keys.purge_deleted_key(name)


def gone(name):
    try:
        keys.get_key(name)
    except ResourceNotFoundError:
        return
    raise AssertionError(f"{name} is there")


first = keys.create_ec_key("py-doomed", curve="P-256", hardware_protected=True)
keys.create_ec_key("py-changed", curve="P-256", hardware_protected=True)
digest = hashlib.sha256(b"before the backup").digest()
signature = CryptographyClient(first, cred).sign(SignatureAlgorithm.es256, digest).signature

admin.begin_pre_backup(container, sas_token=sas).wait()
made = admin.begin_backup(container, sas_token=sas).result()
assert made.folder_url.startswith(container + "/mhsm-"), made.folder_url
print("backup:", made.folder_url)

purge("py-doomed")
keys.update_key_properties("py-changed", tags={"since": "the backup"})
keys.create_ec_key("py-late", curve="P-256", hardware_protected=True)
admin.begin_pre_restore(made.folder_url, sas_token=sas).wait()
gone("py-doomed")
poller = admin.begin_restore(made.folder_url, sas_token=sas)
again = admin.begin_restore(made.folder_url, sas_token=sas, continuation_token=poller.continuation_token())  # as a program that was started anew
poller.wait()
again.wait()
assert poller.status().lower() == "succeeded", poller.status()
assert CryptographyClient(first.id, cred).verify(SignatureAlgorithm.es256, digest, signature).is_valid
assert not keys.get_key("py-changed").properties.tags
gone("py-late")

refused("one key that is there", "Conflict", lambda: admin.begin_restore(made.folder_url, sas_token=sas, key_name="py-doomed").wait())
purge("py-doomed")
admin.begin_restore(made.folder_url, sas_token=sas, key_name="py-doomed").wait()
assert keys.get_key("py-doomed").properties.version == first.properties.version

late = keys.create_ec_key("py-late", curve="P-256", hardware_protected=True)
refused("a signature that is none", "StorageFailed", lambda: admin.begin_backup(container, sas_token="sv=2021-12-02&sig=bm9uZQ%3D%3D").wait())
refused("a folder that is not there", "StorageFailed", lambda: admin.begin_restore(container + "/mhsm-never", sas_token=sas).wait())
refused("managed identity", "BadParameter", lambda: admin.begin_backup(container, use_managed_identity=True))
reader = ClientSecretCredential("adfs", os.environ["BACKUP_CLIENT_ID"], os.environ["BACKUP_CLIENT_SECRET"])
other = KeyVaultBackupClient(url, reader)
refused("a restore by who may back up", "Forbidden", lambda: other.begin_restore(made.folder_url, sas_token=sas))
other.begin_backup(container, sas_token=sas).wait()
assert keys.get_key("py-late").id == late.id

settings = KeyVaultSettingsClient(url, cred)
name = "AllowKeyManagementOperationsThroughARM"
assert [s.name for s in settings.list_settings()] == [name]
for value in (True, False):
    changed = settings.update_setting(KeyVaultSetting(name=name, value=value, setting_type=KeyVaultSettingType.BOOLEAN))
    assert changed.getboolean() is value, changed.value
    assert settings.get_setting(name).getboolean() is value
refused("settings by who may back up", "Forbidden", lambda: KeyVaultSettingsClient(url, reader).update_setting(KeyVaultSetting(name=name, value=True)))
