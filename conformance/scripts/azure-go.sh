# SPDX-License-Identifier: Apache-2.0
#
# needs: go openssl
# The Azure SDK for Go: azidentity, azkeys, azsecrets, with nothing but the environment that genbu connect azure prints.

. "$HERE/../azure/azure.inc"
azure
many 1000

# A second identity that may only read keys, which signs in by secret, by certificate and by the token of another issuer.
genbu operator create reader --client-secret --json >reader.json
READER_CLIENT_ID=$(sed -n 's/.*"client_id": "\(.*\)".*/\1/p' reader.json)
READER_CLIENT_SECRET=$(sed -n 's/.*"client_secret": "\(.*\)".*/\1/p' reader.json)
export READER_CLIENT_ID READER_CLIENT_SECRET
export IDENTITY_ENDPOINT=$AZURE_AUTHORITY_HOST/msi/token IDENTITY_HEADER=$AZURE_CLIENT_ID:$AZURE_CLIENT_SECRET
./azure-go
echo "note: azkeys, azsecrets, azidentity: $(cd "$HERE/../azure/go" && go list -m -f '{{.Path}} {{.Version}}' all | sed -n 's|.*/sdk/\(.*\)|\1|p' | grep -E 'azidentity |az[a-z]*s |azcore ' | tr '\n' ' ')"
