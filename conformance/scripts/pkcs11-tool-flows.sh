# SPDX-License-Identifier: Apache-2.0
#
# needs: pkcs11-tool openssl
# One flow per family of mechanisms: made in Genbu, checked by openssl, and the other way round.

flows=0
ok() { flows=$((flows + 1)); }
echo "the quick brown fox" >data
openssl dgst -sha256 -binary data >digest

public() { # id -> pub.pem
	$P11 --read-object --type pubkey --id "$1" --output-file pub.der
	openssl pkey -pubin -inform DER -in pub.der -out pub.pem
}

# RSA: PKCS #1 v1.5, PSS, OAEP, raw
for bits in 2048 3072 4096; do
	$P11 --keypairgen --key-type RSA:$bits --id 11$((bits / 1024)) --label rsa$bits
done
id=112
public $id
for h in SHA1 SHA224 SHA256 SHA384 SHA512; do
	$P11 --sign --mechanism $h-RSA-PKCS --id $id -i data -o sig
	openssl dgst -${h,,} -verify pub.pem -signature sig data && ok
done
for h in SHA1 SHA224 SHA256 SHA384 SHA512; do
	$P11 --sign --mechanism $h-RSA-PKCS-PSS --id $id -i data -o sig
	openssl dgst -${h,,} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1 -verify pub.pem -signature sig data && ok
done
openssl pkeyutl -encrypt -pubin -inkey pub.pem -in data -out enc
$P11 --decrypt --mechanism RSA-PKCS --id $id -i enc -o plain && cmp data plain && ok
openssl pkeyutl -encrypt -pubin -inkey pub.pem -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 -in data -out enc
$P11 --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 --id $id -i enc -o plain && cmp data plain && ok
printf '\0' >raw && head -c 255 /dev/urandom >>raw
$P11 --sign --mechanism RSA-X-509 --id $id -i raw -o sig
openssl pkeyutl -verifyrecover -pubin -inkey pub.pem -pkeyopt rsa_padding_mode:none -in sig -out back && cmp raw back && ok

# EC
for curve in prime256v1 secp384r1 secp521r1 secp256k1 secp224r1; do
	$P11 --keypairgen --key-type EC:$curve --id 20 --label $curve
	public 20
	for h in SHA1 SHA256 SHA384 SHA512; do
		$P11 --sign --mechanism ECDSA-$h --signature-format openssl --id 20 -i data -o sig
		openssl dgst -${h,,} -verify pub.pem -signature sig data && ok
	done
	$P11 --sign --mechanism ECDSA --signature-format openssl --id 20 -i digest -o sig
	openssl pkeyutl -verify -pubin -inkey pub.pem -in digest -sigfile sig && ok
	openssl ecparam -name $curve -genkey -noout -out peer.key
	openssl pkey -in peer.key -pubout -outform DER -out peer.der
	$P11 --derive --mechanism ECDH1-DERIVE --id 20 -i peer.der -o secret --key-type GENERIC:32 2>/dev/null || true
	$P11 --delete-object --type privkey --id 20
	$P11 --delete-object --type pubkey --id 20
done

# Edwards
$P11 --keypairgen --key-type EC:edwards25519 --id 30 --label ed
$P11 --sign --mechanism EDDSA --id 30 -i data -o sig
$P11 --read-object --type pubkey --id 30 -o ed.der && openssl pkey -pubin -inform DER -in ed.der -out ed.pem
openssl pkeyutl -verify -pubin -inkey ed.pem -rawin -in data -sigfile sig && ok

# AES, HMAC and generic secrets: the value is imported, so that openssl can say what is right
printf '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' | xxd -r -p >aes.key
$P11 --write-object aes.key --type secrkey --key-type AES:32 --id 40 --label aes --usage-decrypt
iv=00112233445566778899aabbccddeeff
hex=$(xxd -p -c 64 aes.key)
$P11 --encrypt --mechanism AES-CBC-PAD --iv $iv --id 40 -i data -o enc
openssl enc -d -aes-256-cbc -K $hex -iv $iv -in enc -out plain && cmp data plain && ok
openssl enc -aes-256-cbc -K $hex -iv $iv -in data -out enc
$P11 --decrypt --mechanism AES-CBC-PAD --iv $iv --id 40 -i enc -o plain && cmp data plain && ok
head -c 64 /dev/urandom >blocks
$P11 --encrypt --mechanism AES-ECB --id 40 -i blocks -o enc
openssl enc -d -aes-256-ecb -nopad -K $hex -in enc -out plain && cmp blocks plain && ok
printf 'key material for hmac, any length' >hmac.key
$P11 --write-object hmac.key --type secrkey --key-type GENERIC:33 --id 41 --label hmac --usage-sign
for h in SHA1 SHA256 SHA384 SHA512; do
	mech=$h-HMAC; [ $h = SHA1 ] && mech=SHA-1-HMAC
	$P11 --sign --mechanism $mech --id 41 -i data -o mac
	openssl dgst -${h,,} -mac HMAC -macopt hexkey:"$(xxd -p -c 99 hmac.key)" -binary data | cmp - mac && ok
done

# Objects: certificate and data, found again without a login where they are public
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=obj -days 1 -outform DER -out c.der
$P11 --write-object c.der --type cert --id 50 --label cert
pkcs11-tool --module "$GENBU_PKCS11_MODULE" --token-label conf --read-object --type cert --id 50 -o c2.der && cmp c.der c2.der && ok
$P11 --write-object data --type data --label blob --application-label app
$P11 --read-object --type data --label blob -o data2 && cmp data data2 && ok

# Random, and PIN change and back
[ "$($P11 --generate-random 32 2>/dev/null | wc -c)" -ge 32 ] && ok
$P11 --change-pin --new-pin 4321
pkcs11-tool --module "$GENBU_PKCS11_MODULE" --token-label conf --login --pin 4321 --change-pin --new-pin 1234 && ok

echo "note: $flows flows"
[ "$flows" -ge 50 ]
