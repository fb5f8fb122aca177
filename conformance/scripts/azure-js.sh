# SPDX-License-Identifier: Apache-2.0
#
# needs: go node npm
# The Azure SDK for JavaScript.

. "$HERE/../azure/azure.inc"
sdk js "$HERE/../azure/js/package.json"
if [ "$fresh" ]; then
	cp "$HERE/../azure/js/package.json" "$sdk/"
	(cd "$sdk" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts >npm.log 2>&1) || { cat "$sdk/npm.log"; exit 1; }
	touch "$sdk/done"
fi
azure
many 1000
cp "$HERE/../azure/js/scenarios.mjs" "$sdk/" # beside node_modules, where imports are looked for
node "$sdk/scenarios.mjs" 1000
cp "$HERE/../azure/js/certificates.mjs" "$sdk/"
node "$sdk/certificates.mjs"
authority
cp "$HERE/../azure/js/release.mjs" "$sdk/"
node "$sdk/release.mjs"
echo "note: node $(node --version): $(cd "$sdk" && npm ls --depth=0 2>/dev/null | grep -o '@azure.*' | tr '\n' ' ')"
