// A vendor's system: registers itself, asks a customer for a system user, waits for the approval, and calls an API with a
// token for that system user.
import { setTimeout } from "node:timers/promises";
import { connect, eventPages, Maskinporten, take } from "systembruker-client";

const { SYSTEMBRUKER_URL, MASKINPORTEN_URL, MASKINPORTEN_CLIENT_ID, MASKINPORTEN_JWK, API_URL } = process.env as Record<string, string>;
const vendor = "390198116";
const customer = "390381492";
const accessPackages = [{ urn: "urn:altinn:accesspackage:a-ordning" }];

// 1. A token for the vendor.
const client = { issuer: MASKINPORTEN_URL!, clientId: MASKINPORTEN_CLIENT_ID!, key: JSON.parse(MASKINPORTEN_JWK!) };
const scopes = [
  "altinn:authentication/systemregister.write",
  "altinn:authentication/systemuser.request.write",
  "altinn:authentication/systemuser.request.read",
];
const vendorTokens = new Maskinporten({ ...client, scopes });
const api = connect({ baseUrl: SYSTEMBRUKER_URL!, token: vendorTokens.token });

// 2. The system, once.
const systemId = `${vendor}_typescript-${client.clientId}`;
const name = { nb: "Fjordlønn", nn: "Fjordlønn", en: "Fjordlønn" };
await take(
  api.POST("/authentication/api/v1/systemregister/vendor", {
    body: { id: systemId, vendor: { ID: `0192:${vendor}` }, name, description: name, accessPackages, clientId: [client.clientId] },
  }),
);

// 3. A request to the customer, who opens the link, logs in and decides.
const request = await take(
  api.POST("/authentication/api/v1/systemuser/request/vendor", { body: { systemId, partyOrgNo: customer, accessPackages } }),
);
console.log(`Approve at ${request.confirmUrl}`);

// 4. The answer. A system in production stores the position, and asks once in a while.
let position: string | undefined;
let answer: string | undefined;
while (answer === undefined) {
  for await (const page of eventPages(api, position)) {
    position = page.position;
    const about = page.events.filter((event) => event.subject === request.id && event.type !== "no.systembruker.request.created");
    answer ??= about[0]?.type;
  }
  await setTimeout(500);
}
console.log(`The answer is ${answer}`);

// 5. A token for the customer's system user, and a call of the protected API with it.
const systemUser = { organization: customer };
const systemUserTokens = new Maskinporten({ ...client, scopes: ["altinn:systembruker.demo"], systemUser });
const response = await fetch(API_URL!, { headers: { Authorization: `Bearer ${await systemUserTokens.token()}` } });
console.log(`The API answers ${response.status}: ${await response.text()}`);
