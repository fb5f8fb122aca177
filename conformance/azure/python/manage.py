# SPDX-License-Identifier: Apache-2.0
#
# Makes, uses and ends a vault by azure-mgmt-keyvault, unmodified. The SDK takes the resource manager's address from the program and
# nothing from the environment. The argument is make or use: the script between them sees to it that the new name resolves.
import os
import sys
import uuid

from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient

me, subscription, base = (os.environ[n] for n in ("AZURE_CLIENT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCEMANAGER_URL"))
credential = DefaultAzureCredential()
where = {"base_url": base, "credential_scopes": [base + "/.default"]}
manager = KeyVaultManagementClient(credential, subscription, **where)
roles = AuthorizationManagementClient(credential, subscription, **where)
NAME, GROUP = "py-vault", "py-group"
PROPERTIES = {"tenantId": "adfs", "sku": {"family": "A", "name": "standard"}, "accessPolicies": [], "enableRbacAuthorization": True, "softDeleteRetentionInDays": 7}


def refused(status, code, act):
    try:
        act()
    except HttpResponseError as e:
        assert e.status_code == status and e.error.code == code, (e.status_code, e.error)
        return
    raise AssertionError("not refused")


def make():
    vault = manager.vaults.begin_create_or_update(GROUP, NAME, {"location": "local", "tags": {"team": "till"}, "properties": PROPERTIES}).result()
    assert vault.tags == {"team": "till"} and vault.properties.soft_delete_retention_in_days == 7 and f"://{NAME}.vault." in vault.properties.vault_uri
    (role,) = roles.role_definitions.list(vault.id, filter="roleName eq 'Key Vault Secrets Officer'")
    roles.role_assignments.create(vault.id, str(uuid.uuid4()), {"properties": {"roleDefinitionId": role.id, "principalId": me}})
    denied = dict(PROPERTIES, networkAcls={"defaultAction": "Deny", "bypass": "None", "ipRules": [{"value": "10.0.0.0/8"}]})
    refused(400, "BadParameter", lambda: manager.vaults.begin_create_or_update(GROUP, "py-vault2", {"location": "local", "properties": denied}).result())


def use():
    vault = manager.vaults.get(GROUP, NAME)
    secrets = SecretClient(vault.properties.vault_uri, credential)
    secrets.set_secret("till", "open")
    assert secrets.get_secret("till").value == "open"
    assert NAME in [v.name for v in manager.vaults.list_by_subscription()] and [v.name for v in manager.vaults.list_by_resource_group(GROUP)] == [NAME]
    manager.vaults.update(GROUP, NAME, {"tags": {"team": "stall"}})
    assert manager.vaults.get(GROUP, NAME).tags == {"team": "stall"}
    manager.vaults.delete(GROUP, NAME)
    refused(404, "VaultNotFound", lambda: secrets.get_secret("till"))
    assert NAME in [v.name for v in manager.vaults.list_deleted()]
    manager.vaults.begin_create_or_update(GROUP, NAME, {"location": "local", "properties": dict(PROPERTIES, createMode="recover")}).result()
    assert secrets.get_secret("till").value == "open"
    manager.vaults.delete(GROUP, NAME)
    manager.vaults.begin_purge_deleted(NAME, "local").result()
    assert NAME not in [v.name for v in manager.vaults.list_deleted()]


{"make": make, "use": use}[sys.argv[1]]()
