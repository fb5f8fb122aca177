# SPDX-License-Identifier: Apache-2.0
#
# needs: musl-gcc gcc openssl strace
# A musl program loads the library built for musl, finds a key, signs, forks. The same program with the usual library, under
# strace: a signature is one message there and one back.

make -s -C "$TOP/pkcs11" CC=musl-gcc BUILD=build/musl all
musl-gcc -Wall -Wno-unused-result -o sign-musl "$HERE/../c/sign.c"
readelf -p .interp sign-musl | grep ld-musl
if readelf -d sign-musl "$TOP/pkcs11/build/musl/libgenbu-pkcs11.so" | grep 'NEEDED.*libc.so.6'; then exit 1; fi
genbu key create sealer --type rsa-2048
genbu key show sealer --public >sealer.pub
echo "signed by a musl program" >data
./sign-musl "$TOP/pkcs11/build/musl/libgenbu-pkcs11.so" conf 1234 sealer data sig 3
openssl dgst -sha256 -verify sealer.pub -signature sig data

gcc -Wall -Wno-unused-result -o sign "$HERE/../c/sign.c"
strace -o trace.txt -e trace=network,read,readv,write,writev ./sign "$GENBU_PKCS11_MODULE" conf 1234 sealer data sig 100
openssl dgst -sha256 -verify sealer.pub -signature sig data
sed -n '/"begin/,/"end/p' trace.txt >between.txt
sends=$(grep -c '^sendto(' between.txt)
[ "$sends" -eq 100 ]
[ "$(grep '^read(' between.txt | grep -vc EAGAIN)" -eq 100 ] # answers come through a pipe
if grep -vE '^(sendto|read)\(|"begin|"end' between.txt; then exit 1; fi
echo "note: $(version musl): finds, signs, forks; 100 times C_SignInit and C_Sign were $sends messages"
