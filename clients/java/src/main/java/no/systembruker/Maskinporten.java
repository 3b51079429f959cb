package no.systembruker;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.factories.DefaultJWSSignerFactory;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.UUID;

/**
 * A client at Maskinporten, as a source of tokens by JWT grant (RFC 7523).
 *
 * <p>A token is kept until shortly before it expires.
 */
public final class Maskinporten implements TokenSource {
    private static final String GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    private static final Duration ASSERTION_LIFETIME = Duration.ofSeconds(60);
    /** A token is used only while it lives for so long, so that it does not expire on its way. */
    private static final Duration SPARE = Duration.ofSeconds(30);

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http;
    private final String issuer;
    private final String clientId;
    private final JWSHeader header;
    private final JWSSigner signer;
    private final List<String> scopes;
    private final SystemUserOf systemUser;
    private final String resource;

    private String token;
    private long usableUntil;

    /**
     * Tokens for the organisation of the client.
     *
     * @param issuer Maskinporten's address
     * @param key the client's private key as a JWK, with its {@code kid}
     * @throws IllegalArgumentException the key cannot be used
     */
    public Maskinporten(String issuer, String clientId, String key, List<String> scopes) {
        this(issuer, clientId, key, scopes, null, null, Retries.DEFAULT);
    }

    /** Tokens for a system user; otherwise as the other constructor. */
    public Maskinporten(String issuer, String clientId, String key, List<String> scopes, SystemUserOf systemUser) {
        this(issuer, clientId, key, scopes, systemUser, null, Retries.DEFAULT);
    }

    /**
     * As the other constructors.
     *
     * @param systemUser null for tokens of the organisation
     * @param resource audience of the tokens; null for none
     */
    public Maskinporten(
            String issuer,
            String clientId,
            String key,
            List<String> scopes,
            SystemUserOf systemUser,
            String resource,
            Retries retries) {
        // Maskinporten's issuer ends with a slash, which `aud` must have too.
        this.issuer = issuer.endsWith("/") ? issuer : issuer + "/";
        this.clientId = clientId;
        this.scopes = List.copyOf(scopes);
        this.systemUser = systemUser;
        this.resource = resource;
        this.http = new RetryingHttpClient(HttpClient.newHttpClient(), retries);
        try {
            var jwk = JWK.parse(key);
            var algorithm = jwk.getAlgorithm() == null ? JWSAlgorithm.RS256 : JWSAlgorithm.parse(jwk.getAlgorithm().getName());
            this.header = new JWSHeader.Builder(algorithm).keyID(jwk.getKeyID()).build();
            this.signer = new DefaultJWSSignerFactory().createJWSSigner(jwk, algorithm);
        } catch (ParseException | JOSEException error) {
            throw new IllegalArgumentException("the key cannot be used", error);
        }
    }

    @Override
    public synchronized String token() throws IOException, InterruptedException {
        if (token == null || System.nanoTime() - usableUntil >= 0) {
            fetch();
        }
        return token;
    }

    private void fetch() throws IOException, InterruptedException {
        var askedAt = System.nanoTime();
        var form = "grant_type=" + encoded(GRANT) + "&assertion=" + encoded(assertion());
        var request = HttpRequest.newBuilder(URI.create(issuer + "token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .timeout(Duration.ofSeconds(30))
                .POST(HttpRequest.BodyPublishers.ofString(form))
                .build();
        var response = http.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new MaskinportenException(response.statusCode(), response.body());
        }
        var answer = mapper.readTree(response.body());
        token = answer.required("access_token").asText();
        var lifetime = Duration.ofSeconds(answer.required("expires_in").asLong());
        usableUntil = askedAt + lifetime.minus(SPARE).toNanos();
    }

    private String assertion() {
        var now = Instant.now();
        var claims = new JWTClaimsSet.Builder()
                .issuer(clientId)
                .audience(issuer)
                .claim("scope", String.join(" ", scopes))
                .issueTime(Date.from(now))
                .expirationTime(Date.from(now.plus(ASSERTION_LIFETIME)))
                .jwtID(UUID.randomUUID().toString());
        if (resource != null) {
            claims.claim("resource", resource);
        }
        if (systemUser != null) {
            claims.claim("authorization_details", systemUser.details());
        }
        var jwt = new SignedJWT(header, claims.build());
        try {
            jwt.sign(signer);
        } catch (JOSEException error) {
            throw new IllegalStateException("the key cannot sign", error);
        }
        return jwt.serialize();
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
