package no.systembruker;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import no.systembruker.rest.ApiClient;

/** The generated client, with tokens and retries. */
public final class Systembruker {
    private Systembruker() {}

    /**
     * What the classes in {@code no.systembruker.rest.api} take.
     *
     * <p>Their operations throw {@link no.systembruker.rest.ApiException} for a status of 400 or more, and
     * {@link UncheckedIOException} when there is no token: with a {@link MaskinportenException} when it was refused.
     */
    public static ApiClient connect(String baseUrl, TokenSource tokens) {
        return connect(baseUrl, tokens, Retries.DEFAULT);
    }

    /** As {@link #connect(String, TokenSource)}. */
    public static ApiClient connect(String baseUrl, TokenSource tokens, Retries retries) {
        var http = new RetryingHttpClient(HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build(), retries);
        var client = new ApiClient() {
            @Override
            public HttpClient getHttpClient() {
                return http;
            }
        };
        client.updateBaseUri(baseUrl);
        client.setReadTimeout(Duration.ofSeconds(30));
        client.setRequestInterceptor(request -> authorize(request, tokens));
        return client;
    }

    private static void authorize(HttpRequest.Builder request, TokenSource tokens) {
        try {
            request.setHeader("Authorization", "Bearer " + tokens.token());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException("interrupted while waiting for a token", error));
        }
    }
}
