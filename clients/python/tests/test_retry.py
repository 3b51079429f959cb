"""Requests that are lost, or put off, on their way to the sandbox and back."""

from __future__ import annotations

import asyncio
import http.client
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from systembruker import ProblemError, Retries, connect
from systembruker.rest.api.vendor import create_system, get_own_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Sandbox, Vendor


class Faulty(ThreadingHTTPServer):
    """Passes requests on to the sandbox; the first `faults` answers become what `fault` names."""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = urlsplit(target).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.faults: list[str] = []
        self.keys: list[str | None] = []
        self.replayed: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Faulty

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.faults.pop(0) if self.server.faults else None
        self.server.keys.append(self.headers.get("Idempotency-Key"))
        if fault in ("429", "503", "later"):
            self.send_response(429 if fault == "later" else int(fault))
            self.send_header("Retry-After", "3600" if fault == "later" else "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        onward = http.client.HTTPConnection(self.server.target)
        headers = {**dict(self.headers), "Host": self.server.target}
        onward.request(self.command, self.path, body, headers)
        answer = onward.getresponse()
        content = answer.read()
        onward.close()
        if fault == "lost":
            # The sandbox has done it; the client does not learn that.
            self.close_connection = True
            return
        self.server.replayed.append(answer.getheader("Idempotency-Replayed"))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = handle_any  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def faulty(sandbox: Sandbox) -> Iterator[Faulty]:
    server = Faulty(sandbox.url)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


QUICK = Retries(attempts=3, first_pause_s=0.01)


def test_a_lost_answer_is_asked_for_again_with_the_same_key(vendor: Vendor, faulty: Faulty) -> None:
    faulty.faults = ["lost"]
    api = connect(faulty.url, vendor.tokens, retries=QUICK)
    assert create_system.sync(client=api, body=vendor.system())
    assert len(faulty.keys) == 2
    assert faulty.keys[0] == faulty.keys[1] is not None
    assert faulty.replayed == ["true"]


def test_an_awaited_answer_is_asked_for_again_too(vendor: Vendor, faulty: Faulty) -> None:
    faulty.faults = ["lost", "503"]
    api = connect(faulty.url, vendor.tokens, retries=QUICK)
    assert asyncio.run(create_system.asyncio(client=api, body=vendor.system()))
    assert len(faulty.keys) == 3
    assert len(set(faulty.keys)) == 1
    assert faulty.replayed == ["true"]


def test_it_does_not_wait_an_hour(vendor: Vendor, faulty: Faulty) -> None:
    faulty.faults = ["later"]
    api = connect(faulty.url, vendor.tokens, retries=QUICK)
    with pytest.raises(ProblemError) as refused:
        create_system.sync(client=api, body=vendor.system())
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "3600"
    assert len(faulty.keys) == 1


def test_a_callers_own_key_is_kept(vendor: Vendor, faulty: Faulty) -> None:
    api = connect(faulty.url, vendor.tokens, retries=QUICK)
    key = str(uuid.uuid4())
    create_system.sync(client=api, body=vendor.system(), idempotency_key=key)
    assert faulty.keys == [key]


def test_it_waits_out_too_many_and_unavailable(vendor: Vendor, faulty: Faulty) -> None:
    vendor.register()
    faulty.faults = ["503", "429"]
    api = connect(faulty.url, vendor.tokens, retries=QUICK)
    seen = get_own_system.sync(client=api, system_id=vendor.system_id)
    assert seen is not None
    assert len(faulty.keys) == 3


def test_it_gives_up_after_its_attempts(vendor: Vendor, faulty: Faulty) -> None:
    faulty.faults = ["503"] * 5
    api = connect(faulty.url, vendor.tokens, retries=QUICK)
    with pytest.raises(ProblemError) as refused:
        create_system.sync(client=api, body=vendor.system())
    assert refused.value.status == 503
    assert len(faulty.keys) == 3
    faulty.faults = ["lost"] * 5
    with pytest.raises(httpx.TransportError):
        create_system.sync(client=api, body=vendor.system())
