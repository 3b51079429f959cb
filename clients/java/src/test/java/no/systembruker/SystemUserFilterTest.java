package no.systembruker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import no.systembruker.rest.ApiClient;
import no.systembruker.rest.model.TokenDecision;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SystemUserFilterTest {
    private static ApiClient owner;
    private static String token;

    @TempDir
    private Path folder;

    @BeforeAll
    static void giveAccess() throws Exception {
        var client = Sandbox.newClient(Sandbox.SERVICE_OWNER);
        owner = Systembruker.connect(Sandbox.URL, Sandbox.grant(client, null, "altinn:authorization/authorize"));
        var vendor = new Sandbox.Vendor();
        vendor.api.createSystem(vendor.system(), null);
        Sandbox.approve(vendor.ask("java-filter"));
        token = vendor.tokensFor("java-filter").token();
    }

    @Test
    void aSystemUserWithAccessComesThrough() throws Exception {
        var answer = call(filter(), "Authorization", "Bearer " + token);
        assertEquals(200, answer.statusCode());
        assertEquals(Sandbox.CUSTOMER, answer.body());
    }

    @Test
    void withoutAGoodTokenItIs401() throws Exception {
        var without = call(filter());
        assertEquals(401, without.statusCode());
        assertEquals("Bearer", challenge(without));
        var bad = call(filter(), "Authorization", "Bearer no token");
        assertEquals(401, bad.statusCode());
        assertTrue(challenge(bad).startsWith("Bearer error=\"invalid_token\""));
        assertTrue(bad.headers().firstValue("Content-Type").orElse("").startsWith("application/problem+json"));
    }

    @Test
    void scopesAudienceResourceAndPartyAreTheApisOwn() throws Exception {
        var bearer = "Bearer " + token;
        var scope = call(filter().scopes("some:scope"), "Authorization", bearer);
        assertEquals(403, scope.statusCode());
        assertEquals("Bearer error=\"insufficient_scope\", scope=\"some:scope\"", challenge(scope));
        var audience = call(filter().audience("https://elsewhere.example"), "Authorization", bearer);
        assertEquals(401, audience.statusCode());
        var resource = new SystemUserFilter(owner, "inntektsmelding", "write");
        assertEquals(403, call(resource, "Authorization", bearer).statusCode());
        var other = "urn:altinn:organization:identifier-no:390326572";
        assertEquals(403, call(filter(), "Authorization", bearer, "For", other).statusCode());
        assertEquals(400, call(filter(), "Authorization", bearer, "For", "nobody").statusCode());
    }

    @Test
    void nobodyComesThroughWhenSystembrukerCannotBeAsked() throws Exception {
        var once = new Retries(1, Duration.ZERO, Duration.ZERO);
        var away = Systembruker.connect("http://127.0.0.1:1", () -> "any", once);
        var withoutScope = Systembruker.connect(Sandbox.URL, () -> token);
        var noToken = Systembruker.connect(Sandbox.URL, () -> {
            throw new IOException("no token");
        });
        for (var client : new ApiClient[] {away, withoutScope, noToken}) {
            var filter = new SystemUserFilter(client, "a-melding", "write");
            assertEquals(503, call(filter, "Authorization", "Bearer " + token).statusCode());
        }
    }

    private static SystemUserFilter filter() {
        return new SystemUserFilter(owner, "a-melding", "write").party(request -> request.getHeader("For"));
    }

    private static String challenge(HttpResponse<String> answer) {
        return answer.headers().firstValue("WWW-Authenticate").orElse("");
    }

    /** Calls a guarded servlet once. */
    private HttpResponse<String> call(SystemUserFilter filter, String... headers) throws Exception {
        var tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory(folder, "tomcat").toString());
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        var context = tomcat.addContext("", null);
        var definition = new FilterDef();
        definition.setFilterName("guard");
        definition.setFilter(filter);
        context.addFilterDef(definition);
        var map = new FilterMap();
        map.setFilterName("guard");
        map.addURLPattern("/*");
        context.addFilterMap(map);
        Tomcat.addServlet(context, "who", new Who());
        context.addServletMappingDecoded("/", "who");
        tomcat.start();
        try {
            var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + tomcat.getConnector().getLocalPort()));
            if (headers.length > 0) {
                request.headers(headers);
            }
            return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
        } finally {
            tomcat.stop();
            tomcat.destroy();
        }
    }

    private static final class Who extends HttpServlet {
        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            var answer = (TokenDecision) request.getAttribute(SystemUserFilter.ATTRIBUTE);
            response.getWriter().print(answer.getSystemUser().getOwnerOrganizationNumber());
        }
    }
}
