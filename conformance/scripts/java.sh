# SPDX-License-Identifier: Apache-2.0
#
# needs: keytool jarsigner javac openssl
# Java's SunPKCS11: keytool key pair, CSR, certificate; jarsigner; a program with RSA, EC and AES-GCM from the KeyStore.

cat >genbu.cfg <<END
name = Genbu
library = $GENBU_PKCS11_MODULE
slotListIndex = 0
END
# SunPKCS11 reads the value of a secret that it has agreed on, so the program's own configuration lets it.
cat genbu.cfg - >agree.cfg <<END
attributes(*,CKO_SECRET_KEY,CKK_GENERIC_SECRET) = {
  CKA_SENSITIVE = false
  CKA_EXTRACTABLE = true
}
END
store="-addprovider SunPKCS11 -providerarg $PWD/genbu.cfg -keystore NONE -storetype PKCS11 -storepass 1234"
# Without -providername keytool makes the key in software and imports it.
kt() { keytool $store -providername SunPKCS11-Genbu "$@"; }

kt -genkeypair -alias ec -keyalg EC -groupname secp256r1 -dname CN=ec -validity 10
kt -genkeypair -alias rsa -keyalg RSA -keysize 2048 -dname CN=rsa -validity 10 -ext bc=ca:true
for a in ec rsa; do
	$P11 --list-objects --type privkey --id "$(printf $a | hex)" | grep 'Access:.*never extractable, local'
	kt -certreq -alias $a -file $a.csr
	openssl req -verify -noout -in $a.csr
	kt -exportcert -alias $a -rfc -file $a.crt
	openssl verify -CAfile $a.crt $a.crt
done
kt -gencert -alias rsa -infile ec.csr -rfc -outfile issued.crt
openssl verify -CAfile rsa.crt issued.crt
kt -importcert -noprompt -alias ec -file issued.crt
kt -list -v -alias ec | tee list.txt
grep -q 'Certificate chain length: 2' list.txt
grep -q 'Entry type: PrivateKeyEntry' list.txt

echo hello >hello.txt
jar cf app.jar hello.txt
for a in ec rsa; do
	jarsigner $store -signedjar $a.jar app.jar $a
	jarsigner -verify -verbose $a.jar | tee verify.txt
	grep -q 'jar verified' verify.txt
	grep -q '^sm .*hello.txt' verify.txt
done
sed -i 's/hello/jello/' hello.txt && cp ec.jar bad.jar && jar uf bad.jar hello.txt
if jarsigner -verify -strict bad.jar; then echo "a changed jar verifies"; exit 1; fi

cp "$HERE/../java/KeyStoreUse.java" .
javac KeyStoreUse.java
java KeyStoreUse agree.cfg 1234
kt -delete -alias rsa
kt -list | tee list.txt
grep -q '^ec, PrivateKeyEntry' list.txt
if grep -q '^rsa,' list.txt; then echo "rsa is still there"; exit 1; fi
echo "note: $(version openjdk-17-jdk-headless): keytool pair, CSR, certificate, chain, delete; jarsigner EC and RSA; KeyStore RSA, EC, AES-GCM, ECDH, digest clone"
