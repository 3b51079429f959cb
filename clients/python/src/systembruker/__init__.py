"""Client of systembruker: the operations of its API, and what every integrator needs around them.

The operations are in `systembruker.rest.api`, one module each, and their bodies in `systembruker.rest.models`. Both are
generated from the description of the API.
"""

from .asgi import SystemUserGuard
from .client import connect, take
from .errors import MaskinportenError, ProblemError
from .events import Page, event_pages
from .maskinporten import FixedToken, Maskinporten, SystemUserOf, TokenSource
from .retry import Retries

__all__ = [
    "FixedToken",
    "Maskinporten",
    "MaskinportenError",
    "Page",
    "ProblemError",
    "Retries",
    "SystemUserGuard",
    "SystemUserOf",
    "TokenSource",
    "connect",
    "event_pages",
    "take",
]
