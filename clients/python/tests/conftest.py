"""A running sandbox, and those who call it. SYSTEMBRUKER_URL, MASKINPORTEN_URL and TESTTOOLS_URL say where it is."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from systembruker import FixedToken, Maskinporten, connect
from systembruker.rest.api.vendor import create_request, create_system
from systembruker.rest.models import AccessPackage, RequestBody, RequestDto, SystemBody

if TYPE_CHECKING:
    from systembruker.rest.client import AuthenticatedClient

VENDOR = "390198116"
CUSTOMER = "390381492"
CUSTOMER_PARTY = 52_000_091
CUSTOMERS_OWNER = "11859024884"
SERVICE_OWNER = "390028466"
PACKAGE = "urn:altinn:accesspackage:a-ordning"


@dataclass(frozen=True)
class Sandbox:
    url: str
    maskinporten: str
    testtools: str

    def new_client(self, organization: str) -> dict[str, Any]:
        answer = httpx.post(f"{self.testtools}/sandbox/clients", json={"orgNumber": organization}, auth=("sandbox", "sandbox"))
        client: dict[str, Any] = answer.raise_for_status().json()
        return client

    def grant(self, organization: str, *scopes: str) -> Maskinporten:
        client = self.new_client(organization)
        return Maskinporten(self.maskinporten, client["clientId"], client["jwk"], scopes)

    def person(self, national_id: str) -> AuthenticatedClient:
        query = {"env": "local", "pid": national_id, "scopes": "altinn:portal/enduser"}
        answer = httpx.get(f"{self.testtools}/api/GetPersonalToken", params=query, auth=("sandbox", "sandbox"))
        return connect(self.url, FixedToken(answer.raise_for_status().text))


@dataclass(frozen=True)
class Vendor:
    sandbox: Sandbox
    client_id: str
    key: dict[str, Any]
    tokens: Maskinporten
    api: AuthenticatedClient
    system_id: str

    def system(self) -> SystemBody:
        return SystemBody.from_dict(
            {
                "id": self.system_id,
                "vendor": {"ID": f"0192:{VENDOR}"},
                "name": {"nb": "Python", "nn": "Python", "en": "Python"},
                "description": {"nb": "Prøve", "nn": "Prøve", "en": "Test"},
                "accessPackages": [{"urn": PACKAGE}],
                "clientId": [self.client_id],
            },
        )

    def register(self) -> None:
        create_system.sync(client=self.api, body=self.system())

    def ask(self, external_ref: str) -> RequestDto:
        body = RequestBody(
            system_id=self.system_id,
            party_org_no=CUSTOMER,
            external_ref=external_ref,
            access_packages=[AccessPackage(urn=PACKAGE)],
        )
        answer = create_request.sync(client=self.api, body=body)
        assert isinstance(answer, RequestDto)
        return answer


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return Sandbox(os.environ["SYSTEMBRUKER_URL"], os.environ["MASKINPORTEN_URL"], os.environ["TESTTOOLS_URL"])


@pytest.fixture
def vendor(sandbox: Sandbox) -> Vendor:
    client = sandbox.new_client(VENDOR)
    scopes = [
        "altinn:authentication/systemregister.write",
        "altinn:authentication/systemuser.request.write",
        "altinn:authentication/systemuser.request.read",
    ]
    tokens = Maskinporten(sandbox.maskinporten, client["clientId"], client["jwk"], scopes)
    api = connect(sandbox.url, tokens)
    return Vendor(sandbox, client["clientId"], client["jwk"], tokens, api, f"{VENDOR}_python-{uuid.uuid4()}")
