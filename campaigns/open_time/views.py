"""Pictures and links of mails that choose products when opened (no login: the signed token is the permission)."""

import hashlib
import time

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.audit import shows_people
from campaigns.open_time import deciding, places
from campaigns.open_time.drawing import draw
from campaigns.open_time.photos import photo_of
from campaigns.tagging import Tags, tagged
from campaigns.templating.links import web_url
from common import tokens
from delivery.models import Message
from products.models import Product

DRAWING_SECONDS = 0.05
"""What drawing needs of the time that an opening has."""


@require_safe
@login_not_required
def picture(request: HttpRequest, token: str, slot: int, place: int) -> HttpResponse:
    """Choose what this opening shows at a place, note it, and draw it. Asked for its headers, it chooses nothing."""
    started = time.monotonic()
    message_id = _read(places.PURPOSE, token)
    if request.method == "HEAD":
        mail = deciding.mail_of(message_id)
        card = deciding.last_shown(mail, slot, place) if mail else None
    else:
        agent = request.headers.get("User-Agent", "")
        card = deciding.show(message_id, slot, place, user_agent=agent)
    seconds = deciding.ALL_SECONDS - DRAWING_SECONDS - (time.monotonic() - started)
    return _drawn(request, card, seconds=seconds)


@require_safe
@login_not_required
def link(request: HttpRequest, token: str, slot: int, place: int) -> HttpResponse:
    """Lead to the product that was last shown at a place, else to the stored one; never to where an address says."""
    mail = deciding.mail_of(_read(places.PURPOSE, token))
    card = deciding.last_shown(mail, slot, place) if mail else None
    url = web_url(card["url"]) if card else None
    if mail is None or url is None:
        raise Http404("This mail shows no such product, or is no longer kept.")
    answer = HttpResponseRedirect(tagged(url, Tags.of_json(mail.tags)))
    answer["Cache-Control"] = "no-store"
    return answer


@require_safe
@login_not_required
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Draw a product as a preview shows it: it belongs to no message, and counts as nothing."""
    product = get_object_or_404(
        Product.objects.select_related("category"), pk=_read(places.PURPOSE_PREVIEW, token)
    )
    return _drawn(request, places.card_of(product), seconds=deciding.ALL_SECONDS)


@shows_people("looked at a mail as it was sent")
@require_safe
@xframe_options_sameorigin
def as_shown(request: HttpRequest, pk: int, slot: int, place: int) -> HttpResponse:
    """Draw for a colleague what a mail showed last: their look is no opening."""
    get_object_or_404(Message, pk=pk)
    mail = deciding.mail_of(pk)
    card = deciding.last_shown(mail, slot, place) if mail else None
    return _drawn(request, card, seconds=deciding.ALL_SECONDS)


def _drawn(request: HttpRequest, card: places.Card | None, *, seconds: float) -> HttpResponse:
    """A picture that may be kept, but has to be asked for again each time."""
    drawn = draw(card, photo_of(card["image_url"], seconds=seconds) if card else None)
    response = HttpResponse(drawn, content_type="image/png")
    response["Cache-Control"] = "private, no-cache, max-age=0"
    etag = f'"{hashlib.blake2b(drawn, digest_size=12).hexdigest()}"'
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


def _read(purpose: str, token: str) -> int:
    try:
        return tokens.read(purpose, token)
    except tokens.BadToken:
        raise Http404("This address is not one of ours, or is damaged.") from None
