"""Random conditions and customers for the tests that hold the two evaluators against each other."""

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from customers.models import Assignment, Consent, Customer, CustomerFacts, Event, EventName, Score
from customers.partitions import ensure_partitions
from products.models import Category, Product, Store
from segments.models import Segment, SegmentMembership

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
# Beside the day of the tests: when clocks change in New York and London, and the end of a leap day.
NOWS = [
    NOW,
    datetime(2026, 3, 8, 7, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2024, 3, 1, 0, 0, tzinfo=UTC),
]
DAY = timedelta(days=1)
MICRO = timedelta(microseconds=1)
# Instants on and beside the edges of the windows that the conditions ask about.
SHIFTS = (-MICRO, timedelta(0), MICRO)
EDGES = [NOW - span + shift for span in (timedelta(0), DAY, 7 * DAY, 30 * DAY, 90 * DAY) for shift in SHIFTS]
OTHER_EDGES = [
    now - span + shift
    for now in NOWS[1:]
    for span in (timedelta(0), timedelta(hours=1), DAY, 7 * DAY)
    for shift in SHIFTS
]
TEXTS = ["", "GB", "gb", "DE", "É", "é", "İstanbul", "istanbul", "50%_off", "a\\b", "ß"]
NUMBERS = [0, 1, 2, 3, 1999, 0.1, -5, 2.5]
TYPES = ["product_viewed", "order_placed", "email_clicked"]
# The second counted as a click from some day on: its events have two types.
NAMES = {"Quiz Finished": (1000, None), "Tour Taken": (1001, 11)}
PATHS = ["camping", "camping/tents", "camping-stoves", "Shoes", "shoes/trail", "none/such"]


def categories() -> list[Category]:
    return Category.objects.bulk_create([Category(name=path, path=path) for path in PATHS[:-1]])


def products(tree: list[Category]) -> list[Product]:
    return Product.objects.bulk_create(
        [
            Product(source=source, external_id=name, name=name, currency="GBP", category=tree[0])
            for source, name in (("shop", "p1"), ("till", "p1"), ("shop", "p2"))
        ]
    )


def stores() -> list[Store]:
    """Two of one name, and one whose id is the name of another."""
    told = (
        ("s1", "Leeds", "Yorkshire"),
        ("s2", "Dublin", ""),
        ("s3", "leeds", "É"),
        ("Dublin", "Cork", "GB"),
    )
    return Store.objects.bulk_create(
        [
            Store(external_id=id, name=name, region=region, country="GB", latitude=53, longitude=-1)
            for id, name, region in told
        ]
    )


def populate(dice: random.Random, count: int) -> list[Customer]:
    """Store customers with every kind of hole in what is known about them; one in ten is anonymous."""
    for edge in {datetime(at.year, at.month, 1, tzinfo=UTC) for at in (*EDGES, *OTHER_EDGES)}:
        ensure_partitions(edge, edge)
    for name, (number, type) in NAMES.items():
        EventName.objects.create(name=name, number=number, type=type)
    tree = categories()
    wares = products(tree)
    near = [None, *stores()]
    people = Customer.objects.bulk_create([_customer(dice, number, near) for number in range(count)])
    inner = Segment.objects.create(key="inner", name="Inner", condition={"all": []})
    ids = [None, *(category.pk for category in tree)]
    goods = [None, *(ware.pk for ware in wares)]
    for person in people:
        if dice.random() < 0.8:
            _facts(dice, person, ids, goods)
        _neighbours(dice, person, inner)
    events = []
    for person in people:
        # Some live around other days, where their events lie close together.
        edges = dice.choice([EDGES, EDGES, OTHER_EDGES[:12], OTHER_EDGES[12:24], OTHER_EDGES[24:]])
        edges = dice.sample(edges, dice.choice([2, 3, 4, 8]))  # few, so that much happens at one instant
        events += [_event(dice, person, ids, goods, edges) for _ in range(dice.choice([0, 1, 1, 2, 3, 5, 8]))]
    Event.objects.bulk_create(events)
    return people


def _customer(dice: random.Random, number: int, near: list[Store | None]) -> Customer:
    attributes: dict[str, Any] = {}
    for key in ("tier", "size", "0"):
        if dice.random() < 0.7:
            attributes[key] = dice.choice([*TEXTS, *NUMBERS, True, False, None, "3", [1], {"a": 1}])
    return Customer(
        email=dice.choice([None, f"C{number}@example.com"]),
        country=dice.choice(["", "GB", "gb", "DE"]),
        city=dice.choice(TEXTS),
        timezone=dice.choice([None, "Europe/London", "Asia/Tokyo"]),
        birth_date=dice.choice([None, date(1990, 1, 1), date(1990, 1, 2)]),
        signed_up_at=dice.choice([None, *EDGES, *OTHER_EDGES]),
        stage=dice.choice(["", "active", "churned"]),
        allows_profiling=dice.random() < 0.5,
        nearest_store=dice.choice(near),
        nearest_store_km=dice.choice(
            [None, Decimal("0.0"), Decimal("9.9"), Decimal("10.0"), Decimal("10.1")]
        ),
        attributes=attributes,
        is_anonymous=dice.random() < 0.1,
    )


def _properties(dice: random.Random) -> dict[str, Any]:
    return {key: dice.choice([*TEXTS, *NUMBERS, True, None, [1]]) for key in ("plan", "duration_ms")}


def _facts(dice: random.Random, person: Customer, ids: list[int | None], goods: list[int | None]) -> None:
    CustomerFacts.objects.create(
        customer=person,
        orders_count=dice.choice([0, 1, 2, 3]),
        revenue_minor=dice.choice([0, 1999, 10**12]),
        last_order_at=dice.choice([None, *EDGES, *OTHER_EDGES]),
        last_purchase_category_id=dice.choice(ids),
        last_viewed_product_id=dice.choice(goods),
    )


def _neighbours(dice: random.Random, person: Customer, inner: Segment) -> None:
    if dice.random() < 0.5:
        percentile = dice.choice([0.0, 20.0, 80.0, 80.00001, 100.0])
        Score.objects.create(
            customer=person,
            kind="ltv",
            value=dice.choice([0.1, 1, 2.5]),
            percentile=percentile,
            model_version="1",
            computed_at=NOW,
        )
    if dice.random() < 0.5:
        Consent.objects.create(customer=person, is_granted=dice.random() < 0.5, changed_at=NOW, source="test")
    if dice.random() < 0.5:
        Assignment.objects.create(
            customer=person, experiment_key="x", variant_key=dice.choice("ab"), assigned_at=NOW
        )
    if dice.random() < 0.5:
        SegmentMembership.objects.create(customer=person, segment=inner, entered_at=NOW)


def _event(
    dice: random.Random,
    person: Customer,
    ids: list[int | None],
    goods: list[int | None],
    edges: list[datetime],
) -> Event:
    return Event(
        message_id=uuid.UUID(int=dice.getrandbits(128)),
        occurred_at=dice.choice(edges),
        customer=person,
        type=dice.choice([1, 1, 5, 5, 11, 1000, 1001]),
        properties=dice.choice([None, {}, _properties(dice)]),
        category_id=dice.choice(ids),
        product_id=dice.choice(goods),
        value_minor=dice.choice([None, 0, 1999, 2000]),
        quantity=dice.choice([None, 1, 2]),
        currency=dice.choice([None, "GBP", "eur"]),
        source=dice.choice(["shop", "Till"]),
    )
