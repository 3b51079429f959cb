// The calls of the guided tours. Each step enables the next one when its answer is what it should be.
const tour = document.getElementById("tour");
const VENDOR = "390198116";
const OWNER = "390028466";
const POTTERY = { number: "390381492", party: "52000091", director: "11859024884" };
const HIKERS = { number: "390367767", systemUser: "3f794e70-3593-53d5-8174-1a3371cf43dc" };
const random = () => crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
const texts = (text) => ({ nb: text, nn: text, en: text });

// What earlier steps of this visit found out.
const known = {};

// Sends a call, and shows both sides of it.
async function call(shown, method, path, { token, body, form, user } = {}) {
  const headers = {};
  if (token) { headers.Authorization = `Bearer ${token}`; }
  if (user) { headers.Authorization = `Basic ${btoa(user)}`; }
  if (body) { headers["Content-Type"] = "application/json"; }
  const sent = [`${method} ${new URL(path, location.origin)}`];
  for (const [name, value] of Object.entries(headers)) { sent.push(`${name}: ${value}`); }
  if (body) { sent.push("", JSON.stringify(body, null, 2)); }
  if (form) { sent.push("", ...[...form].map(([name, value]) => `${name}: ${value.name ?? value}`)); }
  shown.sent(sent.join("\n"));
  const answer = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : form });
  const text = await answer.text();
  let value = text;
  try { value = JSON.parse(text); } catch { /* It is plain text. */ }
  const written = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  shown.answered(`${answer.status} ${answer.statusText}\n\n${written}`.trim());
  if (!answer.ok) { throw new Error(`The answer is ${answer.status}.`); }
  return value;
}

const testToken = (shown, kind, parameters) => call(shown, "GET",
  `${tour.dataset.tokens}/api/${kind}?${new URLSearchParams({ env: "local", ...parameters })}`, { user: tour.dataset.user });

const vendorToken = (shown) => testToken(shown, "GetEnterpriseToken", {
  orgNo: VENDOR,
  scopes: "altinn:authentication/systemregister.write altinn:authentication/systemuser.request.write altinn:authentication/systemuser.request.read",
});

const attribute = (id, value) => ({ AttributeId: id, Value: value });

const ask = (shown, body) => call(shown, "POST", "/authentication/api/v1/systemuser/request/vendor", { token: known.vendor, body });

const policy = (resource) => `<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:altinn:policyid:${resource}" Version="1.0"
    RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides">
  <Target/>
  <Rule RuleId="urn:altinn:ruleid:1" Effect="Permit">
    <Target>${[
    ["urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case", "a-ordning", "urn:altinn:accesspackage", "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject"],
    ["urn:oasis:names:tc:xacml:1.0:function:string-equal", resource, "urn:altinn:resource", "urn:oasis:names:tc:xacml:3.0:attribute-category:resource"],
    ["urn:oasis:names:tc:xacml:1.0:function:string-equal", "read", "urn:oasis:names:tc:xacml:1.0:action:action-id", "urn:oasis:names:tc:xacml:3.0:attribute-category:action"],
  ].map(([match, value, id, category]) => `
      <AnyOf><AllOf><Match MatchId="${match}">
        <AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">${value}</AttributeValue>
        <AttributeDesignator AttributeId="${id}" Category="${category}" DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="false"/>
      </Match></AllOf></AnyOf>`).join("")}
    </Target>
  </Rule>
</Policy>`;

function permitted(decision) {
  if (decision !== "Permit") { throw new Error(`The decision is ${decision}.`); }
  return "Permit: it may.";
}

