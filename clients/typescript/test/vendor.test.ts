import assert from "node:assert/strict";
import { test } from "node:test";
import { eventPages, MaskinportenError, ProblemError, take } from "../src/index.js";
import { approve, Vendor } from "./sandbox.js";

test("the token is for the system user", async () => {
  const vendor = await Vendor.create();
  await vendor.register();
  const { id: requestId } = await vendor.ask("typescript-token");
  await approve(requestId);
  const path = { requestId };
  const seen = await take(vendor.api.GET("/authentication/api/v1/systemuser/request/vendor/{requestId}", { params: { path } }));
  assert.equal(seen.status, "Accepted");

  const source = vendor.tokensFor("typescript-token");
  const [first, second] = await Promise.all([source.token(), source.token()]);
  const claims = JSON.parse(Buffer.from(first.split(".")[1] ?? "", "base64url").toString());
  assert.deepEqual(claims.authorization_details[0].systemuser_id, [requestId]);
  assert.equal(second, first, "calls that come meanwhile get the same token");
  assert.equal(await source.token(), first, "a token is kept while it is valid");

  const other = vendor.tokensFor("another reference");
  await assert.rejects(other.token(), (error) => {
    assert(error instanceof MaskinportenError);
    assert.equal(error.error, "invalid_altinn_customer_configuration");
    return true;
  });
});

test("a refusal is a problem with its body", async () => {
  const vendor = await Vendor.create();
  await vendor.register();
  await assert.rejects(vendor.register(), (error) => {
    assert(error instanceof ProblemError);
    assert.equal(error.status, 400);
    const { validationErrors } = error.problem as { validationErrors: { code: string }[] };
    assert.equal(validationErrors[0]?.code, "AUTH.VLD-00002");
    return true;
  });
});

test("events are followed over pages to the end", async () => {
  const vendor = await Vendor.create();
  await vendor.register();
  let before: string | undefined;
  for await (const page of eventPages(vendor.api)) {
    before = page.position;
  }
  const asked: string[] = [];
  for (let n = 0; n < 101; n++) {
    asked.push((await vendor.ask(`typescript-${n}`)).id);
  }
  const subjects: string[] = [];
  let pages = 0;
  for await (const page of eventPages(vendor.api, before)) {
    pages += 1;
    before = page.position;
    subjects.push(...page.events.map((event) => event.subject));
  }
  assert.deepEqual(
    subjects.filter((subject) => asked.includes(subject)),
    asked,
  );
  assert(pages >= 2);
  assert.equal((await eventPages(vendor.api, before).next()).done, true);
});
