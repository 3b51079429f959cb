package no.systembruker.testcontainers;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A running sandbox: where its parts are, and who calls them. All persons and organisations in it are made up. */
public final class Sandbox {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient http = HttpClient.newHttpClient();
    private final String url;
    private final String credentials;

    /**
     * A key and an id by which an organisation asks the sandbox's Maskinporten for tokens.
     *
     * @param privatePem private key, PKCS#8 in PEM
     * @param jwk the same key as a JWK
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Client(String clientId, String kid, String privatePem, Map<String, String> jwk) {}

    /** @param url address of the service, without a slash at its end */
    public Sandbox(String url) {
        this(url, "sandbox:sandbox");
    }

    /**
     * @param url address of the service, without a slash at its end
     * @param user user and password of the generator of test tokens
     */
    public Sandbox(String url, String user) {
        this.url = url;
        this.credentials = "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
    }

    /** Address of the service, without a slash at its end. */
    public String url() {
        return url;
    }

    /** Issuer of the sandbox's Maskinporten: {@code aud} of a grant, and the base of its endpoints. */
    public String maskinporten() {
        return url + "/sandbox/maskinporten/";
    }

    /** Issuer of the sandbox's ID-porten. */
    public String idporten() {
        return url + "/sandbox/idporten";
    }

    /** The generator of test tokens. */
    public String testTokens() {
        return url + "/sandbox/testtools";
    }

    /** A token of an organisation with nine digits, as Maskinporten would give it. */
    public String organizationToken(String organization, String... scopes) {
        return generated("GetEnterpriseToken", "orgNo", organization, scopes);
    }

    /** A token of a person, by its identity number, as a log-in at ID-porten would lead to. */
    public String personToken(String person, String... scopes) {
        return generated("GetPersonalToken", "pid", person, scopes);
    }

    /** Registers a client of an organisation at Maskinporten. Without scopes it gets those of vendors and service owners. */
    public Client newClient(String organization, String... scopes) {
        try {
            Map<String, Object> client = new TreeMap<>(Map.of("orgNumber", organization));
            if (scopes.length > 0) {
                client.put("scopes", List.of(scopes));
            }
            var request = HttpRequest.newBuilder(URI.create(testTokens() + "/sandbox/clients"))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(client)));
            return JSON.readValue(answered(request), Client.class);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private String generated(String kind, String parameter, String value, String... scopes) {
        var wanted = URLEncoder.encode(String.join(" ", scopes), StandardCharsets.UTF_8);
        var query = "?env=local&" + parameter + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8) + "&scopes=" + wanted;
        return answered(HttpRequest.newBuilder(URI.create(testTokens() + "/api/" + kind + query)));
    }

    private String answered(HttpRequest.Builder builder) {
        var request = builder.header("Authorization", credentials).build();
        try {
            var response = http.send(request, BodyHandlers.ofString());
            if (response.statusCode() / 100 != 2) {
                throw new IllegalStateException(request.uri() + " answers " + response.statusCode() + ": " + response.body());
            }
            return response.body();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + request.uri() + " was asked", error);
        }
    }
}
