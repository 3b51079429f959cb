/** Client of systembruker: the operations of its API, and what every integrator needs around them. */

export { connect, take, ProblemError, type Client, type ConnectOptions } from "./client.js";
export { eventPages, type CloudEvent, type EventPage } from "./events.js";
export { Maskinporten, MaskinportenError, type MaskinportenOptions, type SystemUserOf, type TokenSource } from "./maskinporten.js";
export { retrying, type Retries } from "./retry.js";
export type { components, operations, paths } from "./rest/schema.js";
