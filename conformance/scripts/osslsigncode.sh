# SPDX-License-Identifier: Apache-2.0
#
# needs: osslsigncode openssl python3
# Authenticode: a PE file signed by a key in Genbu.

engine=$(find /usr/lib -path '*engines-3/pkcs11.so' | head -1)
python3 "$HERE/../make-pe.py" >app.exe
for type in rsa-2048 ec-p256; do
	genbu key create sign-$type --type $type
	genbu cert self-sign sign-$type --subject "CN=Code signing" --eku codeSigning --out codesign.crt
	sign() { # PIN
		rm -f signed.exe
		osslsigncode sign -pkcs11engine "$engine" -pkcs11module "$GENBU_PKCS11_MODULE" -certs codesign.crt \
			-key "pkcs11:token=conf;object=sign-$type;type=private" -pass "$1" -h sha256 -in app.exe -out signed.exe
	}
	sign 1234
	osslsigncode verify -CAfile codesign.crt signed.exe | tee out.txt
	grep -q 'Signature verification: ok' out.txt
	python3 -c 'b = bytearray(open("signed.exe", "rb").read()); b[512] ^= 1; open("bad.exe", "wb").write(b)' # one bit of the code
	refuses 'failed\|MISMATCH' osslsigncode verify -CAfile codesign.crt bad.exe
done
refuses 'PIN\|failed' sign 9999
echo "note: $(version osslsigncode): PE file signed with RSA and ECDSA, and verified; a changed one does not verify"
