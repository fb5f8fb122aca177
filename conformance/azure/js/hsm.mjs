// SPDX-License-Identifier: Apache-2.0

// Backup, restore and settings of a managed HSM by what the Azure SDK for JavaScript is made of: its pipeline, its sign-in and its poller
// of long-running operations. (The client of its own for this, @azure/keyvault-admin, the registry did not give.)

import assert from "node:assert/strict";
import { createHttpPoller } from "@azure/core-lro";
import { createDefaultHttpClient, createHttpHeaders, createPipelineFromOptions, createPipelineRequest } from "@azure/core-rest-pipeline";
import { DefaultAzureCredential } from "@azure/identity";
import { keyVaultAuthenticationPolicy } from "@azure/keyvault-common";
import { KeyClient } from "@azure/keyvault-keys";

const url = process.env.AZURE_MANAGEDHSM_URL;
const credential = new DefaultAzureCredential();
const keys = new KeyClient(url, credential);
const http = createDefaultHttpClient();
const pipeline = createPipelineFromOptions({});
pipeline.addPolicy(keyVaultAuthenticationPolicy(credential));

// send answers as core-lro wants it.
async function send(method, address, body) {
  const request = createPipelineRequest({ method, url: address, headers: createHttpHeaders(body ? { "Content-Type": "application/json" } : {}) });
  if (body) request.body = JSON.stringify(body);
  const r = await pipeline.sendRequest(http, request);
  const answer = JSON.parse(r.bodyAsText);
  return { rawResponse: { statusCode: r.status, headers: r.headers.toJSON(), body: answer, request }, flatResponse: answer };
}

const at = (path) => `${url}${path}?api%2Dversion=2025-07-01`;

// job runs one to its end.
async function job(method, path, body) {
  let began;
  const poller = await createHttpPoller(
    {
      requestMethod: "POST", // of a PUT it would fetch the address that was put to, which is no resource here
      requestPath: at(path),
      sendInitialRequest: async () => {
        began = await send(method, at(path), body);
        if (began.rawResponse.statusCode !== 202) throw Object.assign(new Error(began.flatResponse.error.message), began.flatResponse.error);
        return began;
      },
      sendPollRequest: (address) => send("GET", address),
    },
    { intervalInMs: 200, resourceLocationConfig: "azure-async-operation" },
  );
  return poller.pollUntilDone();
}

async function refused(what, code, promise) {
  await assert.rejects(promise, (e) => e.code === code || String(e.message).includes(code), what);
  console.log("refused:", what);
}

const storage = { storageResourceUri: process.env.BLOB_CONTAINER_URL, token: process.env.BLOB_SAS };
const first = await keys.createEcKey("js-doomed", { curve: "P-256", hsm: true });
const made = await job("POST", "/backup", storage);
assert.ok(made.azureStorageBlobContainerUri.startsWith(process.env.BLOB_CONTAINER_URL + "/mhsm-"));
const folder = made.azureStorageBlobContainerUri.split("/").at(-1);

async function purge(name) {
  await (await keys.beginDeleteKey(name, { intervalInMs: 200 })).pollUntilDone();
  await keys.purgeDeletedKey(name);
}

await purge("js-doomed");
await keys.createEcKey("js-late", { curve: "P-256", hsm: true });
const restored = await job("PUT", "/restore", { sasTokenParameters: storage, folderToRestore: folder });
assert.match(restored.statusDetails, /js-doomed/);
assert.equal((await keys.getKey("js-doomed")).properties.version, first.properties.version);
await assert.rejects(keys.getKey("js-late"), { statusCode: 404 });
await purge("js-doomed");
await job("PUT", "/keys/js-doomed/restore", { sasTokenParameters: storage, folder });
assert.equal((await keys.getKey("js-doomed")).properties.version, first.properties.version);
await refused("a key that is there", "Conflict", job("PUT", "/keys/js-doomed/restore", { sasTokenParameters: storage, folder }));
await refused("a folder that is not there", "StorageFailed", job("PUT", "/restore", { sasTokenParameters: storage, folderToRestore: "mhsm-never" }));
await refused("managed identity", "BadParameter", job("POST", "/backup", { storageResourceUri: storage.storageResourceUri, useManagedIdentity: true }));

const name = "AllowKeyManagementOperationsThroughARM";
for (const value of ["true", "false"]) {
  assert.equal((await send("PATCH", at(`/settings/${name}`), { value })).flatResponse.value, value);
  assert.equal((await send("GET", at(`/settings/${name}`))).flatResponse.value, value);
}
