"""Who sends: the write key of a tracker, and how often it may call."""

import base64
import binascii
from datetime import datetime, timedelta
from http import HTTPStatus

import msgspec
from django.conf import settings

from accounts.models import ApiKey
from common import valkey
from common.clock import now
from customers.tracking.refusals import BadRequest

KEPT_FOR = timedelta(seconds=5)
_MOST_KEPT = 1000
_USE_IS_NOTED_EVERY = timedelta(minutes=1)
_WINDOW_SECONDS = 60


class WriteKey(msgspec.Struct, frozen=True):
    """A key that may send events, and the source that they belong to."""

    id: int
    source: str
    until: datetime


_kept: dict[bytes, WriteKey] = {}


def key_in_header(authorization: str) -> str | None:
    """Return the key of `Authorization: Basic` (the user name) or `Bearer`; None without the header.

    Raises BadRequest (401) for a header that is neither.
    """
    if not authorization:
        return None
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    try:
        if scheme.lower() == "basic":
            return base64.b64decode(given.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError) as error:
        raise _unknown() from error
    raise _unknown()


def write_key(secret: str | None) -> WriteKey:
    """Return the key behind a secret: one indexed query, then remembered for five seconds.

    A key that is revoked is refused five seconds later at most. Raises BadRequest (401, 403).
    """
    if not secret:
        raise _unknown()
    at = now()
    digest = ApiKey.digest_of(secret)
    kept = _kept.get(digest)
    if kept is None or kept.until <= at:
        _kept.pop(digest, None)
        kept = _looked_up(digest, at)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[digest] = kept
    return kept


def throttle(key: WriteKey) -> None:
    """Count the request; raise BadRequest (429) beyond `settings.TRACKING_REQUESTS_PER_MINUTE`.

    Minutes are counted in Valkey, for all processes together. While Valkey is away nobody is held up.
    """
    limit = settings.TRACKING_REQUESTS_PER_MINUTE
    seconds = int(now().timestamp())
    name = f"tracking:{key.id}:{seconds // _WINDOW_SECONDS}"
    if not valkey.is_within({name: limit}, seconds=2 * _WINDOW_SECONDS):
        wait = _WINDOW_SECONDS - seconds % _WINDOW_SECONDS
        raise BadRequest(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"This key may send {limit:,} requests a minute; go on in {wait} seconds.",
            headers={"Retry-After": str(wait)},
        )


def _looked_up(digest: bytes, at: datetime) -> WriteKey:
    key = ApiKey.objects.usable(at).filter(digest=digest).first()
    if key is None:
        raise _unknown()
    if ApiKey.Scope.TRACK_WRITE not in key.scopes or not key.source:
        raise BadRequest(HTTPStatus.FORBIDDEN, "This key may not send events, or names no source for them.")
    if key.last_used_at is None or at - key.last_used_at > _USE_IS_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
    expires = key.expires_at or at + KEPT_FOR
    return WriteKey(key.pk, key.source, min(at + KEPT_FOR, expires))


def _unknown() -> BadRequest:
    return BadRequest(
        HTTPStatus.UNAUTHORIZED,
        "Send a write key as the user name of HTTP basic; this one is missing, unknown, revoked or expired.",
        headers={"WWW-Authenticate": 'Basic realm="tracking", charset="UTF-8"'},
    )
