package no.systembruker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import no.systembruker.rest.ApiException;
import no.systembruker.rest.api.ServiceOwnerApi;
import no.systembruker.rest.api.VendorApi;
import no.systembruker.rest.model.TokenCheck;
import no.systembruker.rest.model.TokenCheckBody;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RetryTest {
    private static final int LOST = 0;
    private static final int LATER = 1;
    private static final Retries QUICK = new Retries(3, Duration.ofMillis(10), Duration.ofSeconds(5));

    private final HttpClient http = HttpClient.newHttpClient();
    /** The next answers: a status, LOST or LATER; the sandbox's own when there are no more. */
    private final Deque<Integer> faults = new ArrayDeque<>();

    private final List<String> keys = new ArrayList<>();
    private final List<String> replayed = new ArrayList<>();
    private final HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    private final Sandbox.Vendor vendor = new Sandbox.Vendor();
    private final VendorApi api;

    RetryTest() throws Exception {
        server.createContext("/", this::passOn);
        server.start();
        api = new VendorApi(Systembruker.connect(url(), vendor.tokens, QUICK));
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void aLostAnswerIsAskedForAgainWithTheSameKey() throws Exception {
        faults.add(LOST);
        assertEquals(36, api.createSystem(vendor.system(), null).length());
        assertEquals(2, keys.size());
        assertNotNull(keys.get(0));
        assertEquals(keys.get(0), keys.get(1));
        assertEquals(List.of("true"), replayed);
    }

    @Test
    void aCallersOwnKeyIsKept() throws Exception {
        var key = UUID.randomUUID().toString();
        api.createSystem(vendor.system(), key);
        assertEquals(List.of(key), keys);
    }

    @Test
    void itWaitsOutTooManyAndUnavailable() throws Exception {
        vendor.api.createSystem(vendor.system(), null);
        faults.addAll(List.of(503, 429));
        assertEquals(vendor.systemId, api.getOwnSystem(vendor.systemId).getId());
        assertEquals(3, keys.size());
    }

    @Test
    void itDoesNotWaitAnHour() {
        faults.add(LATER);
        var refused = assertThrows(ApiException.class, () -> api.createSystem(vendor.system(), null));
        assertEquals(429, refused.getCode());
        assertEquals(1, keys.size());
    }

    @Test
    void itGivesUpAfterItsAttempts() {
        faults.addAll(List.of(503, 503, 503));
        var refused = assertThrows(ApiException.class, () -> api.createSystem(vendor.system(), null));
        assertEquals(503, refused.getCode());
        faults.addAll(List.of(LOST, LOST, LOST));
        var lost = assertThrows(ApiException.class, () -> api.createSystem(vendor.system(), null));
        assertEquals(IOException.class, lost.getCause().getClass());
        assertEquals(6, keys.size());
    }

    @Test
    void aPostWithoutAKeyIsNotSentAgain() {
        faults.add(503);
        var decisions = new ServiceOwnerApi(Systembruker.connect(url(), vendor.tokens, QUICK));
        var checks = List.of(new TokenCheck().resource("a-melding").action("write"));
        var question = new TokenCheckBody().token("any").checks(checks);
        var refused = assertThrows(ApiException.class, () -> decisions.authorizeToken(question, null, null));
        assertEquals(503, refused.getCode());
        assertEquals(Arrays.asList((String) null), keys);
    }

    private String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private void passOn(HttpExchange exchange) throws IOException {
        var fault = faults.poll();
        var headers = exchange.getRequestHeaders();
        keys.add(headers.getFirst("Idempotency-Key"));
        var body = exchange.getRequestBody().readAllBytes();
        if (fault != null && fault != LOST) {
            exchange.getResponseHeaders().set("Retry-After", fault == LATER ? "3600" : "0");
            exchange.sendResponseHeaders(fault == LATER ? 429 : fault, -1);
            exchange.close();
            return;
        }
        var onward = HttpRequest.newBuilder(URI.create(Sandbox.URL + exchange.getRequestURI()))
                .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
        for (var name : List.of("Authorization", "Content-Type", "Accept", "Idempotency-Key")) {
            if (headers.containsKey(name)) {
                onward.header(name, headers.getFirst(name));
            }
        }
        try {
            var answer = http.send(onward.build(), BodyHandlers.ofByteArray());
            if (fault == null) {
                answer.headers().firstValue("Idempotency-Replayed").ifPresent(replayed::add);
                answer.headers().firstValue("Content-Type").ifPresent(type -> exchange.getResponseHeaders().set("Content-Type", type));
                exchange.sendResponseHeaders(answer.statusCode(), answer.body().length);
                exchange.getResponseBody().write(answer.body());
            }
            // Otherwise the sandbox has done it, and the client does not learn that.
            exchange.close();
        } catch (InterruptedException error) {
            throw new IOException(error);
        }
    }
}
