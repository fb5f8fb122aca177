# SPDX-License-Identifier: Apache-2.0
#
# needs: ssh ssh-keygen ssh-agent ssh-add sshd
# OpenSSH: a client key and a host key that both live in Genbu, each held by an agent that has loaded the module.

genbu key create client --type ec-p256
genbu key create host --type ec-p384
genbu key create old --type rsa-2048
ssh-keygen -D "$GENBU_PKCS11_MODULE" >public.txt # without a PIN
for name in client host old; do
	grep " $name\$" public.txt | sed "s/ $name\$//" >$name.pub
	[ "$(wc -l <$name.pub)" -eq 1 ]
	genbu key show $name --public | ssh-keygen -i -m PKCS8 -f /dev/stdin | cmp - $name.pub
done

cat >askpass <<'END'
#!/bin/sh
echo 1234
END
chmod +x askpass
export DISPLAY=none SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force
agent() { # SOCKET: an agent with the token's keys
	ssh-agent -a "$1" -P "$GENBU_PKCS11_MODULE" >agent.out
	undo+=("kill $(sed -n 's/.*SSH_AGENT_PID=\([0-9]*\).*/\1/p' agent.out)")
	SSH_AUTH_SOCK=$1 ssh-add -s "$GENBU_PKCS11_MODULE" </dev/null
}
agent "$PWD/host.sock"
agent "$PWD/client.sock"

port=$((20000 + RANDOM % 20000))
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
cat client.pub old.pub >authorized_keys
chmod 600 authorized_keys host.pub # sshd complains of a HostKey that others can read
cat >sshd_config <<END
ListenAddress 127.0.0.1
Port $port
PidFile $PWD/sshd.pid
HostKeyAgent $PWD/host.sock
HostKey $PWD/host.pub
AuthorizedKeysFile $PWD/authorized_keys
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
END
/usr/sbin/sshd -f "$PWD/sshd_config" -E "$PWD/sshd.log"
undo+=('kill $(cat sshd.pid)')
echo "[127.0.0.1]:$port $(cat host.pub)" >known_hosts
login() { # OPTION...
	ssh -F none -p "$port" -o UserKnownHostsFile="$PWD/known_hosts" -o StrictHostKeyChecking=yes -o PasswordAuthentication=no \
		"$@" "$(id -un)@127.0.0.1" echo welcome >welcome.txt 2>ssh.log || { cat ssh.log sshd.log && return 1; }
	[ "$(cat welcome.txt)" = welcome ]
}
export SSH_AUTH_SOCK=$PWD/client.sock
for key in client old; do login -o IdentitiesOnly=yes -i $key.pub; done
kill -9 "$GENBU_CORE_PID" # both agents go on with another core
for key in client old; do login -o IdentitiesOnly=yes -i $key.pub; done
SSH_AUTH_SOCK='' login -I "$GENBU_PKCS11_MODULE" # ssh itself loads the module
ssh-keygen -q -t ecdsa -N '' -f stranger
refuses 'Permission denied' login -o IdentitiesOnly=yes -i stranger

echo "data" >file
ssh-keygen -Y sign -n file -f client.pub file
echo "me $(cat client.pub)" >signers
ssh-keygen -Y verify -f signers -I me -n file -s file.sig <file
echo "other" >file
refuses 'Could not verify signature' ssh-keygen -Y verify -f signers -I me -n file -s file.sig <file
echo "note: $(version openssh-server): client keys (P-256, RSA), sshd host key (P-384, HostKeyAgent), ssh -I, ssh-keygen -Y"
