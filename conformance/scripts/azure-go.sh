# SPDX-License-Identifier: Apache-2.0
#
# needs: go openssl pkcs11-tool
# The Azure SDK for Go: azidentity, azkeys, azsecrets, with nothing but the environment that genbu connect azure prints; the
# same keys over PKCS #11.

. "$HERE/../azure/azure.inc"
azure
many 1000
authority

# A second identity that may only read keys, which signs in by secret, by certificate and by the token of another issuer.
openssl req -x509 -newkey rsa:2048 -nodes -keyout reader.key -out reader.crt -subj /CN=reader -days 2 2>/dev/null
cat reader.key reader.crt >reader.pem
./azure-go issuer
genbu operator create reader --client-secret --json >reader.json
genbu operator credential add reader --certificate reader.crt
genbu operator credential add reader --federated https://issuer.example,job,jwks.json
genbu operator grant reader --domain --token genbu-vault --role 'Key Vault Reader'
READER_CLIENT_ID=$(sed -n 's/.*"client_id": "\(.*\)".*/\1/p' reader.json)
READER_CLIENT_SECRET=$(sed -n 's/.*"secret": "\(.*\)".*/\1/p' reader.json)
export READER_CLIENT_ID READER_CLIENT_SECRET READER_CERTIFICATE_PATH=$PWD/reader.pem READER_TOKEN_FILE=$PWD/token.jwt
export IDENTITY_ENDPOINT=$AZURE_AUTHORITY_HOST/msi/token IDENTITY_HEADER=$AZURE_CLIENT_ID:$AZURE_CLIENT_SECRET

# One key, both doors.
pin=$(tr -d ' \n' <node/access.json | sed 's/.*"label":"genbu-vault","so_pin":"[^"]*","user_pin":"\([^"]*\)".*/\1/')
vault="pkcs11-tool --module $GENBU_PKCS11_MODULE --token-label genbu-vault --login --pin $pin"
$vault --keypairgen --key-type EC:prime256v1 --label made-over-pkcs11 --id 77 --usage-sign
export PKCS11_KEY=made-over-pkcs11
./azure-go
openssl rand -out digest.bin 32
if $vault --sign --mechanism ECDSA --id 77 --input-file digest.bin --output-file sig.bin; then
	echo "a key that was disabled over Azure signs over PKCS #11"
	exit 1
fi
$vault --list-objects --type privkey >objects.txt
id=$(awk '/label: +ec256$/ {f = 1} f && / ID:/ {print $2; exit}' objects.txt)
$vault --sign --mechanism ECDSA --id "$id" --input-file digest.bin --output-file sig.bin --signature-format openssl
$vault --read-object --type pubkey --id "$id" --output-file ec256.der
openssl pkeyutl -verify -pubin -inkey ec256.der -keyform DER -sigfile sig.bin -in digest.bin

# A key of one's own, wrapped by openssl for a key that does nothing else: OAEP of a fresh AES key, and PKCS #8 under that (RFC 5649).
./azure-go exchange
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out own.der 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in own.der -inform DER -outform DER -out own.p8
openssl pkey -in own.der -inform DER -pubout -out own.pem
aes=$(openssl rand -hex 32)
unhex "$aes" >aes.bin
openssl pkeyutl -encrypt -pubin -inkey exchange.pem -in aes.bin -out wrapped.bin -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1
openssl enc -id-aes256-wrap-pad -K "$aes" -iv A65959A6 -in own.p8 >>wrapped.bin
printf '{"schema_version":"1.0.0","header":{"kid":"%s","alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP"},"ciphertext":"%s","generator":"openssl"}' \
	"$(cat exchange.kid)" "$(base64 -w0 <wrapped.bin | tr '+/' '-_' | tr -d =)" >blob.json
./azure-go bring blob.json
openssl pkeyutl -verify -pubin -inkey own.pem -sigfile brought.sig -in brought.digest -pkeyopt digest:sha256

# The resource manager: a vault and a managed HSM are made, used, deleted, recovered and purged by armkeyvault. Who was not given a role of the
# domain is refused.
refuses AuthorizationFailed ./azure-go manage-make
genbu connect azure --manage >/dev/null
./azure-go manage-make
genbu connect azure >/dev/null # the names of what was made
./azure-go manage-use
genbu audit verify
echo "note: azure-sdk-for-go: $(cd "$HERE/../azure/go" && go list -m all | sed -n 's|.*/sdk/\(.*\)|\1|p' | grep -E 'azidentity |az[a-z]*s |azcore |armkeyvault ' | tr '\n' ' ')"
