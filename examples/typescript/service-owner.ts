// A service owner's API: only a system user that may write the a-melding gets through.
import express from "express";
import { connect, Maskinporten } from "systembruker-client";
import { systemUserGuard, type TokenDecision } from "systembruker-client/express";

const { SYSTEMBRUKER_URL, MASKINPORTEN_URL, MASKINPORTEN_CLIENT_ID, MASKINPORTEN_JWK, API_PORT } = process.env as Record<string, string>;
const tokens = new Maskinporten({
  issuer: MASKINPORTEN_URL!,
  clientId: MASKINPORTEN_CLIENT_ID!,
  key: JSON.parse(MASKINPORTEN_JWK!),
  scopes: ["altinn:authorization/authorize"],
});
const client = connect({ baseUrl: SYSTEMBRUKER_URL!, token: tokens.token });

const app = express();
app.use(systemUserGuard({ client, resource: "a-melding", action: "write", scopes: ["altinn:systembruker.demo"] }));
app.get("/", (_, response) => {
  const { systemUser } = response.locals.systemUser as TokenDecision;
  response.send(`Welcome, ${systemUser?.systemId}, on behalf of ${systemUser?.ownerOrganizationNumber}`);
});
app.listen(Number(API_PORT), "127.0.0.1");
