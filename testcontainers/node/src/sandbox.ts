/** A key and an id by which an organisation asks the sandbox's Maskinporten for tokens. */
export interface MaskinportenClient {
  clientId: string;
  kid: string;
  /** Private key, PKCS#8 in PEM. */
  privatePem: string;
  /** The same key as a JWK. */
  jwk: Record<string, string>;
}

/** A running sandbox: where its parts are, and who calls them. All persons and organisations in it are made up. */
export class Sandbox {
  readonly #credentials: string;

  /**
   * @param url Address of the service, without a slash at its end.
   * @param user User and password of the generator of test tokens.
   */
  constructor(
    readonly url: string,
    user = "sandbox:sandbox",
  ) {
    this.#credentials = `Basic ${Buffer.from(user).toString("base64")}`;
  }

  /** Issuer of the sandbox's Maskinporten: `aud` of a grant, and the base of its endpoints. */
  get maskinporten(): string {
    return `${this.url}/sandbox/maskinporten/`;
  }

  /** Issuer of the sandbox's ID-porten. */
  get idporten(): string {
    return `${this.url}/sandbox/idporten`;
  }

  /** The generator of test tokens. */
  get testTokens(): string {
    return `${this.url}/sandbox/testtools`;
  }

  /** A token of an organisation with nine digits, as Maskinporten would give it. */
  async organizationToken(organization: string, ...scopes: string[]): Promise<string> {
    return this.#generated("GetEnterpriseToken", { orgNo: organization, scopes: scopes.join(" ") });
  }

  /** A token of a person, by its identity number, as a log-in at ID-porten would lead to. */
  async personToken(person: string, ...scopes: string[]): Promise<string> {
    return this.#generated("GetPersonalToken", { pid: person, scopes: scopes.join(" ") });
  }

  /** Registers a client of an organisation at Maskinporten. Without scopes it gets those of vendors and service owners. */
  async newClient(organization: string, ...scopes: string[]): Promise<MaskinportenClient> {
    const response = await this.#answered(`${this.testTokens}/sandbox/clients`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ orgNumber: organization, ...(scopes.length > 0 && { scopes }) }),
    });
    return (await response.json()) as MaskinportenClient;
  }

  async #generated(kind: string, parameters: Record<string, string>): Promise<string> {
    const query = new URLSearchParams({ env: "local", ...parameters });
    const response = await this.#answered(`${this.testTokens}/api/${kind}?${query}`);
    return response.text();
  }

  async #answered(address: string, options: RequestInit = {}): Promise<Response> {
    const headers = { ...options.headers, Authorization: this.#credentials };
    const response = await fetch(address, { ...options, headers });
    if (!response.ok) {
      throw new Error(`${address} answers ${response.status}: ${await response.text()}`);
    }
    return response;
  }
}
