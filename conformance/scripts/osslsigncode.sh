# SPDX-License-Identifier: Apache-2.0
#
# needs: osslsigncode openssl python3
# Authenticode: a PE file signed by a key in Genbu.

engine=$(find /usr/lib -path '*engines-3/pkcs11.so' | head -1)
genbu key create codesign --type rsa-3072
genbu cert self-sign codesign --subject "CN=Code signing" --eku codeSigning --out codesign.crt
python3 "$HERE/../make-pe.py" >app.exe
osslsigncode sign -pkcs11engine "$engine" -pkcs11module "$GENBU_PKCS11_MODULE" -certs codesign.crt \
	-key "pkcs11:token=conf;object=codesign;type=private" -pass 1234 -h sha256 -in app.exe -out signed.exe
osslsigncode verify -CAfile codesign.crt signed.exe | tee out.txt
grep -q 'Signature verification: ok' out.txt
echo "note: PE file signed and verified"
