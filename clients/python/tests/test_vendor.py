"""A vendor: its system, its requests, the events, and the token for the system user."""

from __future__ import annotations

import asyncio

import pytest

from conftest import CUSTOMER, CUSTOMER_PARTY, CUSTOMERS_OWNER, Sandbox, Vendor
from systembruker import Maskinporten, MaskinportenError, ProblemError, SystemUserOf, event_pages
from systembruker.rest.api.customer import approve_request
from systembruker.rest.api.vendor import create_system, get_request, list_events
from systembruker.rest.models import RequestDto


def test_the_token_is_for_the_system_user(vendor: Vendor, sandbox: Sandbox) -> None:
    vendor.register()
    asked = vendor.ask("python-token")
    approve_request.sync_detailed(client=sandbox.person(CUSTOMERS_OWNER), party=CUSTOMER_PARTY, request_id=asked.id)
    seen = get_request.sync(client=vendor.api, request_id=asked.id)
    assert isinstance(seen, RequestDto)
    assert seen.status == "Accepted"

    def tokens(external_ref: str) -> Maskinporten:
        user = SystemUserOf(CUSTOMER, external_ref)
        return Maskinporten(
            sandbox.maskinporten,
            vendor.client_id,
            vendor.key,
            ["altinn:systembruker.demo"],
            system_user=user,
        )

    source = tokens("python-token")
    first = source.token()
    assert first.count(".") == 2
    assert source.token() == first, "a token is kept while it is valid"

    with pytest.raises(MaskinportenError) as refused:
        tokens("another reference").token()
    assert refused.value.error == "invalid_altinn_customer_configuration"


def test_a_refusal_is_a_problem_with_its_code(vendor: Vendor) -> None:
    vendor.register()
    with pytest.raises(ProblemError) as refused:
        vendor.register()
    assert refused.value.status == 400
    assert refused.value.problem["validationErrors"][0]["code"] == "AUTH.VLD-00002"


def test_events_are_followed_over_pages_to_the_end(vendor: Vendor) -> None:
    vendor.register()
    before = None
    for page in event_pages(vendor.api):
        before = page.position
    asked = [str(vendor.ask(f"python-{n}").id) for n in range(101)]
    pages = list(event_pages(vendor.api, after=before))
    subjects = [event.subject for page in pages for event in page.events]
    assert [subject for subject in subjects if subject in set(asked)] == asked
    assert len(pages) >= 2
    assert list(event_pages(vendor.api, after=pages[-1].position)) == []


def test_operations_can_be_awaited(vendor: Vendor) -> None:
    async def call() -> tuple[str | None, bool]:
        async with vendor.api as api:
            registered = await create_system.asyncio(client=api, body=vendor.system())
            return registered, (await list_events.asyncio(client=api)) is not None

    registered, has_events = asyncio.run(call())
    assert isinstance(registered, str)
    assert has_events
