package no.systembruker;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.Stream;
import no.systembruker.rest.ApiClient;
import no.systembruker.rest.ApiException;
import no.systembruker.rest.api.VendorApi;
import no.systembruker.rest.model.CloudEvent;

/** What happens to a vendor's requests and system users, in order. */
public final class Events {
    /**
     * Events, oldest first.
     *
     * @param position the position behind them
     */
    public record Page(List<CloudEvent> events, String position) {}

    /** A page could not be had; the cause says why. */
    public static final class EventsException extends RuntimeException {
        private EventsException(ApiException cause) {
            super(cause.getMessage(), cause);
        }
    }

    private Events() {}

    /**
     * The events behind a position up to the newest, page by page; ends when there are no more for now.
     *
     * <p>Store {@code position} in the transaction that handles its page, and hand it in as {@code after} next time: then no
     * event is missed, and none is handled twice.
     *
     * @param after null to begin with the first event
     */
    public static Iterable<Page> pages(ApiClient client, String after) {
        return () -> new Pages(new VendorApi(client), after);
    }

    private static final class Pages implements Iterator<Page> {
        private final VendorApi api;
        private String after;
        private Page next;
        private boolean ended;

        Pages(VendorApi api, String after) {
            this.api = api;
            this.after = after;
        }

        @Override
        public boolean hasNext() {
            if (next == null && !ended) {
                next = fetch();
                ended = next == null || next.position() == null;
            }
            return next != null;
        }

        @Override
        public Page next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            var page = next;
            next = null;
            return page;
        }

        private Page fetch() {
            try {
                var answer = api.listEvents(after);
                if (answer.getData().isEmpty()) {
                    return null;
                }
                after = position(answer.getLinks().getNext());
                return new Page(answer.getData(), after);
            } catch (ApiException error) {
                throw new EventsException(error);
            }
        }
    }

    private static String position(String next) {
        if (next == null) {
            return null;
        }
        return Stream.of(URI.create(next).getRawQuery().split("&"))
                .filter(part -> part.startsWith("after="))
                .map(part -> URLDecoder.decode(part.substring("after=".length()), StandardCharsets.UTF_8))
                .findFirst()
                .orElse(null);
    }
}
