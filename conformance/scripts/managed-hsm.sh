# SPDX-License-Identifier: Apache-2.0
#
# needs: go node npm python3 java javac mvn
# A managed HSM's backups into Azurite, restores, settings, by the Azure SDKs for Go, Python and Java, and by what JavaScript's is made of.

. "$HERE/../azure/azure.inc"
blobs
azure
for role in Backup Restore; do
	genbu operator create "only-$role" --client-secret --json >"$role.json"
	genbu operator grant "only-$role" --domain --token genbu-hsm --role "Managed HSM $role"
	export "${role^^}_CLIENT_ID=$(sed -n 's/.*"client_id": "\(.*\)".*/\1/p' "$role.json")" "${role^^}_CLIENT_SECRET=$(sed -n 's/.*"secret": "\(.*\)".*/\1/p' "$role.json")"
done

(cd "$HERE/../azure/go" && go build -o "$OLDPWD/azure-go" .)
./azure-go hsm

sdk python "$HERE/../azure/python/requirements.txt"
if [ "$fresh" ]; then
	python3 -m venv "$sdk/venv"
	"$sdk/venv/bin/pip" install -q -r "$HERE/../azure/python/requirements.txt"
	touch "$sdk/done"
fi
container from-python
"$sdk/venv/bin/python" "$HERE/../azure/python/hsm.py"
python=$("$sdk/venv/bin/pip" freeze -q | grep -E '^azure-keyvault-admin')

sdk js "$HERE/../azure/js/package.json"
if [ "$fresh" ]; then
	cp "$HERE/../azure/js/package.json" "$sdk/"
	(cd "$sdk" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts >npm.log 2>&1) || { cat "$sdk/npm.log"; exit 1; }
	touch "$sdk/done"
fi
container from-js
cp "$HERE/../azure/js/hsm.mjs" "$sdk/" # what it imports came with the clients
node "$sdk/hsm.mjs"

sdk java "$HERE/../azure/java/pom.xml"
if [ "$fresh" ]; then
	mvn -q -B -f "$HERE/../azure/java/pom.xml" -Dmaven.repo.local="$sdk/repository" dependency:copy-dependencies -DoutputDirectory="$sdk/lib" >"$sdk/mvn.log" 2>&1 || { cat "$sdk/mvn.log"; exit 1; }
	rm -rf "$sdk/repository"
	touch "$sdk/done"
fi
container from-java
javac -cp "$sdk/lib/*" -d . "$HERE/../azure/java/Hsm.java"
java -cp "$sdk/lib/*:." Hsm

genbu audit verify
if grep -e sig= node/genbu.log 2>/dev/null; then
	echo "a shared access signature is in the log"
	exit 1
fi
echo "note: $(cd "$HERE/../azure/go" && go list -m all | sed -n 's|.*/sdk/\(.*\)|\1|p' | grep -E 'azadmin |azblob ' | tr '\n' ' ')$python $(cd "$sdk/lib" && ls azure-*administration*.jar) azurite $(node -p 'require("'"$HERE"'/../azure/azurite/package.json").dependencies.azurite')"
