package no.systembruker.testcontainers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Against a running sandbox on one port, started with the settings of the container; SYSTEMBRUKER_URL says where it is. */
class SandboxTest {
    private static final String VENDOR = "390198116";
    private static final String READ = "altinn:authentication/systemregister.write";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final HttpClient http = HttpClient.newHttpClient();
    private final Sandbox sandbox = new Sandbox(System.getenv("SYSTEMBRUKER_URL"));

    private int system(String token) throws Exception {
        var address = sandbox.url() + "/authentication/api/v1/systemregister/vendor/390198116_fjordlonn";
        var request = HttpRequest.newBuilder(URI.create(address)).header("Authorization", "Bearer " + token).build();
        return http.send(request, BodyHandlers.discarding()).statusCode();
    }

    @Test
    void aTokenOfAnOrganisationOpensWhatItsScopesAllow() throws Exception {
        assertEquals(200, system(sandbox.organizationToken(VENDOR, READ)));
        assertEquals(403, system(sandbox.organizationToken(VENDOR, "altinn:serviceowner")));
    }

    @Test
    void aTokenOfAPersonSaysWhoThatIs() throws Exception {
        var token = sandbox.personToken("11859024884", "altinn:portal/enduser");
        var claims = JSON.readTree(Base64.getUrlDecoder().decode(token.split("\\.")[1]));
        assertEquals("11859024884", claims.get("pid").asText());
    }

    @Test
    void aNewClientGetsATokenFromMaskinportenWhichIsCalledAsTheSettingsSay() throws Exception {
        var metadata = HttpRequest.newBuilder(URI.create(sandbox.maskinporten() + ".well-known/oauth-authorization-server"));
        var issuer = JSON.readTree(http.send(metadata.build(), BodyHandlers.ofString()).body()).get("issuer").asText();
        assertEquals(sandbox.maskinporten(), issuer);

        var client = sandbox.newClient(VENDOR, READ);
        var now = Instant.now().getEpochSecond();
        var claims = Map.of("iss", client.clientId(), "aud", issuer, "scope", READ, "iat", now, "exp", now + 60, "jti", UUID.randomUUID());
        var form = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=" + signed(client, claims);
        var request = HttpRequest.newBuilder(URI.create(issuer + "token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(form));
        var answer = JSON.readTree(http.send(request.build(), BodyHandlers.ofString()).body());
        assertEquals(200, system(answer.get("access_token").asText()));
    }

    private static String signed(Sandbox.Client client, Map<String, ?> claims) throws Exception {
        var pem = client.privatePem().replaceAll("-----[A-Z ]+-----|\\s", "");
        var key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        var header = Map.of("alg", "RS256", "kid", client.kid());
        var text = BASE64.encodeToString(JSON.writeValueAsBytes(header)) + "." + BASE64.encodeToString(JSON.writeValueAsBytes(claims));
        var signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(key);
        signature.update(text.getBytes(StandardCharsets.US_ASCII));
        return text + "." + BASE64.encodeToString(signature.sign());
    }

    @Test
    void whatTheSandboxRefusesIsAnErrorThatSaysWhy() {
        var refused = assertThrows(IllegalStateException.class, () -> sandbox.newClient("12"));
        assertTrue(refused.getMessage().contains("answers 400") && refused.getMessage().contains("nine digits"), refused.getMessage());
    }

    @Test
    void neighboursCallTheSandboxByItsAliases() {
        var settings = SystembrukerSandboxContainer.settings("http://localhost:32768", List.of("localhost", "sandbox"));
        var expected = Map.of(
                "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL", "http://localhost:32768",
                "SYSTEMBRUKER__SANDBOX__ALLOWED_HOSTS", "localhost,sandbox");
        assertEquals(expected, settings);
    }

    @Test
    void aContainerIsDescribedWithoutAnEngine() {
        try (var container = new SystembrukerSandboxContainer().withBaseUrl("http://sandbox:8080")) {
            assertEquals("http://sandbox:8080", container.baseUrl());
        }
    }
}
