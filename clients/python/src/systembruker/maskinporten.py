"""Tokens from Maskinporten by JWT grant (RFC 7523)."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from joserfc import jwt
from joserfc.jwk import import_key

from .errors import MaskinportenError
from .retry import Retries, RetryTransport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SYSTEM_USER = "urn:altinn:systemuser"
_ASSERTION_SECONDS = 60
# A token is used only while it lives for so long, so that it does not expire on its way.
_SPARE_SECONDS = 30


class TokenSource(Protocol):
    """Gives the token for the next call."""

    def token(self) -> str:
        """Return a token that is still valid; may block on a call to its issuer."""
        ...


@dataclass(frozen=True)
class FixedToken:
    """A token that somebody else takes care of."""

    value: str

    def token(self) -> str:
        """Return the token."""
        return self.value


@dataclass(frozen=True)
class SystemUserOf:
    """Which system user a token is for: that of a customer, by organisation number.

    `external_ref` is needed where the request for the system user had one.
    """

    organization: str
    external_ref: str | None = None

    def details(self) -> list[dict[str, Any]]:
        """Return the claim `authorization_details`."""
        detail: dict[str, Any] = {
            "type": _SYSTEM_USER,
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": f"0192:{self.organization}"},
        }
        if self.external_ref is not None:
            detail["externalRef"] = self.external_ref
        return [detail]


class Maskinporten:
    """A client at Maskinporten, as a source of tokens with these scopes.

    With `system_user` the tokens are for that system user; without, for the organisation of the client. `key` is the
    client's private key as a JWK with its `kid`. `resource` becomes the audience of the tokens. A token is kept until shortly
    before it expires. May be used by several threads.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        key: Mapping[str, Any],
        scopes: Sequence[str],
        *,
        system_user: SystemUserOf | None = None,
        resource: str | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Keep the client; nothing is asked for yet."""
        # Maskinporten's issuer ends with a slash, which `aud` must have too.
        self._issuer = issuer.rstrip("/") + "/"
        self._client_id = client_id
        self._key = import_key(dict(key), key.get("kty", "RSA"))
        self._header = {"alg": key.get("alg", "RS256"), "kid": key["kid"]}
        self._scopes = " ".join(scopes)
        self._system_user = system_user
        self._resource = resource
        self._http = httpx.Client(transport=RetryTransport(retries or Retries()))
        self._lock = threading.Lock()
        self._token = ""
        self._usable_until = 0.0

    def token(self) -> str:
        """Return a token that is still valid.

        Raises MaskinportenError when it is refused, httpx.TransportError when Maskinporten cannot be reached.
        """
        with self._lock:
            if time.monotonic() >= self._usable_until:
                self._fetch()
            return self._token

    def _fetch(self) -> None:
        asked_at = time.monotonic()
        response = self._http.post(f"{self._issuer}token", data={"grant_type": _GRANT, "assertion": self._assertion()})
        if not response.is_success:
            raise MaskinportenError(response)
        answer = response.json()
        self._token = answer["access_token"]
        self._usable_until = asked_at + answer["expires_in"] - _SPARE_SECONDS

    def _assertion(self) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._client_id,
            "aud": self._issuer,
            "scope": self._scopes,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        if self._resource is not None:
            claims["resource"] = self._resource
        if self._system_user is not None:
            claims["authorization_details"] = self._system_user.details()
        return jwt.encode(self._header, claims, self._key, algorithms=[self._header["alg"]])


class BearerAuth(httpx.Auth):
    """Sends the token of a source with each request."""

    def __init__(self, source: TokenSource) -> None:
        """Keep the source; its token is asked for with each request."""
        self._source = source

    def sync_auth_flow(self, request: httpx.Request) -> Any:  # noqa: ANN401  (httpx's own type is a generator of requests)
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._source.token()}"
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> Any:  # noqa: ANN401
        """Add the header, without blocking the event loop meanwhile."""
        request.headers["Authorization"] = f"Bearer {await asyncio.to_thread(self._source.token)}"
        yield request
