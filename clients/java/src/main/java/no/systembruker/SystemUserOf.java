package no.systembruker;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which system user a token is for: that of a customer.
 *
 * @param organization the customer's organisation number
 * @param externalRef the reference of the request for the system user; null where that had none
 */
public record SystemUserOf(String organization, String externalRef) {
    /** The system user of a request without a reference. */
    public SystemUserOf(String organization) {
        this(organization, null);
    }

    /** The claim {@code authorization_details}. */
    List<Map<String, Object>> details() {
        var detail = new LinkedHashMap<String, Object>();
        detail.put("type", "urn:altinn:systemuser");
        detail.put("systemuser_org", Map.of("authority", "iso6523-actorid-upis", "ID", "0192:" + organization));
        if (externalRef != null) {
            detail.put("externalRef", externalRef);
        }
        return List.of(detail);
    }
}
