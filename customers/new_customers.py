"""Rows of new customers and of the ids that lead to them; whoever stores them holds the makers' lock."""

import json
from collections.abc import Iterable, Mapping

from django.db import connection

from common.clock import now
from customers.address_changes import EMAIL_AT


def next_ids(count: int) -> list[int]:
    """Take ids for so many customers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('customers_customer', 'id')) FROM generate_series(1, %s)",
            [count],
        )
        return [id for (id,) in cursor.fetchall()]


def address_times(emails: Iterable[str | None], told_at: Mapping[str, float]) -> list[str]:
    """Return what `Customer.traits_at` says of each of these addresses, as JSON."""
    at = now().timestamp()
    return [json.dumps({EMAIL_AT: told_at.get(email, at)} if email else {}) for email in emails]


def insert_customers(
    new: list[tuple[int, str | None, bool]], source: str, told_at: Mapping[str, float]
) -> None:
    """Store customers (id, address or None, whether anonymous) whom a source told first.

    `told_at` says when addresses were told, in seconds since 1970; now, where it does not.
    """
    if not new:
        return
    ids, emails, visitors = map(list, zip(*new, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customer (id, public_id, email, is_anonymous, source, first_name, last_name,"
            " gender, country, region, city, locale, device, attributes, allows_profiling, traits_at)"
            " SELECT n.id, gen_random_uuid(), n.email, n.is_anonymous, %s, '', '', '', '', '', '', '', '', '{}',"
            " true, n.times"
            " FROM unnest(%s::bigint[], %s::text[], %s::boolean[], %s::jsonb[]) AS n(id, email, is_anonymous, times)"
            " ORDER BY n.id",
            [source, ids, emails, visitors, address_times(emails, told_at)],
        )


def insert_identities(identities: Mapping[tuple[str, str], tuple[int, str]]) -> None:
    """Store identities: customer and `CustomerIdentity.Way` by namespace and value."""
    if not identities:
        return
    rows = sorted((namespace, value, id, way) for (namespace, value), (id, way) in identities.items())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customeridentity (namespace, value, customer_id, attached_by)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            list(map(list, zip(*rows, strict=True))),
        )
