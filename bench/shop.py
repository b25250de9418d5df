"""A shop of any size from the demo's generator, the same rows in PostgreSQL and in a DuckDB file.

About twenty events a customer over eighteen months, in time order; made block by block, so that a million customers
need little more memory than fifty thousand. PostgreSQL has the product's own tables, partitions and indexes.
"""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from django.db.backends.utils import CursorWrapper

from demo.history import build_history
from demo.kinds import KINDS
from demo.names import COUNTRIES
from demo.records import TYPES, History
from demo.world import World, build_world

BLOCK = 50_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""The moment the history ends at; segments are judged at it."""
_VISITS, _LETTERS = 0.12, 2

_MAKE = """
CREATE TABLE customer (id BIGINT, country VARCHAR, city VARCHAR, signed_up_at TIMESTAMP,
    consents BOOLEAN, is_anonymous BOOLEAN);
CREATE TABLE "order" (id BIGINT, customer_id BIGINT, placed_at TIMESTAMP, total_minor BIGINT);
CREATE TABLE unsorted (occurred_at TIMESTAMP, customer_id BIGINT, type SMALLINT, product_id BIGINT,
    category_id BIGINT, order_id BIGINT, quantity INTEGER, value_minor BIGINT);
"""
_CUSTOMERS = (
    "INSERT INTO customer SELECT id, country, city, make_timestamp(at_ms * 1000), consents, false FROM block"
)
_ORDERS = 'INSERT INTO "order" SELECT id, customer, make_timestamp(at_ms * 1000), total FROM block'
_EVENTS = """
INSERT INTO unsorted SELECT make_timestamp(at_ms * 1000), customer, type, nullif(product, 0),
    nullif(category, 0), nullif("order", 0), nullif(quantity, 0), nullif(value, 0)
FROM block ORDER BY at_ms
"""
_SORT = "CREATE TABLE event AS SELECT * FROM unsorted ORDER BY occurred_at; DROP TABLE unsorted; CHECKPOINT"

_TO_POSTGRES = {
    "customers_customer": """SELECT id, uuid() AS public_id, 'c' || id || '@example.com' AS email, country, city,
        signed_up_at, '' AS first_name, '' AS last_name, '' AS gender, '' AS region, '' AS locale, '' AS device,
        '{}' AS attributes, is_anonymous, true AS allows_profiling, 'bench' AS source FROM customer""",
    "customers_order": """SELECT id, 'bench' AS source, id AS external_id, customer_id, placed_at,
        'EUR' AS currency, total_minor FROM "order" """,
    "customers_event": """SELECT uuid() AS message_id, occurred_at, customer_id, type, product_id, category_id,
        order_id, quantity, value_minor, 'EUR' AS currency, 'bench' AS source FROM event""",
}

_SCORES = """
INSERT INTO customers_score (customer_id, kind, value, percentile, model_version, computed_at)
SELECT customer_id, 'ltv', value, 100 * cume_dist() OVER (ORDER BY value), 'bench', %s
FROM (SELECT customer_id, revenue_minor + customer_id %% 997 / 1000.0 AS value FROM customers_customerfacts) made
"""


def make_shop(file: Path, *, customers: int) -> duckdb.DuckDBPyConnection:
    """Generate the shop into a DuckDB file and into the (migrated, empty) database; return the open file."""
    shop = duckdb.connect(str(file), config={"threads": 2})
    shop.execute(_MAKE)
    for start in range(0, customers, BLOCK):
        _add_block(shop, start, min(BLOCK, customers - start))
    shop.execute(_SORT)
    _fill_postgres(shop)
    return shop


def _add_block(shop: duckdb.DuckDBPyConnection, start: int, size: int) -> None:
    """Add the next customers with what they did; every block is a shop of its own with the same catalogue."""
    world = build_world(seed=start + 1, size=size, now=NOW)
    world = replace(
        world,
        catalogue=build_world(seed=1, size=1, now=NOW).catalogue,
        visits_per_month=world.visits_per_month * _VISITS,
    )
    history = build_history(world)
    orders = shop.execute('SELECT count(*) FROM "order"').fetchall()[0][0]
    _insert(shop, _CUSTOMERS, _customers(world, start))
    _insert(shop, _ORDERS, _orders(history, start, orders))
    _insert(shop, _EVENTS, _events(world, history, start, orders))


def _insert(shop: duckdb.DuckDBPyConnection, statement: str, block: dict[str, np.ndarray]) -> None:
    shop.register("block", block)
    shop.execute(statement)
    shop.unregister("block")


def _customers(world: World, start: int) -> dict[str, np.ndarray]:
    every = range(world.size)
    return {
        "id": np.arange(world.size) + start + 1,
        "country": np.array([COUNTRIES[index].code for index in world.country], dtype=object),
        "city": np.array([world.city_of(index).name for index in every], dtype=object),
        "at_ms": np.array([int(world.at(float(day)).timestamp() * 1000) for day in world.signup_day]),
        "consents": world.consents,
    }


def _orders(history: History, start: int, known: int) -> dict[str, np.ndarray]:
    orders = history.orders
    return {
        "id": np.arange(len(orders.customer)) + known + 1,
        "customer": orders.customer + start + 1,
        "at_ms": orders.placed_ms,
        "total": orders.total_minor,
    }


def _events(world: World, history: History, start: int, known_orders: int) -> dict[str, np.ndarray]:
    """Every event but those of each second newsletter; 0 stands for nothing."""
    events = history.events
    events = events.take((events.newsletter < 0) | (events.newsletter % _LETTERS == 0))
    category = world.catalogue.kind[events.product] + 1
    return {
        "at_ms": events.at_ms,
        "customer": events.customer + start + 1,
        "type": _numbers()[events.type],
        "product": events.product + 1,
        "category": np.where(events.product >= 0, category, 0),
        "order": np.where(events.order >= 0, events.order + known_orders + 1, 0),
        "quantity": events.quantity,
        "value": events.value,
    }


def _numbers() -> np.ndarray:
    """The product's numbers of the generator's event types."""
    from customers.models import EventType

    return np.array([EventType[name.upper()].value for name in TYPES])


def _fill_postgres(shop: duckdb.DuckDBPyConnection) -> None:
    from django.db import connection

    from customers.facts import rebuild_facts
    from customers.partitions import ensure_partitions

    # DuckDB's timestamps have no zone; all are UTC.
    first = shop.execute("SELECT min(occurred_at) FROM event").fetchall()[0][0]
    ensure_partitions(first.replace(tzinfo=UTC), NOW)
    _fill_catalogue(shop)
    with connection.cursor() as cursor, tempfile.NamedTemporaryFile(suffix=".csv") as file:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        # COPY into a table without indexes and then building them is three times as fast.
        made = _drop_event_indexes(cursor)
        for table, select in _TO_POSTGRES.items():
            shop.execute(f"COPY ({select}) TO '{file.name}' (FORMAT csv, HEADER)")
            _copy(cursor, table, Path(file.name))
        for statement in made:
            cursor.execute(statement)
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('customers_customer', 'id'), max(id)) FROM customers_customer"
        )
        cursor.execute("VACUUM (ANALYZE)")
        rebuild_facts()
        cursor.execute(_SCORES, [NOW])
        cursor.execute("VACUUM (ANALYZE) customers_customerfacts, customers_score")
        _facts_from(cursor, shop, Path(file.name))


def _drop_event_indexes(cursor: CursorWrapper) -> list[str]:
    """Drop the indexes of the event table, and return the statements that make them again."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'customers_event' AND indexname !~ '_pkey$'"
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    cursor.execute("ALTER TABLE customers_event DROP CONSTRAINT customers_event_pkey")
    # The definition of a partitioned index says ONLY: that would leave the partitions without.
    return [
        *(made.replace(" ON ONLY ", " ON ", 1) for _, made in found),
        "ALTER TABLE customers_event ADD PRIMARY KEY (message_id, occurred_at)",
    ]


