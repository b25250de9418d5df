"""However an internal address is spelt, nothing of ours connects to it: a listener inside hears nobody."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from campaigns.journeys.calling import call_due
from campaigns.models import Enrolment, WebhookCall
from common import outbound
from tests.campaigns.journeys.going import enrol, journey
from tests.campaigns.making import people

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="
NAMED = {
    "inside.example": "127.0.0.1",
    "inside.example.": "127.0.0.1",
    "six.example": "::1",
    "mapped.example": "::ffff:127.0.0.1",
    "sixtofour.example": "2002:7f00:1::",
    "teredo.example": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "isatap.example": "2400:cb00::5efe:127.0.0.1",
    "nat64.example": "64:ff9b::127.0.0.1",
    "localhost.": "127.0.0.1",
    "LOCALHOST.localdomain": "127.0.0.1",
    "127.0.0.1.nip.example": "127.0.0.1",
}
"""What name servers say of names that somebody made to lead inside."""
SPELLINGS = [
    # the plain ones
    "127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "127.255.255.254", "0.0.0.0", "[::1]", "[::]",
    # short, decimal, octal, hexadecimal, mixed
    "127.1", "127.0.1", "0", "0.0", "2130706433", "017700000001", "0x7f000001", "0x7F.1", "0177.0.0.1",
    "0177.1", "0x7f.0x0.0x0.0x1", "0x7f.0.0.01", "127.0x0.0.1", "00000177.0.0.01", "127.0.0x1",
    # IPv6 at length, and what wraps an address of the old kind
    "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::FFFF:7F00:0001]", "[::127.0.0.1]", "[::7f00:1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2400:cb00::5efe:127.0.0.1]", "[2400:cb00::200:5efe:7f00:1]", "[fe80::5efe:127.0.0.1]", "[::ffff:0.0.0.0]",
    # other dots and other digits
    "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "ｌｏｃａｌｈｏｓｔ", "locaⓛhost",
    # dots at the end, escapes, and names before an @
    "127.0.0.1.",  "127.1.", "127%2e0%2e0%2e1", "%6c%6f%63%61%6c%68%6f%73%74",
    "shop.example@127.0.0.1", "shop.example:80@127.0.0.1", "shop.example%00@127.0.0.1", "127.0.0.1\\@shop.example",
    # names that lead inside
    *NAMED,
]  # fmt: skip


class Server(ThreadingHTTPServer):
    """A service inside, which keeps what it heard; the path says where it sends its callers."""

    heard: list[str]
    lead: str = ""


class Six(Server):
    address_family = socket.AF_INET6


class Inside(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.heard.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(302 if self.server.lead else 200)
        if self.server.lead:
            self.send_header("Location", self.server.lead)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def heard(settings: Settings) -> Iterator[list[str]]:
    """What a service at one port of 127.0.0.1 and ::1 heard."""
    settings.OUTBOUND_ALLOWED = []
    said: list[str] = []
    four = Server(("127.0.0.1", 0), Inside)
    Inside.port = four.server_port  # type: ignore[attr-defined]
    servers = [four]
    with suppress(OSError):  # where there is no IPv6
        servers.append(Six(("::1", four.server_port), Inside))
    for server in servers:
        server.heard = said
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield said
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A name server of the test's own: no question leaves the machine."""
    known = dict(NAMED)
    ask = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        told = host.decode() if isinstance(host, bytes) else str(host)
        return ask(known.get(told, told), port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


def port() -> int:
    return Inside.port  # type: ignore[attr-defined,no-any-return]


def url(spelling: str) -> str:
    return f"http://{spelling}:{port()}/secret"


def fetched(address: str, client: httpx.Client) -> bool:
    try:
        client.get(address, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
        return False
    return True


def test_there_are_sixty_spellings_and_many_do_lead_inside(heard: list[str]) -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60
    with httpx.Client(trust_env=False, timeout=1) as unguarded:
        reached = [one for one in SPELLINGS if fetched(url(one), unguarded)]
    assert len(reached) == len(heard)
    assert len(reached) >= 25


@pytest.mark.parametrize("spelling", SPELLINGS, ids=range(len(SPELLINGS)))
def test_no_picture_or_link_is_fetched_from_inside(heard: list[str], spelling: str) -> None:
    with outbound.client(timeout=httpx.Timeout(2)) as client:
        assert not fetched(url(spelling), client)
    assert heard == []


@pytest.mark.django_db
def test_no_webhook_step_calls_inside(heard: list[str]) -> None:
    (one,) = people(1)
    way = journey(
        {"trigger": {"event": "product_added"}, "steps": [{"name": "leave", "exit": True}]},
        webhook_secret=SECRET,
    )
    enrol(way, one)
    enrolment = Enrolment.objects.get()
    WebhookCall.objects.bulk_create(
        WebhookCall(enrolment=enrolment, position=number, url=url(spelling), body={})
        for number, spelling in enumerate(SPELLINGS)
    )
    assert call_due() == 0
    assert heard == []
    assert WebhookCall.objects.filter(state="queued", attempts=1).exclude(said="").count() == len(SPELLINGS)


@pytest.mark.parametrize(
    "spelling", ["127.0.0.1", "0x7f.1", "inside.example", "[::1]", "shop.example@127.0.0.1"]
)
def test_no_redirect_leads_inside(
    heard: list[str], names: dict[str, str], settings: Settings, spelling: str
) -> None:
    settings.OUTBOUND_ALLOWED = ["shop.example"]
    names["shop.example"] = "127.0.0.1"
    outside = Server(("127.0.0.1", 0), Inside)
    outside.heard, outside.lead = [], url(spelling)
    threading.Thread(target=outside.serve_forever, daemon=True).start()
    with outbound.client(timeout=httpx.Timeout(2)) as client:
        assert not fetched(f"http://shop.example:{outside.server_port}/picture.png", client)
    outside.shutdown()
    outside.server_close()
    assert outside.heard == ["/picture.png"]
    assert heard == []


def test_a_name_that_leads_elsewhere_from_one_question_to_the_next_is_asked_once(
    heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked: list[str] = []

    def answer(host: Any, number: Any, *args: Any, **options: Any) -> Any:
        asked.append(str(host))
        if host != "rebinding.example":  # nothing leaves the machine
            raise socket.gaierror(f"{host} is far away")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), number))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with outbound.client(timeout=httpx.Timeout(2)) as client:
        assert not fetched(url("rebinding.example"), client)
    assert asked == ["rebinding.example", "93.184.216.34"]
    assert heard == []
