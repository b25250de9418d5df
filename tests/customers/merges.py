"""Shared by the tests of merging: events to tell, and everything that is stored, to be compared."""

import json
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection

from common.clock import now
from customers.consent import MERGED
from customers.events_in import EventIn
from customers.models import Customer, CustomerIdentity, EventType
from customers.undoing import UNDONE

PASSING = {"customers.touched", "customers.merge", "customers.mergedrow"}


def snapshot() -> dict[str, list[Any]]:
    """Every row of every model that belongs to a customer, without what a merge leaves as its trace."""
    models = [
        model
        for model in apps.get_models()
        if model is Customer or any(field.related_model is Customer for field in model._meta.local_fields)
    ]
    return {
        model._meta.label_lower: _rows(model._meta.db_table)
        for model in models
        if model._meta.label_lower not in PASSING
    }


def _rows(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t) - 'updated_at' FROM {table} t ORDER BY 1")
        rows = [json.loads(row) for (row,) in cursor.fetchall()]
    is_log = table == "customers_consentrecord"
    return [row for row in rows if not is_log or row["source"] not in (MERGED, UNDONE)]


def view(client_id: str, **who: str) -> EventIn:
    at = now() - timedelta(hours=1)
    return EventIn(client_id=client_id, type=EventType.PRODUCT_VIEWED, occurred_at=at, **who)


def bought(order: str, minor: int, **who: str) -> EventIn:
    at = now() - timedelta(days=1)
    return EventIn(
        client_id=order,
        type=EventType.ORDER_LINE,
        occurred_at=at,
        order=order,
        line="1",
        value_minor=minor,
        quantity=1,
        currency="EUR",
        **who,
    )


def refunded(refund: str, order: str, minor: int, **who: str) -> EventIn:
    return EventIn(
        client_id=refund,
        type=EventType.ORDER_REFUNDED,
        occurred_at=now(),
        order=order,
        refund=refund,
        value_minor=minor,
        currency="EUR",
        **who,
    )


def owner(namespace: str, value: str) -> Customer:
    return CustomerIdentity.objects.get(namespace=namespace, value=value).customer
