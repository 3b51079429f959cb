package no.systembruker.testcontainers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/**
 * The image {@code systembruker-sandbox}: the service, its issuers, test tokens and a Postgres, on one port.
 *
 * <p>By default it is called by the name under which this machine reaches it. Containers of the same network may call it by each
 * of its aliases ({@link #withNetworkAliases}); where those also check the name of the issuer, {@link #withBaseUrl} names one of
 * them.
 */
public class SystembrukerSandboxContainer extends GenericContainer<SystembrukerSandboxContainer> {
    private static final int PORT = 8080;
    private static final Duration STARTUP_TIMEOUT = Duration.ofMinutes(2);

    private String baseUrl;

    /** With the newest image. */
    public SystembrukerSandboxContainer() {
        this(DockerImageName.parse("systembruker-sandbox:latest"));
    }

    /** With an image of one's own choice. */
    public SystembrukerSandboxContainer(DockerImageName image) {
        super(image);
        waitingFor(Wait.forHttp("/health/ready").forPort(PORT).forStatusCode(200).withStartupTimeout(STARTUP_TIMEOUT));
    }

    /** The address by which the sandbox calls itself and its issuers, such as {@code http://sandbox:8080}. */
    public SystembrukerSandboxContainer withBaseUrl(String address) {
        baseUrl = address;
        return this;
    }

    @Override
    protected void configure() {
        // The issuers bear the base URL, so the port has to be known before the start.
        var port = freePort();
        addFixedExposedPort(port, PORT);
        if (baseUrl == null) {
            baseUrl = "http://" + getHost() + ":" + port;
        }
        var names = new ArrayList<>(List.of(getHost()));
        names.addAll(getNetworkAliases());
        settings(baseUrl, names).forEach(this::addEnv);
    }

    /** The sandbox, as this machine reaches it. */
    public Sandbox sandbox() {
        return new Sandbox("http://" + getHost() + ":" + getMappedPort(PORT));
    }

    /** What the sandbox calls itself: it begins the names of its issuers. Known once the container runs. */
    public String baseUrl() {
        return baseUrl;
    }

    /** Environment of a container whose sandbox is called {@code baseUrl}, and answers to further host names. */
    static Map<String, String> settings(String baseUrl, List<String> hostNames) {
        return new TreeMap<>(Map.of(
                "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL", baseUrl,
                "SYSTEMBRUKER__SANDBOX__ALLOWED_HOSTS", String.join(",", hostNames)));
    }

    private static int freePort() {
        try (var listener = new ServerSocket(0)) {
            return listener.getLocalPort();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
