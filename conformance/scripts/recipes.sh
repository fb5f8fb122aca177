# SPDX-License-Identifier: Apache-2.0
#
# needs: openssl nginx apache2 git ssh sshd ssh-agent osslsigncode keytool jarsigner go python3
# What "genbu connect TOOL" prints, as it is printed; only port, host and what would ask are filled in, and the lines that
# a recipe offers as comments are run too. The node has two tokens, and the recipes are for the second.

genbu up --dir "$GENBU_DIR" --token 'the other' --so-pin 12345678 --pin 1234
unset GENBU_TOKEN_LABEL GENBU_USER_PIN GENBU_SO_PIN GENBU_PKCS11_MODULE GENBU_SOCKET
cat >askpass <<'END'
#!/bin/sh
echo 1234
END
chmod +x askpass
export DISPLAY=none SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force PATH=/usr/bin:$PATH

port=$((20000 + RANDOM % 20000))
recipe() { # TOOL FILE
	genbu connect "$1" --token 'the other' --dir "$GENBU_DIR" | sed "s/8443/$port/" >"$2"
}
run() { bash -eu -o pipefail "$@"; }
served() { # CERTIFICATE: what answers at the port has its key
	for _ in $(seq 50); do
		openssl s_client -connect 127.0.0.1:$port -CAfile "$1" -verify_return_error </dev/null >served.txt 2>&1 && return
		sleep 0.1
	done
	cat served.txt
	return 1
}

recipe openssl openssl.sh
sed -i 's/^#   \(openssl s_server.*\)/exec \1/' openssl.sh
mkfifo hold
run openssl.sh >openssl.log 2>&1 <> hold & # s_server ends with its input
server=$!
undo+=("kill $server 2>/dev/null")
for _ in $(seq 50); do [ -s demo.crt ] && break; sleep 0.1; done
served demo.crt
kill $server
wait $server || true

port=$((port + 1))
recipe nginx nginx.sh
run nginx.sh
undo+=('kill $(cat nginx.pid)')
served www.crt

port=$((port + 1))
recipe apache apache.sh
run apache.sh
mods=/usr/lib/apache2/modules
cat >httpd.conf <<END
PidFile $PWD/httpd.pid
ErrorLog $PWD/apache.log
Mutex file:$PWD default
ServerName localhost
User www-data
Group www-data
DocumentRoot $PWD
LoadModule mpm_prefork_module $mods/mod_mpm_prefork.so
LoadModule authz_core_module $mods/mod_authz_core.so
LoadModule ssl_module $mods/mod_ssl.so
Include $PWD/genbu-apache.conf
END
(. ./genbu-envvars && apache2 -f "$PWD/httpd.conf" -k start)
undo+=('apache2 -f "$PWD/httpd.conf" -k stop')
served www.crt

mkdir work
(
	cd work
	git init -q .
	git config user.name me
	git config user.email me@localhost
	recipe git ../git.sh
	echo 'echo "kill $SSH_AGENT_PID" >../agent' >>../git.sh
	run ../git.sh
)
undo+=("$(cat agent)")
git -C work log -1 --show-signature | grep 'Good "git" signature for me@localhost'

recipe openssh openssh.sh
mkdir -p .ssh
sshd=$((port + 1))
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f hostkey
printf '%s\n' "ListenAddress 127.0.0.1" "Port $sshd" "PidFile $PWD/sshd.pid" "HostKey $PWD/hostkey" "StrictModes no" "UsePAM no" \
	"PermitRootLogin yes" "AuthorizedKeysFile $PWD/genbu-ssh.pub" >sshd_config
/usr/sbin/sshd -f "$PWD/sshd_config" -E "$PWD/sshd.log"
undo+=('kill $(cat sshd.pid)')
host="-F none -p $sshd -o StrictHostKeyChecking=no -o UserKnownHostsFile=$PWD/known -o PasswordAuthentication=no $(id -un)@127.0.0.1 echo in"
printf '#!/bin/sh\nexec ssh %s\n' "$host" >shell
chmod +x shell
sed -i "s|^#   ssh -I \(.*\) HOST|ssh -I \1 $host|; s|^#   \(ssh-agent .*\)|SHELL=$PWD/shell \1|" openssh.sh
run openssh.sh >ssh.txt || { cat sshd.log && exit 1; }
[ "$(grep -c '^in$' ssh.txt)" -eq 2 ]

python3 "$HERE/../make-pe.py" >app.exe
recipe osslsigncode osslsigncode.sh
run osslsigncode.sh | tee osslsigncode.txt
grep -q 'Signature verification: ok' osslsigncode.txt

recipe java java.sh
echo hello >hello.txt
jar cf FILE.jar hello.txt
sed -i 's/^#   \(jarsigner.*\)/\1/' java.sh
run java.sh | tee java.txt
grep -q 'jar verified' java.txt

recipe go go.sh
sed -i "s|^cd genbu-go|cd '$TOP'|; /^go mod init/d; s|go run \.|go run '$PWD/genbu-go/main.go'|" go.sh # with this repository's go.mod
run go.sh | tee go.txt
grep -E '^[0-9a-f]{130,}$' go.txt

for tool in gnutls pkcs11-tool; do
	recipe $tool $tool.sh
	run $tool.sh
done
recipe python recipe.py
sed -n 's/^#   \(eval .*\)/\1; python3 recipe.py/p' recipe.py >python.sh
run python.sh | grep -E '^[0-9a-f]{128}$'

# All keys are in the token that the recipes were for.
GENBU_TOKEN_LABEL='the other' genbu key list | tee keys.txt
for label in demo www git ssh codesign gnutls first; do grep -q "^$label .*private" keys.txt; done
if GENBU_TOKEN_LABEL=conf genbu key list | grep private; then exit 1; fi
echo "note: $(genbu connect | wc -l) recipes: openssl, nginx, apache, git, openssh, osslsigncode, java, go, gnutls, pkcs11-tool, python run"
