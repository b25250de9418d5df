"""Ingest against plain COPY and `bulk_create` into the same table, interleaved in one run.

`python -m bench.ingest` starts a PostgreSQL of its own, with durable settings, and throws it away. It prints rows/s
and ratios at batches of 100, 1,000 and 5,000, and with 1, 2 and 4 writing processes.

- *copy*: binary COPY of ready tuples into `customers_event`, with its partitions and indexes
- *stored*: COPY to the temporary table, ledger, insert: what idempotence costs
- *ingest*: `ingest()` of events that name a customer and a product by their ids: facts and Touched as well
- *named*: `ingest()` of events in the source's own words, all of them known
- *bulk_create*: Django's, which skips duplicates and does nothing else
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

CUSTOMERS, PRODUCTS, DAYS = 20_000, 1_000, 60
SIZES, WRITERS, ROWS = (100, 1_000, 5_000), (1, 2, 4), 60_000
NOW = datetime.now(UTC)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        os.environ["REGARDS_VAR"] = str(Path(folder) / "var")
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        with _prepared(Path(folder) / "var"):
            for size in SIZES:
                _print_ways(size)
            for writers in WRITERS:
                _print_writers(writers)


@contextmanager
def _prepared(var: Path) -> Iterator[None]:
    """Have a migrated database with customers, products and partitions."""
    import django
    from django.core.management import call_command

    from common.services import started

    with started(var):
        django.setup()
        call_command("migrate", verbosity=0)
        _fill()
        yield
        from django.db import connection

        connection.close()


def _fill() -> None:
    from customers.identity import Person, resolve
    from customers.partitions import ensure_partitions
    from products.catalogue import ProductRef, resolve_products

    resolve([Person("shop", str(n)) for n in range(CUSTOMERS)], source="shop")
    refs = [ProductRef(str(n), f"Product {n}", f"c/{n % 40}") for n in range(PRODUCTS)]
    resolve_products(refs, source="shop", currency="EUR")
    ensure_partitions(NOW - timedelta(days=DAYS), NOW)


if __name__ == "__main__":
    main()
