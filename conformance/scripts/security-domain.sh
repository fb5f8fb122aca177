# SPDX-License-Identifier: Apache-2.0
#
# needs: python3 openssl
# A security domain file is opened by a program written from its description, with Python's cryptography package, and what that makes of
# it restores a node. (az's own code did the same by hand: docs/design/backup.md.)

python=/usr/bin/python3
$python -c 'import cryptography' 2>/dev/null || python=python3
genbu key create k --type ec-p256
date >message
genbu sign k message --out message.sig
for who in a b c; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout $who.key -out $who.pem -subj /CN=$who -days 3650 2>/dev/null
done
genbu domain download --quorum 2 --cert a.pem --cert b.pem --cert c.pem --out domain.json
genbu backup create --place "$PWD/backups"

genbu serve --dir "$PWD/bare" 2>bare.log &
undo+=("genbu down --dir '$PWD/bare'")
until genbu status --dir "$PWD/bare" >/dev/null 2>&1; do sleep 0.1; done
genbu domain transfer-key --dir "$PWD/bare" --out transfer.pem
$python "$HERE/../securitydomain.py" domain.json transfer.pem blob.json c.key a.key | tee out.txt
grep -q "$(genbu status --json | sed -n 's/.*"domain": "\(.*\)".*/\1/p')" out.txt
$python "$HERE/../securitydomain.py" --few domain.json b.key

# A blob for another core, or with one letter changed, opens nothing; then the right one restores.
sed 's/"x5t_256"/"x5t_256"/; s/\(.*compact_jwe": "[^.]*\.\.[^.]*\.\)./\1_/' blob.json >bad.json
refuses 'damaged\|authentic\|changed' genbu restore --dir "$PWD/bare" --from "$PWD/backups" --blob bad.json
genbu restore --dir "$PWD/bare" --from "$PWD/backups" --blob blob.json
cp node/access.json bare/
genbu verify k message --signature message.sig --dir "$PWD/bare" --token conf
echo "note: python cryptography $($python -c 'import cryptography; print(cryptography.__version__)'): opens the security domain file, and its blob restores a node"
