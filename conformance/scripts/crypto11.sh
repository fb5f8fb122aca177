# SPDX-License-Identifier: Apache-2.0
#
# needs: go gcc
# crypto11 (github.com/ThalesGroup/crypto11 over github.com/miekg/pkcs11): a Go program that knows only PKCS #11.

export GOCACHE GOMODCACHE # HOME is this script's own directory
CGO_ENABLED=1 go test -C "$TOP" -count=1 -v ./conformance/crypto11 2>&1 | tee go.txt
grep -q '^ok' go.txt
if grep -- '--- SKIP' go.txt; then exit 1; fi
echo "note: $(cd "$TOP" && go list -m github.com/ThalesGroup/crypto11): $(grep -c '^--- PASS' go.txt) tests: ECDSA, RSA, HMAC, AES-GCM and CBC," \
	"certificates, a TLS server"
