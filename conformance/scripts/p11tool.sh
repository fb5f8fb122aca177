# SPDX-License-Identifier: Apache-2.0
#
# needs: p11tool certtool
# GnuTLS: keys made, listed, exported, used for a certificate, removed; p11-kit finds the module by its module file.

export GNUTLS_PIN=1234 GNUTLS_SO_PIN=87654321
p11="p11tool --batch --provider $GENBU_PKCS11_MODULE"
token=$($p11 --list-token-urls | grep 'token=conf')
$p11 --login --generate-privkey rsa --bits 2048 --label g-rsa --outfile rsa.pub "$token"
$p11 --login --generate-privkey ecdsa --curve secp256r1 --label g-ec --outfile ec.pub "$token"
$p11 --login --generate-privkey ed25519 --label g-ed --outfile ed.pub "$token"
$p11 --login --list-all "$token" | tee list.txt
for label in g-rsa g-ec g-ed; do grep -q "object=$label" list.txt; done
$p11 --login --test-sign "$token;object=g-rsa;type=private"
$p11 --login --test-sign "$token;object=g-ec;type=private"
cat >tpl <<EOF
cn = gnutls
expiration_days = 3
EOF
certtool --provider "$GENBU_PKCS11_MODULE" --generate-self-signed --load-privkey "$token;object=g-ec;type=private" \
	--load-pubkey ec.pub --template tpl --outfile c.pem
openssl verify -CAfile c.pem c.pem
$p11 --login --write --load-certificate c.pem --label g-cert "$token"
$p11 --export "$token;object=g-cert;type=cert" | openssl x509 -noout -subject
$p11 --login --delete "$token;object=g-rsa"
echo "note: RSA, ECDSA, Ed25519 keys; certificate; test-sign; list, export, delete"
