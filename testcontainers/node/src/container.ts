import {
  AbstractStartedContainer,
  GenericContainer,
  getContainerRuntimeClient,
  RandomPortGenerator,
  Wait,
  type StartedTestContainer,
} from "testcontainers";
import { Sandbox } from "./sandbox.js";

/** Port of the service in the container. */
const PORT = 8080;
const STARTUP_TIMEOUT_MS = 120_000;

/**
 * Environment of a container whose sandbox is called `baseUrl`, and answers to further host names.
 *
 * The issuers bear the base URL, so it has to be known before the start.
 */
export function settings(baseUrl: string, hostNames: readonly string[]): Record<string, string> {
  return {
    SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL: baseUrl,
    ...(hostNames.length > 0 && { SYSTEMBRUKER__SANDBOX__ALLOWED_HOSTS: hostNames.join(",") }),
  };
}

/**
 * The image `systembruker-sandbox`: the service, its issuers, test tokens and a Postgres, on one port.
 *
 * By default it is called by the name under which this machine reaches it. Containers of the same network may call it by each of
 * its aliases (`withNetworkAliases`); where those also check the name of the issuer, `withBaseUrl` names one of them.
 */
export class SystembrukerSandboxContainer extends GenericContainer {
  #baseUrl: string | undefined;

  constructor(image = "systembruker-sandbox:latest") {
    super(image);
    this.withWaitStrategy(Wait.forHttp("/health/ready", PORT).forStatusCode(200));
    this.withStartupTimeout(STARTUP_TIMEOUT_MS);
  }

  /** The address by which the sandbox calls itself and its issuers, such as `http://sandbox:8080`. */
  withBaseUrl(baseUrl: string): this {
    this.#baseUrl = baseUrl;
    return this;
  }

  protected override async beforeContainerCreated(): Promise<void> {
    const client = await getContainerRuntimeClient();
    const port = await new RandomPortGenerator().generatePort();
    this.withExposedPorts({ container: PORT, host: port });
    const baseUrl = this.#baseUrl ?? `http://${client.info.containerRuntime.host}:${port}`;
    this.withEnvironment(settings(baseUrl, [client.info.containerRuntime.host, ...this.networkAliases]));
  }

  override async start(): Promise<StartedSystembrukerSandboxContainer> {
    return new StartedSystembrukerSandboxContainer(await super.start(), this.#baseUrl);
  }
}

/** A sandbox that answers. */
export class StartedSystembrukerSandboxContainer extends AbstractStartedContainer {
  /** The sandbox, as this machine reaches it. */
  readonly sandbox: Sandbox;
  /** What the sandbox calls itself: it begins the names of its issuers. */
  readonly baseUrl: string;

  constructor(started: StartedTestContainer, baseUrl: string | undefined) {
    super(started);
    const reached = `http://${started.getHost()}:${started.getMappedPort(PORT)}`;
    this.sandbox = new Sandbox(reached);
    this.baseUrl = baseUrl ?? reached;
  }
}
