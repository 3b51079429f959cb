"""What can go wrong in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class ProblemError(Exception):
    """An answer with a status of 400 or more.

    `problem` is its body (RFC 9457), empty where there is none; problems are distinguished by `code`.
    """

    def __init__(self, response: httpx.Response) -> None:
        """Read the body of an answer that has been read."""
        self.status = response.status_code
        self.headers = response.headers
        self.problem = _object_of(response)
        self.code: str | None = self.problem.get("code")
        words = self.problem.get("detail") or self.problem.get("title") or response.text
        super().__init__(
            f"{response.request.method} {response.request.url.path}: {self.status} {self.code or ''} {words}".strip()
        )


class MaskinportenError(Exception):
    """Maskinporten gives no token. `error` is its code, for example `invalid_altinn_customer_configuration`."""

    def __init__(self, response: httpx.Response) -> None:
        """Read the body of Maskinporten's answer."""
        body = _object_of(response)
        self.status = response.status_code
        self.error: str | None = body.get("error")
        self.description: str | None = body.get("error_description")
        super().__init__(f"Maskinporten: {self.status} {self.error or ''} {self.description or response.text}")


def _object_of(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
