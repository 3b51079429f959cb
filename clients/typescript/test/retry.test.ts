import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { connect, ProblemError, take, type Client } from "../src/index.js";
import { URL_OF_SERVICE, Vendor } from "./sandbox.js";

type Fault = "lost" | "silent" | "later" | 429 | 503;

/** Passes requests on to the sandbox; the first answers become what `faults` names. */
class Faulty {
  readonly faults: Fault[] = [];
  readonly keys: (string | undefined)[] = [];
  readonly replayed: (string | null)[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const body: Buffer[] = [];
      for await (const chunk of request) {
        body.push(chunk as Buffer);
      }
      const fault = this.faults.shift();
      this.keys.push(request.headers["idempotency-key"] as string | undefined);
      if (fault === 429 || fault === 503) {
        response.writeHead(fault, { "Retry-After": "0" }).end();
        return;
      }
      if (fault === "silent") {
        return;
      }
      if (fault === "later") {
        response.writeHead(429, { "Retry-After": "3600" }).end();
        return;
      }
      const { host: _, connection: __, "content-length": ___, "transfer-encoding": ____, ...headers } = request.headers;
      const onward = await fetch(`${URL_OF_SERVICE}${request.url}`, {
        method: request.method ?? "GET",
        headers: headers as Record<string, string>,
        body: body.length > 0 ? Buffer.concat(body) : null,
      });
      const content = Buffer.from(await onward.arrayBuffer());
      if (fault === "lost") {
        // The sandbox has done it; the client does not learn that.
        request.socket.destroy();
        return;
      }
      this.replayed.push(onward.headers.get("Idempotency-Replayed"));
      response.writeHead(onward.status, { "Content-Type": onward.headers.get("Content-Type") ?? "" }).end(content);
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let faulty: Faulty;
let vendor: Vendor;
let api: Client;

beforeEach(async () => {
  faulty = new Faulty();
  vendor = await Vendor.create();
  await faulty.listen();
  api = connect({ baseUrl: faulty.url, token: vendor.tokens.token, retries: { attempts: 3, firstPauseMs: 10 } });
});

afterEach(() => faulty.close());

test("a lost answer is asked for again with the same key", async () => {
  faulty.faults.push("lost");
  assert.match(await vendor.register(api), /^[0-9a-f-]{36}$/);
  assert.equal(faulty.keys.length, 2);
  assert.ok(faulty.keys[0]);
  assert.equal(faulty.keys[1], faulty.keys[0]);
  assert.deepEqual(faulty.replayed, ["true"]);
});

test("a caller's own key is kept", async () => {
  const header = { "Idempotency-Key": crypto.randomUUID() };
  await take(api.POST("/authentication/api/v1/systemregister/vendor", { body: vendor.system(), params: { header } }));
  assert.deepEqual(faulty.keys, [header["Idempotency-Key"]]);
});

test("it waits out too many and unavailable", async () => {
  await vendor.register();
  faulty.faults.push(503, 429);
  const path = { systemId: vendor.systemId };
  const seen = await take(api.GET("/authentication/api/v1/systemregister/vendor/{systemId}", { params: { path } }));
  assert.equal(seen.id, vendor.systemId);
  assert.equal(faulty.keys.length, 3);
});

test("an answer that does not come is asked for again", async () => {
  faulty.faults.push("silent");
  const { tokens } = vendor;
  const impatient = connect({ baseUrl: faulty.url, token: tokens.token, retries: { attempts: 2, firstPauseMs: 10, timeoutMs: 2000 } });
  assert.match(await vendor.register(impatient), /^[0-9a-f-]{36}$/);
  assert.equal(faulty.keys.length, 2);
});

test("it does not wait an hour", async () => {
  faulty.faults.push("later");
  await assert.rejects(vendor.register(api), (error) => error instanceof ProblemError && error.status === 429);
  assert.equal(faulty.keys.length, 1);
});

test("it gives up after its attempts", async () => {
  faulty.faults.push(503, 503, 503);
  await assert.rejects(vendor.register(api), (error) => error instanceof ProblemError && error.status === 503);
  assert.equal(faulty.keys.length, 3);
  faulty.faults.push("lost", "lost", "lost");
  await assert.rejects(vendor.register(api), TypeError);
  assert.equal(faulty.keys.length, 6);
});

test("a POST without a key is not sent again", async () => {
  faulty.faults.push(503);
  const body = { token: "any", checks: [{ resource: "a-melding", action: "write" }] };
  const { response } = await api.POST("/authorization/api/v1/systemuser/authorize", { body });
  assert.equal(response.status, 503);
  assert.deepEqual(faulty.keys, [undefined]);
});
