"""Ingest against binary COPY and `bulk_create` into the same table, interleaved in one run.

`python -m bench.ingest` starts a PostgreSQL of its own, with durable settings, and throws it away. It prints rows/s
and ratios at batches of 100, 1,000 and 5,000 events, and with 1, 2 and 4 writing processes.

- *copy*: binary COPY of ready rows into `customers_event` with its partitions and indexes: the most there is to reach
- *stored*: the same rows by temporary table, ledger and insert: what it costs that a retry stores nothing twice
- *ingest*: events with known ids checked, keyed and stored, with facts and news
- *named*: the same in the source's own words: customers and products are looked up
- *bulk_create*: Django's, with `ignore_conflicts`

Events come as visits of about five, so 5,000 events are of about 1,000 customers; *apart* is `ingest` where hardly
two events of a batch share a customer.
"""

import multiprocessing
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CUSTOMERS, PRODUCTS, DAYS = 20_000, 1_000, 60
SIZES, WRITERS = (100, 1_000, 5_000), (1, 2, 4)
ROUNDS, ROWS_A_ROUND, ROWS_A_WRITER = 7, 10_000, 40_000
NOW = datetime.now(UTC)
WAYS = ("copy", "stored", "ingest", "named", "apart", "bulk_create")


def main() -> None:
    """Measure and print."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        os.environ["REGARDS_VAR"] = str(Path(folder) / "var")
        with _prepared_database(Path(folder) / "var"):
            for size in SIZES:
                rates = _rates(size)
                _print_row(f"batches of {size:>5,}", rates)
            for writers in WRITERS:
                _print_row(
                    f"{writers} writers", {way: _rate_of_writers(way, writers) for way in ("copy", "ingest")}
                )


def _rates(size: int) -> dict[str, float]:
    """Rows/s by way: the median of the rounds, in each of which every way has its turn."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    random.seed(size)
    for number in range(ROUNDS):
        for way in WAYS if number % 2 else reversed(WAYS):
            seconds[way].append(_seconds(way, size, ROWS_A_ROUND))
    return {way: ROWS_A_ROUND / statistics.median(some) for way, some in seconds.items()}


