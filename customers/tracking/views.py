"""The tracking endpoints. Plain views: this is the hot path, and nothing here is rendered."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from common.clock import now
from customers.tracking.bodies import read_body
from customers.tracking.hooks import take_hook
from customers.tracking.keys import key_in_header, throttle, write_key
from customers.tracking.protocol import key_in, parse_batch, parse_single
from customers.tracking.receiving import Receipt, note_unreadable, receive
from customers.tracking.refusals import BadRequest

logger = logging.getLogger(__name__)
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, AnonymousId",
    "Access-Control-Max-Age": "86400",
}
_encoder = msgspec.json.Encoder()


def endpoint(take: Callable[..., Receipt]) -> Callable[..., HttpResponse]:
    """Make a view of a function that takes a POST: any page's scripts may call it, refusals are RFC 9457 problems."""

    @csrf_exempt
    @login_not_required
    @wraps(take)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(status=HTTPStatus.NO_CONTENT, headers=_CORS)
        try:
            if request.method != "POST":
                raise BadRequest(
                    HTTPStatus.METHOD_NOT_ALLOWED, "Send a POST.", headers={"Allow": "POST, OPTIONS"}
                )
            return _answer(take(request, *args, **kwargs))
        except BadRequest as refusal:
            return _problem(refusal)
        except (OperationalError, InterfaceError):
            logger.exception("Events could not be stored")
            return _problem(
                BadRequest(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "The events could not be stored now; send them again.",
                    headers={"Retry-After": "5"},
                )
            )

    return view


@endpoint
def batch(request: HttpRequest) -> Receipt:
    """`POST /v1/batch` and `/v1/import`: many calls at once, each stored or refused by itself."""
    return _take(request, "")


@endpoint
def single(request: HttpRequest, type: str) -> Receipt:
    """`POST /v1/track` and its like: one call, whose type is in the address."""
    return _take(request, type)


@endpoint
def hook(request: HttpRequest, name: str) -> Receipt:
    """`POST /v1/hooks/<name>`: signed events of any other system, read by the hook's own mapping."""
    return take_hook(name, read_body(request), request.headers)


def _take(request: HttpRequest, type: str) -> Receipt:
    """Nothing but a quick look is done for those without a key; what cannot be read of the others is in the books."""
    received_at = now()
    secret = key_in_header(request.META.get("HTTP_AUTHORIZATION", ""))
    key = write_key(secret) if secret else None
    try:
        body = read_body(request)
        key = key or write_key(key_in(body))
        throttle(key)
        parcel = parse_single(body, type) if type else parse_batch(body)
    except BadRequest as refusal:
        if key is not None and refusal.status != HTTPStatus.TOO_MANY_REQUESTS:
            note_unreadable(key.source, at=received_at)
        raise
    return receive(parcel, source=key.source, received_at=received_at)


def _answer(receipt: Receipt) -> HttpResponse:
    """200 with what was taken; 400 where nothing was."""
    if receipt.accepted == 0:
        first = receipt.refused[0]
        detail = f"{first.field}: {first.detail}" if first.field else first.detail
        raise BadRequest(HTTPStatus.BAD_REQUEST, detail, errors=receipt.refused)
    return HttpResponse(_encoder.encode(receipt), content_type="application/json", headers=_CORS)


def _problem(refusal: BadRequest) -> HttpResponse:
    return HttpResponse(
        _encoder.encode(refusal.problem),
        status=refusal.status,
        content_type="application/problem+json",
        headers=_CORS | refusal.headers,
    )
