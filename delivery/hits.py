"""Openings and clicks as they come in: each is one statement, committed before it is answered."""

import uuid
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from common.clock import now
from common.prepared_statements import answers
from customers.models import Purpose
from delivery.models import MessageEvent
from delivery.verdicts import FASTEST_HUMAN_SECONDS, TOO_FAST, TRAP_INDEX, machine_verdict

# Consent is asked of whom the customer was merged into. A mail that was emptied by an erasure has no links.
_TAKE = """
WITH RECURSIVE mail AS MATERIALIZED (
    SELECT m.id, m.customer_id, m.sent_at,
        CASE WHEN m.links IS NOT NULL THEN (coalesce(l.urls, '{}') || m.links)[%(place)s::int] END AS url
    FROM delivery_message m LEFT JOIN delivery_linklist l ON l.id = m.link_list_id
    WHERE m.id = %(message)s::bigint
), person AS (
    SELECT c.id, c.merged_into_id, c.erased_at FROM mail JOIN customers_customer c ON c.id = mail.customer_id
    UNION ALL
    SELECT c.id, c.merged_into_id, c.erased_at FROM person JOIN customers_customer c ON c.id = person.merged_into_id
), noted AS (
    INSERT INTO delivery_messageevent
        (message_id, kind, occurred_at, link_index, user_agent, is_machine, verdict, dedupe_key)
    SELECT mail.id, %(kind)s, %(at)s::timestamptz, %(index)s::smallint, %(agent)s, judged.verdict <> '',
        judged.verdict, %(key)s
    FROM mail
    JOIN person ON person.merged_into_id IS NULL AND person.erased_at IS NULL
    LEFT JOIN customers_consent n ON n.customer_id = person.id AND n.purpose = %(purpose)s
    CROSS JOIN LATERAL (SELECT CASE
        WHEN %(verdict)s::text = '' AND %(at)s::timestamptz < mail.sent_at + make_interval(secs => %(fastest)s)
        THEN %(too_fast)s::text ELSE %(verdict)s::text END AS verdict) judged
    WHERE coalesce(n.is_granted, %(unasked)s) AND (mail.url IS NOT NULL OR %(place)s::int IS NULL)
)
SELECT customer_id, url FROM mail
"""


class Taken(NamedTuple):
    """Whose mail was hit, and where its link leads: None where the mail has no such link, and for openings."""

    customer_id: int
    url: str | None


def take_opening(message_id: int, request: HttpRequest) -> Taken | None:
    """Note that a mail's picture was fetched; None where there is no such mail."""
    return _take(message_id, MessageEvent.Kind.OPENED, Purpose.OPEN_TRACKING, request)


def take_click(message_id: int, index: int, request: HttpRequest) -> Taken | None:
    """Note that link `index` of a mail was followed; None where there is no such mail.

    A link that the mail does not have is not noted; `TRAP_INDEX`, which leads nowhere, is.
    """
    return _take(message_id, MessageEvent.Kind.CLICKED, Purpose.CLICK_TRACKING, request, index=index)


def _take(
    message_id: int,
    kind: MessageEvent.Kind,
    purpose: Purpose,
    request: HttpRequest,
    *,
    index: int | None = None,
) -> Taken | None:
    """Keep a raw hit with a first verdict on who made it; nothing of somebody who does not allow it."""
    agent = request.headers.get("User-Agent", "").replace("\0", "")[:300]
    values = {
        "message": message_id,
        "kind": kind.value,
        "index": index,
        "place": None if index is None or index == TRAP_INDEX else index + 1,
        "at": now(),
        "agent": agent,
        "verdict": machine_verdict(user_agent=agent, method=request.method or "", link_index=index),
        "fastest": FASTEST_HUMAN_SECONDS,
        "too_fast": TOO_FAST,
        "purpose": purpose.value,
        "unasked": not settings.TRACKING_NEEDS_CONSENT,
        "key": f"{kind.value}:{message_id}:{uuid.uuid4()}",
    }
    rows = answers(_TAKE, values)
    return Taken(*rows[0]) if rows else None
