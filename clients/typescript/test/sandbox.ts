/** A running sandbox, and those who call it. SYSTEMBRUKER_URL, MASKINPORTEN_URL and TESTTOOLS_URL say where it is. */

import type { JWK } from "jose";
import { connect, Maskinporten, take, type Client, type components } from "../src/index.js";

export const VENDOR = "390198116";
export const CUSTOMER = "390381492";
export const SERVICE_OWNER = "390028466";
const CUSTOMER_PARTY = 52_000_091;
const CUSTOMERS_OWNER = "11859024884";
const PACKAGE = "urn:altinn:accesspackage:a-ordning";
const AUTHORIZATION = { Authorization: `Basic ${Buffer.from("sandbox:sandbox").toString("base64")}` };

function address(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} must say where the sandbox is`);
  }
  return value;
}

export const URL_OF_SERVICE = address("SYSTEMBRUKER_URL");
export const ISSUER = address("MASKINPORTEN_URL");
const TESTTOOLS = address("TESTTOOLS_URL");

export interface SandboxClient {
  clientId: string;
  jwk: JWK;
}

export async function newClient(organization: string): Promise<SandboxClient> {
  const response = await fetch(`${TESTTOOLS}/sandbox/clients`, {
    method: "POST",
    headers: { ...AUTHORIZATION, "Content-Type": "application/json" },
    body: JSON.stringify({ orgNumber: organization }),
  });
  return (await response.json()) as SandboxClient;
}

export class Vendor {
  readonly systemId = `${VENDOR}_typescript-${crypto.randomUUID()}`;
  readonly api: Client;

  private constructor(
    readonly client: SandboxClient,
    readonly tokens: Maskinporten,
  ) {
    this.api = connect({ baseUrl: URL_OF_SERVICE, token: tokens.token });
  }

  static async create(): Promise<Vendor> {
    const client = await newClient(VENDOR);
    const scopes = [
      "altinn:authentication/systemregister.write",
      "altinn:authentication/systemuser.request.write",
      "altinn:authentication/systemuser.request.read",
    ];
    return new Vendor(client, new Maskinporten({ issuer: ISSUER, clientId: client.clientId, key: client.jwk, scopes }));
  }

  system(): components["schemas"]["SystemBody"] {
    return {
      id: this.systemId,
      vendor: { ID: `0192:${VENDOR}` },
      name: { nb: "TypeScript", nn: "TypeScript", en: "TypeScript" },
      description: { nb: "Prøve", nn: "Prøve", en: "Test" },
      accessPackages: [{ urn: PACKAGE }],
      clientId: [this.client.clientId],
    };
  }

  async register(api: Client = this.api): Promise<string> {
    return take(api.POST("/authentication/api/v1/systemregister/vendor", { body: this.system() }));
  }

  async ask(externalRef: string): Promise<components["schemas"]["RequestDto"]> {
    const body = { systemId: this.systemId, partyOrgNo: CUSTOMER, externalRef, accessPackages: [{ urn: PACKAGE }] };
    return take(this.api.POST("/authentication/api/v1/systemuser/request/vendor", { body }));
  }

  tokensFor(externalRef: string): Maskinporten {
    const { clientId, jwk } = this.client;
    const systemUser = { organization: CUSTOMER, externalRef };
    return new Maskinporten({ issuer: ISSUER, clientId, key: jwk, scopes: ["altinn:systembruker.demo"], systemUser });
  }
}

/** Approves a request as the owner of the customer. */
export async function approve(requestId: string): Promise<void> {
  const query = new URLSearchParams({ env: "local", pid: CUSTOMERS_OWNER, scopes: "altinn:portal/enduser" });
  const response = await fetch(`${TESTTOOLS}/api/GetPersonalToken?${query}`, { headers: AUTHORIZATION });
  const token = await response.text();
  const owner = connect({ baseUrl: URL_OF_SERVICE, token: async () => token });
  const path = { party: CUSTOMER_PARTY, requestId };
  await take(owner.POST("/authentication/api/v1/systemuser/request/{party}/{requestId}/approve", { params: { path } }));
}
