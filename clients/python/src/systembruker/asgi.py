"""A service owner's API that only system users with the right access reach."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from .client import take
from .errors import MaskinportenError, ProblemError
from .rest.api.service_owner import authorize_token
from .rest.models import TokenCheck, TokenCheckBody, TokenFault
from .rest.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from .rest.client import AuthenticatedClient

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_SCHEME = "bearer "
_BAD_REQUEST = 400
_POLICY_VIOLATION = 1008


class SystemUserGuard:
    """ASGI middleware: asks token-and-decide about each request, and lets through what is authorized.

    `client` is the service owner's own, with the scope `altinn:authorization/authorize`. The caller's token must have all of
    `scopes`, and be made for `audience` where one is given; its system user must be permitted `action` on `resource`. `party`
    says for whom, from the connection's scope, as `urn:altinn:organization:identifier-no:…`; without it, the owner of the
    system user. The application finds the answer (a `TokenDecision`) in `scope["state"]["system_user"]`.

    Refusals are as RFC 6750 has them: 401 where the token is missing or bad, 403 where it does not suffice; 400 where
    `party` is none; 503 where systembruker cannot be asked. A websocket is closed instead.
    """

    def __init__(
        self,
        app: App,
        client: AuthenticatedClient,
        *,
        resource: str,
        action: str,
        scopes: Sequence[str] = (),
        audience: str | None = None,
        party: Callable[[Scope], str | None] | None = None,
    ) -> None:
        """Wrap an application."""
        self._app = app
        self._client = client
        self._resource = resource
        self._action = action
        self._scopes = list(scopes)
        self._audience = audience
        self._party = party

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        token = _bearer_token(scope)
        if token is None:
            await _refuse(scope, send, 401, "Bearer")
            return
        try:
            answer = take(await authorize_token.asyncio(client=self._client, body=self._question(token, scope)))
        except (httpx.TransportError, MaskinportenError, ProblemError) as error:
            if isinstance(error, ProblemError) and error.status == _BAD_REQUEST:
                # What the caller named cannot be decided about, for example a party that is none.
                await _refuse(scope, send, 400)
                return
            # The caller did nothing wrong, but nobody has said that it may.
            _LOG.warning("systembruker cannot be asked: %s", error)
            await _refuse(scope, send, 503)
            return
        if isinstance(answer.error, TokenFault):
            if answer.error.code == "missing_scope":
                await _refuse(scope, send, 403, f'Bearer error="insufficient_scope", scope="{" ".join(self._scopes)}"')
            else:
                await _refuse(scope, send, 401, f'Bearer error="invalid_token", error_description="{answer.error.message}"')
        elif not answer.authorized:
            await _refuse(scope, send, 403)
        else:
            scope.setdefault("state", {})["system_user"] = answer
            await self._app(scope, receive, send)

    def _question(self, token: str, scope: Scope) -> TokenCheckBody:
        party = self._party(scope) if self._party else None
        check = TokenCheck(resource=self._resource, action=self._action, party=UNSET if party is None else party)
        return TokenCheckBody(
            token=token,
            checks=[check],
            required_scopes=self._scopes,
            audience=UNSET if self._audience is None else self._audience,
        )


def _bearer_token(scope: Scope) -> str | None:
    found = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(found) != 1:
        return None
    text: str = found[0].decode("latin-1")
    token = text[len(_SCHEME) :].strip()
    return token if text.lower().startswith(_SCHEME) and token else None


async def _refuse(scope: Scope, send: Send, status: int, challenge: str | None = None) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    body = json.dumps({"title": HTTPStatus(status).phrase, "status": status}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if challenge:
        headers.append((b"www-authenticate", challenge.encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
