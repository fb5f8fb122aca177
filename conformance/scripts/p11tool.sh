# SPDX-License-Identifier: Apache-2.0
#
# needs: p11tool certtool p11-kit openssl pkg-config make
# GnuTLS: keys made, listed, exported, used for a certificate, removed; p11-kit finds the module by its module file.

export GNUTLS_PIN=1234 GNUTLS_SO_PIN=87654321
p11="p11tool --batch --provider $GENBU_PKCS11_MODULE"
token=$($p11 --list-token-urls | grep 'token=conf')
$p11 --login --generate-privkey rsa --bits 2048 --label g-rsa --outfile rsa.pub "$token"
$p11 --login --generate-privkey ecdsa --curve secp256r1 --label g-ec --outfile ec.pub "$token"
$p11 --login --generate-privkey ed25519 --label g-ed --outfile ed.pub "$token"
$p11 --login --list-all "$token" | tee list.txt
for kind in rsa ec ed; do
	grep -q "object=g-$kind;type=private" list.txt
	genbu key show g-$kind --public >want.pub
	openssl pkey -pubin -in $kind.pub | cmp - want.pub
	hash=SHA256
	[ $kind = ed ] && hash=SHA512
	$p11 --login --hash=$hash --test-sign "$token;object=g-$kind;type=private" 2>&1 | tee sign.txt
	grep -q 'Verifying against public key in the token... ok' sign.txt
done

cat >tpl <<END
cn = gnutls
expiration_days = 3
ca
signing_key
tls_www_server
END
for kind in rsa ec ed; do
	certtool --provider "$GENBU_PKCS11_MODULE" --generate-self-signed --load-privkey "$token;object=g-$kind;type=private" \
		--load-pubkey $kind.pub --template tpl --outfile $kind.pem
	openssl verify -CAfile $kind.pem $kind.pem
	certtool --provider "$GENBU_PKCS11_MODULE" --generate-request --load-privkey "$token;object=g-$kind;type=private" \
		--load-pubkey $kind.pub --template tpl --outfile $kind.csr
	openssl req -verify -noout -in $kind.csr 2>&1 | grep 'verify OK'
done
$p11 --login --write --load-certificate ec.pem --label g-cert "$token" 2>write.txt
$p11 --export "$token;object=g-cert;type=cert" >back.pem
cmp <(openssl x509 -in ec.pem) <(openssl x509 -in back.pem)
printf 'a secret value!!' >secret
$p11 --login --write --secret-key "$(hex secret)" --label g-secret "$token"
$p11 --login --delete "$token;object=g-rsa"
$p11 --login --list-all "$token" >list.txt
grep -q 'object=g-secret;type=secret-key' list.txt
if grep 'object=g-rsa' list.txt; then exit 1; fi

# Every program on p11-kit finds an installed module by its file.
make -s -C "$TOP/pkcs11" PREFIX="$PWD/usr" P11KIT="$PWD/kit" install
unshare -rm sh -e -c 'mount --bind kit /usr/share/p11-kit/modules; p11-kit list-modules; p11tool --list-token-urls' | tee kit.txt
grep -q '^genbu: ' kit.txt
grep -q "^pkcs11:.*token=conf" kit.txt
[ -f "$(PKG_CONFIG_PATH=$PWD/usr/lib/pkgconfig pkg-config --variable=p11_module genbu-pkcs11)" ]
echo "note: $(version gnutls-bin), $(version p11-kit): RSA, ECDSA and Ed25519 keys, certificates and requests; test-sign; list, write," \
	"export, delete; module file"
