import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddressInfo } from "node:net";
import express from "express";
import { connect, Maskinporten } from "../src/index.js";
import { systemUserGuard, type GuardOptions, type TokenDecision } from "../src/express.js";
import { approve, CUSTOMER, ISSUER, newClient, SERVICE_OWNER, URL_OF_SERVICE, Vendor } from "./sandbox.js";

const client = await newClient(SERVICE_OWNER);
const scopes = ["altinn:authorization/authorize"];
const tokens = new Maskinporten({ issuer: ISSUER, clientId: client.clientId, key: client.jwk, scopes });
const owner = connect({ baseUrl: URL_OF_SERVICE, token: tokens.token });

const vendor = await Vendor.create();
await vendor.register();
await approve((await vendor.ask("typescript-guard")).id);
const token = await vendor.tokensFor("typescript-guard").token();

/** Calls a guarded API once. */
async function call(options: Partial<GuardOptions>, headers: Record<string, string>): Promise<Response> {
  const app = express();
  app.use(systemUserGuard({ client: owner, resource: "a-melding", action: "write", party: (r) => r.get("For"), ...options }));
  app.get("/", (_, response) => {
    const decision = response.locals["systemUser"] as TokenDecision;
    response.json({ for: decision.systemUser?.ownerOrganizationNumber });
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    return await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { headers });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const bearer = { Authorization: `Bearer ${token}` };

test("a system user with access comes through", async () => {
  const response = await call({}, bearer);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { for: CUSTOMER });
});

test("without a good token, 401", async () => {
  const without = await call({}, {});
  assert.equal(without.status, 401);
  assert.equal(without.headers.get("WWW-Authenticate"), "Bearer");
  const bad = await call({}, { Authorization: "Bearer no token" });
  assert.equal(bad.status, 401);
  assert.match(bad.headers.get("WWW-Authenticate") ?? "", /^Bearer error="invalid_token"/);
  assert.match(bad.headers.get("Content-Type") ?? "", /^application\/problem\+json/);
});

test("scopes, audience, resource and party are the API's own", async () => {
  const scope = await call({ scopes: ["some:scope"] }, bearer);
  assert.equal(scope.status, 403);
  assert.equal(scope.headers.get("WWW-Authenticate"), 'Bearer error="insufficient_scope", scope="some:scope"');
  assert.equal((await call({ audience: "https://elsewhere.example" }, bearer)).status, 401);
  assert.equal((await call({ resource: "inntektsmelding" }, bearer)).status, 403);
  assert.equal((await call({}, { ...bearer, For: "urn:altinn:organization:identifier-no:390326572" })).status, 403);
  assert.equal((await call({}, { ...bearer, For: "nobody" })).status, 400);
});

test("nobody comes through when systembruker cannot be asked", async () => {
  const away = connect({ baseUrl: "http://127.0.0.1:1", token: async () => "any", retries: { attempts: 1 } });
  assert.equal((await call({ client: away }, bearer)).status, 503);
  const withoutScope = connect({ baseUrl: URL_OF_SERVICE, token: async () => token });
  assert.equal((await call({ client: withoutScope }, bearer)).status, 503);
});
