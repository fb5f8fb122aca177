# SPDX-License-Identifier: Apache-2.0
#
# needs: pkcs11-tool
# OpenSC's own tests of a module.

$P11 --keypairgen --key-type RSA:2048 --id 01 --label rsa

# Without --allow-sw the tool leaves out every mechanism that has no CKF_HW, which is signing and most of verifying.
for sw in '' --allow-sw; do
	$P11 --test $sw 2>&1 | tee test.txt
	grep -q '^No errors' test.txt
	if grep -v '^No errors' test.txt | grep -Ei 'err:|error|failed|wrong|warning|abort|not supported'; then exit 1; fi
done
grep -q 'all 4 digest functions seem to work' test.txt
grep -q 'all 4 signature functions seem to work' test.txt
[ "$(grep -c ': OK' test.txt)" -ge 11 ]                                 # 2 digests, 4 ways to sign, 3 to verify, 2 to decrypt
[ "$(grep -A1 'RSA-PKCS-OAEP: mgf' test.txt | grep -c '^OK')" -eq 2 ]   # OAEP with and without a label

$P11 --session-rw --test-ec --key-type EC:prime256v1 --id 33 2>&1 | tee ec.txt
grep -q '==> OK' ec.txt
# The tool ends C_Sign by C_SignFinal, a trick for one card, and warns of the answer that the standard asks for.
grep -Ei 'err:|error|failed|warning' ec.txt >warnings.txt
[ "$(cat warnings.txt)" = 'warning: PKCS11 function C_SignFinal failed: rv = CKR_OPERATION_ACTIVE (0x90)' ]

$P11 --test-fork --list-objects 2>&1 | tee fork.txt
grep -q 'Calling C_Initialize in forked child' fork.txt
grep -q 'Private Key Object; RSA' fork.txt
if grep -Ei 'error|failed|abort' fork.txt; then exit 1; fi

# Five threads at once, from before C_Initialize; the main one has the most to do, or the tool sleeps 30 s.
for _ in $(seq 4); do
	$P11 --use-locking --test --allow-sw --test-threads IL:SL:T0:GI:SL:T0 --test-threads IL:GI:SL:T0 --test-threads IN:SL:IL:SL:T0 \
		--test-threads IN:SL:T0:SL:T0 >threads.txt 2>&1 || { cat threads.txt; exit 1; }
	grep -q 'all threads have ended with CKR_OK' threads.txt || { cat threads.txt; exit 1; }
	grep -q '^No errors' threads.txt || { cat threads.txt; exit 1; }
done

# A token of its own is initialized, used, and initialized again, as a fresh smart card would be.
genbu partition create fresh --allow-init
tool="pkcs11-tool --module $GENBU_PKCS11_MODULE"
$tool --token-label fresh --init-token --label card --so-pin 99999999
$tool --token-label card --login --login-type so --so-pin 99999999 --init-pin --new-pin 5678
card="$tool --token-label card --login --pin 5678"
$card --keypairgen --key-type EC:prime256v1 --id 09
refuses CKR_PIN_INCORRECT $tool --token-label card --init-token --label stolen --so-pin 11111111
$card --list-objects --type privkey | grep 'ID: *09' >/dev/null
$tool --token-label card --init-token --label again --so-pin 99999999
$tool --token-label again --list-objects >empty.txt
if grep 'Key Object' empty.txt; then exit 1; fi
refuses CKR_USER_PIN_NOT_INITIALIZED $tool --token-label again --login --pin 5678 --list-objects
$P11 --list-objects --type privkey | grep 'ID: *01' >/dev/null          # the other token has lost nothing

$tool --show-info --list-token-slots --list-mechanisms >info.txt
echo "note: $(version opensc): --test, --test-ec, --test-fork, --test-threads, --init-token, --init-pin; it lists" \
	"$(sed '1,/^Supported mechanisms/d' info.txt | wc -l) mechanisms"
