# SPDX-License-Identifier: Apache-2.0
"""What `az keyvault security-domain restore-blob` does, by az's own code as it stands in the wheel of azure-cli (AZ_WHEEL): its package
keyvault.security_domain whole, and of custom.py the functions that make the blob. The rest of az, 0.7 GB with what it depends on, is
not needed for that; the whole of it runs with GENBU_SOAK=1 (azure-az.sh)."""

import ast
import hashlib
import importlib
import json
import os
import sys
import types
import zipfile

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from knack.util import CLIError

__all__ = ["CLIError", "PKCS1v15", "restore_blob"]
HOME = "azure/cli/command_modules/keyvault"


wheel = zipfile.ZipFile(os.environ["AZ_WHEEL"])
wheel.extractall("azcode", [n for n in wheel.namelist() if n.startswith(HOME + "/security_domain/")])
for depth in range(2, 5):  # packages without their own code, which would want all of az
    words = HOME.split("/")[:depth]
    package = types.ModuleType(".".join(words))
    package.__path__ = [os.path.join("azcode", *words)]
    sys.modules[package.__name__] = package
parts = {name: importlib.import_module("azure.cli.command_modules.keyvault.security_domain." + name) for name in ("jwe", "security_domain", "shared_secret", "sp800_108", "utils")}

source = ast.parse(wheel.read(HOME + "/custom.py"))
source.body = [f for f in source.body if isinstance(f, ast.FunctionDef) and f.name.startswith("_security_domain_") and f.name != "_security_domain_upload_blob"]
assert len(source.body) >= 4, [f.name for f in source.body]
names = {"os": os, "json": json, "hashlib": hashlib, "CLIError": CLIError, "RequiredArgumentMissingError": CLIError, "Encoding": Encoding,
         "default_backend": default_backend, "load_pem_private_key": load_pem_private_key, "load_pem_x509_certificate": load_pem_x509_certificate,
         "JWE": parts["jwe"].JWE, "Datum": parts["security_domain"].Datum, "SecurityDomainRestoreData": parts["security_domain"].SecurityDomainRestoreData,
         "SharedSecret": parts["shared_secret"].SharedSecret, "KDF": parts["sp800_108"].KDF, "Utils": parts["utils"].Utils}
exec(compile(source, "custom.py", "exec"), names)


def restore_blob(file, transfer, keys):
    return names["_security_domain_restore_blob"](file, transfer, keys)
