"""Every starter segment against plain Python over the raw material: lines of a CSV file, arrays of a generator."""

import csv
import gzip
import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from customers.models import CustomerIdentity, Score
from demo import records
from demo.history import build_history
from demo.kinds import KINDS
from demo.loading import load_shop
from demo.world import World, build_world
from segments import membership
from segments.models import Segment
from segments.starters import Shop, install

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stages")]

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail.csv.gz"
ROWS = 15_000
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Scores are the numbers of people times the first, modulo the second; by a small one, several people share a score.
SPREADS = {"ltv": (7919, 10_007), "churn": (6007, 97), "propensity": (104_729, 1009)}


@dataclass
class Past:
    """What the raw material tells of one customer; `done` is when they did something, not what they were sent."""

    signed_up: datetime | None = None
    done: list[datetime] = field(default_factory=list)
    views: list[tuple[datetime, str]] = field(default_factory=list)
    carts: list[tuple[datetime, int]] = field(default_factory=list)
    orders: dict[str, datetime] = field(default_factory=dict)
    sent: list[datetime] = field(default_factory=list)
    opened: list[datetime] = field(default_factory=list)


Pasts = dict[str, Past]


def told_by_the_csv() -> Pasts:
    """Customers by the number in the file, whose times are London's; an order is as old as its first line."""
    pasts: Pasts = defaultdict(Past)
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        for row in islice(csv.DictReader(lines), ROWS):
            is_refund = row["InvoiceNo"].startswith("C")
            if not row["CustomerID"] or (int(row["Quantity"]) < 1 and not is_refund):
                continue
            local = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=ZoneInfo("Europe/London"))
            at, past = local.astimezone(UTC), pasts[row["CustomerID"]]
            if not is_refund:
                past.done.append(at)
                past.orders[row["InvoiceNo"]] = min(at, past.orders.get(row["InvoiceNo"], at))
    return dict(pasts)


def told_by_the_generator(world: World) -> Pasts:
    """Customers by the shop's number; a view has the topmost category of its product."""
    pasts = {
        world.external_id(person): Past(
            signed_up=world.start + timedelta(seconds=round(float(world.signup_day[person]) * 86_400))
        )
        for person in range(world.size)
    }
    events = build_history(world).events
    for row in range(len(events)):
        past = pasts[world.external_id(int(events.customer[row]))]
        at = EPOCH + timedelta(milliseconds=int(events.at_ms[row]))
        kind = int(events.type[row])
        if kind == records.SENT:
            past.sent.append(at)
        if kind in (records.SENT, records.REFUNDED):
            continue
        past.done.append(at)
        if kind == records.VIEWED:
            category = KINDS[world.catalogue.kind[events.product[row]]]
            past.views.append((at, category.above[0].lower()))
        elif kind == records.ADDED:
            past.carts.append((at, int(events.value[row])))
        elif kind == records.PLACED:
            past.orders[str(events.order[row])] = at
        elif kind == records.OPENED:
            past.opened.append(at)
    return pasts


def looked_at_a_product(past: Past, now: datetime) -> bool:
    return any(now - timedelta(hours=24) <= at < now for at, _ in past.views)


def left_a_cart_over_50(past: Past, now: datetime) -> bool:
    return any(
        minor > 5000 and now - 2 * DAY <= at < now and not any(at <= order for order in past.orders.values())
        for at, minor in past.carts
    )


def looked_at_outdoor_last(past: Past, now: datetime) -> bool:
    return bool(past.views) and max(past.views)[1] == "outdoor"


def never_bought(past: Past, now: datetime) -> bool:
    return not past.orders


def opens_no_more(past: Past, now: datetime) -> bool:
    return (
        bool(past.opened)
        and now - 365 * DAY <= max(past.opened) < now - 90 * DAY
        and now - 90 * DAY <= max(past.sent) < now
    )


def stage(past: Past, now: datetime) -> str:
    """The one stage, by the words of the documentation."""
    last_seen = max(past.done, default=past.signed_up)
    quiet = timedelta(0) if last_seen is None else now - last_seen
    if quiet > 90 * DAY:
        return "churned"
    if not past.orders:
        return "new"
    if quiet > 45 * DAY:
        return "at-risk"
    if len(past.orders) >= 3 and now - max(past.orders.values()) <= 180 * DAY:
        return "loyal"
    return "active"


