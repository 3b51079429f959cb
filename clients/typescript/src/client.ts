/** The typed client, with tokens and retries. */

import createClient, { type Client as FetchClient } from "openapi-fetch";
import type { TokenSource } from "./maskinporten.js";
import type { paths } from "./rest/schema.js";
import { retrying, type Retries } from "./retry.js";

export type Client = FetchClient<paths>;

export interface ConnectOptions {
  /** Where systembruker is. */
  baseUrl: string;
  token: TokenSource;
  retries?: Retries;
}

/** A client with the operations by path: `client.POST("/authentication/api/v1/…", { body })`. */
export function connect({ baseUrl, token, retries }: ConnectOptions): Client {
  const client = createClient<paths>({ baseUrl, fetch: retrying(retries), headers: { Accept: "application/json" } });
  client.use({
    async onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${await token()}`);
      return request;
    },
  });
  return client;
}

/** An answer with a status of 400 or more. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  /** By which problems are distinguished. */
  readonly code: string | undefined;

  constructor(
    readonly response: Response,
    /** The body of the answer (RFC 9457), where there is one. */
    readonly problem: unknown,
  ) {
    const { code, detail, title } = (typeof problem === "object" && problem !== null ? problem : {}) as Record<string, unknown>;
    super(`${new URL(response.url).pathname}: ${[response.status, code, detail ?? title].filter(Boolean).join(" ")}`);
    this.status = response.status;
    this.code = typeof code === "string" ? code : undefined;
  }
}

/** What an operation answered. Throws ProblemError for a status of 400 or more. */
export async function take<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<Exclude<T, undefined>> {
  const { data, error, response } = await answer;
  if (!response.ok) {
    throw new ProblemError(response, error);
  }
  return data as Exclude<T, undefined>;
}
