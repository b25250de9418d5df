"""Tells every page whether the shop that it shows was generated."""

from django.core.cache import cache
from django.http import HttpRequest

from customers.models import SyncRun
from demo.loading import SOURCE

_KEPT_SECONDS = 60


def generated_data(request: HttpRequest) -> dict[str, bool]:
    """Return `is_generated_data`: whether the demo shop has been loaded here; looked up once a minute."""
    known = cache.get("demo:loaded")
    if known is None:
        known = SyncRun.objects.filter(source=SOURCE).exists()
        cache.set("demo:loaded", known, _KEPT_SECONDS)
    return {"is_generated_data": known}
