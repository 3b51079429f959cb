import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Map;
import no.systembruker.Events;
import no.systembruker.Maskinporten;
import no.systembruker.SystemUserOf;
import no.systembruker.Systembruker;
import no.systembruker.rest.api.VendorApi;
import no.systembruker.rest.model.AccessPackage;
import no.systembruker.rest.model.RequestBody;
import no.systembruker.rest.model.SystemBody;
import no.systembruker.rest.model.VendorInfo;

/**
 * A vendor's system: registers itself, asks a customer for a system user, waits for the approval, and calls an API with a token
 * for that system user.
 */
public final class Vendor {
    private static final String VENDOR = "390198116";
    private static final String CUSTOMER = "390381492";
    private static final List<AccessPackage> PACKAGES =
            List.of(new AccessPackage().urn("urn:altinn:accesspackage:a-ordning"));

    public static void main(String[] arguments) throws Exception {
        var issuer = System.getenv("MASKINPORTEN_URL");
        var clientId = System.getenv("MASKINPORTEN_CLIENT_ID");
        var key = System.getenv("MASKINPORTEN_JWK");

        // 1. A token for the vendor.
        var scopes = List.of(
                "altinn:authentication/systemregister.write",
                "altinn:authentication/systemuser.request.write",
                "altinn:authentication/systemuser.request.read");
        var vendorTokens = new Maskinporten(issuer, clientId, key, scopes);
        var client = Systembruker.connect(System.getenv("SYSTEMBRUKER_URL"), vendorTokens);
        var api = new VendorApi(client);

        // 2. The system, once.
        var systemId = VENDOR + "_java-" + clientId;
        var name = Map.of("nb", "Fjordlønn", "nn", "Fjordlønn", "en", "Fjordlønn");
        var system = new SystemBody().id(systemId).vendor(new VendorInfo().ID("0192:" + VENDOR)).name(name).description(name)
                .accessPackages(PACKAGES).clientId(List.of(clientId));
        api.createSystem(system, null);

        // 3. A request to the customer, who opens the link, logs in and decides.
        var body = new RequestBody().systemId(systemId).partyOrgNo(CUSTOMER).accessPackages(PACKAGES);
        var request = api.createRequest(body, null);
        System.out.println("Approve at " + request.getConfirmUrl());

        // 4. The answer. A system in production stores the position, and asks once in a while.
        String position = null;
        String answer = null;
        while (answer == null) {
            for (var page : Events.pages(client, position)) {
                position = page.position();
                for (var event : page.events()) {
                    var isAbout = event.getSubject().equals(request.getId().toString());
                    if (isAbout && !event.getType().equals("no.systembruker.request.created") && answer == null) {
                        answer = event.getType();
                    }
                }
            }
            Thread.sleep(500);
        }
        System.out.println("The answer is " + answer);

        // 5. A token for the customer's system user, and a call of the protected API with it.
        var tokens = new Maskinporten(issuer, clientId, key, List.of("altinn:systembruker.demo"), new SystemUserOf(CUSTOMER));
        var call = HttpRequest.newBuilder(URI.create(System.getenv("API_URL"))).header("Authorization", "Bearer " + tokens.token());
        var response = HttpClient.newHttpClient().send(call.build(), BodyHandlers.ofString());
        System.out.println("The API answers " + response.statusCode() + ": " + response.body());
    }
}
