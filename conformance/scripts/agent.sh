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

cat >nginx.conf <<END
user www-data;
pid $PWD/nginx.pid;
error_log $PWD/error.log warn;
worker_processes 2;
env GENBU_SOCKET;
env OPENSSL_CONF;
ssl_engine pkcs11;
events { worker_connections 512; }
http {
  access_log off;
  server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $PWD/www.crt;
    ssl_certificate_key "engine:pkcs11:pkcs11:token=conf;object=www;type=private";
    ssl_session_cache off;
    ssl_session_tickets off;
    keepalive_timeout 0;
    location / { return 200 "ok\n"; }
  }
}
END
nginx -c "$PWD/nginx.conf" -p "$PWD"
web_wait
load nginx-light kills
kill "$(cat nginx.pid)"

mods=/usr/lib/apache2/modules
port=$((port + 1))
: >error.log
cat >httpd.conf <<END
ServerRoot $PWD
PidFile $PWD/httpd.pid
ErrorLog $PWD/error.log
Mutex file:$PWD default
ServerName localhost
User www-data
Group www-data
LoadModule mpm_prefork_module $mods/mod_mpm_prefork.so
LoadModule authz_core_module $mods/mod_authz_core.so
LoadModule socache_shmcb_module $mods/mod_socache_shmcb.so
LoadModule ssl_module $mods/mod_ssl.so
LoadModule dir_module $mods/mod_dir.so
StartServers 4
MaxRequestWorkers 32
KeepAlive Off
Listen 127.0.0.1:$port
SSLCryptoDevice pkcs11
SSLSessionCache none
<VirtualHost 127.0.0.1:$port>
  DocumentRoot $PWD/www
  <Directory $PWD/www>
    Require all granted
  </Directory>
  SSLEngine on
  SSLCertificateFile $PWD/www.crt
  SSLCertificateKeyFile "pkcs11:token=conf;object=www;type=private"
  SSLSessionTickets off
</VirtualHost>
END
mkdir -p www && echo ok >www/index.html
apache2 -f "$PWD/httpd.conf" -k start
undo+=('apache2 -f "$PWD/httpd.conf" -k stop')
web_wait
load apache2 stops
