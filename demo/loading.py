"""The generated shop told to Regards the way any shop would tell it: a catalogue, then people and their events."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
from django.conf import settings

from customers.consent import grant, withdraw
from customers.events_in import EventIn
from customers.ingest import ingest
from customers.models import Customer, CustomerIdentity, EventType, SyncRun
from demo.catalogue import Product as MadeProduct
from demo.history import build_history
from demo.kinds import KINDS
from demo.pictures import as_png, draw_product, picture_key
from demo.records import PLACED, REFUNDED, TYPES, History
from demo.world import DEVICES, World, build_world
from products.catalogue import ProductRef
from products.models import Category, Product

SOURCE = "demo"
CURRENCY = "EUR"
BATCH = 5_000
_TYPES = tuple(EventType[name.upper()] for name in TYPES)
Progress = Callable[[str, int, int], None]
"""Told what is being loaded, how much of it is done, and how much there is."""


def load_shop(world: World, *, progress: Progress) -> dict[str, int]:
    """Load catalogue, customers, consent and eighteen months of events; return what was counted.

    May be called again after any failure: everything is known by its id, so that nothing is stored twice.
    """
    load_products(world, progress=progress)
    load_customers(world, progress=progress)
    history = build_history(world)
    total = len(history.events) - len(history.orders.customer) + len(history.orders.line_order)
    counted = {"inserted": 0, "duplicates": 0, "rejected": 0}
    done = 0
    for batch in _batches(events_of(world, history)):
        result = ingest(batch, source=SOURCE)
        counted["inserted"] += result.inserted
        counted["duplicates"] += result.duplicates
        counted["rejected"] += sum(result.rejected.values())
        done += len(batch)
        progress("Events", done, total)
    withdraw_unsubscribed(world, history)
    return counted


def loaded_world() -> World | None:
    """The world that this database was loaded from, with the calendar of its first start; None without one."""
    run = SyncRun.objects.filter(source=SOURCE).order_by("started_at").first()
    if run is None or run.cursor_before is None:
        return None
    return build_world(now=datetime.fromisoformat(run.cursor_before["now"]))


def load_products(world: World, *, progress: Progress) -> None:
    """Store the category tree, the products and their pictures."""
    categories = _categories()
    folder = settings.MEDIA_ROOT / "products"
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[tuple[str, int, int], str] = {}
    rows = []
    made = world.catalogue.products
    for number, product in enumerate(made, start=1):
        key = picture_key(product)
        if key not in pictures:
            pictures[key] = f"{key[0]}-{key[1]}-{key[2]}.png"
            (folder / pictures[key]).write_bytes(as_png(draw_product(product)))
        rows.append(_product_row(product, categories[product.kind], pictures[key]))
        progress("Products", number, len(made))
    Product.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["source", "external_id"],
        update_fields=["name", "brand", "category", "price_minor", "image_url", "url"],
    )


def load_customers(world: World, *, progress: Progress) -> None:
    """Store the people with their identities and what they allowed."""
    known = set(CustomerIdentity.objects.filter(namespace=SOURCE).values_list("value", flat=True))
    missing = [index for index in range(world.size) if world.external_id(index) not in known]
    for start in range(0, len(missing), BATCH):
        chunk = missing[start : start + BATCH]
        people = Customer.objects.bulk_create([_customer_row(world, index) for index in chunk])
        CustomerIdentity.objects.bulk_create(
            CustomerIdentity(namespace=SOURCE, value=world.external_id(index), customer=person)
            for index, person in zip(chunk, people, strict=True)
        )
        agreed = [person.pk for index, person in zip(chunk, people, strict=True) if world.consents[index]]
        grant(agreed, source="sign-up form", proof="generated with the demo shop")
        progress("Customers", min(start + BATCH, len(missing)), len(missing))


def withdraw_unsubscribed(world: World, history: History) -> None:
    """Withdraw the consent of those whom a past newsletter lost."""
    lost = [world.external_id(int(index)) for index in np.flatnonzero(np.isfinite(history.unsubscribed_day))]
    ids = CustomerIdentity.objects.filter(namespace=SOURCE, value__in=lost).values_list(
        "customer_id", flat=True
    )
    withdraw(ids, source="newsletter", proof="generated with the demo shop")


def product_refs(world: World) -> list[ProductRef]:
    """The products as events name them, in the world's order."""
    return [ProductRef(external_id=product.sku) for product in world.catalogue.products]


