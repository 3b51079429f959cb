package no.systembruker;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How often and how fast a request is sent again.
 *
 * <p>The pause doubles with each attempt, with a random part, and is at least what {@code Retry-After} asks for. When that is
 * longer than {@code longestPause}, the answer is returned instead.
 */
public record Retries(int attempts, Duration firstPause, Duration longestPause) {
    /** Four attempts within about two seconds, unless the service asks for more. */
    public static final Retries DEFAULT = new Retries(4, Duration.ofMillis(200), Duration.ofSeconds(30));

    /**
     * Time until the next attempt; none when there is none.
     *
     * @param attempt the attempt that failed, counted from 1
     * @param retryAfter the header's value
     */
    Optional<Duration> pause(int attempt, Optional<String> retryAfter) {
        if (attempt >= attempts) {
            return Optional.empty();
        }
        var random = ThreadLocalRandom.current().nextDouble(0.5, 1.5);
        var millis = Math.min(firstPause.toMillis() * Math.pow(2, attempt - 1.0) * random, longestPause.toMillis());
        var asked = retryAfter.filter(text -> text.matches("\\d{1,6}")).map(Long::parseLong).orElse(0L);
        var pause = Duration.ofMillis(Math.max((long) millis, asked * 1000));
        return pause.compareTo(longestPause) <= 0 ? Optional.of(pause) : Optional.empty();
    }
}
