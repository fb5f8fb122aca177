# SPDX-License-Identifier: Apache-2.0
#
# needs: python3 openssl
# The Azure command line of today, from PyPI, unmodified. It is 0.7 GB, so GENBU_SOAK=1 (make soak) installs and runs it.

if [ -z "${GENBU_SOAK:-}" ]; then
	echo "note: az is run with GENBU_SOAK=1"
	exit 0
fi
. "$HERE/../azure/azure.inc"
sdk az "$HERE/../azure/az-requirements.txt"
if [ "$fresh" ]; then
	python3 -m venv "$sdk/venv"
	"$sdk/venv/bin/pip" install -q -r "$HERE/../azure/az-requirements.txt"
	touch "$sdk/done"
fi
export PATH=$sdk/venv/bin:$PATH AZURE_CONFIG_DIR=$PWD/az AZURE_CORE_COLLECT_TELEMETRY=no
genbu connect azure --manage >/dev/null
azure

az cloud register -n Genbu --endpoint-resource-manager "$AZURE_RESOURCEMANAGER_URL" 2>/dev/null
az cloud set -n Genbu 2>/dev/null
az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant adfs --query '[].id' -o tsv | grep "^$AZURE_SUBSCRIPTION_ID$"

# A vault: made, found, a role in it given, used, deleted, recovered, purged.
az keyvault create -n az-vault -g az-group -l local --retention-days 7 --query properties.vaultUri
az keyvault list -g az-group --query '[].name' -o tsv | grep '^az-vault$'
refuses 'already exists' az keyvault create -n az-vault -g az-group -l local
scope=$(az keyvault show -n az-vault --query id -o tsv)
az role assignment create --role 'Key Vault Administrator' --assignee-object-id "$AZURE_CLIENT_ID" --assignee-principal-type ServicePrincipal --scope "$scope" --query scope
genbu connect azure >/dev/null # the name of what was made
az keyvault key create --vault-name az-vault -n till --kty EC --curve P-256 --query key.kid
openssl rand -out digest.bin 32
az keyvault key sign --vault-name az-vault -n till -a ES256 --digest "$(base64 -w0 digest.bin)" --query signature -o tsv >sig.b64
test "$(base64 -d sig.b64 | wc -c)" = 64
az keyvault key download --vault-name az-vault -n till -f till.pem
r=$(base64 -d sig.b64 | head -c 32 | hex) s=$(base64 -d sig.b64 | tail -c 32 | hex)
printf 'asn1=SEQUENCE:sig\n[sig]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "$r" "$s" >sig.cnf
openssl asn1parse -genconf sig.cnf -noout -out sig.der
openssl pkeyutl -verify -pubin -inkey till.pem -sigfile sig.der -in digest.bin
az keyvault secret set --vault-name az-vault -n open --value sesame --query id
test "$(az keyvault secret show --vault-name az-vault -n open --query value -o tsv)" = sesame
az keyvault certificate get-default-policy >policy.json
az keyvault certificate create --vault-name az-vault -n web -p @policy.json --query status
az keyvault certificate show --vault-name az-vault -n web --query x509ThumbprintHex
az keyvault key rotate --vault-name az-vault -n till --query key.kid
az keyvault key delete --vault-name az-vault -n till --query recoveryId 2>/dev/null
az keyvault key recover --vault-name az-vault -n till --query key.kid
az keyvault delete -n az-vault 2>/dev/null
refuses VaultNotFound az keyvault secret show --vault-name az-vault -n open
az keyvault recover -n az-vault --query name
test "$(az keyvault secret show --vault-name az-vault -n open --query value -o tsv)" = sesame
refuses 'networkAcls' az keyvault update -n az-vault --default-action Deny
az keyvault delete -n az-vault 2>/dev/null
az keyvault purge -n az-vault
test -z "$(az keyvault list-deleted --query '[].name' -o tsv)"

# A managed HSM, whose first administrator gives itself the role to use keys.
az keyvault create --hsm-name az-hsm -g az-group -l local --retention-days 7 --administrators "$AZURE_CLIENT_ID" --query properties.hsmUri
genbu connect azure >/dev/null
refuses ForbiddenByRbac az keyvault key create --hsm-name az-hsm -n till --kty EC-HSM
az keyvault role assignment create --hsm-name az-hsm --role 'Managed HSM Crypto User' --assignee-object-id "$AZURE_CLIENT_ID" --assignee-principal-type ServicePrincipal --scope / --query roleName
az keyvault key create --hsm-name az-hsm -n till --kty oct-HSM --size 256 --query key.kid
az keyvault key random --hsm-name az-hsm --count 8 --query value

# Its security domain goes to the other managed HSM, which has no keys yet, by two of three holders.
for who in a b c; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout $who.key -out $who.cer -subj /CN=$who -days 3650 2>/dev/null
done
domain='az keyvault security-domain'
$domain download --hsm-name az-hsm --sd-wrapping-keys a.cer b.cer c.cer --sd-quorum 2 --security-domain-file sd.json --query status
$domain init-recovery --hsm-name genbu-hsm --sd-exchange-key exchange.cer
refuses 'not less than 2' $domain restore-blob --sd-exchange-key exchange.cer --sd-file sd.json --sd-wrapping-keys a.key --sd-file-restore-blob few.json
$domain restore-blob --sd-exchange-key exchange.cer --sd-file sd.json --sd-wrapping-keys a.key c.key --sd-file-restore-blob blob.json
$domain upload --hsm-name genbu-hsm --restore-blob --sd-file blob.json --query statusDetails | grep 'that was uploaded'
refuses BadParameter $domain upload --hsm-name genbu-hsm --restore-blob --sd-file blob.json
$domain init-recovery --hsm-name az-hsm --sd-exchange-key full.cer
refuses 'has keys' $domain upload --hsm-name az-hsm --sd-file sd.json --sd-exchange-key full.cer --sd-wrapping-keys b.key c.key
az keyvault delete --hsm-name az-hsm 2>/dev/null
az keyvault purge --hsm-name az-hsm -l local
genbu audit verify
echo "note: azure-cli $(az version --query '"azure-cli"' -o tsv)"
