"""Who calls a public page, as far as a limit needs to know: keyed hashes of their address and network, for an hour."""

import hashlib
import ipaddress
import logging

import redis
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from common.clock import now

logger = logging.getLogger(__name__)
HOUR_SECONDS = 3600


def is_within(request: HttpRequest, what: str, *, by_address: int, by_network: int) -> bool:
    """Count a call; whether its address and its network have made no more than so many of this kind this hour.

    A network is the first 24 bits of an old address and 64 of a new one. While Valkey is away nobody is held up.
    """
    address = caller_address(request)
    network = _network(address)
    hour = int(now().timestamp()) // HOUR_SECONDS
    try:
        counts = [
            (_counted(f"calls:{what}:{hour}:{_hash(one)}"), most)
            for one, most in ((address, by_address), (network, by_network))
        ]
    except redis.RedisError:
        logger.warning("Calls are not counted: Valkey does not answer", exc_info=True)
        return True
    return all(count <= most for count, most in counts)


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


def _counted(key: str) -> int:
    cache.add(key, 0, timeout=2 * HOUR_SECONDS)
    return int(cache.incr(key))
