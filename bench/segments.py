"""Segments over the same shop in PostgreSQL and in DuckDB, in one run.

`python -m bench.segments [--customers 200000]` makes the shop (see `bench.shop`), in a PostgreSQL of its own
that it throws away. It prints for each segment how many fit (where the engines differ, the run ends), the medians of
both, and their ratio; the same while ingest runs; what it costs to write a change of membership; and what judging
one customer against fifty segments takes. DuckDB has two threads and its own file.
"""

import argparse
import functools
import itertools
import multiprocessing
import operator
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from bench.shop import NOW, make_shop
from common.services import started

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from segments.models import Segment

ROUNDS = 5
_ANEW = """
INSERT INTO segments_segmentmembership (segment_id, customer_id, entered_at)
SELECT %s, fits.id, statement_timestamp() FROM ({fits}) fits (id)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A segment: its condition, the same as DuckDB is asked it best, and how many times its time we may take."""

    name: str
    condition: dict[str, Any]
    sql: str
    aim: float


CASES = (
    Case(
        "viewed a product in 24 h",
        {"event": "product_viewed", "within": {"hours": 24}},
        "SELECT count(DISTINCT customer_id) FROM event WHERE type = 1"
        " AND occurred_at >= $now - INTERVAL 24 HOUR AND occurred_at < $now",
        5,
    ),
    Case(
        "abandoned cart over 50",
        {
            "event": "product_added",
            "where": {"value": {"gt": 5000}},
            "within": {"days": 7},
            "not_followed_by": "order_placed",
        },
        "WITH recent AS (SELECT * FROM event WHERE occurred_at >= $now - INTERVAL 7 DAY AND occurred_at < $now)"
        " SELECT count(DISTINCT customer_id) FROM recent a WHERE type = 3 AND value_minor > 5000 AND NOT EXISTS"
        " (SELECT 1 FROM recent o WHERE o.customer_id = a.customer_id AND o.type = 5"
        " AND o.occurred_at >= a.occurred_at)",
        5,
    ),
    Case(
        ">= 3 views of camping in 90 d, no open in 30 d",
        {
            "all": [
                {
                    "event": "product_viewed",
                    "where": {"category": "outdoor/camping"},
                    "count": {"gte": 3},
                    "within": {"days": 90},
                },
                {"not": {"event": "email_opened", "within": {"days": 30}}},
            ]
        },
        "SELECT count(*) FROM (SELECT customer_id FROM event WHERE type = 1"
        " AND category_id IN (SELECT id FROM category WHERE starts_with(path, 'outdoor/camping/'))"
        " AND occurred_at >= $now - INTERVAL 90 DAY AND occurred_at < $now"
        " GROUP BY 1 HAVING count(*) >= 3) v WHERE NOT EXISTS (SELECT 1 FROM event o WHERE o.type = 10"
        " AND o.customer_id = v.customer_id AND o.occurred_at >= $now - INTERVAL 30 DAY AND o.occurred_at < $now)",
        5,
    ),
    Case(
        "facts: 2 orders, over 150, none for 90 d",
        {
            "all": [
                {"fact": "orders_count", "op": "gte", "value": 2},
                {"fact": "revenue_minor", "op": "gt", "value": 15000},
                {"fact": "last_order_at", "op": "older_than", "value": {"days": 90}},
            ]
        },
        "SELECT count(*) FROM facts JOIN customer ON id = customer_id WHERE NOT is_anonymous"
        " AND orders_count >= 2 AND revenue_minor > 15000 AND last_order_at < $now - INTERVAL 90 DAY",
        1.5,
    ),
    Case(
        "top 20 % of a score",
        {"score": "ltv", "op": "top_percent", "value": 20},
        "SELECT count(*) FROM score JOIN customer c ON c.id = customer_id"
        " WHERE NOT is_anonymous AND kind = 'ltv' AND percentile > 80",
        1.5,
    ),
    Case(
        ">= 20 views in 365 d",
        {"event": "product_viewed", "count": {"gte": 20}, "within": {"days": 365}},
        "SELECT count(*) FROM (SELECT customer_id FROM event WHERE type = 1"
        " AND occurred_at >= $now - INTERVAL 365 DAY AND occurred_at < $now GROUP BY 1 HAVING count(*) >= 20)",
        6,
    ),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    arguments = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with (
        tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder,
        _database(Path(folder) / "var"),
    ):
        begin = time.perf_counter()
        shop = make_shop(Path(folder) / "shop.duckdb", customers=arguments.customers)
        events, took = _counted(shop, "SELECT count(*) FROM event"), time.perf_counter() - begin
        print(f"{arguments.customers:,} customers, {events:,} events, made and loaded in {took:.0f} s")
        _compare(shop)
        with _ingesting() as stored:
            print("the same while ingest runs")
            _compare(shop, exact=False)
        print(f"ingest stored {stored[0]:,} events meanwhile")
        _membership()
        _one_customer()


@contextmanager
def _database(var: Path) -> Iterator[None]:
    os.environ["REGARDS_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    with started(var):
        _set_up()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        yield
        connection.close()


def _compare(shop: duckdb.DuckDBPyConnection, *, exact: bool = True) -> None:
    """Ask both engines in turn; where nothing else writes, they must count the same."""
    from segments.conditions import parse
    from segments.fitting import fitting_ids

    for case in CASES:
        fitting = fitting_ids(parse(case.condition), now=NOW)
        ours, theirs = functools.partial(_ours, fitting), functools.partial(_counted, shop, case.sql)
        counts = ours(), theirs()
        if exact and counts[0] != counts[1]:
            raise SystemExit(f"{case.name}: PostgreSQL counts {counts[0]:,}, DuckDB {counts[1]:,}")
        times = [(_seconds(ours), _seconds(theirs)) for _ in range(ROUNDS)]
        mine, duck = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"  {case.name:<48} {counts[0]:>9,} fit  {mine * 1000:8.1f} ms  DuckDB {duck * 1000:8.1f} ms"
            f"  {mine / duck:6.2f} × (aim {case.aim:g})"
        )


def _ours(fitting: "QuerySet[Any, Any]") -> int:
    """Count as the pages do."""
    from django.db import transaction

    from segments.whole_base import plan_for_everybody

    with transaction.atomic():
        plan_for_everybody()
        return fitting.count()


def _counted(shop: duckdb.DuckDBPyConnection, sql: str) -> int:
    given = {"now": NOW.replace(tzinfo=None)} if "$now" in sql else None
    return int(shop.execute(sql, given).fetchall()[0][0])


@contextmanager
def _ingesting() -> Iterator[list[int]]:
    """Have another process store events of the last day as fast as it can; how many stands in the list at the end."""
    context = multiprocessing.get_context("spawn")
    begun, stop, stored = context.Event(), context.Event(), context.Value("q", 0)
    writer = context.Process(target=_ingest, args=(begun, stop, stored), daemon=True)
    writer.start()
    begun.wait(timeout=60)
    counted = [0]
    try:
        yield counted
    finally:
        stop.set()
        writer.join()
        counted[0] = stored.value


def _ingest(begun: Event, stop: Event, stored: "Synchronized[int]") -> None:
    _set_up()
    from customers.events_in import EventIn
    from customers.identity import Person, resolve
    from customers.ingest import ingest
    from customers.models import EventType

    people = [f"w{number}" for number in range(2_000)]
    resolve([Person("writer", name) for name in people], source="writer")
    chance = random.Random(7)
    for batch in itertools.count():
        if stop.is_set():
            return
        made = [
            EventIn(
                client_id=f"{batch}-{number}",
                type=EventType.PRODUCT_VIEWED,
                occurred_at=NOW - timedelta(seconds=chance.uniform(1, 86_400)),
                customer=chance.choice(people),
            )
            for number in range(1_000)
        ]
        stored.value += ingest(made, source="writer").inserted
        begun.set()


def _membership() -> None:
    """Write a change of a share of the members, against deleting all of them and storing all of them again."""
    from customers.models import Score
    from segments.membership import refresh
    from segments.models import Segment

    bounds = {}
    for share in (50, 51, 52.5, 55, 60):
        bounds[share] = Score.objects.filter(percentile__gte=share).order_by("percentile")[0].percentile
    segment = Segment.objects.create(key="half", name="Half", condition=_from(bounds[50]))
    refresh(segment, now=NOW)
    print(f"membership of {segment.member_count:,}")
    for share in (50, 51, 52.5, 55, 60):
        changing, anew = [], []
        for _ in range(ROUNDS):
            for bound in (bounds[share], bounds[50]):
                segment.condition = _from(bound)
                segment.save()
                changing.append(_seconds(lambda: refresh(segment, now=NOW)))
            anew.append(_seconds(lambda: _written_anew(segment)))
        change, whole = statistics.median(changing), statistics.median(anew)
        print(
            f"  {(share - 50) * 2:4.0f} % changed {change * 1000:8.1f} ms   all written anew {whole * 1000:8.1f} ms"
            f"   {change / whole:5.2f} × (aim 0.6 at 5 %)"
        )


def _from(bound: float) -> dict[str, Any]:
    return {"score": "ltv", "op": "bottom_percent", "value": bound}


def _written_anew(segment: "Segment") -> None:
    from django.db import connection, transaction

    from segments.conditions import parse
    from segments.fitting import fitting_ids

    fits, parameters = fitting_ids(parse(segment.condition), now=NOW).query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM segments_segmentmembership WHERE segment_id = %s", [segment.pk])
        cursor.execute(
            _ANEW.format(fits=fits),
            [segment.pk, *parameters],
        )


def _one_customer() -> None:
    """Judge single customers against fifty segments, loading included."""
    from customers.models import Customer
    from segments.conditions import needs, parse
    from segments.evaluator import load_profiles, matches

    conditions = [parse(_varied(case.condition, number)) for number in range(9) for case in CASES][:50]
    wanted = functools.reduce(operator.or_, map(needs, conditions))
    ids = list(Customer.objects.order_by("?").values_list("pk", flat=True)[:200])
    times = []
    for pk in ids:
        begin = time.perf_counter()
        profile = load_profiles([pk], wanted, now=NOW)[pk]
        for condition in conditions:
            matches(condition, profile, now=NOW)
        times.append((time.perf_counter() - begin) * 1000)
    print(
        f"one customer against 50 segments: {statistics.median(times):.1f} ms (aim 10), of {len(ids)} customers"
    )


def _varied(condition: Any, number: int) -> Any:
    """The same condition with other numbers of days, hours and counts."""
    if isinstance(condition, dict):
        return {key: _varied(value, number) for key, value in condition.items()}
    if isinstance(condition, list):
        return [_varied(part, number) for part in condition]
    return condition + number if isinstance(condition, int) else condition


def _set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
