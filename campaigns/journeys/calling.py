"""Webhook steps' calls: signed as Standard Webhooks says, retried for two days, known to the receiver by their id."""

import json
import logging
import time
from datetime import timedelta

import httpx
from django.db import connection
from django.db.models.functions import Now
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from campaigns.models import WebhookCall
from common import outbound
from common.clock import now

logger = logging.getLogger(__name__)
TIMEOUT = httpx.Timeout(10)
LEASE = timedelta(minutes=2)
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440)]
_CLAIM = """
UPDATE campaigns_webhookcall SET attempts = attempts + 1, due_at = statement_timestamp() + make_interval(secs => %s)
WHERE id = (
    SELECT id FROM campaigns_webhookcall WHERE state = 'queued' AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""


def call_due(*, seconds: float = 60.0) -> int:
    """Make the calls that are due, one after another, none begun after so many seconds; return how many were taken.

    A worker that dies leaves its call to be made again when its lease is over: receivers know it by `webhook-id`.
    """
    taken, until = 0, time.monotonic() + seconds
    with outbound.client(timeout=TIMEOUT) as client:
        while time.monotonic() < until and (call := _claimed()) is not None:
            taken += _make(client, call)
    return taken


def is_any_due() -> bool:
    """Whether a call is to be made now."""
    return WebhookCall.objects.filter(state=WebhookCall.State.QUEUED, due_at__lte=Now()).exists()


def _claimed() -> WebhookCall | None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [LEASE.total_seconds()])
        row = cursor.fetchone()
    return WebhookCall.objects.select_related("enrolment__journey").get(pk=row[0]) if row else None


def _make(client: httpx.Client, call: WebhookCall) -> bool:
    try:
        # What the answer says is of no interest, and may be without end.
        with client.stream("POST", call.url, content=_body(call), headers=_headers(call)) as answer:
            is_taken, said = answer.is_success, f"answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, EmptyWebhookSecretError) as error:
        is_taken, said = False, f"{type(error).__name__}: {error}"
    _settle(call, is_taken=is_taken, said=said[:200])
    return is_taken


def _body(call: WebhookCall) -> bytes:
    return json.dumps(call.body, sort_keys=True).encode()


def _headers(call: WebhookCall) -> dict[str, str]:
    name, moment = f"regards-call-{call.pk}", now()
    signature = Webhook(call.enrolment.journey.webhook_secret).sign(name, moment, _body(call).decode())
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }


def _settle(call: WebhookCall, *, is_taken: bool, said: str) -> None:
    """Write the answer, unless a later attempt has begun since."""
    state = WebhookCall.State.DONE if is_taken else WebhookCall.State.QUEUED
    if not is_taken and call.attempts > len(WAITS):
        state = WebhookCall.State.FAILED
    changes: dict[str, object] = {"state": state, "said": said}
    if state == WebhookCall.State.QUEUED:
        changes["due_at"] = now() + WAITS[call.attempts - 1]
    mine = WebhookCall.objects.filter(pk=call.pk, attempts=call.attempts, state=WebhookCall.State.QUEUED)
    mine.update(**changes)
