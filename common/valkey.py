"""Valkey as counters: how often something happened in a window of time, over all processes together."""

import logging
from functools import lru_cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """Return the connection pool of this process; it waits half a second at most."""
    return redis.Redis.from_url(
        settings.CACHES["default"]["LOCATION"], socket_timeout=0.5, socket_connect_timeout=0.5
    )


def is_within(limits: dict[str, int], *, seconds: int) -> bool:
    """Count one more under each name; whether none of them is now above its limit.

    One round trip. A name that nobody counts under is forgotten after `seconds`; put the window into the name.
    While Valkey is away nothing is counted and nobody is held up.
    """
    try:
        with client().pipeline(transaction=False) as pipe:
            for name in limits:
                pipe.incr(name)
                pipe.expire(name, seconds)
            counts = pipe.execute()[::2]
    except redis.RedisError:
        logger.warning("Requests are not counted: Valkey does not answer", exc_info=True)
        return True
    return all(count <= limit for count, limit in zip(counts, limits.values(), strict=True))
