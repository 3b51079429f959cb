"""The generated client, with tokens and retries."""

from __future__ import annotations

from typing import TypeVar

import httpx

from .maskinporten import BearerAuth, TokenSource
from .rest.client import AuthenticatedClient
from .retry import Retries, RetryTransport

T = TypeVar("T")


def connect(base_url: str, tokens: TokenSource, *, retries: Retries | None = None, timeout_s: float = 30) -> AuthenticatedClient:
    """Return the client that the operations in `systembruker.rest.api` take.

    An answer with a status of 400 or more raises ProblemError.
    """
    return AuthenticatedClient(
        base_url=base_url,
        # BearerAuth replaces it with each request.
        token="",
        headers={"Accept": "application/json"},
        timeout=httpx.Timeout(timeout_s),
        raise_on_unexpected_status=True,
        httpx_args={
            "auth": BearerAuth(tokens),
            "transport": RetryTransport(retries or Retries(), raise_problems=True),
        },
    )


def take(answer: T | None) -> T:
    """Return what an operation answered, which its type says may be missing."""
    if answer is None:
        message = "the answer has no body"
        raise ValueError(message)
    return answer
