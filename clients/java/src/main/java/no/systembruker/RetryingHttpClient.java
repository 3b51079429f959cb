package no.systembruker;

import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import no.systembruker.rest.IdempotentPosts;

/**
 * Sends requests, and again where that does no harm.
 *
 * <p>A request may be sent again when its method is idempotent or it has an {@code Idempotency-Key}; the operations that take
 * that header get one. After 429 any request may be: it was not carried out. Only {@link #send} does so.
 */
final class RetryingHttpClient extends HttpClient {
    private static final String KEY = "Idempotency-Key";
    private static final int TOO_MANY = 429;
    private static final Set<Integer> AGAIN = Set.of(TOO_MANY, 502, 503, 504);
    private static final Set<String> IDEMPOTENT_METHODS = Set.of("GET", "HEAD", "OPTIONS", "PUT", "DELETE");

    private final HttpClient inner;
    private final Retries retries;

    RetryingHttpClient(HttpClient inner, Retries retries) {
        this.inner = inner;
        this.retries = retries;
    }

    @Override
    public <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler)
            throws IOException, InterruptedException {
        var sent = withKey(request);
        for (var attempt = 1; ; attempt++) {
            Optional<Duration> pause;
            try {
                var response = inner.send(sent, handler);
                pause = again(sent, response.statusCode())
                        ? retries.pause(attempt, response.headers().firstValue("Retry-After"))
                        : Optional.empty();
                if (pause.isEmpty()) {
                    return response;
                }
                if (response.body() instanceof AutoCloseable body) {
                    closeQuietly(body);
                }
            } catch (IOException error) {
                pause = isHarmless(sent) ? retries.pause(attempt, Optional.empty()) : Optional.empty();
                if (pause.isEmpty()) {
                    throw error;
                }
            }
            Thread.sleep(pause.get().toMillis());
        }
    }

    private static HttpRequest withKey(HttpRequest request) {
        var takesKey = request.method().equals("POST")
                && IdempotentPosts.PATHS.contains(request.uri().getPath().toLowerCase(Locale.ROOT))
                && request.headers().firstValue(KEY).isEmpty();
        return takesKey
                ? HttpRequest.newBuilder(request, (name, value) -> true).header(KEY, UUID.randomUUID().toString()).build()
                : request;
    }

    private static boolean again(HttpRequest request, int status) {
        return AGAIN.contains(status) && (status == TOO_MANY || isHarmless(request));
    }

    private static boolean isHarmless(HttpRequest request) {
        return IDEMPOTENT_METHODS.contains(request.method()) || request.headers().firstValue(KEY).isPresent();
    }

    private static void closeQuietly(AutoCloseable body) {
        try {
            body.close();
        } catch (Exception ignored) {
            // The connection is not used again; the answer was not wanted.
        }
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
        return inner.sendAsync(withKey(request), handler);
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(
            HttpRequest request, HttpResponse.BodyHandler<T> handler, HttpResponse.PushPromiseHandler<T> push) {
        return inner.sendAsync(withKey(request), handler, push);
    }

    @Override
    public Optional<CookieHandler> cookieHandler() {
        return inner.cookieHandler();
    }

    @Override
    public Optional<Duration> connectTimeout() {
        return inner.connectTimeout();
    }

    @Override
    public Redirect followRedirects() {
        return inner.followRedirects();
    }

    @Override
    public Optional<ProxySelector> proxy() {
        return inner.proxy();
    }

    @Override
    public SSLContext sslContext() {
        return inner.sslContext();
    }

    @Override
    public SSLParameters sslParameters() {
        return inner.sslParameters();
    }

    @Override
    public Optional<Authenticator> authenticator() {
        return inner.authenticator();
    }

    @Override
    public Version version() {
        return inner.version();
    }

    @Override
    public Optional<Executor> executor() {
        return inner.executor();
    }
}
