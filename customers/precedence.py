"""Which source is believed about an order or refund that several of them tell.

Sources that share a namespace of orders each have a rank, by their `SourcePolicy` or their mapping. Lines beat an
order told without lines; then the higher rank is believed, then the name that sorts last: no order of arrival matters.
What the believed source says replaces what others said of customer, time, lines and amounts, and what others say
later is counted as a duplicate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from django.db import connection

from customers.events_in import SharedOrders
from customers.models import EventType, SourcePolicy

WITH_LINES = 1000
_TAKE_ORDERS = """
UPDATE customers_order o SET told_rank = n.rank, told_by = %s, customer_id = n.customer_id, placed_at = n.at,
  is_placed_told = false
FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::timestamptz[]) AS n(id, rank, customer_id, at) WHERE o.id = n.id
"""
_DROP_EVENTS = f"""
WITH gone AS (
  DELETE FROM customers_event WHERE customer_id = ANY(%s) AND order_id = ANY(%s)
    AND type IN ({EventType.ORDER_PLACED.value}, {EventType.ORDER_LINE.value}) RETURNING message_id
)
DELETE FROM customers_eventkey k USING gone WHERE k.message_id = gone.message_id
"""  # noqa: S608 - constants only
# What this source told of the refund before another was believed counts again.
_DROP_TOLD = """
WITH gone AS (DELETE FROM customers_event WHERE customer_id = ANY(%(customers)s) AND message_id = ANY(%(keys)s::uuid[]))
DELETE FROM customers_eventkey WHERE message_id = ANY(%(keys)s::uuid[])
"""
_TAKE_REFUNDS = """
UPDATE customers_refund r SET told_rank = n.rank, told_by = %s, customer_id = n.customer_id, refunded_at = n.at,
  amount_minor = 0, rest_key = NULL
FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::timestamptz[]) AS n(id, rank, customer_id, at) WHERE r.id = n.id
"""


class Claim(NamedTuple):
    """What a batch says of an order or refund: how far it is to be believed, whose and when it was."""

    rank: int
    customer_id: int
    at: datetime


class Told(Protocol):
    """An order or refund that has a row."""

    @property
    def id(self) -> int:
        """Its id."""

    @property
    def told_by(self) -> str:
        """The source that is believed."""

    @property
    def told_rank(self) -> int:
        """How far."""


class Settled(NamedTuple):
    """Ids of rows where another source is believed, and claims of this one by the ids of rows that it takes over."""

    outranked: set[int]
    taken: dict[int, Claim]


def shared_orders(source: str, *, declared: SharedOrders | None = None) -> SharedOrders | None:
    """Return where and how far the source is believed about orders that others tell too; None where they are its own.

    Its stored policy says so for every road on which its rows come; `declared`, of a mapping, counts where the policy
    says nothing. One query.
    """
    policy = SourcePolicy.objects.filter(source=source).exclude(orders_namespace="").first()
    return SharedOrders(policy.orders_namespace, policy.orders_rank) if policy else declared


def stronger(one: Claim, other: Claim) -> Claim:
    """Return the earlier of two claims of one source, with the higher rank of both."""
    return min(one, other, key=lambda claim: claim.at)._replace(rank=max(one.rank, other.rank))


def settle(rows: Mapping[str, Told], claims: Mapping[str, Claim], *, source: str) -> Settled:
    """Decide between what is stored and what a batch claims, both by external id."""
    settled = Settled(set(), {})
    for name, claim in claims.items():
        row = rows[name]
        if row.told_by == source:
            continue
        if (claim.rank, source) > (row.told_rank, row.told_by):
            settled.taken[row.id] = claim
        else:
            settled.outranked.add(row.id)
    return settled


def take_orders(taken: Mapping[int, Claim], *, source: str, customer_ids: Sequence[int]) -> None:
    """Make room for what `source` says of these orders; the facts of all customers concerned are locked."""
    if not taken:
        return
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_ORDERS, _values(taken, source))
        cursor.execute("DELETE FROM customers_orderline WHERE order_id = ANY(%s)", [sorted(taken)])
        cursor.execute(_DROP_EVENTS, [list(customer_ids), sorted(taken)])


def take_refunds(
    taken: Mapping[int, Claim], *, source: str, keys: Sequence[bytes], customer_ids: Sequence[int]
) -> None:
    """Do the same for refunds; `keys` are those of the events that tell them now."""
    if taken:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_REFUNDS, _values(taken, source))
            cursor.execute(_DROP_TOLD, {"customers": list(customer_ids), "keys": [key.hex() for key in keys]})


def raise_ranks(rows: Mapping[str, Told], claims: Mapping[str, Claim], *, source: str) -> None:
    """Note that a source which had told only that an order was placed tells its lines now."""
    raised = sorted(
        (row.id, claim.rank)
        for name, claim in claims.items()
        if (row := rows[name]).told_by == source and claim.rank > row.told_rank
    )
    if raised:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE customers_order o SET told_rank = n.rank"
                " FROM unnest(%s::bigint[], %s::int[]) AS n(id, rank) WHERE o.id = n.id",
                list(map(list, zip(*raised, strict=True))),
            )


def _values(taken: Mapping[int, Claim], source: str) -> list[Any]:
    ids = sorted(taken)
    claims = [taken[id] for id in ids]
    return [source, ids, *([claim[field] for claim in claims] for field in range(3))]
