# SPDX-License-Identifier: Apache-2.0
#
# needs: go java javac mvn
# The Azure SDK for Java.

. "$HERE/../azure/azure.inc"
sdk java "$HERE/../azure/java/pom.xml"
if [ "$fresh" ]; then
	mvn -q -B -f "$HERE/../azure/java/pom.xml" -Dmaven.repo.local="$sdk/repository" dependency:copy-dependencies -DoutputDirectory="$sdk/lib" >"$sdk/mvn.log" 2>&1 || { cat "$sdk/mvn.log"; exit 1; }
	rm -rf "$sdk/repository"
	touch "$sdk/done"
fi
javac -cp "$sdk/lib/*" -d . "$HERE/../azure/java/Scenarios.java" "$HERE/../azure/java/Certificates.java" "$HERE/../azure/java/Release.java"
azure
many 1000
java -cp "$sdk/lib/*:." Scenarios 1000
java -cp "$sdk/lib/*:." Certificates
authority
java -cp "$sdk/lib/*:." Release
echo "note: java: $(cd "$sdk/lib" && ls azure-*.jar | tr '\n' ' ')"
