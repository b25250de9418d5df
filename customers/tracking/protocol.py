"""The Segment HTTP tracking protocol: what a request may say, decoded item by item.

A bad item never spoils its batch: the envelope is decoded with its items untouched, then each by itself. Where
JSON is broken inside of an item, so that not even the envelope can be decoded, `_salvaged` cuts the items apart.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from typing import Any

import msgspec

from customers.tracking.refusals import BadItem, BadRequest

MAX_ITEM_BYTES = 32 * 1024
MAX_DEPTH = 20
TYPES = ("identify", "track", "page", "screen", "group", "alias")
Id = str | int | float


class Item(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """One call of a tracker. Keys that are not named here are accepted and ignored."""

    type: str = ""
    message_id: Id | None = None
    user_id: Id | None = None
    anonymous_id: Id | None = None
    previous_id: Id | None = None
    group_id: Id | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    write_key: str | None = None


class Envelope(msgspec.Struct, rename="camel", kw_only=True):
    """A batch with its items still as they were sent."""

    batch: list[msgspec.Raw]
    sent_at: datetime | None = None


class Parcel(msgspec.Struct):
    """What a request holds: items as bytes, their type where the address says it, when they were sent."""

    items: Sequence[bytes | msgspec.Raw]
    type: str
    sent_at: datetime | None = None


class _Key(msgspec.Struct, rename="camel"):
    write_key: str | None = None


_key_decoder = msgspec.json.Decoder(_Key)
_item_decoder = msgspec.json.Decoder(Item)
_envelope_decoder = msgspec.json.Decoder(Envelope)
_KEY = re.compile(rb'"writeKey"\s*:\s*"([^"\\]{1,200})"')
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\\Z)|[\[\]{},:]', re.DOTALL)


def key_in(body: bytes) -> str | None:
    """Return the write key that a body holds, also where it is not valid JSON; a quick look, for anybody may ask."""
    try:
        return _key_decoder.decode(body).write_key
    except (ValueError, RecursionError):
        found = _KEY.search(body)
        return found.group(1).decode("utf-8", "replace") if found else None


def parse_batch(body: bytes) -> Parcel:
    """Decode the body of `/v1/batch`. Raises BadRequest where not even its items can be told apart.

    Cutting the items of a broken body apart takes its time: only for those who have a key.
    """
    try:
        envelope = _envelope_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _bad_envelope(error) from error
    except (ValueError, RecursionError):
        envelope = _salvaged(body)
    if not envelope.batch:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "batch: it is empty.")
    return Parcel(envelope.batch, "", envelope.sent_at)


def parse_single(body: bytes, type: str) -> Parcel:
    """Take the body of `/v1/track` and its like: one item. Raises BadRequest where it is too large."""
    if len(body) > MAX_ITEM_BYTES:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "An event may be 32 KB.")
    return Parcel([body], type)


def decode_item(raw: bytes | msgspec.Raw, *, type: str = "") -> Item:
    """Decode one item; `type` overrules what it says itself. Raises BadItem."""
    if len(raw) > MAX_ITEM_BYTES:
        raise BadItem("", "too_large")
    try:
        item = _item_decoder.decode(raw)
    except msgspec.ValidationError as error:
        detail, field = _told(error)
        raise BadItem(field, "wrong_type", detail) from error
    except ValueError as error:
        raise BadItem("", "malformed", f"This is not valid JSON: {error}") from error
    except RecursionError as error:
        raise BadItem("", "too_deep") from error
    if type:
        item.type = type
    elif item.type not in TYPES:
        raise BadItem("type", "missing_type")
    _check_content(bytes(raw), item)
    return item


def id_text(value: Id | None) -> str:
    """Return an id as text: numbers are ids too, empty texts are none."""
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def occurred_at(item: Item, *, sent_at: datetime | None, received_at: datetime) -> datetime:
    """Return when the item happened by our clock: `received_at - (sent_at - timestamp)`.

    Without the moment of sending the item's own time counts; without any time, the moment of receiving. Times
    that name no zone are UTC. Raises BadItem.
    """
    said = item.original_timestamp or item.timestamp
    if said is None:
        return received_at
    sent = item.sent_at or sent_at
    try:
        at = _aware(said)
        return at if sent is None else received_at - (_aware(sent) - at)
    except OverflowError as error:
        raise BadItem("timestamp", "before_1990") from error


def check_value(value: Any, place: str, depth: int = 1) -> None:
    """Refuse a value that is nested too deeply or holds a NUL character, naming the place. Raises BadItem."""
    if depth > MAX_DEPTH:
        raise BadItem(place.split(".", 1)[0], "too_deep")
    if isinstance(value, str):
        if "\0" in value:
            raise BadItem(place, "nul_character")
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_value(key, place, depth)
            check_value(inner, f"{place}.{key}" if place else key, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            check_value(inner, f"{place}[{number}]", depth + 1)


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _check_content(raw: bytes, item: Item) -> None:
    """Refuse what JSON may say and PostgreSQL cannot store; most items are cleared by two quick looks."""
    if b"\\u0000" in raw or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        for name, place in zip(Item.__struct_fields__, Item.__struct_encode_fields__, strict=True):
            check_value(getattr(item, name), place)


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """What is wrong, as a sentence, and where."""
    text = str(error)
    place = _PLACE.search(text)
    return _PLACE.sub("", text) + ".", place.group(1) if place else ""


def _bad_envelope(error: msgspec.ValidationError) -> BadRequest:
    detail, field = _told(error)
    return BadRequest(HTTPStatus.BAD_REQUEST, f"{field}: {detail}" if field else detail)


def _salvaged(body: bytes) -> Envelope:
    """Cut the items of a batch apart by brackets and commas alone; what is broken inside of one stays there."""
    span, cuts, depth, previous, before = None, [], 0, b"", b""
    for match in _TOKEN.finditer(body):
        token = match.group()
        if token in b"[{":
            depth += 1
            if depth == 2 and token == b"[" and previous == b":" and before == b'"batch"' and not span:
                cuts = [match.end()]
        elif token in b"]}":
            depth -= 1
            if depth == 1 and cuts and not span:
                cuts.append(match.start())
                span = (cuts[0], cuts[-1])
        elif token == b"," and depth == 2 and cuts and not span:
            cuts.append(match.start())
        before, previous = previous, token
    if span is None or depth:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The body is not valid JSON.")
    try:
        envelope = _envelope_decoder.decode(body[: span[0]] + body[span[1] :])
    except msgspec.ValidationError as error:
        raise _bad_envelope(error) from error
    except (ValueError, RecursionError) as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The body is not valid JSON.") from error
    items = [body[start:end].lstrip(b", \t\r\n") for start, end in pairwise(cuts)]
    envelope.batch = [msgspec.Raw(item) for item in items]
    return envelope
