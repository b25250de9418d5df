"""How many requests an API key may make: one counter for each key, scope and minute."""

import logging
from typing import Any

import redis
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiKey
from common.clock import now

logger = logging.getLogger(__name__)
MINUTE_SECONDS = 60


class KeyThrottle(BaseThrottle):
    """Allow `DEFAULT_THROTTLE_RATES[view.throttle_scope]` requests a minute to each key, wherever they come from.

    Rates are written `6000/min`. A view without a scope is not limited.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this request; whether the key's minute still has room for it. Two commands of Valkey; while
        it is away nobody is held up."""
        scope, key = getattr(view, "throttle_scope", None), request.auth
        if scope is None or not isinstance(key, ApiKey):
            return True
        most = int(str(api_settings.DEFAULT_THROTTLE_RATES[scope]).removesuffix("/min"))
        minute = int(now().timestamp()) // MINUTE_SECONDS
        counter = f"throttle:{scope}:{key.pk}:{minute}"
        try:
            cache.add(counter, 0, timeout=2 * MINUTE_SECONDS)
            return cache.incr(counter) <= most
        except redis.RedisError:
            logger.warning("Requests are not counted: Valkey does not answer", exc_info=True)
            return True

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return MINUTE_SECONDS - now().timestamp() % MINUTE_SECONDS
