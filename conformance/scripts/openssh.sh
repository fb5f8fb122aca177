# SPDX-License-Identifier: Apache-2.0
#
# needs: ssh ssh-keygen ssh-agent sshd
# OpenSSH: a client key and a host key that both live in Genbu, each held by an agent that has loaded the module.

genbu key create client --type ec-p256
genbu key create host --type ec-p384
ssh-keygen -D "$GENBU_PKCS11_MODULE" >public.txt
grep ' client$' public.txt | sed 's/ client$//' >client.pub
grep ' host$' public.txt | sed 's/ host$//' >host.pub
[ -s client.pub ] && [ -s host.pub ]

cat >askpass <<'EOF'
#!/bin/sh
echo 1234
EOF
chmod +x askpass
agent() { # socket -> an agent with the token's keys
	ssh-agent -a "$1" -P "$GENBU_PKCS11_MODULE" >agent.out
	sed -n 's/.*SSH_AGENT_PID=\([0-9]*\).*/\1/p' agent.out >>agents
	DISPLAY=none SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force SSH_AUTH_SOCK=$1 ssh-add -s "$GENBU_PKCS11_MODULE" </dev/null
}
agent "$PWD/host.sock"
agent "$PWD/client.sock"

port=$((20000 + RANDOM % 20000))
mkdir -p /run/sshd
cp client.pub authorized_keys && chmod 600 authorized_keys
cat >sshd_config <<EOF
ListenAddress 127.0.0.1
Port $port
PidFile $PWD/sshd.pid
HostKeyAgent $PWD/host.sock
HostKey $PWD/host.pub
AuthorizedKeysFile $PWD/authorized_keys
StrictModes no
PermitRootLogin yes
UsePAM no
EOF
/usr/sbin/sshd -f "$PWD/sshd_config" -E "$PWD/sshd.log"
trap 'kill $(cat agents sshd.pid) 2>/dev/null; genbu down --dir "$PWD/node" >/dev/null' EXIT
echo "[127.0.0.1]:$port $(cat host.pub)" >known_hosts
for _ in 1 2 3; do
	got=$(SSH_AUTH_SOCK=$PWD/client.sock ssh -F none -p "$port" -o UserKnownHostsFile="$PWD/known_hosts" -o StrictHostKeyChecking=yes \
		-o BatchMode=yes -o IdentitiesOnly=no "$(id -un)@127.0.0.1" echo welcome) || { cat sshd.log; exit 1; }
	[ "$got" = welcome ]
done
echo "data" >file
SSH_AUTH_SOCK=$PWD/client.sock ssh-keygen -Y sign -n file -f client.pub file
echo "me $(cat client.pub)" >signers
ssh-keygen -Y verify -f signers -I me -n file -s file.sig <file
echo "note: client key, sshd host key (P-384, HostKeyAgent), ssh-keygen -Y signature"
