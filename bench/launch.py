"""A launch of many: freeze, assign and queue, in one transaction.

`python -m bench.launch [--customers 1000000]` makes customers in ten zones in a PostgreSQL of its own that it throws
away. All of them were sent a mail yesterday, and half of them two days before. It launches three campaigns to them: at
one moment, by zones with quiet hours, and by habits with two caps. It prints the processor's seconds of the segment's
first refresh and of each launch (which refreshes it again), both PostgreSQL's and ours, how many times those of a plain
copy of the ids that is, and the seconds of the clock.
"""

import argparse
import os
import tempfile
import time
from datetime import date, timedelta
from datetime import time as clock_time
from pathlib import Path

AIM_SECONDS_A_MILLION = 60
ZONES = (
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Africa/Lagos",
    "Pacific/Auckland",
)
_CUSTOMERS = """
INSERT INTO customers_customer (public_id, email, country, timezone, first_name, last_name, gender, city, region,
    locale, device, attributes, is_anonymous, allows_profiling, source)
SELECT gen_random_uuid(), 'c' || n || '@example.com', 'GB', (%(zones)s::text[])[n %% 10 + 1], '', '', '', '', '', '',
    '', '{}', false, true, 'bench'
FROM generate_series(1, %(count)s) AS n
"""
_CONSENTS = """
INSERT INTO customers_consent (customer_id, purpose, is_granted, changed_at, source, proof)
SELECT id, 'marketing_email', id %% 20 <> 0, now(), 'bench', '' FROM customers_customer
"""
_HABITS = """
INSERT INTO campaigns_sendinghabit (customer_id, hour, reactions)
SELECT id, 6 + id %% 16, 9 FROM customers_customer WHERE id %% 3 <> 0
"""
_SENT = """
INSERT INTO delivery_message (dispatch_id, customer_id, variant_key, state, sent_at)
SELECT %(dispatch)s, id, '', 'sent', now() - make_interval(days => %(days)s)
FROM customers_customer WHERE id %% %(every)s = 0
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    count = parser.parse_args().customers
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
    _fill(count)
    print(f"{count:,} customers, {count * 3 // 2:,} mails sent; load average {os.getloadavg()[0]:.1f}")
    plain = _plain_copy()
    print(f"a plain copy of as many rows with one index: {plain:.1f} s of processor time")
    for name, fields, caps in (
        ("one moment", {}, []),
        (
            "zones and quiet hours",
            {
                "timing_kind": "zone",
                "send_on": date.today() + timedelta(days=3),
                "send_at": clock_time(7),
                "quiet_from": clock_time(21),
                "quiet_until": clock_time(8),
            },
            [],
        ),
        (
            "habits and two caps",
            {"timing_kind": "habit", "send_on": date.today() + timedelta(days=3)},
            [(6, 7), (20, 30)],
        ),
    ):
        refreshed, launched, clock, queued = _launch(name, fields, caps)
        million = launched * 1_000_000 / count
        print(
            f"{name}: segment {refreshed:.1f} s, launch {launched:.1f} s of processor time, {launched / plain:.1f} x "
            f"the copy ({clock:.1f} s by the clock, {queued:,} queued); a million in {million:.0f} s, aim "
            f"{AIM_SECONDS_A_MILLION} s",
            flush=True,
        )
    connection.close()


def _fill(count: int) -> None:
    """Customers, consents, habits, and mails that were sent before."""
    from django.db import connection

    from delivery.models import Dispatch, Sender

    sender = Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMERS, {"zones": list(ZONES), "count": count})
        cursor.execute(_CONSENTS, {})
        cursor.execute(_HABITS, {})
        for days, every in ((1, 1), (3, 2)):
            dispatch = Dispatch.objects.create(name="Before", sender=sender)
            cursor.execute(_SENT, {"dispatch": dispatch.pk, "days": days, "every": every})
        cursor.execute("VACUUM ANALYZE")


def _plain_copy() -> float:
    """Seconds to copy the ids into a table of its own with a primary key."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE plain_copy (id bigint PRIMARY KEY, made_at timestamptz)")
        begin = _processor_seconds()
        cursor.execute("INSERT INTO plain_copy SELECT id, now() FROM customers_customer ORDER BY id")
        took = _processor_seconds() - begin
        cursor.execute("DROP TABLE plain_copy")
    return took


def _launch(
    name: str, fields: dict[str, object], caps: list[tuple[int, int]]
) -> tuple[float, float, float, int]:
    """Launch a new campaign; processor's seconds of the refresh and the launch, its clock's, and the mails queued."""
    from campaigns import launching
    from campaigns.models import Campaign, ContactCap
    from delivery.models import Message
    from segments import membership
    from tests.campaigns.making import draft

    ContactCap.objects.all().delete()
    for most, days in caps:
        ContactCap.objects.create(most=most, within_days=days)
    campaign = draft(name, no_mail=10)
    Campaign.objects.filter(pk=campaign.pk).update(**fields)
    begin = _processor_seconds()
    membership.refresh(campaign.segment, cause="launch")
    refreshed = _processor_seconds() - begin
    begin, clock = _processor_seconds(), time.perf_counter()
    launched = launching.launch(campaign.pk)
    took, clock = _processor_seconds() - begin, time.perf_counter() - clock
    queued = Message.objects.filter(dispatch__campaign=campaign.pk).count()
    assert queued == sum(count for key, count in launched.by_variant.items() if key != "no_mail")
    return refreshed, took, clock, queued


def _processor_seconds() -> float:
    """What this process and its connection's server process have used so far."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
