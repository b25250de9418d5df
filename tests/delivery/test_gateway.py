"""A gateway over real HTTP: what each of its answers means."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.db import IntegrityError, transaction

from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends import backend_of
from delivery.backends.base import Outgoing
from delivery.backends.gateway import CONNECTIONS, GatewayBackend
from delivery.backends.side_by_side import MOST_SILENCE
from delivery.models import Sender

MAIL = Outgoing(key="regards-1", recipient="c@example.com", subject="Hi", raw=b"Subject: Hi\r\n\r\nHi\r\n")


class Gateway(ThreadingHTTPServer):
    """Answers every request alike; status 0 hangs up."""

    daemon_threads = True

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.status, self.body, self.headers = status, body, headers
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []


class _Request(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if not self.server.status:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def answering(status: int, body: bytes = b"", **headers: str) -> Iterator[tuple[Gateway, GatewayBackend]]:
    with Gateway(status, body, {name.replace("_", "-"): value for name, value in headers.items()}) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/messages"
        yield server, GatewayBackend(address=address, secret="s3cret", in_doubt=InDoubt.LEAVE)
        server.shutdown()


def answers_of(backend: GatewayBackend, *mails: Outgoing) -> tuple[list[Answer], Unavailable | None]:
    found: list[Answer] = []
    try:
        for _, answer in backend.send(mails or [MAIL], deadline=math.inf):
            found.append(answer)
    except Unavailable as error:
        return found, error
    return found, None


def test_it_hands_over_the_bytes_with_key_and_secret() -> None:
    with answering(200, b'{"id": "p-7"}') as (server, backend):
        assert answers_of(backend) == ([Accepted(provider_id="p-7")], None)
    [(method, path, headers, body)] = server.seen
    assert (method, path, body) == ("POST", "/messages", MAIL.raw)
    assert (headers["Idempotency-Key"], headers["Authorization"]) == ("regards-1", "Bearer s3cret")


@pytest.mark.parametrize("body", [b"", b"thanks", b'"x"', b'{"id": {"a": 1}}', b"[" * 50_000])
def test_what_was_taken_without_a_name_has_our_own(body: bytes) -> None:
    with answering(202, body) as (_, backend):
        assert answers_of(backend) == ([Accepted(provider_id="regards-1")], None)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_mail_that_it_will_not_take_is_refused(status: int) -> None:
    with answering(status, b"no\0 such address") as (_, backend):
        assert answers_of(backend) == ([Refused(reason=f"{status} no such address")], None)


@pytest.mark.parametrize("status", [409, 500, 502, 504, 0])
def test_an_answer_that_says_nothing_leaves_doubt(status: int) -> None:
    with answering(status) as (_, backend):
        [answer], error = answers_of(backend)
    assert (type(answer), error) == (Uncertain, None)


@pytest.mark.parametrize(
    ("status", "after", "wait"),
    [
        (429, "7", timedelta(seconds=7)),
        (503, "0", timedelta(seconds=1)),
        (429, "999999999999", timedelta(hours=1)),
        (429, "Thu, 01 Jan 2015 00:00:00 GMT", timedelta(seconds=1)),
        (429, "soon", None),
        (401, "", None),
        (302, "", None),
    ],
)
def test_a_gateway_that_takes_nothing_now_is_left_alone(
    status: int, after: str, wait: timedelta | None
) -> None:
    with answering(status, Retry_After=after) as (_, backend):
        [answer], error = answers_of(backend)
    assert answer == Deferred(reason=str(status), retry_after=wait)
    assert error is not None and error.retry_after == wait


def test_a_gateway_that_is_not_there_got_nothing() -> None:
    with answering(200) as (_, backend):
        pass
    answers, error = answers_of(backend)
    assert (answers, error is not None) == ([], True)


def test_a_gateway_that_breaks_in_tls_got_nothing() -> None:
    with answering(200) as (server, plain):
        backend = GatewayBackend(
            address=plain.address.replace("http:", "https:"), secret="", in_doubt=InDoubt.LEAVE
        )
        answers, error = answers_of(backend)
    assert (answers, error is not None, server.seen) == ([], True, [])


def test_name_and_password_in_the_address_sign_in() -> None:
    with answering(200) as (server, plain):
        address = plain.address.replace("//", "//shop:a%40b@")
        answers_of(GatewayBackend(address=address, secret="", in_doubt=InDoubt.LEAVE))
    assert server.seen[0][2]["Authorization"] == "Basic c2hvcDphQGI="


def test_silence_stops_a_batch() -> None:
    mails = [Outgoing(key=f"regards-{i}", recipient="c@example.com", subject="", raw=b"") for i in range(100)]
    with answering(500) as (server, backend):
        answers, error = answers_of(backend, *mails)
    assert MOST_SILENCE <= len(answers) == len(server.seen) < MOST_SILENCE + CONNECTIONS
    assert error is not None and str(error) == "the provider does not answer"


def test_nothing_is_handed_over_when_time_is_up() -> None:
    with answering(200) as (server, backend):
        [(_, answer)] = backend.send([MAIL], deadline=time.monotonic())
    assert (type(answer), server.seen) == (Untried, [])


def test_it_is_asked_by_key() -> None:
    with answering(200, b'{"taken": {"regards-1": "p-7"}}') as (server, backend):
        assert backend.ask(["regards-1", "regards-2"], deadline=math.inf) == {
            "regards-1": "p-7",
            "regards-2": "",
        }
    assert server.seen[0][:2] == ("GET", "/messages?key=regards-1&key=regards-2")


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (200, b"what?"), (200, b'{"taken": ["a"]}'), (200, b"[]"), (200, b"{}")]
)
def test_an_answer_that_cannot_be_read_is_none(status: int, body: bytes) -> None:
    with answering(status, body) as (_, backend), pytest.raises(Unavailable, match="cannot be asked"):
        backend.ask(["regards-1"], deadline=math.inf)


def test_it_is_asked_about_fifty_keys_at_a_time_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"regards-{number}" for number in range(120)]
    with answering(200, b'{"taken": {"regards-7": ""}}') as (server, backend):
        assert backend.ask(keys, deadline=math.inf) == dict.fromkeys(keys, "") | {"regards-7": "regards-7"}
        assert [path.count("key=") for _, path, *_ in server.seen] == [50, 50, 20]
        assert backend.ask(keys, deadline=time.monotonic()) == {}
    assert len(server.seen) == 3


def test_what_a_gateway_said_before_it_fell_silent_counts() -> None:
    keys = [f"regards-{number}" for number in range(60)]
    with answering(200, b'{"taken": {}}') as (server, backend):
        seen = server.seen
        server.seen = _Until(server, seen, 1)  # type: ignore[assignment]
        assert backend.ask(keys, deadline=math.inf) == dict.fromkeys(keys[:50], "")


class _Until(list):  # type: ignore[type-arg]
    """Remembers requests; from the `most`-th on the gateway answers with an error."""

    def __init__(self, server: Gateway, seen: list[object], most: int) -> None:
        super().__init__(seen)
        self.server, self.most = server, most

    def append(self, request: object) -> None:
        super().append(request)
        if len(self) > self.most:
            self.server.status = 500


@pytest.mark.django_db
def test_a_gateway_needs_an_address(sender: Sender) -> None:
    sender.backend = Sender.Backend.GATEWAY
    with pytest.raises(IntegrityError), transaction.atomic():
        sender.save()
    sender.address, sender.in_doubt = "https://mail.example/", "ask"
    sender.save()
    assert backend_of(sender).in_doubt == InDoubt.ASK
