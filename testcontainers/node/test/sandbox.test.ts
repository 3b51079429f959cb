/** Against a running sandbox on one port, started with the settings of the container; SYSTEMBRUKER_URL says where it is. */

import assert from "node:assert/strict";
import { createSign, randomUUID } from "node:crypto";
import { test } from "node:test";
import { Sandbox, settings, SystembrukerSandboxContainer } from "../src/index.js";

const VENDOR = "390198116";
const SYSTEM = "390198116_fjordlonn";
const READ = "altinn:authentication/systemregister.write";

function sandbox(): Sandbox {
  const url = process.env.SYSTEMBRUKER_URL;
  assert.ok(url, "SYSTEMBRUKER_URL must say where a sandbox on one port is");
  return new Sandbox(url);
}

async function system(url: string, token: string): Promise<number> {
  const address = `${url}/authentication/api/v1/systemregister/vendor/${SYSTEM}`;
  return (await fetch(address, { headers: { Authorization: `Bearer ${token}` } })).status;
}

test("a token of an organisation opens what its scopes allow", async () => {
  const { url } = sandbox();
  assert.equal(await system(url, await sandbox().organizationToken(VENDOR, READ)), 200);
  assert.equal(await system(url, await sandbox().organizationToken(VENDOR, "altinn:serviceowner")), 403);
});

test("a token of a person says who that is", async () => {
  const token = await sandbox().personToken("11859024884", "altinn:portal/enduser");
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { pid: string };
  assert.equal(claims.pid, "11859024884");
});

test("a new client gets a token from Maskinporten, which is called as the settings say", async () => {
  const { maskinporten, url } = sandbox();
  const metadata = await fetch(`${maskinporten}.well-known/oauth-authorization-server`);
  const { issuer } = (await metadata.json()) as { issuer: string };
  assert.equal(issuer, maskinporten);
  const client = await sandbox().newClient(VENDOR, READ);
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: client.clientId, aud: issuer, scope: READ, iat: now, exp: now + 60, jti: randomUUID() };
  const signed = `${part({ alg: "RS256", kid: client.kid })}.${part(claims)}`;
  const assertion = `${signed}.${createSign("RSA-SHA256").update(signed).sign(client.privatePem, "base64url")}`;
  const grant = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion };
  const answer = await fetch(`${maskinporten}token`, { method: "POST", body: new URLSearchParams(grant) });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  assert.equal(await system(url, token), 200);
});

test("what the sandbox refuses is an error that says why", async () => {
  await assert.rejects(sandbox().newClient("12"), /answers 400: .*nine digits/);
});

test("neighbours call the sandbox by its aliases", async () => {
  assert.deepEqual(settings("http://localhost:32768", ["localhost", "sandbox"]), {
    SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL: "http://localhost:32768",
    SYSTEMBRUKER__SANDBOX__ALLOWED_HOSTS: "localhost,sandbox",
  });
});

test("a container is described without an engine", () => {
  assert.ok(new SystembrukerSandboxContainer().withNetworkAliases("sandbox").withBaseUrl("http://sandbox:8080"));
});
