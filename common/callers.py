"""Who calls a public page, as far as a limit needs to know: keyed hashes of their address and network, for an hour."""

import hashlib
import ipaddress

from django.conf import settings
from django.http import HttpRequest

from common import valkey
from common.clock import now

HOUR_SECONDS = 3600


def is_within(request: HttpRequest, what: str, *, by_address: int, by_network: int) -> bool:
    """Count a call; whether its address and its network have made no more than so many of this kind this hour.

    A network is the first 24 bits of an old address and 64 of a new one. While Valkey is away nobody is held up.
    """
    address = caller_address(request)
    network = _network(address)
    hour = int(now().timestamp()) // HOUR_SECONDS
    limits = {
        f"calls:{what}:{hour}:address:{_hash(address)}": by_address,
        f"calls:{what}:{hour}:network:{_hash(network)}": by_network,
    }
    return valkey.is_within(limits, seconds=2 * HOUR_SECONDS)


def caller_address(request: HttpRequest) -> str:
    """Return the caller's address: what the outermost of our own proxies (`TRUSTED_PROXIES` of them) has seen."""
    seen = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",")]
    hops = [*filter(None, seen), request.META.get("REMOTE_ADDR", "")]
    return _plain(str(hops[max(-1 - settings.TRUSTED_PROXIES, -len(hops))]))


def _plain(address: str) -> str:
    """An old address that comes in the clothes of a new one (`::ffff:192.0.2.1`), as a listener for both sees it."""
    try:
        return str(getattr(ipaddress.ip_address(address), "ipv4_mapped", None) or address)
    except ValueError:
        return address


def _network(address: str) -> str:
    try:
        bits = 24 if ipaddress.ip_address(address).version == 4 else 64
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=16).hexdigest()
