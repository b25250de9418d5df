"""A call to an address that a colleague typed reaches the world, and nothing inside the house."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from common import outbound

TIMEOUT = httpx.Timeout(5.0)
INSIDE = [
    "127.0.0.1",
    "127.8.9.1",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]
WORLD = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]


class Inside(BaseHTTPRequestHandler):
    """A service that must not be reached; /away sends the caller to itself."""

    def do_GET(self) -> None:
        self.server.heard.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/secret")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def inside(settings: Settings) -> Iterator[Any]:
    settings.OUTBOUND_ALLOWED = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Inside)
    server.heard = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names lead to, as a name server would say; each question takes the next answer where several are given."""
    known: dict[str, list[str]] = {}
    asked = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in known:
            return asked(host, port, *args, **kwargs)
        addresses = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses.split()]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


def get(url: str, **options: Any) -> httpx.Response:
    with outbound.client(timeout=TIMEOUT) as client:
        return client.get(url, **options)


@pytest.mark.parametrize("address", INSIDE)
def test_an_internal_address_is_refused(settings: Settings, address: str) -> None:
    settings.OUTBOUND_ALLOWED = []
    assert not outbound._is_allowed("shop.example", ipaddress.ip_address(address))


@pytest.mark.parametrize("address", WORLD)
def test_an_address_in_the_world_is_allowed(settings: Settings, address: str) -> None:
    settings.OUTBOUND_ALLOWED = []
    assert outbound._is_allowed("shop.example", ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_no_spelling_of_our_own_host_is_called(inside: Any, host: str) -> None:
    with pytest.raises(httpx.TransportError):
        get(f"http://{host}:{inside.server_port}/")
    assert inside.heard == []


def test_a_name_that_leads_inside_is_refused(inside: Any, names: dict[str, list[str]]) -> None:
    names["shop.example"] = ["127.0.0.1"]
    with pytest.raises(outbound.InternalAddress, match="leads into an internal network"):
        get(f"http://shop.example:{inside.server_port}/")
    assert inside.heard == []


def test_a_name_with_one_address_inside_is_refused_whole(inside: Any, names: dict[str, list[str]]) -> None:
    names["shop.example"] = ["93.184.216.34 127.0.0.1"]
    with pytest.raises(outbound.InternalAddress):
        get(f"http://shop.example:{inside.server_port}/")


def test_the_address_that_was_checked_is_the_one_that_is_called(
    inside: Any, names: dict[str, list[str]], settings: Settings
) -> None:
    settings.OUTBOUND_ALLOWED = ["127.0.0.0/8"]
    names["shop.example"] = ["127.0.0.1", "203.0.113.1"]
    assert get(f"http://shop.example:{inside.server_port}/orders?a=1").status_code == 200
    assert inside.heard == [("/orders?a=1", f"shop.example:{inside.server_port}")]
    assert names["shop.example"] == ["203.0.113.1"]


def test_a_redirect_into_the_house_is_not_followed(
    inside: Any, names: dict[str, list[str]], settings: Settings
) -> None:
    settings.OUTBOUND_ALLOWED = ["shop.example"]
    names["shop.example"] = ["127.0.0.1"]
    with pytest.raises(outbound.InternalAddress):
        get(f"http://shop.example:{inside.server_port}/away", follow_redirects=True)
    assert [path for path, _ in inside.heard] == ["/away"]


def test_proxies_of_the_environment_do_not_lead_around_the_check(
    inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{inside.server_port}")
    with pytest.raises(outbound.InternalAddress):
        get("http://10.0.0.1/")
    assert inside.heard == []
