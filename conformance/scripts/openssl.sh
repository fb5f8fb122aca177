# SPDX-License-Identifier: Apache-2.0
#
# needs: openssl pkcs11-tool
# OpenSSL 3 with the pkcs11 engine: CSR, certificate, CMS, a TLS server.

engine=$(find /usr/lib -path '*engines-3/pkcs11.so' | head -1)
cat >openssl.cnf <<EOF
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
EOF
export OPENSSL_CONF=$PWD/openssl.cnf

for type in rsa-2048 ec-p256 ec-p384; do
	genbu key create www-$type --type $type
	key="pkcs11:token=conf;object=www-$type;type=private"
	openssl req -new -engine pkcs11 -keyform engine -key "$key" -subj /CN=localhost -out csr.pem
	openssl req -verify -noout -in csr.pem
	openssl req -new -x509 -engine pkcs11 -keyform engine -key "$key" -subj /CN=localhost -days 2 -out crt.pem
	openssl verify -CAfile crt.pem crt.pem

	echo "signed by $type" >data
	openssl cms -sign -engine pkcs11 -keyform engine -inkey "$key" -signer crt.pem -in data -outform DER -binary -nodetach -out cms.der
	openssl cms -verify -CAfile crt.pem -purpose any -in cms.der -inform DER -out back && cmp data back

	port=$((20000 + RANDOM % 20000))
	openssl s_server -engine pkcs11 -keyform engine -key "$key" -cert crt.pem -accept 127.0.0.1:$port -www -quiet &
	server=$!
	for _ in $(seq 50); do (: <>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
	for version in -tls1_2 -tls1_3; do
		echo Q | openssl s_client -connect 127.0.0.1:$port -CAfile crt.pem -verify_return_error $version >client.txt 2>&1
		grep -q 'Verify return code: 0' client.txt
	done
	kill $server
	wait $server || true
done
echo "note: CSR, certificate, CMS, TLS 1.2 and 1.3 server with RSA-2048, P-256, P-384"
