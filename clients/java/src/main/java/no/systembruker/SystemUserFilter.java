package no.systembruker;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import no.systembruker.rest.ApiClient;
import no.systembruker.rest.ApiException;
import no.systembruker.rest.api.ServiceOwnerApi;
import no.systembruker.rest.model.TokenCheck;
import no.systembruker.rest.model.TokenCheckBody;
import no.systembruker.rest.model.TokenDecision;

/**
 * A filter that asks token-and-decide about each request, and lets through what is authorized.
 *
 * <p>The servlet finds the answer, a {@link TokenDecision}, in the attribute {@link #ATTRIBUTE}. Refusals are as RFC 6750 has
 * them: 401 where the token is missing or bad, 403 where it does not suffice; 400 where the party is none; 503 where
 * systembruker cannot be asked.
 */
public final class SystemUserFilter extends HttpFilter {
    /** Attribute of the request with the answer. */
    public static final String ATTRIBUTE = "no.systembruker.systemUser";

    private static final String SCHEME = "bearer ";
    private static final System.Logger LOG = System.getLogger(SystemUserFilter.class.getName());

    private final transient ServiceOwnerApi api;
    private final String resource;
    private final String action;
    private List<String> scopes = List.of();
    private String audience;
    private transient Function<HttpServletRequest, String> party = request -> null;

    /**
     * The caller's system user must be permitted this action on this resource, for its owner.
     *
     * @param client the service owner's own, with the scope {@code altinn:authorization/authorize}
     */
    public SystemUserFilter(ApiClient client, String resource, String action) {
        this.api = new ServiceOwnerApi(client);
        this.resource = resource;
        this.action = action;
    }

    /** The token must have all of these scopes. */
    public SystemUserFilter scopes(String... required) {
        this.scopes = List.of(required);
        return this;
    }

    /** The token must be made for this audience. */
    public SystemUserFilter audience(String required) {
        this.audience = required;
        return this;
    }

    /**
     * For whom the action is, as {@code urn:altinn:organization:identifier-no:…}, instead of for the owner of the system user;
     * null means the owner.
     */
    public SystemUserFilter party(Function<HttpServletRequest, String> ofRequest) {
        this.party = ofRequest;
        return this;
    }

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        var token = bearerToken(request);
        if (token == null) {
            refuse(response, 401, "Bearer");
            return;
        }
        TokenDecision answer;
        try {
            answer = api.authorizeToken(question(token, party.apply(request)), null, null);
        } catch (ApiException | UncheckedIOException error) {
            if (error instanceof ApiException refusal && refusal.getCode() == 400) {
                // What the caller named cannot be decided about, for example a party that is none.
                refuse(response, 400, null);
                return;
            }
            // The caller did nothing wrong, but nobody has said that it may.
            LOG.log(System.Logger.Level.WARNING, "systembruker cannot be asked: {0}", error);
            refuse(response, 503, null);
            return;
        }
        var fault = answer.getError();
        if (fault != null && fault.getCode().equals("missing_scope")) {
            refuse(response, 403, "Bearer error=\"insufficient_scope\", scope=\"" + String.join(" ", scopes) + "\"");
        } else if (fault != null) {
            refuse(response, 401, "Bearer error=\"invalid_token\", error_description=\"" + fault.getMessage() + "\"");
        } else if (!answer.getAuthorized()) {
            refuse(response, 403, null);
        } else {
            request.setAttribute(ATTRIBUTE, answer);
            chain.doFilter(request, response);
        }
    }

    private TokenCheckBody question(String token, String forParty) {
        var check = new TokenCheck().resource(resource).action(action).party(forParty);
        return new TokenCheckBody().token(token).checks(List.of(check)).requiredScopes(scopes).audience(audience);
    }

    private static String bearerToken(HttpServletRequest request) {
        var found = Collections.list(request.getHeaders("Authorization"));
        if (found.size() != 1 || !found.get(0).regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            return null;
        }
        var token = found.get(0).substring(SCHEME.length()).strip();
        return token.isEmpty() ? null : token;
    }

    private static void refuse(HttpServletResponse response, int status, String challenge) throws IOException {
        response.setStatus(status);
        if (challenge != null) {
            response.setHeader("WWW-Authenticate", challenge);
        }
        response.setContentType("application/problem+json");
        response.getOutputStream().print("{\"status\":" + status + "}");
    }
}
