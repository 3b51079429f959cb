package no.systembruker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;

/** Maskinporten gives no token. */
public final class MaskinportenException extends IOException {
    private final int status;
    private final String error;
    private final String description;

    MaskinportenException(int status, String body) {
        this(status, read(body), body);
    }

    private MaskinportenException(int status, JsonNode answer, String body) {
        super("Maskinporten: " + status + " " + body);
        this.status = status;
        this.error = answer.path("error").asText(null);
        this.description = answer.path("error_description").asText(null);
    }

    /** Status of the answer. */
    public int status() {
        return status;
    }

    /** Maskinporten's code, for example {@code invalid_altinn_customer_configuration}; null where there is none. */
    public String error() {
        return error;
    }

    /** The reason in words; null where there is none. */
    public String description() {
        return description;
    }

    private static JsonNode read(String body) {
        var mapper = new ObjectMapper();
        try {
            return mapper.readTree(body);
        } catch (JsonProcessingException notJson) {
            return mapper.createObjectNode();
        }
    }
}
