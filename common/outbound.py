"""Calls to addresses that a colleague typed: they may lead anywhere in the world, and nowhere inside the house.

The name is resolved here, every address it has is checked, and the connection goes to the address that was checked: a
name that leads elsewhere a moment later makes no difference. Each redirect passes the same way.
"""

import ipaddress
import socket
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import httpx
from django.conf import settings

Address = IPv4Address | IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The middle of an address in which one of the old kind follows, in networks that wrap those (RFC 5214)."""
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b:1::/48",  # NAT64 of one's own (RFC 8215)
        "3fff::/20",  # documentation (RFC 9637)
        "192.88.99.0/24",  # relays of 6to4, which are no more (RFC 7526)
    )
)


class InternalAddress(httpx.TransportError):
    """The address leads into a network of our own; the message names the host."""


def client(*, timeout: httpx.Timeout) -> httpx.Client:
    """Return a client for addresses that a colleague typed. Proxies of the environment are not used.

    It raises InternalAddress, and what httpx raises.
    """
    return httpx.Client(transport=_Guarded(), timeout=timeout, trust_env=False)


class TooMuch(httpx.TransportError):
    """The answer is too large, or takes too long; the message says which."""


def body_of(response: httpx.Response, *, most_bytes: int, most_seconds: float) -> bytes:
    """Read a streamed answer; raises TooMuch where it never ends or drips."""
    body = bytearray()
    started = time.monotonic()
    for chunk in response.iter_bytes():
        if time.monotonic() - started > most_seconds:
            raise TooMuch(f"The answer took longer than {most_seconds:.0f} seconds.")
        body += chunk
        if len(body) > most_bytes:
            raise TooMuch(f"The answer is larger than {most_bytes // 2**20} MB.")
    return bytes(body)


class _Guarded(httpx.BaseTransport):
    """Sends each request to an address that was checked; a connection serves one name only."""

    def __init__(self) -> None:
        self._transports: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request as it is, but to the checked address; certificates are those of the name."""
        host = request.url.host
        address = checked(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        sent = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        if host not in self._transports:  # making one reads all certificates
            self._transports.setdefault(host, httpx.HTTPTransport())
        return self._transports[host].handle_request(sent)

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()


def checked(host: str, port: int) -> Address:
    """The first address of a host, all of which must be allowed. Raises InternalAddress and httpx.ConnectError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} is not known: {error}") from error
    addresses = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    if not addresses:
        raise httpx.ConnectError(f"{host} is not known.")
    if not all(_is_allowed(host, address) for address in addresses):
        raise InternalAddress(
            f"{host} leads into an internal network. Who runs Regards may allow it (OUTBOUND_ALLOWED)."
        )
    return addresses[0]


def _is_allowed(host: str, address: Address) -> bool:
    for allowed in settings.OUTBOUND_ALLOWED:
        if allowed.lower() == host.lower():
            return True
        if _is_network(allowed) and address in ipaddress.ip_network(allowed, strict=False):
            return True
    return all(map(_is_public, _meant(address)))


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _meant(address: Address) -> Iterator[Address]:
    """The address, and those of the old kind that are wrapped in it."""
    yield address
    if isinstance(address, IPv6Address):
        wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64 or int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            wrapped.append(IPv4Address(int(address) & 0xFFFFFFFF))
        yield from (one for one in wrapped if one is not None)


def _is_public(address: Address) -> bool:
    is_site_local = isinstance(address, IPv6Address) and address.is_site_local
    is_wrapping = isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64)
    is_special = address.is_multicast or address.is_reserved or address.is_link_local or is_site_local
    is_special = is_special or any(address in network for network in _SPECIAL)
    return is_wrapping or (address.is_global and not is_special)
