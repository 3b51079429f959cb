/** Tokens from Maskinporten by JWT grant (RFC 7523). */

import { importJWK, SignJWT, type CryptoKey, type JWK } from "jose";
import { retrying, type Retries } from "./retry.js";

const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_SECONDS = 60;
/** A token is used only while it lives for so long, so that it does not expire on its way. */
const SPARE_SECONDS = 30;

/** Gives a token that is still valid for the next call. */
export type TokenSource = () => Promise<string>;

/** Which system user a token is for: that of a customer. */
export interface SystemUserOf {
  /** The customer's organisation number. */
  organization: string;
  /** The reference of the request for the system user, where it had one. */
  externalRef?: string;
}

export interface MaskinportenOptions {
  /** Maskinporten's address. */
  issuer: string;
  clientId: string;
  /** The client's private key, with its `kid`. */
  key: JWK;
  scopes: readonly string[];
  /** Without it, the tokens are for the organisation of the client. */
  systemUser?: SystemUserOf;
  /** Audience of the tokens. */
  resource?: string;
  retries?: Retries;
}

/** Maskinporten gives no token. */
export class MaskinportenError extends Error {
  override readonly name = "MaskinportenError";

  constructor(
    readonly status: number,
    /** Maskinporten's code, for example `invalid_altinn_customer_configuration`. */
    readonly error: string | undefined,
    readonly description: string | undefined,
  ) {
    super(`Maskinporten: ${status} ${error ?? ""} ${description ?? ""}`.trimEnd());
  }
}

/** A client at Maskinporten. A token is kept until shortly before it expires. */
export class Maskinporten {
  readonly #options: MaskinportenOptions;
  readonly #issuer: string;
  readonly #fetch: typeof fetch;
  #key: CryptoKey | Uint8Array | undefined;
  #current: { token: Promise<string>; usableUntil: number } | undefined;

  constructor(options: MaskinportenOptions) {
    this.#options = options;
    // Maskinporten's issuer ends with a slash, which `aud` must have too.
    this.#issuer = `${options.issuer.replace(/\/+$/, "")}/`;
    this.#fetch = retrying(options.retries);
  }

  /** Throws MaskinportenError when the token is refused. */
  readonly token: TokenSource = async () => {
    if (this.#current === undefined || performance.now() >= this.#current.usableUntil) {
      // Calls that come meanwhile wait for the same token.
      this.#current = { token: this.#grant(), usableUntil: Infinity };
    }
    return this.#current.token;
  };

  async #grant(): Promise<string> {
    try {
      const askedAt = performance.now();
      const response = await this.#fetch(`${this.#issuer}token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: GRANT, assertion: await this.#assertion() }),
      });
      const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
      if (!response.ok || typeof answer["access_token"] !== "string") {
        throw new MaskinportenError(response.status, text(answer["error"]), text(answer["error_description"]));
      }
      if (this.#current !== undefined) {
        this.#current.usableUntil = askedAt + (Number(answer["expires_in"]) - SPARE_SECONDS) * 1000;
      }
      return answer["access_token"];
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  async #assertion(): Promise<string> {
    const { clientId, key, scopes, systemUser, resource } = this.#options;
    const alg = key.alg ?? "RS256";
    this.#key ??= await importJWK(key, alg);
    const claims: Record<string, unknown> = { scope: scopes.join(" ") };
    if (resource !== undefined) {
      claims["resource"] = resource;
    }
    if (systemUser !== undefined) {
      claims["authorization_details"] = [
        {
          type: "urn:altinn:systemuser",
          systemuser_org: { authority: "iso6523-actorid-upis", ID: `0192:${systemUser.organization}` },
          ...(systemUser.externalRef === undefined ? {} : { externalRef: systemUser.externalRef }),
        },
      ];
    }
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg, ...(key.kid === undefined ? {} : { kid: key.kid }) })
      .setIssuer(clientId)
      .setAudience(this.#issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .setJti(crypto.randomUUID())
      .sign(this.#key);
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
