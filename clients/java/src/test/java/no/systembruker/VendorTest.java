package no.systembruker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.nimbusds.jwt.SignedJWT;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import no.systembruker.rest.ApiException;
import no.systembruker.rest.model.CloudEvent;
import org.junit.jupiter.api.Test;

class VendorTest {
    private final Sandbox.Vendor vendor = new Sandbox.Vendor();

    VendorTest() throws Exception {}

    @Test
    void theTokenIsForTheSystemUser() throws Exception {
        vendor.api.createSystem(vendor.system(), null);
        var asked = vendor.ask("java-token");
        Sandbox.approve(asked);
        var id = asked.getId().toString();
        assertEquals("Accepted", vendor.api.getRequest(asked.getId()).getStatus().toString());

        var source = vendor.tokensFor("java-token");
        var token = source.token();
        var details = (List<?>) SignedJWT.parse(token).getJWTClaimsSet().getClaim("authorization_details");
        assertEquals(List.of(id), ((Map<?, ?>) details.get(0)).get("systemuser_id"));
        assertEquals(token, source.token(), "a token is kept while it is valid");

        var refused = assertThrows(MaskinportenException.class, vendor.tokensFor("another reference")::token);
        assertEquals("invalid_altinn_customer_configuration", refused.error());
    }

    @Test
    void aRefusalHasItsStatusAndBody() throws Exception {
        vendor.api.createSystem(vendor.system(), null);
        var refused = assertThrows(ApiException.class, () -> vendor.api.createSystem(vendor.system(), null));
        assertEquals(400, refused.getCode());
        assertTrue(refused.getResponseBody().contains("AUTH.VLD-00002"));
    }

    @Test
    void eventsAreFollowedOverPagesToTheEnd() throws Exception {
        vendor.api.createSystem(vendor.system(), null);
        String before = null;
        for (var page : Events.pages(vendor.connection, null)) {
            before = page.position();
        }
        var asked = new ArrayList<String>();
        for (var n = 0; n < 101; n++) {
            asked.add(vendor.ask("java-" + n).getId().toString());
        }
        var pages = new ArrayList<Events.Page>();
        Events.pages(vendor.connection, before).forEach(pages::add);
        var subjects = pages.stream().flatMap(page -> page.events().stream()).map(CloudEvent::getSubject);
        assertEquals(asked, subjects.filter(asked::contains).toList());
        assertTrue(pages.size() >= 2);
        var last = pages.get(pages.size() - 1).position();
        assertFalse(Events.pages(vendor.connection, last).iterator().hasNext());
    }
}