// What each step does; it returns what came of it, in a sentence.
const STEPS = {
  async "vendor-token"(shown) {
    known.vendor = await vendorToken(shown);
    return "You have a token for half an hour.";
  },
  async system(shown) {
    known.system = `${VENDOR}_tour-${random()}`;
    await call(shown, "POST", "/authentication/api/v1/systemregister/vendor", {
      token: known.vendor,
      body: {
        id: known.system,
        vendor: { ID: `0192:${VENDOR}` },
        name: texts("Fjordlønn tour"),
        description: texts("Reports wages"),
        clientId: [crypto.randomUUID?.() ?? `tour-${random()}`],
        isVisible: true,
        accessPackages: [{ urn: "urn:altinn:accesspackage:a-ordning" }],
        allowedRedirectUrls: [`${location.origin}/docs/tours/receipt`],
      },
    });
    return `The system ${known.system} is registered.`;
  },
  async request(shown) {
    const answer = await ask(shown, {
      systemId: known.system,
      partyOrgNo: POTTERY.number,
      accessPackages: [{ urn: "urn:altinn:accesspackage:a-ordning" }],
      redirectUrl: `${location.origin}/docs/tours/receipt`,
    });
    [known.request, known.page] = [answer.id, answer.confirmUrl];
    return "The request is New: it waits for its customer.";
  },
  async "fresh-request"(shown) {
    known.vendor ??= await vendorToken(shown);
    const answer = await ask(shown, {
      systemId: `${VENDOR}_fjordlonn`,
      partyOrgNo: POTTERY.number,
      externalRef: `tour-${random()}`,
      accessPackages: [{ urn: "urn:altinn:accesspackage:a-ordning" }],
    });
    [known.request, known.page] = [answer.id, answer.confirmUrl];
    return "The vendor would send you the confirmUrl.";
  },
  async open() {
    window.open(known.page, "_blank", "noopener");
    return "The page is open in another tab. Come back here when you have answered.";
  },
  async status(shown) {
    const answer = await call(shown, "GET", `/authentication/api/v1/systemuser/request/vendor/${known.request}`, { token: known.vendor });
    if (answer.status !== "Accepted") { throw new Error(`The request is ${answer.status}: read it again when the customer has approved.`); }
    return "Accepted: the system user has the id of the request.";
  },
  async "user-token"(shown) {
    known.user = await testToken(shown, "GetSystemUserToken", { systemUserId: known.request });
    return "The token names the system user in authorization_details.";
  },
  async list(shown) {
    const token = await testToken(shown, "GetPersonalToken", { pid: POTTERY.director, scopes: "altinn:portal/enduser", authLvl: "3" });
    const answer = await call(shown, "GET", `/authentication/api/v1/systemuser/${POTTERY.party}`, { token });
    if (!answer.some((one) => one.id === known.request)) { throw new Error("It is not there: approve the request first."); }
    return `You have given ${answer.length} system user${answer.length === 1 ? "" : "s"}, this one among them.`;
  },
  async decide(shown) {
    const token = await testToken(shown, "GetEnterpriseToken", { orgNo: OWNER, scopes: "altinn:authorization/authorize" });
    const answer = await call(shown, "POST", "/authorization/api/v1/authorize", {
      token,
      body: {
        Request: {
          AccessSubject: [{ Attribute: [attribute("urn:altinn:systemuser:uuid", known.request)] }],
          Action: [{ Attribute: [attribute("urn:oasis:names:tc:xacml:1.0:action:action-id", "write")] }],
          Resource: [{ Attribute: [attribute("urn:altinn:resource", "a-melding"), attribute("urn:altinn:organization:identifier-no", POTTERY.number)] }],
        },
      },
    });
    return permitted(answer.response[0].decision);
  },
  async "owner-token"(shown) {
    known.owner = await testToken(shown, "GetEnterpriseToken", { orgNo: OWNER, scopes: "altinn:resourceregistry/resource.write altinn:authorization/authorize" });
    return "You have a token for half an hour.";
  },
  async resource(shown) {
    known.resource = `sav-tour-${random()}`;
    await call(shown, "POST", "/resourceregistry/api/v1/resource", {
      token: known.owner,
      body: {
        identifier: known.resource,
        title: texts("Payroll report"),
        description: texts("Payroll report"),
        rightDescription: texts("Read payroll reports"),
        resourceType: "GenericAccessResource",
        status: "Active",
        delegable: true,
        availableForType: ["Company"],
        contactPoints: [],
        hasCompetentAuthority: { organization: OWNER, orgcode: "sav", name: { nb: "Skatte- og avgiftsverket" } },
      },
    });
    return `The resource ${known.resource} is in the registry.`;
  },
  async policy(shown) {
    const form = new FormData();
    const text = policy(known.resource);
    form.set("policyFile", new File([text], "policy.xml", { type: "application/xml" }));
    await call(shown, "POST", `/resourceregistry/api/v1/resource/${known.resource}/policy`, { token: known.owner, form });
    shown.sent(`POST ${location.origin}/resourceregistry/api/v1/resource/${known.resource}/policy\npolicyFile:\n\n${text}`);
    return "The policy decides from now on.";
  },
  async "caller-token"(shown) {
    known.user = await testToken(shown, "GetSystemUserToken", { systemUserId: HIKERS.systemUser });
    return "Your API finds it in the Authorization header of the call.";
  },
  async "decide-by-token"(shown) {
    const answer = await call(shown, "POST", "/authorization/api/v1/systemuser/authorize", {
      token: known.owner,
      body: { token: known.user, checks: [{ id: "1", resource: known.resource, action: "read" }] },
    });
    return permitted(answer.results[0].decision);
  },
};

const items = [...tour.querySelectorAll("[data-step]")];
items.forEach((item, index) => {
  const [button, outcome, exchange] = [item.querySelector("button"), item.querySelector(".sb-outcome"), item.querySelector(".sb-exchange")];
  const show = (where) => (text) => { exchange.hidden = false; item.querySelector(where).textContent = text; };
  const shown = { sent: show(".sb-sent"), answered: show(".sb-answered") };
  button.disabled = index > 0;
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    try {
      outcome.textContent = await STEPS[item.dataset.step](shown);
      const next = items[index + 1]?.querySelector("button");
      if (next) { next.disabled = false; }
    } catch (error) {
      outcome.textContent = error.message;
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
});
