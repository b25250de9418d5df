"""Report pages and rollups of many mails.

`python -m bench.reports [--messages 1000000]` makes a campaign to so many customers in a PostgreSQL of its own that it
throws away: all were sent their mail, a third opened it, a tenth clicked, one in fifty bought. It prints how long a
rebuild takes, how long a refresh after 10,000 changes, how long the campaign takes to count, and what each page takes,
as a median of five; and how many times a plain `count(*)` of the messages that is.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

AIM_SECONDS = 1.0
CHANGES = 10_000
_CUSTOMERS = """
INSERT INTO customers_customer (public_id, email, country, first_name, last_name, gender, city, region, locale, device,
    attributes, is_anonymous, allows_profiling, source, stage)
SELECT gen_random_uuid(), 'c' || n || '@d' || n %% 2000 || '.example', 'GB', '', '', '', '', '', '', '', '{}', false,
    true, 'bench', (ARRAY['new', 'active', 'lapsing'])[n %% 3 + 1]
FROM generate_series(1, %(count)s) AS n
"""
_RECIPIENTS = """
INSERT INTO campaigns_recipient (campaign_id, customer_id, variant_key, exclusion, due_at)
SELECT %(campaign)s, id, CASE WHEN id %% 10 = 0 THEN 'no_mail' WHEN id %% 2 = 0 THEN 'a' ELSE 'b' END, '', %(at)s
FROM customers_customer
"""
_MESSAGES = """
INSERT INTO delivery_message (dispatch_id, customer_id, variant_key, state, sent_at, recipient, resolved)
SELECT %(dispatch)s, r.customer_id, r.variant_key, 'sent', %(at)s, c.email,
    jsonb_build_object('rules_fired', jsonb_build_array('hero: rule ' || c.id %% 7), 'recommendations',
        jsonb_build_array(jsonb_build_object('id', 1, 'strategy', 'for_you')))
FROM campaigns_recipient r JOIN customers_customer c ON c.id = r.customer_id
WHERE r.campaign_id = %(campaign)s AND r.variant_key <> 'no_mail'
"""
_EVENTS = """
INSERT INTO delivery_messageevent (message_id, kind, occurred_at, user_agent, is_machine, verdict, dedupe_key)
SELECT id, %(kind)s, %(at)s + interval '1 hour' * (id %% 200 + 1), 'Thunderbird/140', false, '', %(kind)s || ':' || id
FROM delivery_message WHERE id %% %(every)s = 0
"""
_ORDERS = """
INSERT INTO customers_order (source, external_id, customer_id, placed_at, currency, total_minor)
SELECT 'bench', 'o' || id, id, %(at)s + interval '1 hour' * (id %% 150 + 2), 'EUR', 1000 + id %% 9000
FROM customers_customer WHERE id %% 50 = 0
"""
_CLICK_MORE = """
INSERT INTO delivery_messageevent (message_id, kind, occurred_at, user_agent, is_machine, verdict, dedupe_key)
SELECT id, 'clicked', %(at)s + interval '3 days', 'Thunderbird/140', false, '', 'late:' || id
FROM delivery_message ORDER BY id LIMIT %(count)s
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    count = parser.parse_args().messages
    with tempfile.TemporaryDirectory(prefix="regards-bench-", dir="/tmp") as folder:
        os.environ["REGARDS_VAR"] = str(Path(folder) / "var")
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        from common.services import started

        with started(Path(folder) / "var"):
            import django

            django.setup()
            _measure(count)


def _measure(count: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    key = _fill(count)
    print(f"{count:,} customers, nine in ten of them mailed; load average {os.getloadavg()[0]:.1f}")
    from reports.campaign_figures import recount
    from reports.refreshing import rebuild, refresh

    print(f"rebuild {_seconds(rebuild):.1f} s")
    print(f"counting the campaign {_seconds(recount):.1f} s")
    with connection.cursor() as cursor:
        cursor.execute(_CLICK_MORE, {"at": _start(), "count": CHANGES})
        cursor.execute("VACUUM ANALYZE")
    print(f"refresh after {CHANGES:,} late clicks {_seconds(refresh):.1f} s")
    _pages(key)
    connection.close()


def _pages(key: str) -> None:
    from django.db import connection
    from django.test import Client

    from accounts.models import User
    from reports.pages.catalogue import BY_NAME

    def plain() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM delivery_message")

    client, counting = Client(HTTP_HOST="127.0.0.1"), _median(plain)
    client.force_login(User.objects.create_superuser("bench@example.com"))
    of_campaign = (f"/reports/campaign/{key}/", f"/experiments/{key}/")
    for address in ("/reports/", *of_campaign, *(f"/reports/{name}/" for name in BY_NAME)):
        took = _median(partial(_get, client, address))
        print(
            f"{address} {took * 1000:.0f} ms, {took / counting:.2f} x count(*); aim {AIM_SECONDS:.0f} s",
            flush=True,
        )


def _get(client: Any, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)


def _start() -> datetime:
    from common.clock import now

    return now() - timedelta(days=9)


def _fill(count: int) -> str:
    """A campaign that was sent nine days ago, with what came of it; returns its key."""
    from django.db import connection

    from campaigns.models import Campaign
    from delivery.models import Dispatch, Sender
    from experiments.models import Experiment
    from segments.models import Segment

    at = _start()
    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    dispatch = Dispatch.objects.create(name="Bench", sender=sender)
    experiment = Experiment.objects.create(key="bench", name="Bench", salt="bench")
    for key, role, weight in (
        ("a", "baseline", 4_500),
        ("b", "treatment", 4_500),
        ("no_mail", "no_mail", 1_000),
    ):
        experiment.variants.create(key=key, name=key, role=role, weight=weight)
    segment = Segment.objects.create(key="all", name="All", condition={"attribute": "country", "value": "GB"})
    campaign = Campaign.objects.create(
        key="bench",
        name="Bench",
        segment=segment,
        experiment=experiment,
        sender=sender,
        dispatch=dispatch,
        state=Campaign.State.LAUNCHED,
        launched_at=at,
        last_due_at=at,
    )
    values: dict[str, Any] = {"count": count, "campaign": campaign.pk, "dispatch": dispatch.pk, "at": at}
    with connection.cursor() as cursor:
        for statement in (_CUSTOMERS, _RECIPIENTS, _MESSAGES):
            cursor.execute(statement, values)
        for kind, every in (("opened", 3), ("clicked", 10)):
            cursor.execute(_EVENTS, {"kind": kind, "every": every, "at": at})
        cursor.execute(_ORDERS, values)
        cursor.execute("VACUUM ANALYZE")
    return campaign.key


def _seconds(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def _median(act: Callable[[], object]) -> float:
    act()
    return median(_seconds(act) for _ in range(5))


if __name__ == "__main__":
    main()
