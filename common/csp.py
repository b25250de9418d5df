"""The content security policy, with the one exception that the admin's theme needs."""

from csp.constants import SELF, UNSAFE_EVAL
from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class AdminAwareCSPMiddleware(CSPMiddleware):
    """The strict policy everywhere; below `/admin/` also `unsafe-eval`, which django-unfold needs."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Widen `script-src` for the admin before the header is written."""
        if request.path.startswith("/admin/"):
            response._csp_update = {"script-src": [SELF, UNSAFE_EVAL]}  # type: ignore[attr-defined]
        return super().process_response(request, response)
