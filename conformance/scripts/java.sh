# SPDX-License-Identifier: Apache-2.0
#
# needs: keytool jarsigner javac
# Java's SunPKCS11: keytool key pair, CSR, certificate; jarsigner; a program with RSA, EC and AES-GCM from the KeyStore.

cat >genbu.cfg <<EOF
name = Genbu
library = $GENBU_PKCS11_MODULE
slotListIndex = 0
EOF
cat >genbu.security <<EOF
security.provider.1=SunPKCS11 $PWD/genbu.cfg
security.provider.2=SUN
security.provider.3=SunRsaSign
security.provider.4=SunEC
security.provider.5=SunJSSE
security.provider.6=SunJCE
EOF
sec="-Djava.security.properties==$PWD/genbu.security"
store="-keystore NONE -storetype PKCS11 -storepass 1234"
kt() { keytool "-J$sec" $store "$@"; }

kt -genkeypair -alias ec -keyalg EC -groupname secp256r1 -dname CN=ec -validity 10
kt -genkeypair -alias rsa -keyalg RSA -keysize 2048 -dname CN=rsa -validity 10
for a in ec rsa; do
	kt -certreq -alias $a -file $a.csr
	openssl req -verify -noout -in $a.csr
	kt -exportcert -alias $a -rfc -file $a.crt
	openssl verify -CAfile $a.crt $a.crt
done
kt -list | tee list.txt
grep -q 'Your keystore contains 2 entries' list.txt

echo hello >hello.txt
jar cf app.jar hello.txt
for a in ec rsa; do
	jarsigner "-J$sec" $store -signedjar $a.jar app.jar $a
	jarsigner -verify $a.jar | grep -q 'jar verified'
done

cp "$HERE/../java/KeyStoreUse.java" .
javac KeyStoreUse.java
java "$sec" KeyStoreUse 1234
kt -delete -alias ec
echo "note: keytool pair, CSR, certificate, list, delete; jarsigner EC and RSA; KeyStore RSA, EC, AES-GCM, digest clone"
