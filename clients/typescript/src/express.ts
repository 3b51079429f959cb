/** A service owner's API that only system users with the right access reach. */

import type { Request, RequestHandler, Response } from "express";
import type { Client } from "./client.js";
import type { components } from "./rest/schema.js";

export type TokenDecision = components["schemas"]["TokenDecision"];

export interface GuardOptions {
  /** The service owner's own client, with the scope `altinn:authorization/authorize`. */
  client: Client;
  /** The caller's system user must be permitted `action` on `resource`. */
  resource: string;
  action: string;
  /** The caller's token must have all of these. */
  scopes?: readonly string[];
  /** The caller's token must be made for this audience. */
  audience?: string;
  /**
   * For whom the action is, as `urn:altinn:organization:identifier-no:…`. Without it, for the owner of the system user.
   */
  party?: (request: Request) => string | undefined;
}

/**
 * Express middleware: asks token-and-decide about each request, and lets through what is authorized. Handlers find the answer
 * in `response.locals.systemUser`. Refusals are as RFC 6750 has them: 401 where the token is missing or bad, 403 where it does
 * not suffice; 400 where the party is none; 503 where systembruker cannot be asked.
 */
export function systemUserGuard({ client, resource, action, scopes = [], audience, party }: GuardOptions): RequestHandler {
  async function decide(token: string, forParty: string | undefined): Promise<TokenDecision | "bad request" | "unavailable"> {
    const check = { resource, action, party: forParty ?? null };
    const body = { token, checks: [check], requiredScopes: [...scopes], audience: audience ?? null };
    try {
      const { data, response } = await client.POST("/authorization/api/v1/systemuser/authorize", { body });
      // With 400, what the caller named cannot be decided about. Else the caller did nothing wrong.
      return data ?? (response.status === 400 ? "bad request" : "unavailable");
    } catch {
      return "unavailable";
    }
  }

  return async (request, response, next) => {
    const token = bearerToken(request);
    if (token === undefined) {
      return refuse(response, 401, "Bearer");
    }
    let forParty: string | undefined;
    try {
      forParty = party?.(request);
    } catch (error) {
      // Express 4 does not see what an asynchronous handler throws.
      return next(error);
    }
    const answer = await decide(token, forParty);
    if (answer === "unavailable") {
      // Nobody has said that the caller may.
      return refuse(response, 503);
    }
    if (answer === "bad request") {
      return refuse(response, 400);
    }
    if (answer.error?.code === "missing_scope") {
      return refuse(response, 403, `Bearer error="insufficient_scope", scope="${scopes.join(" ")}"`);
    }
    if (answer.error) {
      return refuse(response, 401, `Bearer error="invalid_token", error_description="${answer.error.message}"`);
    }
    if (!answer.authorized) {
      return refuse(response, 403);
    }
    response.locals["systemUser"] = answer;
    next();
  };
}

function bearerToken(request: Request): string | undefined {
  return /^bearer +(\S.*)$/i.exec(request.headers.authorization ?? "")?.[1]?.trim();
}

function refuse(response: Response, status: number, challenge?: string): void {
  if (challenge !== undefined) {
    response.set("WWW-Authenticate", challenge);
  }
  response.status(status).type("application/problem+json").send(JSON.stringify({ status }));
}
