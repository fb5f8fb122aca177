# SPDX-License-Identifier: Apache-2.0
#
# needs: go node npm python3 openssl
# A managed HSM's security domain, moved to another one with a backup, by the Azure SDK for Python and by az's own code for holders.

. "$HERE/../azure/azure.inc"
blobs
genbu connect azure --managed-hsm other-hsm >/dev/null # beside the one that azure makes
azure
OTHER_MANAGEDHSM_URL=${AZURE_MANAGEDHSM_URL/genbu-hsm/other-hsm}
export OTHER_MANAGEDHSM_URL
genbu operator create crypto-user --client-secret --json >user.json
genbu operator grant crypto-user --domain --token other-hsm --role 'Managed HSM Crypto User'
USER_CLIENT_ID=$(sed -n 's/.*"client_id": "\(.*\)".*/\1/p' user.json) USER_CLIENT_SECRET=$(sed -n 's/.*"secret": "\(.*\)".*/\1/p' user.json)
export USER_CLIENT_ID USER_CLIENT_SECRET
for who in a b c; do # az wants key and certificate side by side under these names
	openssl req -x509 -newkey rsa:2048 -nodes -keyout $who.key -out $who.cer -subj /CN=$who -days 3650 2>/dev/null
done
genbu domain download --quorum 2 --cert a.cer --cert b.cer --out whole.json

sdk python "$HERE/../azure/python/requirements.txt"
if [ "$fresh" ]; then
	python3 -m venv "$sdk/venv"
	"$sdk/venv/bin/pip" install -q -r "$HERE/../azure/python/requirements.txt"
	touch "$sdk/done"
fi
python=$sdk/venv/bin/python
sdk azwheel "$HERE/../azure/az-requirements.txt"
if [ "$fresh" ]; then
	"$python" -m pip download -q --no-deps -d "$sdk" "$(grep '^azure-cli==' "$HERE/../azure/az-requirements.txt")"
	touch "$sdk/done"
fi
AZ_WHEEL=$(ls "$sdk"/azure_cli-*.whl)
export AZ_WHEEL
container from-domain
"$python" "$HERE/../azure/python/domain.py"

# Shares that each holder wrapped alone go through the same upload.
genbu domain transfer-key --hsm other-hsm --out transfer.pem
for who in b c; do
	genbu domain share --domain hsm.json --key $who.key --transfer transfer.pem --out $who.share
done
genbu domain blob --domain hsm.json --share b.share --share c.share --out shares.json
"$python" - <<'END'
import os
from azure.identity import DefaultAzureCredential
from azure.keyvault.securitydomain import SecurityDomainClient
SecurityDomainClient(os.environ["OTHER_MANAGEDHSM_URL"], DefaultAzureCredential()).begin_upload({"value": open("shares.json").read()}).result()
END

genbu audit verify
test "$(genbu audit list --json --last 500 | grep -c 'security domain brought by its holders: that of')" -ge 3
echo "note: $("$python" -m pip freeze -q | grep -E '^azure-keyvault-(security|admin)' | tr '\n' ' ')$(basename "$AZ_WHEEL")"
