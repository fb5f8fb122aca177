# SPDX-License-Identifier: Apache-2.0
#
# needs: pkcs11-tool openssl
# OpenSC's own tests of a module.

$P11 --keypairgen --key-type RSA:2048 --id 01 --label rsa
$P11 --keypairgen --key-type EC:prime256v1 --id 02 --label ec
for t in --test --test-ec --test-fork; do
	$P11 $t --so-pin 87654321 2>&1 | tee out.txt
	if grep -Ei 'error|failed|cannot|wrong' out.txt | grep -v 'No errors'; then exit 1; fi
done
pkcs11-tool --module "$GENBU_PKCS11_MODULE" --token-label conf --test-threads INGLGIOSIPFIN 2>&1 | tail -3
pkcs11-tool --module "$GENBU_PKCS11_MODULE" --show-info --list-slots --list-mechanisms >info.txt
echo "note: pkcs11-tool --test, --test-ec, --test-fork, --test-threads; $(grep -c keySize info.txt) mechanisms with key sizes"