def _seconds(way: str, size: int, rows: int) -> float:
    """How long it takes to store so many new rows; making them is not counted."""
    made = [_made(way, size) for _ in range(rows // size)]
    store = _STORES[way]
    begin = time.perf_counter()
    for batch in made:
        store(batch)
    return time.perf_counter() - begin


def _rate_of_writers(way: str, writers: int) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(writers, initializer=_set_up) as pool:
        pool.map(_work, [(way, 1_000)] * writers, chunksize=1)
        begin = time.perf_counter()
        busy = pool.map(_work, [(way, ROWS_A_WRITER)] * writers, chunksize=1)
        del begin
    return writers * ROWS_A_WRITER / max(busy)


def _work(job: tuple[str, int]) -> float:
    return _seconds(job[0], 1_000, job[1])


def _set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


@contextmanager
def _prepared_database(var: Path) -> Iterator[None]:
    """Have a migrated database with customers, products and partitions."""
    from common.services import started

    with started(var):
        _set_up()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        _fill()
        yield
        connection.close()


def _fill() -> None:
    from customers.facts import rebuild_facts
    from customers.identity import Person, resolve
    from customers.partitions import ensure_partitions
    from products.catalogue import ProductRef, resolve_products

    resolve([Person("shop", f"c{n}") for n in range(1, CUSTOMERS + 1)], source="shop")
    refs = [ProductRef(f"p{n}", f"Product {n}", f"shop/{n % 40}") for n in range(1, PRODUCTS + 1)]
    resolve_products(refs, source="shop", currency="EUR")
    rebuild_facts()
    ensure_partitions(NOW - timedelta(days=DAYS), NOW)


def _made(way: str, size: int) -> list[Any]:
    """Events of a batch in the form that this way of storing starts from."""
    visits = 1 if way == "apart" else 5
    drawn: list[Any] = []
    while len(drawn) < size:
        customer = random.randrange(1, CUSTOMERS + 1)
        begin = NOW - timedelta(seconds=random.randrange(DAYS * 86400))
        drawn += [
            (customer, begin + timedelta(seconds=30 * step), random.randrange(1, PRODUCTS + 1))
            for step in range(random.randint(1, 2 * visits - 1))
        ]
    return [_FORMS[way](*one) for one in drawn[:size]]


def _as_row(customer: int, at: datetime, product: int) -> tuple[Any, ...]:
    return (
        uuid.uuid4().bytes,
        at,
        customer,
        1,
        product,
        product % 40 + 1,
        None,
        None,
        None,
        None,
        None,
        None,
        "shop",
    )


def _as_event(customer: int, at: datetime, product: int) -> Any:
    from customers.events_in import EventIn

    return EventIn(
        client_id=str(uuid.uuid4()), type=1, occurred_at=at, customer_id=customer, product_id=product
    )


def _as_named(customer: int, at: datetime, product: int) -> Any:
    from customers.events_in import EventIn
    from products.catalogue import ProductRef

    return EventIn(
        client_id=str(uuid.uuid4()),
        type=1,
        occurred_at=at,
        customer=f"c{customer}",
        product=ProductRef(f"p{product}"),
    )


def _as_object(customer: int, at: datetime, product: int) -> Any:
    from customers.models import Event

    return Event(
        message_id=uuid.uuid4(),
        occurred_at=at,
        customer_id=customer,
        type=1,
        product_id=product,
        category_id=product % 40 + 1,
        source="shop",
    )


def _copy(rows: list[Any]) -> None:
    from django.db import connection, transaction

    from customers.staging import copy_rows

    with transaction.atomic(), connection.cursor() as cursor:
        copy_rows(cursor, "customers_event", _EVENT_COLUMNS, rows)


_EVENT_COLUMNS = {
    "message_id": "uuid",
    "occurred_at": "timestamptz",
    "customer_id": "int8",
    "type": "int2",
    "product_id": "int8",
    "category_id": "int8",
    "order_id": "int8",
    "quantity": "int4",
    "value_minor": "int8",
    "currency": "text",
    "session": "text",
    "properties": "text",
    "source": "text",
}


def _stored(rows: list[Any]) -> None:
    from django.db import transaction

    from customers import staging

    with transaction.atomic():
        staging.fill(rows)
        staging.store_events("shop")


def _ingest(events: list[Any]) -> None:
    from customers.ingest import ingest

    ingest(events, source="shop")


def _bulk_create(objects: list[Any]) -> None:
    from customers.models import Event

    Event.objects.bulk_create(objects, ignore_conflicts=True)


def _as_staged(customer: int, at: datetime, product: int) -> tuple[Any, ...]:
    empty = (None, None, "", "", None, None, None, None, None, None)
    return (uuid.uuid4().bytes, 1, at, customer, product, product % 40 + 1, *empty, True)


_FORMS: dict[str, Callable[[int, datetime, int], Any]] = {
    "copy": _as_row,
    "stored": _as_staged,
    "ingest": _as_event,
    "named": _as_named,
    "apart": _as_event,
    "bulk_create": _as_object,
}
_STORES: dict[str, Callable[[list[Any]], None]] = {
    "copy": _copy,
    "stored": _stored,
    "ingest": _ingest,
    "named": _ingest,
    "apart": _ingest,
    "bulk_create": _bulk_create,
}


def _print_row(title: str, rates: dict[str, float]) -> None:
    told = [f"{title}: copy {rates['copy']:,.0f}/s"]
    told += [
        f"{way} {rate:,.0f}/s = {rate / rates['copy']:.2f}" for way, rate in rates.items() if way != "copy"
    ]
    if "bulk_create" in rates:
        told.append(f"stored/bulk_create {rates['stored'] / rates['bulk_create']:.1f}")
    print("; ".join(told), flush=True)


if __name__ == "__main__":
    main()
