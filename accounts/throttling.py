"""How many requests an API key may make: one counter for each key, scope and minute."""

from typing import Any

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiKey
from common import valkey
from common.clock import now

MINUTE_SECONDS = 60


class KeyThrottle(BaseThrottle):
    """Allow `DEFAULT_THROTTLE_RATES[view.throttle_scope]` requests a minute to each key, wherever they come from.

    Rates are written `6000/min`. A view without a scope is not limited.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this request; whether the key's minute still has room for it."""
        scope, key = getattr(view, "throttle_scope", None), request.auth
        return scope is None or not isinstance(key, ApiKey) or self.allows(key, scope=scope)

    def allows(self, key: ApiKey, *, scope: str) -> bool:
        """Count a request by this key; whether its minute still has room for it."""
        most = int(str(api_settings.DEFAULT_THROTTLE_RATES[scope]).removesuffix("/min"))
        minute = int(now().timestamp()) // MINUTE_SECONDS
        return valkey.is_within({f"throttle:{scope}:{key.pk}:{minute}": most}, seconds=2 * MINUTE_SECONDS)

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return MINUTE_SECONDS - now().timestamp() % MINUTE_SECONDS
