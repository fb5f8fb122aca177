# SPDX-License-Identifier: Apache-2.0
#
# needs: python3
# A program (PyKCS11) that stays while the core is killed under it, the node restarts, and is locked and unlocked.

/usr/bin/python3 "$HERE/../pykcs11_restarts.py" "$GENBU_PKCS11_MODULE" conf 1234 "$GENBU_DIR"
echo "note: $(version python3-pykcs11): one login over five killed cores, a restart of the node, lock and unlock; idle and not"
