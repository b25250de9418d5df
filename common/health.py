"""Probes for whoever runs the house: is the process alive, can it serve?"""

from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse


class ProbeMiddleware:
    """Answers `/healthz` and `/readyz` before anything else looks at the request.

    Probes come from next door: by address, not by one of ALLOWED_HOSTS, over plain HTTP, and without a session.
    `/healthz` is 200 as long as the process serves requests; `/readyz` is 200 when database and cache answer,
    503 otherwise.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        if request.path == "/readyz":
            return _ready()
        return self._get_response(request)


def _ready() -> JsonResponse:
    for name, ask in {"database": _ask_database, "cache": _ask_cache}.items():
        try:
            ask()
        except Exception as error:
            return JsonResponse({"status": f"{name}: {type(error).__name__}"}, status=503)
    return JsonResponse({"status": "ok"})


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.get("readyz")
