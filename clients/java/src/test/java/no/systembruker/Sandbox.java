package no.systembruker;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import no.systembruker.rest.ApiClient;
import no.systembruker.rest.ApiException;
import no.systembruker.rest.api.CustomerApi;
import no.systembruker.rest.api.VendorApi;
import no.systembruker.rest.model.AccessPackage;
import no.systembruker.rest.model.RequestBody;
import no.systembruker.rest.model.RequestDto;
import no.systembruker.rest.model.SystemBody;
import no.systembruker.rest.model.VendorInfo;

/** A running sandbox, and those who call it. SYSTEMBRUKER_URL, MASKINPORTEN_URL and TESTTOOLS_URL say where it is. */
final class Sandbox {
    static final String VENDOR = "390198116";
    static final String CUSTOMER = "390381492";
    static final String SERVICE_OWNER = "390028466";
    static final String URL = address("SYSTEMBRUKER_URL");
    static final String ISSUER = address("MASKINPORTEN_URL");

    private static final String TESTTOOLS = address("TESTTOOLS_URL");
    private static final int CUSTOMER_PARTY = 52_000_091;
    private static final String CUSTOMERS_OWNER = "11859024884";
    private static final String PACKAGE = "urn:altinn:accesspackage:a-ordning";
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private Sandbox() {}

    static JsonNode newClient(String organization) throws IOException, InterruptedException {
        var request = toTesttools("/sandbox/clients")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"orgNumber\":\"" + organization + "\"}"))
                .build();
        return new ObjectMapper().readTree(HTTP.send(request, BodyHandlers.ofString()).body());
    }

    static Maskinporten grant(JsonNode client, SystemUserOf systemUser, String... scopes) {
        var id = client.required("clientId").asText();
        return new Maskinporten(ISSUER, id, client.required("jwk").toString(), List.of(scopes), systemUser);
    }

    /** Approves a request as the owner of the customer. */
    static void approve(RequestDto request) throws ApiException, IOException, InterruptedException {
        var query = "?env=local&pid=" + CUSTOMERS_OWNER + "&scopes=altinn:portal/enduser";
        var answer = HTTP.send(toTesttools("/api/GetPersonalToken" + query).build(), BodyHandlers.ofString());
        var owner = new CustomerApi(Systembruker.connect(URL, answer::body));
        owner.approveRequest(CUSTOMER_PARTY, request.getId());
    }

    private static HttpRequest.Builder toTesttools(String path) {
        var credentials = Base64.getEncoder().encodeToString("sandbox:sandbox".getBytes());
        return HttpRequest.newBuilder(URI.create(TESTTOOLS + path)).header("Authorization", "Basic " + credentials);
    }

    private static String address(String name) {
        return Objects.requireNonNull(System.getenv(name), name + " must say where the sandbox is");
    }

    /** A vendor with a client of its own. */
    static final class Vendor {
        final String systemId = VENDOR + "_java-" + UUID.randomUUID();
        final JsonNode client = newClient(VENDOR);
        final Maskinporten tokens = grant(
                client,
                null,
                "altinn:authentication/systemregister.write",
                "altinn:authentication/systemuser.request.write",
                "altinn:authentication/systemuser.request.read");
        final ApiClient connection = Systembruker.connect(URL, tokens);
        final VendorApi api = new VendorApi(connection);

        Vendor() throws IOException, InterruptedException {}

        SystemBody system() {
            return new SystemBody()
                    .id(systemId)
                    .vendor(new VendorInfo().ID("0192:" + VENDOR))
                    .name(Map.of("nb", "Java", "nn", "Java", "en", "Java"))
                    .description(Map.of("nb", "Prøve", "nn", "Prøve", "en", "Test"))
                    .accessPackages(List.of(new AccessPackage().urn(PACKAGE)))
                    .clientId(List.of(client.required("clientId").asText()));
        }

        RequestDto ask(String externalRef) throws ApiException {
            var body = new RequestBody()
                    .systemId(systemId)
                    .partyOrgNo(CUSTOMER)
                    .externalRef(externalRef)
                    .accessPackages(List.of(new AccessPackage().urn(PACKAGE)));
            return api.createRequest(body, null);
        }

        Maskinporten tokensFor(String externalRef) {
            return grant(client, new SystemUserOf(CUSTOMER, externalRef), "altinn:systembruker.demo");
        }
    }
}
