"""Sending a request again when it is not known whether it arrived, or when the service asks for that."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass

import httpx

from .errors import ProblemError
from .rest.idempotent import IDEMPOTENT_POSTS

_KEY = "Idempotency-Key"
_IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_AGAIN = frozenset({429, 502, 503, 504})
_ERROR = 400
_TOO_MANY = 429


@dataclass(frozen=True)
class Retries:
    """How often and how fast a request is sent again.

    The pause doubles with each attempt, with a random part, and is at least what `Retry-After` asks for. When that is longer
    than `longest_pause_s`, the answer is returned instead.
    """

    attempts: int = 4
    first_pause_s: float = 0.2
    longest_pause_s: float = 30.0

    def pause(self, attempt: int, response: httpx.Response | None) -> float | None:
        """Seconds until the next attempt, or None when there is none. `attempt` counts from 1."""
        if attempt >= self.attempts:
            return None
        pause = self.first_pause_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  (not a secret)
        pause = min(pause, self.longest_pause_s)
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        if asked.isdigit():
            pause = max(pause, float(asked))
        return pause if pause <= self.longest_pause_s else None


class RetryTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends requests, and again where that does no harm.

    A request may be sent again when its method is idempotent or it has an `Idempotency-Key`; the operations that take that
    header get one. After 429 any request may be: it was not carried out. With `raise_problems`, a status of 400 or more is a
    ProblemError.
    """

    def __init__(self, retries: Retries, *, raise_problems: bool = False) -> None:
        """Open no connection yet."""
        self._retries = retries
        self._raise_problems = raise_problems
        self._sync = httpx.HTTPTransport()
        self._async = httpx.AsyncHTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        self._prepare(request)
        attempt = 0
        while True:
            attempt += 1
            response = None
            try:
                response = self._sync.handle_request(request)
                response.request = request
            except httpx.TransportError:
                pause = self._pause(request, None, attempt)
                if pause is None:
                    raise
            else:
                pause = self._pause(request, response, attempt)
                if pause is None:
                    if self._raise_problems and response.status_code >= _ERROR:
                        response.read()
                        raise ProblemError(response)
                    return response
                response.close()
            time.sleep(pause)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        self._prepare(request)
        attempt = 0
        while True:
            attempt += 1
            response = None
            try:
                response = await self._async.handle_async_request(request)
                response.request = request
            except httpx.TransportError:
                pause = self._pause(request, None, attempt)
                if pause is None:
                    raise
            else:
                pause = self._pause(request, response, attempt)
                if pause is None:
                    if self._raise_problems and response.status_code >= _ERROR:
                        await response.aread()
                        raise ProblemError(response)
                    return response
                await response.aclose()
            await asyncio.sleep(pause)

    def close(self) -> None:
        """Close the connections of the blocking client."""
        self._sync.close()

    async def aclose(self) -> None:
        """Close the connections of the asynchronous client."""
        await self._async.aclose()

    def _prepare(self, request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path.lower() in IDEMPOTENT_POSTS and _KEY not in request.headers:
            request.headers[_KEY] = str(uuid.uuid4())

    def _pause(self, request: httpx.Request, response: httpx.Response | None, attempt: int) -> float | None:
        if response is not None and response.status_code not in _AGAIN:
            return None
        harmless = request.method in _IDEMPOTENT_METHODS or _KEY in request.headers
        refused = response is not None and response.status_code == _TOO_MANY
        return self._retries.pause(attempt, response) if harmless or refused else None
