package no.systembruker;

import java.io.IOException;

/** Gives the token for the next call. Called by several threads. */
@FunctionalInterface
public interface TokenSource {
    /**
     * A token that is still valid; may block on a call to its issuer.
     *
     * @throws MaskinportenException the issuer refuses
     * @throws IOException the issuer cannot be reached
     */
    String token() throws IOException, InterruptedException;
}
