/** Sending a request again when it is not known whether it arrived, or when the service asks for that. */

import { IDEMPOTENT_POSTS } from "./rest/idempotent.js";

const KEY = "Idempotency-Key";
const TOO_MANY = 429;
const AGAIN = new Set([TOO_MANY, 502, 503, 504]);
const IDEMPOTENT_METHODS = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * How often and how fast a request is sent again. The pause doubles with each attempt, with a random part, and is at least
 * what `Retry-After` asks for. When that is longer than `longestPauseMs`, the answer is returned instead.
 */
export interface Retries {
  /** 4 when left out. */
  attempts?: number;
  /** 200 when left out. */
  firstPauseMs?: number;
  /** 30,000 when left out. */
  longestPauseMs?: number;
  /** Within which an attempt must be answered; 30,000 when left out. */
  timeoutMs?: number;
}

/**
 * A `fetch` that sends a request again where that does no harm: when its method is idempotent or it has an
 * `Idempotency-Key`; the operations that take that header get one. After 429 any request may be: it was not carried out.
 */
export function retrying(retries: Retries = {}): typeof fetch {
  const { attempts = 4, firstPauseMs = 200, longestPauseMs = 30_000, timeoutMs = 30_000 } = retries;

  function pause(attempt: number, response?: Response): number | undefined {
    if (attempt >= attempts) {
      return undefined;
    }
    const growing = Math.min(firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()), longestPauseMs);
    const asked = /^\d+$/.exec(response?.headers.get("Retry-After") ?? "");
    const result = asked ? Math.max(growing, Number(asked[0]) * 1000) : growing;
    return result <= longestPauseMs ? result : undefined;
  }

  return async (input, init) => {
    const request = new Request(input, init);
    const path = new URL(request.url).pathname.toLowerCase();
    if (request.method === "POST" && IDEMPOTENT_POSTS.includes(path) && !request.headers.has(KEY)) {
      request.headers.set(KEY, crypto.randomUUID());
    }
    const harmless = IDEMPOTENT_METHODS.has(request.method) || request.headers.has(KEY);
    for (let attempt = 1; ; attempt++) {
      let wait: number | undefined;
      try {
        // A body can be sent once, so each attempt has a copy.
        const response = await fetch(request.clone(), { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]) });
        const again = AGAIN.has(response.status) && (harmless || response.status === TOO_MANY);
        wait = again ? pause(attempt, response) : undefined;
        if (wait === undefined) {
          return response;
        }
        await response.body?.cancel();
      } catch (error) {
        wait = harmless && !request.signal.aborted ? pause(attempt) : undefined;
        if (wait === undefined) {
          throw error;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
}
