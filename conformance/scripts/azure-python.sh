# SPDX-License-Identifier: Apache-2.0
#
# needs: go python3 openssl
# The Azure SDK for Python, PyJWT and openssl.

. "$HERE/../azure/azure.inc"
sdk python "$HERE/../azure/python/requirements.txt"
if [ "$fresh" ]; then
	python3 -m venv "$sdk/venv"
	"$sdk/venv/bin/pip" install -q -r "$HERE/../azure/python/requirements.txt"
	touch "$sdk/done"
fi
azure
many 1000
"$sdk/venv/bin/python" "$HERE/../azure/python/scenarios.py" 1000
"$sdk/venv/bin/python" "$HERE/../azure/python/certificates.py"
refuses AuthorizationFailed "$sdk/venv/bin/python" "$HERE/../azure/python/manage.py" make # no role of the domain
genbu connect azure --manage >/dev/null
"$sdk/venv/bin/python" "$HERE/../azure/python/manage.py" make
genbu connect azure >/dev/null # the name of what was made
"$sdk/venv/bin/python" "$HERE/../azure/python/manage.py" use
authority
"$sdk/venv/bin/python" "$HERE/../azure/python/release.py"
openssl pkcs12 -in server.pfx -passin pass: -nodes -out server.pem
openssl x509 -in server.pem -noout -checkhost www.example | grep 'does match'
openssl x509 -in server.pem -noout -checkip 2001:db8::7 | grep 'does match'
openssl pkeyutl -verify -pubin -inkey rsa.pem -sigfile rsa.sig -in digest.bin -pkeyopt digest:sha256
echo "note: $("$sdk/venv/bin/pip" freeze -q | grep -E '^(azure|msal|PyJWT)' | tr '\n' ' ')"
