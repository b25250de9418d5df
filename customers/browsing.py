"""Customers as people look for them: by address, id or country, with whether they may be written to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import F, Q, QuerySet, Value

from common.pagination import CursorPage, cursor_page
from customers.addresses import BadAddress
from customers.consent import address_hash
from customers.models import Consent, Customer, CustomerIdentity, Suppression

_MOST_IDENTITIES = 50
_COUNTRIES = """
WITH RECURSIVE found AS (
    (SELECT country FROM customers_customer ORDER BY country LIMIT 1)
    UNION ALL
    SELECT (SELECT c.country FROM customers_customer c WHERE c.country > found.country ORDER BY 1 LIMIT 1)
    FROM found WHERE found.country IS NOT NULL
)
SELECT country FROM found WHERE country <> ''
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAnswer:
    """Whether marketing mail may go to a customer, in a badge's words and one of its tones, and why."""

    label: str
    tone: str
    sentence: str = ""
    since: datetime | None = None


def find(query: str, *, country: str = "") -> QuerySet[Customer]:
    """Known customers whose address begins with `query`, or whose id it is: ours, or any source's.

    A profile that was merged is found as its survivor, by its id and its address too. An empty query finds all; so
    does an empty country. At most two queries are run here.
    """
    customers = Customer.objects.known()
    if country:
        customers = customers.filter(country=country)
    if not query:
        return customers
    if (public_id := _as_uuid(query)) is not None:
        survivor = Customer.objects.named(public_id)
        return customers.filter(pk=survivor.pk) if survivor else customers.none()
    wanted = Q(email__startswith=query) | Q(email__startswith=query.lower())
    if ids := _identified(query):
        wanted |= Q(pk__in=ids)
    return customers.filter(wanted)


def customer_page(query: str, *, country: str = "", cursor: str = "") -> CursorPage[Customer]:
    """One page of `find`, newest profile first, four queries at most.

    Each has its facts, `net_minor` (revenue less refunds) in the reporting `currency`, and `mail`.
    """
    found = find(query, country=country).select_related("facts")
    rows = found.annotate(
        currency=Value(settings.REPORTING_CURRENCY),
        net_minor=F("facts__revenue_minor") - F("facts__refunded_minor"),
    )
    page: CursorPage[Customer] = cursor_page(rows, cursor=cursor)
    answers = mail_answers(page.rows)
    for customer in page:
        customer.mail = answers[customer.pk]  # type: ignore[attr-defined]
    return page


def mail_answers(customers: Sequence[Customer]) -> dict[int, MailAnswer]:
    """Say for each customer whether marketing mail may be sent; two queries for any number of them."""
    ids = [customer.pk for customer in customers]
    consents = {
        consent.customer_id: consent
        for consent in Consent.objects.filter(customer__in=ids, purpose=Consent.Purpose.MARKETING_EMAIL)
    }
    hashes = {customer.pk: _hash(customer.email) for customer in customers}
    wanted = [one for one in hashes.values() if one is not None]
    suppressed = {bytes(one.address_hash): one for one in Suppression.objects.filter(address_hash__in=wanted)}
    return {
        customer.pk: _answer(customer, consents.get(customer.pk), suppressed.get(hashes[customer.pk] or b""))
        for customer in customers
    }


def countries() -> list[str]:
    """The countries that customers are in, in order: one query that leaps from one to the next in the index."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTRIES)
        return [country for (country,) in cursor.fetchall()]


def _answer(customer: Customer, consent: Consent | None, suppression: Suppression | None) -> MailAnswer:
    if not customer.email:
        return MailAnswer(label="No address", tone="neutral", sentence="There is nowhere to write to.")
    if suppression is not None:
        return MailAnswer(
            label="Suppressed",
            tone="danger",
            sentence=f"{Suppression.Reason(suppression.reason).label}.",
            since=suppression.created_at,
        )
    if consent is None:
        return MailAnswer(label="Never asked", tone="neutral", sentence="Without consent nothing is sent.")
    if consent.is_granted:
        return MailAnswer(
            label="Allowed", tone="success", sentence=f"Given by {consent.source}.", since=consent.changed_at
        )
    return MailAnswer(
        label="Withdrawn",
        tone="warning",
        sentence=f"Taken back by {consent.source}.",
        since=consent.changed_at,
    )


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _identified(value: str) -> list[int]:
    identities = CustomerIdentity.objects.filter(value=value).values_list("customer_id", flat=True)
    if "@" in value:
        identities = identities.filter(namespace=CustomerIdentity.EMAIL)
    return list(identities[:_MOST_IDENTITIES])


def _hash(email: str | None) -> bytes | None:
    """The hash to look a suppression up by; a stored address that is none can have no suppression."""
    try:
        return address_hash(email) if email else None
    except BadAddress:
        return None
