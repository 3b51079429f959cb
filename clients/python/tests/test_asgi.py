"""A service owner's API behind the guard."""

from __future__ import annotations

import socket
import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from conftest import CUSTOMER, CUSTOMER_PARTY, CUSTOMERS_OWNER, SERVICE_OWNER, Sandbox, Vendor
from systembruker import FixedToken, Maskinporten, Retries, SystemUserGuard, SystemUserOf, connect
from systembruker.rest.api.customer import approve_request

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from systembruker.rest.client import AuthenticatedClient

DECIDE = "altinn:authorization/authorize"


def say_who(request: Request) -> JSONResponse:
    return JSONResponse({"for": request.state.system_user.system_user.owner_organization_number})


def party_of(scope: MutableMapping[str, Any]) -> str | None:
    party = dict(scope["headers"]).get(b"for")
    return party.decode() if party else None


@contextmanager
def guarded(api: AuthenticatedClient, **settings: Any) -> Iterator[str]:
    """Serve the guarded API, and return its address."""
    app = Starlette(routes=[Route("/", say_who)])
    settings = {"resource": "a-melding", "action": "write", "party": party_of, **settings}
    app.add_middleware(SystemUserGuard, client=api, **settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def token(vendor: Vendor, sandbox: Sandbox) -> str:
    vendor.register()
    asked = vendor.ask("python-guard")
    approve_request.sync_detailed(client=sandbox.person(CUSTOMERS_OWNER), party=CUSTOMER_PARTY, request_id=asked.id)
    user = SystemUserOf(CUSTOMER, "python-guard")
    scopes = ["altinn:systembruker.demo"]
    return Maskinporten(sandbox.maskinporten, vendor.client_id, vendor.key, scopes, system_user=user).token()


def get(api: str, token: str, **headers: str) -> httpx.Response:
    return httpx.get(api, headers={"Authorization": f"Bearer {token}", **headers})


def test_only_a_system_user_with_access_comes_through(sandbox: Sandbox, token: str) -> None:
    with guarded(connect(sandbox.url, sandbox.grant(SERVICE_OWNER, DECIDE))) as api:
        answer = get(api, token)
        assert answer.status_code == 200
        assert answer.json() == {"for": CUSTOMER}

        answer = httpx.get(api)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        answer = get(api, "no token")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert get(api, token, For="urn:altinn:organization:identifier-no:390326572").status_code == 403
        assert get(api, token, For="nobody").status_code == 400


def test_scopes_audience_and_resource_are_the_apis_own(sandbox: Sandbox, token: str) -> None:
    def guard(**settings: Any) -> AbstractContextManager[str]:
        return guarded(connect(sandbox.url, sandbox.grant(SERVICE_OWNER, DECIDE)), **settings)

    with guard(scopes=["some:scope"]) as api:
        answer = get(api, token)
        assert answer.status_code == 403
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="some:scope"'
    with guard(resource="inntektsmelding") as api:
        assert get(api, token).status_code == 403
    with guard(audience="https://elsewhere.example") as api:
        assert get(api, token).status_code == 401


def test_nobody_comes_through_when_systembruker_cannot_be_asked(sandbox: Sandbox, token: str) -> None:
    with guarded(connect("http://127.0.0.1:1", FixedToken("any"), retries=Retries(attempts=1))) as api:
        assert get(api, token).status_code == 503
    with guarded(connect(sandbox.url, FixedToken(token))) as api:
        assert get(api, token).status_code == 503
