"""Tells the pages that what they show is generated."""

from collections.abc import Callable

from django.core.cache import cache
from django.http import HttpRequest

from customers.models import SyncRun
from demo.loading import SOURCE

CACHE_KEY = "demo-data"
KEPT_SECONDS = 60


def demo_data(request: HttpRequest) -> dict[str, Callable[[], bool]]:
    """Give templates `demo_data`: whether the generated shop is in this database. Asked only where it is used."""
    return {"demo_data": has_demo_data}


def has_demo_data() -> bool:
    """Whether the generated shop was loaded here; an answer is kept for a minute."""
    return bool(cache.get_or_set(CACHE_KEY, SyncRun.objects.filter(source=SOURCE).exists, KEPT_SECONDS))
