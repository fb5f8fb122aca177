# SPDX-License-Identifier: Apache-2.0
#
# needs: openssl
# OpenSSL 3 with the pkcs11 engine: CSR, certificate, CMS, a TLS server.

engine=$(find /usr/lib -path '*engines-3/pkcs11.so' | head -1)
cat >openssl.cnf <<END
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = genbu
[genbu]
engine_id = pkcs11
dynamic_path = $engine
MODULE_PATH = $GENBU_PKCS11_MODULE
PIN = 1234
init = 0
[req]
distinguished_name = dn
[dn]
END
export OPENSSL_CONF=$PWD/openssl.cnf

for type in rsa-2048 ec-p256 ec-p384; do
	genbu key create www-$type --type $type
	genbu key show www-$type --public >pub.pem
	key="pkcs11:token=conf;object=www-$type;type=private"
	with="-engine pkcs11 -keyform engine"

	openssl req -new $with -key "$key" -subj /CN=localhost -out csr.pem
	openssl req -verify -noout -in csr.pem 2>&1 | tee csr.txt
	grep -q 'verify OK' csr.txt
	openssl req -new -x509 $with -key "$key" -subj /CN=localhost -days 2 -out crt.pem
	openssl verify -CAfile crt.pem crt.pem
	openssl x509 -in crt.pem -noout -pubkey | cmp - pub.pem

	echo "signed by $type" >data
	openssl cms -sign $with -inkey "$key" -signer crt.pem -in data -outform DER -binary -nodetach -out cms.der
	openssl cms -verify -CAfile crt.pem -purpose any -in cms.der -inform DER -out back
	cmp data back
	openssl cms -encrypt -binary -aes256 -in data -outform DER -out enveloped.der crt.pem
	openssl cms -decrypt $with -inkey "$key" -inform DER -in enveloped.der -recip crt.pem -out back
	cmp data back

	port=$((20000 + RANDOM % 20000))
	openssl s_server $with -key "$key" -cert crt.pem -accept 127.0.0.1:$port -www -quiet &
	server=$!
	undo+=("kill $server 2>/dev/null")
	for _ in $(seq 50); do (: <>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
	for version in -tls1_2 -tls1_3; do
		echo Q | openssl s_client -connect 127.0.0.1:$port -CAfile crt.pem -verify_return_error $version >client.txt 2>&1
		grep -q 'Verify return code: 0' client.txt
	done
	kill $server
	wait $server || true
done

# The key by its id, the PIN in the URI instead of the configuration, and a PIN that is wrong.
sed -i '/^PIN/d' openssl.cnf
id=$(genbu key show www-ec-p256 --json | sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p' | head -1)
key="pkcs11:token=conf;id=$(echo "$id" | sed 's/../%&/g');type=private"
openssl dgst -sha256 $with -sign "$key;pin-value=1234" -out sig data
genbu key show www-ec-p256 --public >pub.pem
openssl dgst -sha256 -verify pub.pem -signature sig data
refuses 'incorrect\|Login failed' openssl dgst -sha256 $with -sign "$key;pin-value=9999" -out sig data
echo "note: $(version openssl), $(version libengine-pkcs11-openssl): CSR, certificate, CMS signed and enveloped, TLS 1.2 and 1.3" \
	"server with RSA-2048, P-256, P-384"
