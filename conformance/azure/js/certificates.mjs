// SPDX-License-Identifier: Apache-2.0
//
// Certificates of a vault through the Azure SDK for JavaScript, unmodified and with nothing but the environment variables that
// genbu connect azure prints.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import tls from "node:tls";
import { DefaultAzureCredential } from "@azure/identity";
import { CertificateClient } from "@azure/keyvault-certificates";
import { SecretClient } from "@azure/keyvault-secrets";

const credential = new DefaultAzureCredential();
const vault = new CertificateClient(process.env.AZURE_KEYVAULT_URL, credential);
const secrets = new SecretClient(process.env.AZURE_KEYVAULT_URL, credential);
const refused = (statusCode, code, promise) => assert.rejects(promise, (e) => e.statusCode === statusCode && e.code === code);
const fast = { intervalInMs: 100 };
const policy = { issuerName: "Genbu", subject: "CN=www.example", subjectAlternativeNames: { dnsNames: ["www.example"], emails: [], userPrincipalNames: [] },
  contentType: "application/x-pem-file", keyType: "EC", keyCurveName: "P-256", exportable: true, validityInMonths: 6 };

async function make(name, p) {
  return (await vault.beginCreateCertificate(name, p, fast)).pollUntilDone();
}

// serve lets Node's TLS serve with what the secret holds, to a client that trusts the vault's CA.
async function serve() {
  const pem = (await secrets.getSecret("js-server")).value;
  const ca = new crypto.X509Certificate(Buffer.from((await vault.getCertificate("Genbu-CA")).cer)).toString();
  const server = tls.createServer({ key: pem, cert: pem }, (s) => s.end("hello"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const said = await new Promise((done, fail) => {
    const c = tls.connect({ port: server.address().port, host: "127.0.0.1", servername: "www.example", ca }, () => {});
    c.on("data", (b) => done(b.toString())).on("error", fail);
  });
  server.close();
  assert.equal(said, "hello");
}

const made = await make("js-server", policy);
const leaf = new crypto.X509Certificate(Buffer.from(made.cer));
assert(leaf.checkHost("www.example") && made.policy.issuerName === "Genbu");
await serve();

await make("js-self", { ...policy, issuerName: "Self", exportable: false });
assert(!(await secrets.getSecret("js-self")).value.includes("PRIVATE KEY"));

// What was exported comes in under another name.
const pem = (await secrets.getSecret("js-server")).value;
const again = await vault.importCertificate("js-again", Buffer.from(pem), { policy: { contentType: "application/x-pem-file", issuerName: "Unknown", subject: "CN=www.example" } });
assert.deepEqual(Buffer.from(again.cer), Buffer.from(made.cer));

await vault.updateCertificatePolicy("js-self", { ...policy, issuerName: "Self", subject: "CN=other.example" });
assert.equal((await vault.getCertificatePolicy("js-self")).subject, "CN=other.example");
await vault.updateCertificateProperties("js-self", made.properties.version, {}).then(() => assert.fail("a version of another certificate"), (e) => assert.equal(e.statusCode, 404));
let n = 0;
for await (const c of vault.listPropertiesOfCertificates()) n += c.name.startsWith("js-") ? 1 : 0;
assert.equal(n, 3);

const backup = await vault.backupCertificate("js-server");
await (await vault.beginDeleteCertificate("js-server", fast)).pollUntilDone();
await refused(404, "CertificateNotFound", vault.getCertificate("js-server"));
await (await vault.beginRecoverDeletedCertificate("js-server", fast)).pollUntilDone();
await (await vault.beginDeleteCertificate("js-server", fast)).pollUntilDone();
await vault.purgeDeletedCertificate("js-server");
await vault.restoreCertificateBackup(backup);
await serve();

await vault.createIssuer("js-issuer", "Genbu", { accountId: "Genbu-CA" });
assert.equal((await vault.getIssuer("js-issuer")).provider, "Genbu");
await vault.deleteIssuer("js-issuer");
await refused(404, "CertificateIssuerNotFound", vault.getIssuer("js-issuer"));
await vault.setContacts([{ email: "a@example", name: "A", phone: "1" }]);
assert.equal((await vault.getContacts())[0].email, "a@example");
await vault.deleteContacts();
console.log("scenario: certificates");