BEHAVIOUR: dict[str, Callable[[Past, datetime], bool]] = {
    "visited-product-24-h": looked_at_a_product,
    "abandoned-cart": left_a_cart_over_50,
    "last-session-outdoor": looked_at_outdoor_last,
    "never-bought": never_bought,
    "lapsed-openers": opens_no_more,
}
STAGES = ("new", "active", "loyal", "at-risk", "churned")


def scores(pasts: Pasts, kind: str) -> dict[str, int]:
    """Made by hand, for nine people of ten."""
    factor, modulus = SPREADS[kind]
    numbers = {who: int(who.removeprefix("C")) for who in pasts}
    return {who: number * factor % modulus for who, number in numbers.items() if number % 10}


def places(pasts: Pasts, kind: str) -> dict[str, tuple[int, int]]:
    """How many have this score or less, and how many have one."""
    made = scores(pasts, kind)
    ordered = sorted(made.values())
    return {who: (bisect_right(ordered, value), len(ordered)) for who, value in made.items()}


def expected(pasts: Pasts, now: datetime) -> dict[str, set[str]]:
    """Members by segment, without a look at the database."""
    found = {key: {who for who, past in pasts.items() if fits(past, now)} for key, fits in BEHAVIOUR.items()}
    found |= {key: {who for who, past in pasts.items() if stage(past, now) == key} for key in STAGES}
    ltv, churn, propensity = (places(pasts, kind) for kind in SPREADS)
    return found | {
        "ltv-high": {who for who, (place, of) in ltv.items() if place * 10 > of * 8},
        "ltv-medium": {who for who, (place, of) in ltv.items() if of * 5 < place * 10 <= of * 8},
        "ltv-low": {who for who, (place, of) in ltv.items() if place * 10 <= of * 5},
        "likely-to-churn": {who for who, (place, of) in churn.items() if place * 10 > of * 8},
        "likely-to-buy": {who for who, (place, of) in propensity.items() if place * 10 > of * 8},
    }


def store_scores(pasts: Pasts, *, namespace: str) -> None:
    ids = dict(CustomerIdentity.objects.filter(namespace=namespace).values_list("value", "customer_id"))
    for kind in SPREADS:
        values = scores(pasts, kind)
        Score.objects.bulk_create(
            Score(
                customer_id=ids[who],
                kind=kind,
                value=values[who],
                percentile=100 * place / of,
                model_version="by hand",
                computed_at=EPOCH,
            )
            for who, (place, of) in places(pasts, kind).items()
        )


def stored(*, namespace: str, now: datetime) -> dict[str, set[str]]:
    """Members by segment, as stored after a refresh at that moment."""
    membership.refresh_all(now=now)
    found: dict[str, set[str]] = {key: set() for key in Segment.objects.values_list("key", flat=True)}
    rows = CustomerIdentity.objects.filter(namespace=namespace, customer__memberships__isnull=False)
    for key, who in rows.values_list("customer__memberships__segment__key", "value"):
        found[key].add(who)
    return found


@pytest.mark.shared_data
def test_on_real_orders_they_hold_whom_the_lines_of_the_file_say() -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/online_retail.csv.gz is absent: starter segments were not held against it")
    call_command("import_events", FILE, mapping="online_retail", limit=ROWS)
    pasts = told_by_the_csv()
    store_scores(pasts, namespace="online_retail")
    install(Shop())
    last = max(at for past in pasts.values() for at in past.done)
    sizes = []
    for later in (timedelta(hours=1), 42 * DAY, 87 * DAY):
        members = expected(pasts, last + later)
        assert stored(namespace="online_retail", now=last + later) == members
        sizes.append([len(members[key]) for key in STAGES])
    assert sizes == [[29, 392, 21, 0, 0], [29, 188, 14, 211, 0], [29, 0, 0, 202, 211]]


def test_in_the_demo_shop_they_hold_whom_the_generator_says(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path
    world = build_world(seed=7, size=500, products=66, now=datetime(2026, 6, 1, tzinfo=UTC))
    load_shop(world, progress=lambda name, done, total: None)
    pasts = told_by_the_generator(world)
    store_scores(pasts, namespace="demo")
    install(Shop())
    assert all(expected(pasts, world.now).values())
    # The later moment is 90 days after people opened one of the newsletters.
    for now in (world.now, world.now + timedelta(days=6, hours=12)):
        assert stored(namespace="demo", now=now) == expected(pasts, now)
