"""Answers that drip, never end, or unpack to a flood: over real HTTP, for each kind of client."""

import gzip
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from pytest_django import Settings

from delivery.answers import Accepted, Answer, InDoubt, Unavailable, Uncertain
from delivery.backends import gateway
from delivery.backends.base import Backend, Outgoing
from delivery.backends.checked_connections import MOST_BYTES
from delivery.backends.esps import ESPS, backend, patience
from delivery.backends.esps.backend import EspBackend

MAIL = Outgoing(
    key="regards-1",
    recipient="ann@example.com",
    subject="Hi",
    raw=b"From: news@shop.example\r\nTo: ann@example.com\r\nSubject: Hi\r\n\r\nHi\r\n",
)
YES = json.dumps({"id": "r-1", "MessageId": "ses-1", "ErrorCode": 0, "MessageID": "pm-1"}).encode()
FLOOD = gzip.compress(b" " * 5 * MOST_BYTES)
PATIENCE = 0.4
Writing = Callable[["_Request"], None]


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.write(self)

    def do_GET(self) -> None:
        self.do_POST()

    def say(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content_Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Answers as it is told to; `over` ends what would go on."""

    daemon_threads = True

    def __init__(self, write: Writing) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.write, self.over = write, Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client hangs up: that is what is tried."""


def drips(request: _Request) -> None:
    """A byte every twentieth of a second, until the answer is whole or the client is gone."""
    request.say(Content_Length=str(len(YES)))
    for number in range(len(YES)):
        request.wfile.write(YES[number : number + 1])
        if request.server.over.wait(0.05):
            return


def drips_its_head(request: _Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not request.server.over.wait(0.05):
        request.wfile.write(b".")


def floods(request: _Request) -> None:
    request.say(Content_Length=str(100 * MOST_BYTES))
    for _ in range(100):
        request.wfile.write(b" " * MOST_BYTES)


def packs_a_flood(request: _Request) -> None:
    request.say(Content_Length=str(len(FLOOD)), Content_Encoding="gzip")
    request.wfile.write(FLOOD)


def answers(request: _Request) -> None:
    request.say(Content_Length=str(len(YES)))
    request.wfile.write(YES)


@pytest.fixture(autouse=True)
def fresh(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.OUTBOUND_ALLOWED = ["127.0.0.0/8"]
    monkeypatch.setattr(patience, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(gateway, "PATIENCE_SECONDS", PATIENCE)
    backend._kept.cache_clear()
    yield
    backend._kept.cache_clear()


@contextmanager
def provider(name: str, write: Writing) -> Iterator[tuple[Server, Backend]]:
    with Server(write) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server, backend_to(name, f"http://127.0.0.1:{server.server_port}/")
        server.over.set()
        server.shutdown()


def backend_to(name: str, address: str) -> Backend:
    if name == "gateway":
        return gateway.GatewayBackend(address=address, secret="x", in_doubt=InDoubt.ASK)
    options = {field.name: "x" for field in ESPS[name].fields if field.is_required}
    if name == "amazon_ses":
        options = {"region": "eu-west-1", "access_key_id": "a", "secret_access_key": "b"}
    options["api_url"] = address
    return EspBackend(esp=ESPS[name], options=tuple(sorted(options.items())))


def answer_of(one: Backend) -> Answer:
    [(_, answer)] = one.send([MAIL], deadline=math.inf)
    return answer


@pytest.mark.parametrize("write", [drips, drips_its_head, floods], ids=lambda write: write.__name__)
@pytest.mark.parametrize("name", ["resend", "amazon_ses"])
def test_an_answer_without_end_leaves_doubt_and_does_not_hold_us(name: str, write: Writing) -> None:
    with provider(name, write) as (_, one):
        assert isinstance(answer_of(one), Uncertain)


def test_a_gateway_that_drips_its_head_leaves_doubt_and_does_not_hold_us() -> None:
    with provider("gateway", drips_its_head) as (_, one):
        assert isinstance(answer_of(one), Uncertain)


@pytest.mark.parametrize("write", [drips, floods, packs_a_flood], ids=lambda write: write.__name__)
def test_the_status_of_a_gateway_counts_though_its_words_never_end(write: Writing) -> None:
    with provider("gateway", write) as (_, one):
        assert [answer_of(one) for _ in range(2)] == [Accepted(provider_id="regards-1")] * 2


def test_an_answer_that_unpacks_to_a_flood_leaves_doubt() -> None:
    with provider("resend", packs_a_flood) as (_, one):
        assert isinstance(answer_of(one), Uncertain)


@pytest.mark.parametrize("name", ["postmark", "gateway"])
@pytest.mark.parametrize("write", [drips, drips_its_head], ids=lambda write: write.__name__)
def test_who_drips_when_asked_cannot_be_asked(name: str, write: Writing) -> None:
    with provider(name, write) as (_, one), pytest.raises(Unavailable, match="cannot be asked"):
        one.ask(["regards-1"], deadline=math.inf)


@pytest.mark.parametrize("name", ["resend", "amazon_ses", "gateway"])
def test_a_connection_that_is_kept_has_its_whole_time_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(request: _Request) -> None:
        request.server.over.wait(PATIENCE * 0.6)
        answers(request)

    with provider(name, slowly) as (_, one):
        assert [type(answer_of(one)) for _ in range(3)] == [Accepted] * 3