def events_of(world: World, history: History) -> Iterator[EventIn]:
    """Yield every event in time order; an order's lines come where it was placed."""
    events, orders, products = history.events, history.orders, product_refs(world)
    first_line = np.searchsorted(orders.line_order, np.arange(len(orders.customer) + 1))
    refunds: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, returned in enumerate(zip(history.refunds.order, history.refunds.at_ms, strict=True)):
        refunds[int(returned[0]), int(returned[1])].append(number)
    for row in range(len(events)):
        kind, order = int(events.type[row]), int(events.order[row])
        who, at = world.external_id(int(events.customer[row])), _moment(events.at_ms[row])
        product = int(events.product[row])
        if kind == PLACED:
            yield from _lines(world, history, range(*first_line[order : order + 2]), order, who, at, products)
            continue
        is_refund = kind == REFUNDED
        refund = f"R{refunds[order, int(events.at_ms[row])].pop()}" if is_refund else ""
        yield EventIn(
            client_id=refund or f"{kind}-{row}",
            type=_TYPES[kind].value,
            occurred_at=at,
            customer=who,
            product=products[product] if product >= 0 else None,
            order=f"O{order}" if is_refund else "",
            refund=refund,
            quantity=int(events.quantity[row]) or None,
            value_minor=int(events.value[row]) if events.value[row] else (0 if is_refund else None),
            currency=CURRENCY,
            session=f"S{events.session[row]}" if events.session[row] >= 0 else "",
            properties={"duration_ms": int(events.duration_ms[row])} if events.duration_ms[row] > 0 else None,
        )


def _lines(
    world: World,
    history: History,
    rows: range,
    order: int,
    who: str,
    at: datetime,
    products: Sequence[ProductRef],
) -> Iterator[EventIn]:
    """The lines of one order; ingest makes the order and its ORDER_PLACED of them."""
    orders = history.orders
    for row in rows:
        product, quantity = int(orders.line_product[row]), int(orders.line_quantity[row])
        yield EventIn(
            client_id=f"O{order}",
            line=str(row - rows.start),
            type=EventType.ORDER_LINE.value,
            occurred_at=at,
            customer=who,
            order=f"O{order}",
            product=products[product],
            description=world.catalogue.products[product].name,
            quantity=quantity,
            unit_price_minor=int(orders.line_price_minor[row]),
            value_minor=int(orders.line_price_minor[row]) * quantity,
            currency=CURRENCY,
        )


def _categories() -> list[Category]:
    """The leaf category of each kind, below those above it."""
    leaves = []
    for kind in KINDS:
        found: Category | None = None
        for slug, name in [*((name.lower(), name) for name in kind.above), (kind.slug, kind.name)]:
            path = f"{found.path}/{slug}" if found else slug
            found, _ = Category.objects.get_or_create(path=path, defaults={"name": name, "parent": found})
        assert found is not None
        leaves.append(found)
    return leaves


def _product_row(product: MadeProduct, category: Category, picture: str) -> Product:
    return Product(
        source=SOURCE,
        external_id=product.sku,
        name=product.name,
        brand=product.brand,
        category=category,
        price_minor=product.price_minor,
        currency=CURRENCY,
        url=f"https://shop.example/p/{product.sku}",
        image_url=f"{settings.MEDIA_URL}products/{picture}",
        attributes={"description": product.description},
    )


def _customer_row(world: World, index: int) -> Customer:
    country, city = world.country_of(index), world.city_of(index)
    return Customer(
        email=world.emails[index],
        first_name=world.first_names[index],
        last_name=world.last_names[index],
        birth_date=world.birth_dates[index],
        gender=world.gender_of(index),
        country=country.code,
        region=city.region,
        city=city.name,
        timezone=city.timezone,
        locale=country.locale,
        device=DEVICES[world.device[index]],
        signed_up_at=world.at(float(world.signup_day[index])),
        allows_profiling=not world.objects_to_profiling[index],
        source=SOURCE,
    )


def _moment(ms: np.integer) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, UTC)


def _batches(events: Iterator[EventIn]) -> Iterator[list[EventIn]]:
    batch: list[EventIn] = []
    for event in events:
        batch.append(event)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