def _copy(cursor: CursorWrapper, table: str, file: Path) -> None:
    with file.open("rb") as source:
        columns = source.readline().decode().strip()
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv)") as copy:
            while chunk := source.read(1 << 20):
                copy.write(chunk)


def _fill_catalogue(shop: duckdb.DuckDBPyConnection) -> None:
    """Store categories and products under the numbers that the events use."""
    from products.models import Category, Product

    roots = {kind.above: "/".join(name.lower() for name in kind.above) for kind in KINDS}
    paths = {number: f"{roots[kind.above]}/{kind.slug}" for number, kind in enumerate(KINDS, start=1)}
    Category.objects.bulk_create(Category(pk=pk, path=path, name=path) for pk, path in paths.items())
    made = build_world(seed=1, size=1, now=NOW).catalogue
    Product.objects.bulk_create(
        Product(
            pk=number,
            source="bench",
            external_id=product.sku,
            name=product.name,
            category_id=int(made.kind[number - 1]) + 1,
            price_minor=product.price_minor,
            currency="EUR",
        )
        for number, product in enumerate(made.products, start=1)
    )
    shop.execute("CREATE TABLE category (id BIGINT, path VARCHAR)")
    shop.executemany("INSERT INTO category VALUES (?, ?)", list(paths.items()))


def _facts_from(cursor: CursorWrapper, shop: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Give DuckDB the facts and scores as PostgreSQL has them: what is compared is reading them."""
    for name, table in (("facts", "customers_customerfacts"), ("score", "customers_score")):
        with (
            cursor.copy(f"COPY {table} TO STDOUT WITH (FORMAT csv, HEADER)") as copy,
            file.open("wb") as target,
        ):
            for chunk in copy:
                target.write(chunk)
        shop.read_csv(str(file)).create(name)
    shop.execute("CHECKPOINT")
