# SPDX-License-Identifier: Apache-2.0
#
# needs: nginx apache2 wrk openssl pkcs11-tool
# Programs behind an agent, which serves them from three nodes: OpenSC's own tests, and nginx and Apache under load while the
# nodes are killed one after another and come back. No handshake may fail.

# Three nodes and an agent of theirs. The node that every script gets is not needed.
genbu down --dir "$PWD/node" >/dev/null
unset GENBU_DIR GENBU_SOCKET GENBU_TOKEN_LABEL GENBU_USER_PIN GENBU_SO_PIN GENBU_ADMIN_PIN
undo+=('genbu down --dir "$PWD/c" >/dev/null')
genbu up --dir "$PWD/c" --nodes 3 --fast --token conf --so-pin 87654321 --pin 1234 >up3.log
eval "$(genbu env --dir "$PWD/c")"
case $GENBU_SOCKET in */agent/genbu.sock) ;; *) echo "genbu env does not point at the agent" && exit 1 ;; esac
unset GENBU_DIR # this command, too, goes through the agent

# three waits until the agent finds all nodes well.
three() {
	for _ in $(seq 300); do
		[ "$(genbu agent status --dir "$PWD/c/agent" --json 2>/dev/null | grep -c '"health": "up"')" -eq 3 ] && return
		sleep 0.1
	done
	genbu agent status --dir "$PWD/c/agent"
	return 1
}

three
$P11 --keypairgen --key-type RSA:2048 --id 01 --label rsa
for sw in '' --allow-sw; do
	$P11 --test $sw 2>&1 | tee test.txt
	grep -q '^No errors' test.txt
done
$P11 --session-rw --test-ec --key-type EC:prime256v1 --id 33 2>&1 | tee ec.txt
grep -q '==> OK' ec.txt
$P11 --test-fork --list-objects 2>&1 | tee fork.txt
grep -q 'Calling C_Initialize in forked child' fork.txt
grep -q 'Private Key Object; RSA' fork.txt
if grep -Ei 'error|failed|abort' fork.txt; then exit 1; fi
echo "note: $(version opensc) through an agent: --test, --test-ec, --test-fork"

. "$HERE/../web.inc"
web_key

# pids NODE: host and core of one.
pids() {
	(
		eval "$(genbu env --dir "$PWD/c")"
		set -- "$1" $GENBU_NODE_PIDS
		shift "$1"
		echo "${1%:*} ${1#*:}"
	)
}

# kills and stops are what happens to each node.
kills() {
	kill -9 $(pids "$1")
	sleep 1
	genbu up --dir "$PWD/c" --nodes 3 >/dev/null
}

stops() {
	local them
	them=$(pids "$1")
	kill -STOP $them
	sleep 1
	kill -CONT $them
}

# load PACKAGE WHAT: connections, as many as there can be, while WHAT is done to each node.
load() {
	OPENSSL_CONF=/dev/null wrk -t2 -c16 -d120s --timeout 30s -H 'Connection: close' "https://127.0.0.1:$port/" >wrk.txt &
	local wrk=$! requests done='killed'
	[ "$2" = kills ] || done='stopped for a second'
	undo+=("kill $wrk 2>/dev/null")
	sleep 1
	for i in 1 2 3; do
		"$2" "$i"
		three
		sleep 1 # leases, and mirrors on the node that is back
	done
	kill -INT $wrk # it ends with its report
	wait $wrk
	cat wrk.txt
	requests=$(awk '/requests in/ {print $1}' wrk.txt)
	[ "$requests" -gt 100 ]
	if grep -E 'Socket errors|Non-2xx' wrk.txt || grep -E 'error\]|:error\]|crit|alert|emerg' error.log; then
		tail -50 c/agent/agent.log
		return 1
	fi
	echo "note: $(version "$1") through an agent: $requests handshakes, 0 failed, while three nodes were $done one after another"
}

web_nginx
load nginx-light kills
kill "$(cat nginx.pid)"

port=$((port + 1))
: >error.log
web_apache
load apache2 stops
