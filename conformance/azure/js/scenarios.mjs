// SPDX-License-Identifier: Apache-2.0
//
// Uses a vault and a managed HSM through the Azure SDK for JavaScript, unmodified and with nothing but the environment
// variables that genbu connect azure prints. The argument is how many keys named page-0000 and so on there are to page through.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { DefaultAzureCredential } from "@azure/identity";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";

const credential = new DefaultAzureCredential();
const vault = new KeyClient(process.env.AZURE_KEYVAULT_URL, credential);
const hsm = new KeyClient(process.env.AZURE_MANAGEDHSM_URL, credential);
const secrets = new SecretClient(process.env.AZURE_KEYVAULT_URL, credential);
const digest = crypto.createHash("sha256").update("signed in the vault").digest();
const use = (key) => new CryptographyClient(key.id, credential);
const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const refused = (statusCode, code, promise) => assert.rejects(promise, (e) => e.statusCode === statusCode && e.code === code);

// publicKey is what Node's own cryptography makes of the vault's JWK.
function publicKey(jwk) {
  const text = { kty: jwk.kty.replace("-HSM", "") };
  for (const name of ["n", "e", "x", "y"]) if (jwk[name]) text[name] = b64(jwk[name]);
  if (jwk.crv) text.crv = jwk.crv;
  return crypto.createPublicKey({ key: text, format: "jwk" });
}

async function sign() {
  const ec = await vault.createEcKey("js-ec", { curve: "P-256" });
  let { result } = await use(ec).sign("ES256", digest);
  assert.equal(result.length, 64);
  const message = Buffer.from("signed in the vault");
  const verify = (k, sig, more) => crypto.verify("sha256", message, { key: publicKey(k.key), ...more }, sig);
  assert(verify(ec, result, { dsaEncoding: "ieee-p1363" }));
  result[5] ^= 1;
  assert(!verify(ec, result, { dsaEncoding: "ieee-p1363" }));
  const rsa = await vault.createRsaKey("js-rsa", { keySize: 2048 });
  const client = use(rsa);
  result = (await client.sign("RS256", digest)).result;
  assert(verify(rsa, result));
  assert((await client.verify("RS256", digest, result)).result);
  result = (await client.sign("PS256", digest)).result;
  assert(verify(rsa, result, { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }));
  const secret = crypto.randomBytes(32);
  const sealed = crypto.publicEncrypt({ key: publicKey(rsa.key), oaepHash: "sha256" }, secret);
  assert.deepEqual(Buffer.from((await client.decrypt({ algorithm: "RSA-OAEP-256", ciphertext: sealed })).result), secret);
  const wrapped = await client.wrapKey("RSA-OAEP", secret);
  assert.deepEqual(Buffer.from((await client.unwrapKey("RSA-OAEP", wrapped.result)).result), secret);
}

async function symmetric() {
  const client = use(await hsm.createOctKey("js-aes", { keySize: 256, hsm: true }));
  const additionalAuthenticatedData = Buffer.from("header");
  const e = await client.encrypt({ algorithm: "A256GCM", plaintext: Buffer.from("text"), additionalAuthenticatedData });
  const d = await client.decrypt({ algorithm: "A256GCM", ciphertext: e.result, iv: e.iv, authenticationTag: e.authenticationTag, additionalAuthenticatedData });
  assert.equal(Buffer.from(d.result).toString(), "text");
  const w = await client.wrapKey("A256KW", digest);
  assert.deepEqual(Buffer.from((await client.unwrapKey("A256KW", w.result)).result), digest);
  assert.equal((await hsm.getRandomBytes(17)).length, 17);
}

async function life() {
  const first = await vault.createEcKey("js-life", { tags: { a: "b" } });
  const second = await vault.rotateKey("js-life");
  assert.notEqual(first.properties.version, second.properties.version);
  await vault.updateKeyRotationPolicy("js-life", { expiresIn: "P2Y", lifetimeActions: [{ action: "Rotate", timeBeforeExpiry: "P30D" }] });
  assert.equal((await vault.getKeyRotationPolicy("js-life")).lifetimeActions[0].timeBeforeExpiry, "P30D");
  await vault.updateKeyProperties("js-life", second.properties.version, { enabled: false });
  await refused(403, "Forbidden", use(second).sign("ES256", digest));
  await (await vault.beginDeleteKey("js-life")).pollUntilDone();
  await refused(404, "KeyNotFound", vault.getKey("js-life"));
  await refused(409, "Conflict", vault.createEcKey("js-life"));
  await (await vault.beginRecoverDeletedKey("js-life")).pollUntilDone();
  const backup = await vault.backupKey("js-life");
  await (await vault.beginDeleteKey("js-life")).pollUntilDone();
  await vault.purgeDeletedKey("js-life");
  assert.equal((await vault.restoreKeyBackup(backup)).properties.version, second.properties.version);
}

async function importKey() {
  const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = privateKey.export({ format: "jwk" });
  for (const name of ["n", "e", "d", "p", "q", "dp", "dq", "qi"]) jwk[name] = Buffer.from(jwk[name], "base64url");
  const key = await vault.importKey("js-imported", jwk);
  const { result } = await use(key).sign("RS256", digest);
  assert.deepEqual(Buffer.from(result), crypto.sign("sha256", Buffer.from("signed in the vault"), privateKey));
}

async function secretLife() {
  await secrets.setSecret("js-secret", "one");
  await secrets.setSecret("js-secret", "two \u20ac", { contentType: "text/plain" });
  assert.equal((await secrets.getSecret("js-secret")).value, "two \u20ac");
  let n = 0;
  for await (const _ of secrets.listPropertiesOfSecretVersions("js-secret")) n++;
  assert.equal(n, 2);
  const backup = await secrets.backupSecret("js-secret");
  await (await secrets.beginDeleteSecret("js-secret")).pollUntilDone();
  await refused(404, "SecretNotFound", secrets.getSecret("js-secret"));
  await secrets.purgeDeletedSecret("js-secret");
  await secrets.restoreSecretBackup(backup);
  assert.equal((await secrets.getSecret("js-secret")).value, "two \u20ac");
}

async function page(n) {
  const names = [];
  for await (const k of vault.listPropertiesOfKeys()) if (k.name.startsWith("page-")) names.push(k.name);
  assert.deepEqual(names, Array.from({ length: n }, (_, i) => `page-${String(i).padStart(4, "0")}`));
}

for (const scenario of [sign, symmetric, life, importKey, secretLife]) {
  console.log("scenario:", scenario.name);
  await scenario();
}
await page(Number(process.argv[2]));
