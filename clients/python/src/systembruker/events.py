"""What happens to a vendor's requests and system users, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from .client import take
from .rest.api.vendor import list_events
from .rest.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .rest.client import AuthenticatedClient
    from .rest.models import CloudEvent


@dataclass(frozen=True)
class Page:
    """Events, oldest first, and the position behind them."""

    events: list[CloudEvent]
    position: str | None


def event_pages(client: AuthenticatedClient, *, after: str | None = None) -> Iterator[Page]:
    """Yield the events behind a position up to the newest, page by page; ends when there are no more for now.

    Store `position` in the transaction that handles its page, and hand it in as `after` next time: then no event is missed,
    and none is handled twice. Without `after` it begins with the first event.
    """
    while True:
        answer = take(list_events.sync(client=client, after=UNSET if after is None else after))
        if not answer.data:
            return
        following = parse_qs(urlsplit(answer.links.next_ or "").query).get("after")
        after = following[0] if following else None
        yield Page(answer.data, after)
        if after is None:
            return
