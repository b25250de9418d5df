"""Signed webhooks: any other system posts its events, and the hook's mapping says what they mean.

Signatures follow Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature` over the bytes sent,
refused when more than five minutes off. A delivery that was taken is not taken again, and events are known by the
id that the mapping gives them, so a replay changes nothing. Only refused records are told back; no body is kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
import redis
from django.core.cache import cache
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from common.clock import now
from customers.declared_consent import grant_declared
from customers.events_in import EventIn
from customers.importing.mapping import RowMapping, shared_orders
from customers.importing.records import found, header_of, row_of
from customers.importing.schema import MappingError, check_mapping
from customers.ingest import IngestResult, ingest
from customers.models import EventHook
from customers.quality.sources import note_mapping
from customers.tracking import refused
from customers.tracking.books import enter
from customers.tracking.protocol import check_value
from customers.tracking.receiving import Receipt
from customers.tracking.refusals import FIELDS, BadItem, BadRequest, ItemRefusal

_REMEMBERED_SECONDS = 15 * 60
_decoder = msgspec.json.Decoder()


def take_hook(name: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
    """Store the records of a signed body and say what became of each. Raises BadRequest."""
    hook = EventHook.objects.filter(name=name, is_enabled=True).first()
    if hook is None:
        raise BadRequest(HTTPStatus.NOT_FOUND, "There is no hook of this name.")
    _verify(hook, body, headers)
    records = _records(hook.mapping, body)
    delivery = f"hook:{hook.pk}:{headers['webhook-id'][:200]}"
    if _is_taken(delivery):
        return _receipt(len(records), [], IngestResult(duplicates=len(records)))
    receipt = _store(hook, records)
    if receipt.success:
        _remember(delivery)
    return receipt


def _is_taken(delivery: str) -> bool:
    """Whether a delivery was stored whole already. While Valkey is away the ledger of events alone decides."""
    try:
        return bool(cache.get(delivery))
    except redis.RedisError:
        return False


def _remember(delivery: str) -> None:
    with suppress(redis.RedisError):
        cache.set(delivery, 1, _REMEMBERED_SECONDS)


def _verify(hook: EventHook, body: bytes, headers: Mapping[str, str]) -> None:
    try:
        Webhook(hook.secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError) as error:
        raise BadRequest(
            HTTPStatus.UNAUTHORIZED,
            "The signature does not fit: webhook-id, webhook-timestamp (within five minutes) and"
            " webhook-signature must be those of Standard Webhooks for this body and this hook's secret.",
        ) from error


def _records(mapping: Mapping[str, Any], body: bytes) -> list[Any]:
    """The records of a body: a list, one object, or a list at the path that the mapping names."""
    try:
        said = _decoder.decode(body)
    except RecursionError as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "The body is nested too deeply.") from error
    except ValueError as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, f"The body is not valid JSON: {error}") from error
    records = found(said, mapping.get("http", {}).get("records", ""))
    if isinstance(records, dict):
        return [records]
    if not isinstance(records, list) or not records:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "Send an object, or a list of at least one.")
    return records


def _store(hook: EventHook, records: list[Any]) -> Receipt:
    mapping = hook.mapping
    try:
        check_mapping(mapping)
        header = header_of(mapping)
        rows = RowMapping(mapping, header)
    except MappingError as error:
        raise BadRequest(HTTPStatus.CONFLICT, f"The hook's mapping cannot be used: {error}") from error
    events: list[EventIn] = []
    positions: list[int] = []
    bad: dict[int, BadItem] = {}
    for index, record in enumerate(records):
        try:
            events.append(_event(record, header, rows))
            positions.append(index)
        except BadItem as error:
            bad[index] = error
    early = Counter(error.reason for error in bad.values())
    result = ingest(events, source=rows.source, orders=shared_orders(mapping)) if events else IngestResult()
    for position, reason in result.rejects:
        bad[positions[position]] = BadItem(FIELDS.get(reason, ""), reason)
    named = ((event.namespace or rows.source, event.customer, event.email) for event in events)
    grant_declared(mapping, result.customer_ids, named=named, source=f"hook {rows.source}")
    at, books = now(), f"hook {hook.name}"
    enter(
        books,
        inserted=result.inserted,
        duplicates=result.duplicates,
        rejected=result.rejected + early,
        at=at,
    )
    if bad:
        note_mapping(books, mapping)
        refused.keep(_kept(records, header, rows, bad), source=books, at=at)
    return _receipt(len(records), [bad[index].at(index, None) for index in sorted(bad)], result)


def _kept(
    records: list[Any], header: list[str], rows: RowMapping, bad: Mapping[int, BadItem]
) -> Iterator[refused.Refused]:
    """The refused records as the rows that the mapping reads; what is no row cannot be mended, and is counted only."""
    for index, error in bad.items():
        with suppress(RecursionError):
            row = row_of(records[index], header)
            if isinstance(row, list):
                cells = [[name, cell] for name, cell in zip(header, row, strict=True)]
                yield refused.Refused(index, error.reason, cells, rows.people(row))


def _event(record: Any, header: list[str], rows: RowMapping) -> EventIn:
    check_value(record, "")
    row = row_of(record, header)
    event = rows.event(row) if isinstance(row, list) else row
    if isinstance(event, str):
        raise BadItem(FIELDS.get(event, ""), event)
    return event


def _receipt(received: int, refused: list[ItemRefusal], result: IngestResult) -> Receipt:
    return Receipt(
        success=not refused,
        received=received,
        accepted=received - len(refused),
        stored=result.inserted,
        duplicates=result.duplicates,
        refused=refused,
    )
