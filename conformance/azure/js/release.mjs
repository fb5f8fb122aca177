// SPDX-License-Identifier: Apache-2.0
//
// Secure key release through the Azure SDK for JavaScript: keys go out to an environment that the authority at
// AZURE_KEYVAULT_ATTESTATION_URL attests to; Node's crypto checks what the module says, and opens them.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import { DefaultAzureCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";

const authority = process.env.AZURE_KEYVAULT_ATTESTATION_URL;
const vault = new KeyClient(process.env.AZURE_KEYVAULT_URL, new DefaultAzureCredential());
const own = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
const refused = (statusCode, code, promise) => assert.rejects(promise, (e) => e.statusCode === statusCode && e.code === code);

async function attest(more = "") {
  const body = JSON.stringify({ ...own.publicKey.export({ format: "jwk" }), kid: "environment", key_ops: ["encrypt"] });
  return (await (await fetch(`${authority}/attest?${more}`, { method: "POST", body })).json()).token;
}

// said answers the claims of what the module signed, checked with the domain's CA.
function said(jws) {
  const [header, claims, signature] = jws.split(".");
  const { alg, x5c } = JSON.parse(Buffer.from(header, "base64url"));
  const [leaf, ca] = x5c.map((c) => new crypto.X509Certificate(Buffer.from(c, "base64")));
  assert.equal(alg, "RS256");
  assert.equal(ca.fingerprint256, new crypto.X509Certificate(fs.readFileSync(process.env.GENBU_DOMAIN_CA)).fingerprint256);
  assert(leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
  assert.match(leaf.subjectAltName, /^URI:genbu:\/\/[0-9a-f]{32}\/statements$/);
  assert(crypto.verify("sha256", Buffer.from(`${header}.${claims}`), leaf.publicKey, Buffer.from(signature, "base64url")));
  return JSON.parse(Buffer.from(claims, "base64url"));
}

function opened(claims, oaepHash) {
  const blob = JSON.parse(Buffer.from(claims.response.key.key.key_hsm, "base64url"));
  assert.equal(blob.header.kid, "environment");
  const wrapped = Buffer.from(blob.ciphertext, "base64url");
  const kek = crypto.privateDecrypt({ key: own.privateKey, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, wrapped.subarray(0, 256));
  const unwrap = crypto.createDecipheriv("id-aes256-wrap-pad", kek, Buffer.from("A65959A6", "hex"));
  const key = Buffer.concat([unwrap.update(wrapped.subarray(256)), unwrap.final()]);
  return crypto.createPrivateKey({ key, format: "der", type: "pkcs8" });
}

const policy = { version: "1.0.0", anyOf: [{ authority, allOf: [{ claim: "sdk-test", equals: "true" }] }] };
const releasePolicy = { encodedPolicy: Buffer.from(JSON.stringify(policy)) };
const made = await vault.createKey("js-released", "EC-HSM", { exportable: true, releasePolicy });
assert(made.properties.exportable);
assert.deepEqual(JSON.parse(Buffer.from(made.properties.releasePolicy.encodedPolicy)), policy);
const token = await attest();
for (const [algorithm, hash] of [[undefined, "sha1"], ["CKM_RSA_AES_KEY_WRAP", "sha1"], ["RSA_AES_KEY_WRAP_256", "sha256"], ["RSA_AES_KEY_WRAP_384", "sha384"]]) {
  const claims = said((await vault.releaseKey("js-released", token, { algorithm, nonce: "js-nonce" })).value);
  assert.equal(claims.request.nonce, "js-nonce");
  assert.equal(claims.response.key.key.kid, made.id);
  const signature = crypto.sign("sha256", Buffer.from("signed outside"), opened(claims, hash));
  const url = (b) => Buffer.from(b).toString("base64url");
  const pub = crypto.createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: url(made.key.x), y: url(made.key.y) } });
  assert(crypto.verify("sha256", Buffer.from("signed outside"), pub, signature));
}
const rsa = await vault.createKey("js-released-rsa", "RSA-HSM", { exportable: true, releasePolicy });
const out = opened(said((await vault.releaseKey("js-released-rsa", token, { version: rsa.properties.version })).value), "sha1");
assert.equal(crypto.createPublicKey(out).export({ format: "jwk" }).n, Buffer.from(rsa.key.n).toString("base64url"));
await refused(403, "Forbidden", vault.releaseKey("js-released", await attest("sdk-test=false")));
await refused(403, "Forbidden", vault.releaseKey("js-released", token.slice(0, -8) + "AAAAAAAA"));
await refused(400, "BadParameter", vault.releaseKey("js-released", "no token"));
await vault.createKey("js-kept", "EC");
await refused(403, "Forbidden", vault.releaseKey("js-kept", token));
if (vault.getKeyAttestation) {
  const { attestation } = (await vault.getKeyAttestation("js-kept")).properties;
  assert.equal(said(Buffer.from(attestation.privateKeyAttestation).toString()).origin.never_extractable, true);
}
console.log("scenario: release");
