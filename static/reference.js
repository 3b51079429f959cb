// Swagger UI with the token and the scopes of each operation beside it and, in a sandbox, test tokens.
const KINDS = {
  organizationToken: {
    of: "an organisation", label: "Organisation number", list: "token-organizations", first: "390198116",
    query: (who, scopes) => ["GetEnterpriseToken", { orgNo: who, scopes }],
  },
  personToken: {
    of: "a person", label: "Identity number", list: "token-persons", first: "11859024884",
    query: (who, scopes) => ["GetPersonalToken", { pid: who, scopes, authLvl: "3" }],
  },
  systemUserToken: {
    of: "a system user", label: "Id of the system user", list: "", first: "",
    query: (who, scopes) => ["GetSystemUserToken", { systemUserId: who, scopes }],
  },
  platformAccessToken: {
    of: "a part of the platform", label: "Name of the part", list: "", first: "platform.authentication",
    query: (who) => ["GetPlatformAccessToken", { app: who }],
  },
};

// The kinds of token that an operation takes, each with the scopes of which one suffices.
function needs(security) {
  const kinds = new Map();
  let isOptional = security.length === 0;
  for (const alternative of security) {
    const names = Object.keys(alternative);
    if (names.length === 0) { isOptional = true; }
    for (const name of names) {
      const scopes = kinds.get(name) ?? new Set();
      for (const scope of alternative[name]) { scopes.add(scope); }
      kinds.set(name, scopes);
    }
  }
  return { kinds, isOptional };
}

const section = document.querySelector(".sb-token");
const field = (name) => document.getElementById(`token-${name}`);

function choose(kind, scopes) {
  const isOther = field("kind").value !== kind;
  field("kind").value = kind;
  if (isOther) { describeKind(); }
  field("scopes").value = scopes;
}

function describeKind() {
  const kind = KINDS[field("kind").value];
  field("who-label").textContent = kind.label;
  field("who").value = kind.first;
  field("who").setAttribute("list", kind.list);
}

function claimsOf(token) {
  const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
  return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)), null, 2);
}

async function getToken() {
  const name = field("kind").value;
  const [call, parameters] = KINDS[name].query(field("who").value.trim(), field("scopes").value.trim());
  const query = new URLSearchParams({ env: "local" });
  for (const [parameter, value] of Object.entries(parameters)) {
    if (value) { query.set(parameter, value); }
  }
  const answer = await fetch(`${section.dataset.address}/api/${call}?${query}`, {
    headers: { Authorization: `Basic ${btoa(section.dataset.user)}` },
  });
  const text = await answer.text();
  if (!answer.ok) {
    field("outcome").textContent = `No token: ${answer.status} ${text}`;
    return;
  }
  // A call has one `Authorization` header: the token that was asked for last is in it.
  const isBearer = (kind) => kind !== "platformAccessToken";
  if (isBearer(name)) { window.ui.authActions.logout(Object.keys(KINDS).filter(isBearer)); }
  window.ui.preauthorizeApiKey(name, text);
  field("outcome").textContent = `The calls below have a token of ${KINDS[name].of}, ${field("who").value.trim()}. It lasts half an hour.`;
  field("text").textContent = text;
  field("claims").textContent = claimsOf(text);
  field("shown").hidden = false;
}

if (section) {
  describeKind();
  field("kind").addEventListener("change", describeKind);
  field("form").addEventListener("submit", (event) => {
    event.preventDefault();
    getToken().catch((error) => { field("outcome").textContent = `No token: ${error}`; });
  });
}

function Needs(React, security) {
  const h = React.createElement;
  const { kinds, isOptional } = needs(security);
  if (kinds.size === 0) { return h("p", { className: "sb-needs" }, "No token"); }
  const parts = [...kinds].map(([name, scopes]) => {
    const text = `${KINDS[name].of}${scopes.size > 0 ? ` with ${[...scopes].join(" or ")}` : ""}`;
    const use = () => { choose(name, [...scopes][0] ?? ""); section.scrollIntoView(); field("who").focus(); };
    return h("span", { key: name }, text, section ? h("button", { type: "button", onClick: use }, "get one") : null, " ");
  });
  const joined = parts.flatMap((part, index) => (index === 0 ? [part] : ["or ", part]));
  return h("p", { className: "sb-needs" }, isOptional ? "No token, or one of " : "Token of ", ...joined);
}

const ShowNeeds = () => ({
  wrapComponents: {
    OperationSummary: (Original, system) => (props) => {
      const { React } = system;
      // The whole of the properties is large, and this runs for each operation.
      const path = props.operationProps.get("path");
      const method = props.operationProps.get("method");
      const described = system.specSelectors.specJson().getIn(["paths", path, method, "security"]);
      return React.createElement(React.Fragment, null,
        React.createElement(Original, props),
        Needs(React, described ? described.toJS() : []));
    },
  },
});

// The description refers to its own components alone. Swagger UI's resolver reads all of it again for
// each operation that is opened, which takes seconds.
function resolved(description, value, within = []) {
  if (Array.isArray(value)) { return value.map((item) => resolved(description, item, within)); }
  if (value === null || typeof value !== "object") { return value; }
  const reference = value.$ref;
  if (typeof reference === "string") {
    // A schema that contains itself stays a reference there.
    if (within.includes(reference)) { return value; }
    const found = reference.slice(2).split("/").reduce((part, name) => part?.[name], description);
    return resolved(description, found, [...within, reference]);
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(description, member, within)]));
}

const ResolveHere = () => ({
  fn: {
    resolveSubtree: async (description, path) => ({
      spec: resolved(description, path.reduce((part, name) => part?.[name], description)),
      errors: [],
    }),
  },
});

window.ui = SwaggerUIBundle({
  url: "/openapi/v1.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  filter: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [ShowNeeds, ResolveHere],
  layout: "BaseLayout",
});
