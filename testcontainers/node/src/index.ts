export { SystembrukerSandboxContainer, StartedSystembrukerSandboxContainer, settings } from "./container.js";
export { Sandbox, type MaskinportenClient } from "./sandbox.js";
