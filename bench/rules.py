"""How fast a rule set decides, and how long a simulation takes.

`python -m bench.rules [CUSTOMERS] [EVENTS_EACH]` (100,000 and 5 where nothing is said) starts a PostgreSQL of its own,
fills it, and throws it away. It prints

- *chunks*: everybody decided 1,000 at a time, as a campaign's workers do, by eight rules of every kind; and the same
  scaled to a million decisions
- *simulation*: a draft against what is live, over everybody, by one statement
"""

import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CHUNK = 1_000
NOW = datetime.now(UTC)
RULES: list[dict[str, Any]] = [
    {
        "name": "complained",
        "when": {"event": "email_complained", "within": {"days": 30}},
        "then": {"suppress": True},
    },
    {"name": "best", "when": {"score": "ltv", "op": "top_percent", "value": 20}, "then": {"show": "vip"}},
    {
        "name": "abandoned",
        "when": {
            "event": "product_added",
            "where": {"value": {"gt": 5000}},
            "within": {"days": 2},
            "not_followed_by": "order_placed",
        },
        "then": {"show": "cart", "set": {"headline": "Still there"}},
    },
    {
        "name": "browsing",
        "when": {"event": "product_viewed", "count": {"gte": 3}, "within": {"days": 14}},
        "then": {"recommend": "for_you"},
    },
    {"name": "loyal", "when": {"fact": "orders_count", "op": "gte", "value": 5}, "then": {"show": "loyal"}},
    {
        "name": "lapsed",
        "when": {"fact": "last_order_at", "op": "older_than", "value": {"days": 180}},
        "then": {"show": "back", "recommend": "bestsellers"},
    },
    {
        "name": "islands",
        "when": {"attribute": "country", "op": "in", "value": ["GB", "IE"]},
        "then": {"set": {"headline": "Made for rain"}},
    },
    {"name": "gold", "when": {"attribute": "attributes.tier", "value": "gold"}, "then": {"show": "gold"}},
]
DOCUMENT = {"rules": RULES, "otherwise": {"show": "default", "set": {"headline": "Hello"}}}
DRAFT = {"rules": [*RULES[:4], *RULES[5:], RULES[4]], "otherwise": {"show": "new", "set": {"headline": "Hi"}}}


def main() -> None:
    """Fill, measure and print."""
    customers, each = (int(text) for text in [*sys.argv[1:], "100000", "5"][:2] if text)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        os.environ["REGARDS_VAR"] = str(Path(folder) / "var")
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        from common.services import started

        with started(Path(folder) / "var"):
            import django

            django.setup()
            from django.db import connection

            _fill(customers, each)
            _decide(customers)
            _simulate()
            connection.close()


def _fill(customers: int, each: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from customers.partitions import ensure_partitions

    call_command("migrate", verbosity=0)
    ensure_partitions(NOW - timedelta(days=90), NOW)
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, {"customers": customers, "each": each})
        cursor.execute("VACUUM ANALYZE")


def _decide(customers: int) -> None:
    from customers.models import Customer
    from rules.deciding import decide
    from rules.models import RuleSet
    from rules.versions import publish_document

    version = publish_document(RuleSet.objects.create(key="hero", name="Hero", slot="hero"), DOCUMENT)
    ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    shown: dict[str, int] = {}
    begin = time.perf_counter()
    for start in range(0, len(ids), CHUNK):
        for decision in decide([version], ids[start : start + CHUNK], now=NOW).values():
            shown[decision.show["hero"]] = shown.get(decision.show["hero"], 0) + 1
    seconds = time.perf_counter() - begin
    print(
        f"chunks: {len(ids):,} decisions in {seconds:.1f} s, {len(ids) / seconds:,.0f}/s, "
        f"a million in {seconds / len(ids) * 1e6:.0f} s; shown: {dict(sorted(shown.items()))}"
    )


def _simulate() -> None:
    from rules.documents import parse_document
    from rules.simulation import simulate

    begin = time.perf_counter()
    found = simulate(parse_document(DOCUMENT), parse_document(DRAFT), now=NOW)
    seconds = time.perf_counter() - begin
    print(
        f"simulation: {found.changed:,} of {found.audience:,} change, {len(found.kinds)} kinds, {seconds:.1f} s"
    )


_STATEMENTS = (
    """
    INSERT INTO customers_customer
        (public_id, first_name, last_name, gender, country, region, city, locale, device, source, attributes,
         allows_profiling, is_anonymous, do_not_sell, created_at, updated_at)
    SELECT gen_random_uuid(), 'A', 'B', '', (ARRAY['GB', 'IE', 'DE', 'FR', 'US'])[1 + n %% 5], '', '', '', '', '',
           jsonb_build_object('tier', (ARRAY['gold', 'silver', 'plain'])[1 + n %% 3]), true, false, false, now(), now()
    FROM generate_series(1, %(customers)s) AS n
    """,
    """
    INSERT INTO customers_customerfacts (customer_id, orders_count, last_order_at)
    SELECT id, id %% 7, now() - id %% 400 * interval '1 day' FROM customers_customer
    """,
    """
    INSERT INTO customers_consent (customer_id, purpose, is_granted, changed_at, source, proof)
    SELECT id, 'marketing_email', true, now(), 'bench', '{}' FROM customers_customer
    """,
    """
    INSERT INTO customers_score (customer_id, kind, value, percentile, model_version, computed_at)
    SELECT id, 'ltv', id %% 1000, id %% 1000 / 10.0, '1', now() FROM customers_customer
    """,
    """
    INSERT INTO customers_event (message_id, occurred_at, customer_id, type, value_minor, source)
    SELECT gen_random_uuid(), now() - random() * interval '89 days', id,
           (ARRAY[1, 1, 1, 3, 5])[1 + floor(random() * 5)::int],
           floor(random() * 10000), 'shop'
    FROM customers_customer, generate_series(1, %(each)s)
    """,
)

if __name__ == "__main__":
    main()
