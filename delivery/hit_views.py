"""The pixel and the links of mails (no login: the signed token is the permission). Plain views: this is a hot path."""

import base64
import re
from collections.abc import Callable
from contextlib import suppress

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from common import tokens
from delivery import hits, tracking
from delivery.verdicts import TRAP_INDEX

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_HIT = re.compile(r"/t/(?:o/(?P<opened>[\w-]+)\.gif|c/(?P<clicked>[\w-]+)/(?P<index>[0-9]{1,5}))", re.ASCII)
"""As in the app's addresses, which make these and answer the rest."""
_NOT_OURS = "This link is not one of ours, or is damaged."
_TRAP_TEXT = "This link is hidden from readers. Whoever follows it is taken for a program."


@require_safe
@login_not_required
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """Answer the tracking pixel and note the opening."""
    taken = hits.take_opening(_message_id(tracking.PURPOSE_OPEN, token), request)
    if taken is None:
        raise Http404(_NOT_OURS)
    tracking.heed_privacy_signal(taken.customer_id, request)
    return HttpResponse(_PIXEL, content_type="image/gif", headers={"Cache-Control": "no-store"})


@require_safe
@login_not_required
def clicked(request: HttpRequest, token: str, index: int) -> HttpResponse:
    """Note the click and lead on to the address that this message was sent with; never to any other."""
    message_id = _message_id(tracking.PURPOSE_CLICK, token)
    taken = hits.take_click(message_id, index, request) if index <= TRAP_INDEX else None
    if taken is None or (taken.url is None and index != TRAP_INDEX):
        raise Http404("This mail has no such link.")
    tracking.heed_privacy_signal(taken.customer_id, request)
    if taken.url is None:
        answer = HttpResponse(_TRAP_TEXT, content_type="text/plain")
    else:
        answer = HttpResponseRedirect(taken.url)
    answer["Cache-Control"] = "no-store"
    return answer


class HitMiddleware:
    """Answers the pixel and links of mails before sessions, logins and pages are looked at: they need none of it.

    What is refused goes the way of every other page, so that errors look the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a hit, or pass the request on."""
        found = _HIT.fullmatch(request.path_info) if request.method == "GET" else None
        if found:
            with suppress(Http404):
                if found["index"] is None:
                    return _of_known_length(opened(request, found["opened"]))
                return _of_known_length(clicked(request, found["clicked"], int(found["index"])))
        return self._get_response(request)


def _of_known_length(answer: HttpResponse) -> HttpResponse:
    """Say how long it is, as `CommonMiddleware` does with pages: without, servers send it in chunks."""
    answer["Content-Length"] = str(len(answer.content))
    return answer


def _message_id(purpose: str, token: str) -> int:
    try:
        return tokens.read(purpose, token)
    except tokens.BadToken:
        raise Http404(_NOT_OURS) from None
