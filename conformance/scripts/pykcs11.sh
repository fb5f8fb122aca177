# SPDX-License-Identifier: Apache-2.0
#
# needs: python3
# python3-pykcs11, with Debian's own interpreter, for which it is built.

/usr/bin/python3 "$HERE/../pykcs11_use.py" "$GENBU_PKCS11_MODULE" conf 1234
echo "note: $(version python3-pykcs11): RSA PKCS, PSS, OAEP; AES-GCM, CMAC, HMAC, digests, ECDH, wrap and unwrap, objects"
